"""Both engines answer alike, whatever is asked of them in whatever order."""

from collections.abc import Callable, Coroutine
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from datasources.aws.dynamodb import DynamoDBStore
from datasources.conditions import (
    BeginsWith,
    Compare,
    Condition,
    Contains,
    Exists,
    NotExists,
    OneOf,
    all_of,
    any_of,
    attribute,
    negate,
)
from datasources.limits import position_names
from datasources.local.sqlite import SQLiteStore
from datasources.ports import (
    Change,
    Check,
    ConditionFailed,
    Delete,
    Item,
    Put,
    RecordStore,
    SortRange,
    TransactionFailed,
    Write,
)
from datasources.tables import ENROLLMENTS as TABLE
from datasources.updates import Add, Remove, Set, SetIfMissing, Update
from domain.errors import DomainError

Operation = Callable[[RecordStore], Coroutine[Any, Any, Any]]

# Every attribute has values of one type: the emulator takes True for 1 and null for absence, AWS does not.
USERS = st.sampled_from(["u1", "u2"])
COURSES = st.sampled_from(["a", "ab", "b", "é", "🦋"])
NUMBERS = st.integers(-3, 3) | st.sampled_from([0.5, -0.25, 2**53 + 1, 10**30])
TEXTS = st.sampled_from(["", "a", "ab", "b", "z", "é"])
STAMPS = st.sampled_from(["2026-01", "2026-02", "2026-03"])
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "n": NUMBERS,
    "m": NUMBERS,
    "text": TEXTS,
    "tags": st.lists(TEXTS, max_size=3),
    "map": st.dictionaries(st.sampled_from(["x", "y"]), NUMBERS | st.lists(TEXTS, max_size=2), max_size=2),
    "flag": st.booleans(),
    "raw": st.binary(max_size=3),
    "courseStatusShard": st.sampled_from(["c#ACTIVE#0", "c#DROPPED#0"]),
    "enrolledAt": STAMPS,
    "waitlistCourseId": st.just("c"),
    "ticket": st.integers(-3, 3) | st.just(1.5),
}
KEYS = st.fixed_dictionaries({"userId": USERS, "courseId": COURSES})
ITEMS = st.builds(lambda key, rest: key | rest, KEYS, st.fixed_dictionaries({}, optional=VALUES))


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    name = draw(st.sampled_from(["n", "m", "text", "tags", "map", "flag", "raw", "ticket", "absent"]))
    values = VALUES.get(name, NUMBERS)
    choices: list[st.SearchStrategy[Condition]] = [
        st.builds(Compare, st.just(name), st.sampled_from(["=", "<>"]), values),
        st.builds(Exists, st.just(name)),
        st.builds(NotExists, st.just(name)),
        st.builds(OneOf, st.just(name), st.lists(values, min_size=1, max_size=3).map(tuple)),
    ]
    if name in ("n", "m", "text", "raw", "ticket"):
        choices.append(st.builds(Compare, st.just(name), st.sampled_from(["<", "<=", ">", ">="]), values))
    if name == "n":
        choices.append(st.builds(Compare, st.just("n"), st.sampled_from(["<", ">="]), st.just(attribute("m"))))
    if name in ("text", "tags"):
        choices += [st.builds(Contains, st.just(name), TEXTS), st.builds(BeginsWith, st.just("text"), TEXTS)]
    return draw(st.one_of(choices))


CONDITIONS = st.recursive(
    conditions(),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(lambda several: all_of(*several))
        | st.lists(inner, min_size=1, max_size=3).map(lambda several: any_of(*several))
        | inner.map(negate)
    ),
    max_leaves=4,
)
MAYBE = st.none() | CONDITIONS


@st.composite
def updates(draw: st.DrawFn) -> list[Update]:
    """Of different attributes, one at least set: on AWS, removing alone creates nothing; the emulator creates."""
    first, *names = draw(st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=4, unique=True))
    chosen: list[Update] = [Set(first, draw(VALUES[first]))]
    for name in names:
        kinds: list[st.SearchStrategy[Update]] = [
            st.builds(Set, st.just(name), VALUES[name]),
            st.builds(SetIfMissing, st.just(name), VALUES[name]),
            st.just(Remove(name)),
        ]
        if name in ("n", "m", "ticket"):
            kinds.append(st.builds(Add, st.just(name), st.sampled_from([1, -2, 0.1, 0.25])))
        chosen.append(draw(st.one_of(kinds)))
    return chosen


WRITES: st.SearchStrategy[Write] = st.one_of(
    st.builds(Put, st.just(TABLE), ITEMS, MAYBE),
    st.builds(Change, st.just(TABLE), KEYS, updates(), MAYBE),
    st.builds(Delete, st.just(TABLE), KEYS, MAYBE),
    st.builds(Check, st.just(TABLE), KEYS, CONDITIONS),
)


