"""What the product needs of the world outside the process, as narrow protocols.

Two engines stand behind each port: one in `datasources/aws`, one in `datasources/local`. One contract
suite runs over both. Vendor errors end at the engine; what leaves it is named here or is a DomainError.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, TypeVar

import msgspec

from datasources.conditions import Condition
from datasources.tables import Table
from datasources.updates import Update
from domain.times import Timestamp

Attributes = Mapping[str, Any]
Item = dict[str, Any]
"""str, int, float, bool, None, bytes, and lists and dicts of them, under attribute names."""
Key = Mapping[str, Any]
"""The key attributes of one item: partition key, and sort key where the table has one."""

Record = TypeVar("Record", bound=msgspec.Struct)

MAX_ITEM_BYTES = 400 * 1024
MAX_TRANSACTION = 100
MAX_BATCH_GET = 100
MAX_QUERIES = 100
MAX_BATCH_WRITE = 25
HANDLING_SECONDS = 120


class ConditionFailed(Exception):
    """A single write's condition did not hold; `item` is what is stored, None when nothing is."""

    def __init__(self, item: Item | None) -> None:
        super().__init__("condition failed")
        self.item = item


class Reason(msgspec.Struct, frozen=True):
    """Why one operation of a transaction did not hold."""

    item: Item | None


class TransactionFailed(Exception):
    """Nothing was written. `reasons[i]` belongs to operation i; None where that one was fine."""

    def __init__(self, reasons: Sequence[Reason | None]) -> None:
        super().__init__("transaction failed")
        self.reasons = tuple(reasons)

    def at(self, index: int) -> Reason | None:
        return self.reasons[index]


class Put(msgspec.Struct, frozen=True):
    """Write the whole item, replacing what is there."""

    table: Table
    item: Attributes
    condition: Condition | None = None


class Change(msgspec.Struct, frozen=True):
    """Apply updates to one item; creates it when absent (say `exists(pk)` to forbid that).

    Updates that only remove attributes create nothing.
    """

    table: Table
    key: Key
    updates: Sequence[Update]
    condition: Condition | None = None


class Delete(msgspec.Struct, frozen=True):
    """Remove one item; fine when absent."""

    table: Table
    key: Key
    condition: Condition | None = None


class Check(msgspec.Struct, frozen=True):
    """Hold the transaction to a condition on an item that it does not write."""

    table: Table
    key: Key
    condition: Condition


Write = Put | Change | Delete | Check


class SortRange(msgspec.Struct, frozen=True):
    """Bounds of a sort key. `prefix` excludes the others; the rest combine as DynamoDB's BETWEEN, < and >."""

    prefix: str | None = None
    equal: Any = None
    after: Any = None  # exclusive lower bound
    at_least: Any = None
    before: Any = None  # exclusive upper bound
    at_most: Any = None


class Page(Protocol):
    """Items in key order, and where to go on."""

    @property
    def last_key(self) -> dict[str, Any] | None:
        """None: nothing follows."""
        ...

    @property
    def items(self) -> list[Item]: ...

    def records(self, kind: type[Record]) -> list[Record]:
        """The items read as that class says, in order.

        One that is no such record is told to the log and left out. An engine may do so without making the items, and
        may give the same record again for an item that is as it was: so the class is frozen, in all its parts.
        """
        ...


class FeedEvent(msgspec.Struct, frozen=True):
    """One committed change of an item in a table with a change feed.

    `event_id` is the same at every delivery. Events of one item come in commit order; of different items
    in any order. An item that TTL removed comes as REMOVE too. `old` and `new` lack what is private to the table.
    `at` is when it was committed, by the store's clock and perhaps a second early; None where its way does not tell.
    `trace` is the traceparent of whoever told of it, where it came through a queue.
    """

    event_id: str
    table: str
    kind: Literal["INSERT", "MODIFY", "REMOVE"]
    key: dict[str, Any]
    old: Item | None
    new: Item | None
    at: Timestamp | None = None
    trace: str | None = None