def ranges(values: st.SearchStrategy[Any], *, text: bool) -> st.SearchStrategy[SortRange | None]:
    lower = st.sampled_from(["after", "at_least"])
    upper = st.sampled_from(["before", "at_most"])
    one = st.builds(lambda name, value: SortRange(**{name: value}), lower | upper | st.just("equal"), values)
    both = st.builds(lambda low, a, high, b: SortRange(**{low: a, high: b}), lower, values, upper, values)
    prefix = st.builds(SortRange, prefix=values) if text else st.nothing()
    return st.none() | one | both | prefix


# One operation, as a function of the engine


def write(kind: Write) -> Operation:
    match kind:
        case Put(_, item, condition):
            return lambda store: store.put(TABLE, item, condition=condition)
        case Change(_, key, changes, condition):
            return lambda store: store.update(TABLE, key, changes, condition=condition)
        case Delete(_, key, condition):
            return lambda store: store.delete(TABLE, key, condition=condition)
        case Check():
            return lambda store: store.transact([kind])


def query(
    partition: tuple[str | None, str, SortRange | None], limit: int, descending: bool, where: Condition | None
) -> Operation:
    index, value, sort = partition

    async def pages(store: RecordStore) -> list[Item]:
        """All pages. Among equal sort keys of an index AWS promises no order: ours is by key."""
        items: list[Item] = []
        after = None
        while True:
            page = await store.query(
                TABLE,
                value,
                index=index,
                sort=sort,
                limit=limit,
                after=after,
                descending=descending,
                where=where,
            )
            items += page.items
            after = page.last_key
            if after is None:
                break
        if index is None:
            return items
        names = position_names(TABLE, TABLE.index(index))
        sorts = [item[names[1]] for item in items]
        assert sorts == sorted(sorts, reverse=descending)
        return sorted(items, key=lambda item: [item[name] for name in names])

    return pages


PARTITIONS = st.one_of(
    st.tuples(st.none(), USERS, ranges(COURSES, text=True)),
    st.tuples(st.just("CourseStatusIndex"), VALUES["courseStatusShard"], ranges(STAMPS, text=True)),
    st.tuples(st.just("WaitlistIndex"), st.just("c"), ranges(VALUES["ticket"], text=False)),
)
FILTERS = st.none() | st.builds(Compare, st.just("n"), st.sampled_from(["<", "<>", ">="]), NUMBERS)


def counted(partition: tuple[str | None, str, SortRange | None], most: int) -> Operation:
    index, value, sort = partition
    return lambda store: store.count(TABLE, value, index=index, sort=sort, most=most)


OPERATIONS: st.SearchStrategy[Operation] = st.one_of(
    WRITES.map(write),
    WRITES.map(write),
    st.builds(query, PARTITIONS, st.sampled_from([1, 2, 100]), st.booleans(), FILTERS),
    st.builds(counted, PARTITIONS, st.sampled_from([1, 100])),
    KEYS.map(lambda key: lambda store: store.get(TABLE, key)),
    st.lists(KEYS, max_size=4).map(lambda keys: lambda store: store.batch_get(TABLE, keys)),
    st.lists(ITEMS, max_size=3).map(lambda items: lambda store: store.batch_write(TABLE, puts=items)),
    st.lists(WRITES, min_size=1, max_size=4).map(lambda writes: lambda store: store.transact(writes)),
)


async def outcome(store: RecordStore, operation: Operation) -> Any:
    try:
        return await operation(store)
    except ConditionFailed as failed:
        return "condition failed", failed.item
    except TransactionFailed as failed:
        return "transaction failed", failed.reasons
    except DomainError as error:
        return "refused", error.code
    except ValueError:
        return "invalid"


async def contents(store: RecordStore) -> list[Item]:
    return [item for user in ("u1", "u2") for item in (await store.query(TABLE, user)).items]


@given(operations=st.lists(OPERATIONS, min_size=1, max_size=12))
@settings(max_examples=settings.default.max_examples // 2)
async def test_both_engines_answer_alike(
    sqlite_store: SQLiteStore, dynamodb_store: DynamoDBStore, operations: list[Operation]
) -> None:
    for store in (sqlite_store, dynamodb_store):
        left = [{name: item[name] for name in TABLE.key_names} for item in await contents(store)]
        await store.batch_write(TABLE, deletes=left)
    for operation in operations:
        ours, theirs = [await outcome(store, operation) for store in (sqlite_store, dynamodb_store)]
        assert ours == theirs
    assert await contents(sqlite_store) == await contents(dynamodb_store)