class FeedPage(msgspec.Struct, frozen=True):
    """Events after a position, oldest first, and the position behind them (opaque text, for `changes`)."""

    events: list[FeedEvent]
    position: str


class RecordStore(Protocol):
    """Durable keyed records: the few questions of access-patterns.md, answered alike by every engine.

    Writes are on disk (or acknowledged by DynamoDB) when they return. Reads never return an item whose
    `ttl` attribute (epoch seconds) has passed, though conditions see it until it is really removed; so a
    condition for "no live item" is `any_of(not_exists(pk), at_most("ttl", now))`.

    Every call raises `DomainError` THROTTLED when the engine is overloaded beyond bounded retries and
    DEPENDENCY_FAILED when it is broken or unreachable. A write raises LIMIT_EXCEEDED for an item over 400 KB,
    as texts that are each allowed may add up to it. A request that breaks another limit, or has an empty or
    wrongly typed key (an index's key too), is a ValueError before anything is sent.

    Numbers come back as int where they are integral (1.0 as 1), else as float; all of DynamoDB's 38 digits are
    kept of an int. None is kept, and is not absence.
    """

    async def get(self, table: Table, key: Key, *, consistent: bool = True) -> Item | None: ...

    async def batch_get(self, table: Table, keys: Sequence[Key], *, consistent: bool = True) -> list[Item | None]:
        """At most 100 keys; answers in the order of `keys`, None for the absent; repeated keys are fine."""
        ...

    async def query(
        self,
        table: Table,
        partition: Any,
        *,
        index: str | None = None,
        sort: SortRange | None = None,
        limit: int = 100,
        after: Mapping[str, Any] | None = None,
        descending: bool = False,
        where: Condition | None = None,
        consistent: bool | None = None,
    ) -> Page:
        """Items of one partition in sort-key order.

        Reads at most `limit` items behind `after` (a former page's `last_key`), then keeps those that
        match `where` (which cannot look at the keys of the query): a page may be short or empty and still have
        a `last_key`. Without `where` and `ttl` only the last page is short, and it has none. At most 1,000. On
        a table the read is consistent unless told otherwise; on an index it may lag behind writes.
        """
        ...

    async def query_each(
        self,
        table: Table,
        starts: Mapping[str, Mapping[str, Any] | None],
        *,
        index: str | None = None,
        sort: SortRange | None = None,
        limit: int = 100,
        descending: bool = False,
        where: Condition | None = None,
    ) -> list[Page]:
        """As `query`, of several partitions at once: a page of each, in their order.

        Args:
            starts: by partition, `after`; at most 100.
        """
        ...

    async def count(
        self, table: Table, partition: Any, *, index: str | None = None, sort: SortRange | None = None, most: int
    ) -> int:
        """How many items a query would find, counted up to `most`."""
        ...

    async def put(self, table: Table, item: Attributes, *, condition: Condition | None = None) -> None:
        """Raises ConditionFailed."""
        ...

    async def update(
        self, table: Table, key: Key, updates: Sequence[Update], *, condition: Condition | None = None
    ) -> Item:
        """The item as it is after the change. Raises ConditionFailed."""
        ...

    async def delete(self, table: Table, key: Key, *, condition: Condition | None = None) -> Item | None:
        """The item as it was, None when there was none. Raises ConditionFailed."""
        ...

    async def batch_write(self, table: Table, *, puts: Sequence[Attributes] = (), deletes: Sequence[Key] = ()) -> None:
        """At most 25 unconditional writes of different items; not atomic."""
        ...

    async def transact(self, writes: Sequence[Write], *, token: str | None = None) -> None:
        """All or nothing, at most 100 writes of different items. Raises TransactionFailed.

        A repeat with the same `token` (1-36 characters) within 10 minutes changes nothing; with other
        writes it is a ValueError. Collisions with other transactions are retried, then THROTTLED.
        """
        ...

    async def changes(self, table: Table, position: str | None, *, limit: int = 100) -> FeedPage:
        """The change feed of a table with `feed=True`; position None starts at the oldest kept change.

        Changes are kept for at least 24 hours; those that nobody follows (`Table.unfollowed`) need not be there. An
        empty page means no more for now; its position may be new.
        """
        ...

    async def wait_for_change(self, table: Table, position: str | None, *, seconds: float) -> None:
        """Returns after `seconds`, or earlier when the engine knows of a change behind `position`."""
        ...

    async def ready(self) -> None:
        """Returns when the store answers; raises DEPENDENCY_FAILED otherwise."""
        ...


class Arrival(msgspec.Struct, frozen=True):
    """A change that came through a queue, for one step.

    Attributes:
        receipt: names this delivery of it.
        step: the name of the step that shall handle it.
        tries: how often it was delivered, this time too.
    """

    receipt: str
    step: str
    event: FeedEvent
    tries: int


class ChangeTopic(Protocol):
    """Where changes are told to whoever runs the steps."""

    async def publish(self, step: str, events: Sequence[FeedEvent]) -> None:
        """Hands changes over for a step, those of one item in their order.

        A repeat is dropped for some minutes, later it is told again. After an error some may have been told.

        Raises:
            DomainError: DEPENDENCY_FAILED.
            ValueError: a change is too large to be told.
        """
        ...


class ChangeQueue(Protocol):
    """Where changes wait for the steps. Of one step and item only the oldest and those behind it in the same
    answer are under way at a time, so that their order is kept.

    What is received and neither done nor given back comes again after `HANDLING_SECONDS`; what has come
    `most_tries` times goes to the queue's dead letters instead. Every call raises DEPENDENCY_FAILED.
    """

    async def most_tries(self) -> int:
        """As the queue is set up. Raises ValueError when it has no place for dead letters."""
        ...

    async def receive(self, *, seconds: int) -> list[Arrival]:
        """At most ten, as soon as there are any; none after `seconds`."""
        ...

    async def done(self, arrivals: Sequence[Arrival]) -> None:
        """They come no more, but for a rare repeat."""
        ...

    async def give_back(self, arrivals: Sequence[Arrival]) -> None:
        """They come again after a pause that grows with their tries."""
        ...


class SearchHit(msgspec.Struct, frozen=True):
    """One document found, and its place in the relevance order.

    `rank` follows from the document and the text alone, never from other documents, so that a list goes on
    behind its last hit while documents come and go.
    """

    document_id: str
    rank: float


class Indexed(msgspec.Struct, frozen=True):
    """What shall be indexed of a document; without fields it is removed. See SearchIndex."""

    scope: str
    document_id: str
    fields: Mapping[str, str]
    version: int


class SearchIndex(Protocol):
    """Words of documents in scopes, e.g. published courses under "COURSE"."""

    async def put(self, scope: str, document_id: str, fields: Mapping[str, str], *, version: int) -> None:
        """Replace what is indexed of the document, unless a newer version already is.

        `fields` by weight: "title" over "tags" over "summary" over "body".
        """
        ...

    async def remove(self, scope: str, document_id: str, *, version: int) -> None: ...

    async def put_all(self, documents: Sequence[Indexed]) -> None:
        """As `put` and `remove`, of at most 100 documents at once; after an error some may have been put."""
        ...

    async def search(self, scope: str, text: str, *, limit: int, after: SearchHit | None = None) -> list[SearchHit]:
        """Documents that hold every word of `text` (each as a prefix), best first, ties by id.

        Starts behind `after`, a former hit, which need not be found any more. At most 8 words of the text
        count. No words: an empty list.
        """
        ...


class LambdaAuthorizer(Protocol):
    """Decides whose a token is, as AppSync's Lambda authorizers do: same event, same answer."""

    async def authorize(self, event: Mapping[str, Any]) -> Any:
        """What the function answered to an authorizer event, as plain JSON types that nobody has checked.

        The caller bounds the time. Raises DEPENDENCY_FAILED when the function fails or cannot be called.
        """
        ...
