"""Throttling, conflicts, lost answers: what is repeated, how often, and what callers are told."""

import asyncio
import logging
from collections.abc import AsyncIterator

import aioboto3
import pytest

from datasources.aws import dynamodb_calls
from datasources.aws.dynamodb import DynamoDBStore, open_dynamodb
from datasources.aws.dynamodb_calls import RETRIES, Missing
from datasources.conditions import exists, not_exists
from datasources.ports import Change, Check, ConditionFailed, Put, Reason, TransactionFailed, Write
from datasources.tables import USERS
from datasources.updates import Add
from domain.errors import Code, DomainError
from tests.datasources.aws.scripted_dynamodb import REGION, Answer, Script, error, scripted_store

ADA = {"userId": "ada"}
WIRE = {"userId": {"S": "ada"}}
FOUND = Answer({"Item": WIRE})
THROTTLED = error("ProvisionedThroughputExceededException")
BROKEN = error("InternalServerError", status=500)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamodb_calls, "BACKOFF_SECONDS", 0)


@pytest.fixture(scope="module")
def session() -> aioboto3.Session:
    """Shared, as it parses botocore's service descriptions once."""
    return aioboto3.Session("made-up", "made-up", region_name=REGION)


@pytest.fixture
async def scripted(session: aioboto3.Session) -> AsyncIterator[tuple[DynamoDBStore, Script]]:
    async with scripted_store(session) as pair:
        yield pair


@pytest.fixture
def store(scripted: tuple[DynamoDBStore, Script]) -> DynamoDBStore:
    return scripted[0]


@pytest.fixture
def script(scripted: tuple[DynamoDBStore, Script]) -> Script:
    return scripted[1]


def cancelled(*reasons: dict[str, object]) -> Answer:
    return error("TransactionCanceledException", CancellationReasons=list(reasons))


# Repeated


@pytest.mark.parametrize("fault", [THROTTLED, error("ThrottlingException"), BROKEN, Answer({}, drop=True)])
async def test_a_read_is_repeated_until_it_succeeds(store: DynamoDBStore, script: Script, fault: Answer) -> None:
    script.answers = [fault, fault, FOUND]
    assert await store.get(USERS, ADA) == ADA
    assert script.operations == ["GetItem"] * 3


async def test_throttling_beyond_the_retries_is_told(store: DynamoDBStore, script: Script) -> None:
    script.answers = [THROTTLED]
    with pytest.raises(DomainError) as refused:
        await store.update(USERS, ADA, [Add("n", 1)])
    assert refused.value.code == Code.THROTTLED
    assert refused.value.info["retryable"] is True
    assert len(script.requests) == RETRIES + 1


async def test_a_broken_service_is_told_after_bounded_attempts(store: DynamoDBStore, script: Script) -> None:
    script.answers = [BROKEN]
    with pytest.raises(DomainError) as refused:
        await store.get(USERS, ADA)
    assert refused.value.code == Code.DEPENDENCY_FAILED
    assert len(script.requests) == RETRIES + 1


async def test_single_writes_wait_for_a_transaction_on_their_item(store: DynamoDBStore, script: Script) -> None:
    script.answers = [error("TransactionConflictException"), Answer()]
    await store.put(USERS, ADA, condition=not_exists("userId"))
    assert len(script.requests) == 2


@pytest.mark.parametrize("fault", [BROKEN, Answer({}, drop=True)])
async def test_a_write_that_may_have_been_done_is_repeated_only_where_twice_is_once(
    store: DynamoDBStore, script: Script, fault: Answer
) -> None:
    """Otherwise a number would be added twice, or our own first attempt would fail our condition."""
    for call in (
        store.update(USERS, ADA, [Add("n", 1)]),
        store.put(USERS, ADA, condition=not_exists("userId")),
        store.delete(USERS, ADA),
    ):
        script.answers, script.requests = [fault, Answer()], []
        with pytest.raises(DomainError) as refused:
            await call
        assert refused.value.code == Code.DEPENDENCY_FAILED
        assert len(script.requests) == 1
    script.answers, script.requests = [fault, Answer()], []
    await store.put(USERS, ADA)
    assert len(script.requests) == 2


async def test_a_transaction_is_repeated_under_one_token(store: DynamoDBStore, script: Script) -> None:
    script.answers = [BROKEN, cancelled({"Code": "TransactionConflict"}), Answer()]
    await store.transact([Put(USERS, ADA)])
    tokens = {body["ClientRequestToken"] for _, body in script.requests}
    assert len(script.requests) == 3
    assert len(tokens) == 1
    await store.transact([Put(USERS, ADA)])
    assert script.requests[-1][1]["ClientRequestToken"] not in tokens


async def test_the_callers_token_is_what_is_sent(store: DynamoDBStore, script: Script) -> None:
    """The emulator does not know tokens, so that what AWS makes of it is not shown here."""
    script.answers = [Answer()]
    await store.transact([Put(USERS, ADA)], token="mine")
    assert script.requests[0][1]["ClientRequestToken"] == "mine"
    script.answers = [error("IdempotentParameterMismatchException")]
    with pytest.raises(ValueError, match="token"):
        await store.transact([Put(USERS, ADA | {"n": 1})], token="mine")


async def test_conflicts_beyond_the_retries_are_throttling(store: DynamoDBStore, script: Script) -> None:
    script.answers = [cancelled({"Code": "None"}, {"Code": "TransactionConflict"})]
    with pytest.raises(DomainError) as refused:
        await store.transact([Put(USERS, ADA), Put(USERS, {"userId": "eve"})])
    assert refused.value.code == Code.THROTTLED
    assert len(script.requests) == RETRIES + 1


async def test_a_failed_condition_is_final_even_beside_a_conflict(store: DynamoDBStore, script: Script) -> None:
    script.answers = [
        cancelled(
            {"Code": "ConditionalCheckFailed", "Item": WIRE | {"n": {"N": "7"}}},
            {"Code": "TransactionConflict"},
            {"Code": "ConditionalCheckFailed"},
            {"Code": "None"},
        )
    ]
    writes: list[Write] = [
        Change(USERS, ADA, [Add("n", 1)], exists("x")),
        Put(USERS, {"userId": "b"}),
        Check(USERS, {"userId": "c"}, exists("userId")),
        Put(USERS, {"userId": "d"}),
    ]
    with pytest.raises(TransactionFailed) as failed:
        await store.transact(writes)
    assert failed.value.reasons == (Reason(ADA | {"n": 7}), None, Reason(None), None)
    assert len(script.requests) == 1


async def test_unread_keys_are_asked_for_again(store: DynamoDBStore, script: Script) -> None:
    eve = {"userId": {"S": "eve"}}
    script.answers = [
        Answer({"Responses": {"t-Users": [WIRE]}, "UnprocessedKeys": {"t-Users": {"Keys": [eve]}}}),
        Answer({"Responses": {}, "UnprocessedKeys": {"t-Users": {"Keys": [eve]}}}),
        Answer({"Responses": {"t-Users": [eve]}, "UnprocessedKeys": {}}),
    ]
    assert await store.batch_get(USERS, [ADA, {"userId": "eve"}, ADA]) == [ADA, {"userId": "eve"}, ADA]
    assert [len(body["RequestItems"]["t-Users"]["Keys"]) for _, body in script.requests] == [2, 1, 1]
    script.answers = [Answer({"Responses": {}, "UnprocessedKeys": {"t-Users": {"Keys": [eve]}}})]
    script.requests = []
    with pytest.raises(DomainError) as refused:
        await store.batch_get(USERS, [{"userId": "eve"}])
    assert refused.value.code == Code.THROTTLED
    assert len(script.requests) == RETRIES + 1


async def test_unwritten_items_are_sent_again(store: DynamoDBStore, script: Script) -> None:
    unwritten = {"UnprocessedItems": {"t-Users": [{"PutRequest": {"Item": WIRE}}]}}
    script.answers = [Answer(unwritten), Answer({"UnprocessedItems": {}})]
    await store.batch_write(USERS, puts=[ADA, {"userId": "eve"}])
    assert [len(body["RequestItems"]["t-Users"]) for _, body in script.requests] == [2, 1]
    script.answers = [Answer(unwritten)]
    with pytest.raises(DomainError) as refused:
        await store.batch_write(USERS, puts=[ADA])
    assert refused.value.code == Code.THROTTLED


async def test_a_page_is_filled_from_several_answers(store: DynamoDBStore, script: Script) -> None:
    def answer(names: str, last: str | None) -> Answer:
        rows = [{"userId": {"S": name}, "status": {"S": "A"}, "createdAt": {"S": name}} for name in names]
        body: dict[str, object] = {"Items": rows, "Count": len(rows), "ScannedCount": len(rows)}
        if last:
            body["LastEvaluatedKey"] = rows[-1]
        return Answer(body)

    script.answers = [answer("ab", "b"), answer("cd", "d")]
    page = await store.query(USERS, "A", index="StatusIndex", limit=3)
    assert [item["userId"] for item in page.items] == ["a", "b", "c"]
    assert page.last_key == {"status": "A", "createdAt": "c", "userId": "c"}
    assert [body["Limit"] for _, body in script.requests] == [4, 2]


# Not repeated


@pytest.mark.parametrize(
    "fault",
    [
        error("AccessDeniedException"),
        error("ExpiredTokenException"),
        error("ResourceNotFoundException"),
        Answer(b"<html>a proxy says no</html>", status=403),
    ],
)
async def test_other_errors_are_told_at_once_and_only_their_code_is_logged(
    store: DynamoDBStore, script: Script, fault: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    script.answers = [fault]
    with caplog.at_level(logging.DEBUG, "datasources"), pytest.raises(DomainError) as refused:
        await store.update(USERS, ADA, [Add("n", 1)])
    assert refused.value.code == Code.DEPENDENCY_FAILED
    assert len(script.requests) == 1
    assert all("ada" not in str(vars(record)) for record in caplog.records)


async def test_a_missing_table_is_a_fault_that_can_be_told_apart(store: DynamoDBStore, script: Script) -> None:
    script.answers = [error("ResourceNotFoundException")]
    for call in (store.get(USERS, ADA), store.query(USERS, "A", index="StatusIndex"), store.ready()):
        with pytest.raises(Missing) as refused:
            await call
        assert refused.value.code == Code.DEPENDENCY_FAILED


async def test_an_invalid_request_is_our_mistake(store: DynamoDBStore, script: Script) -> None:
    script.answers = [error("ValidationException")]
    with pytest.raises(ValueError, match="invalid") as raised:
        await store.update(USERS, ADA, [Add("n", 1)])
    assert "ada" not in str(raised.value)
    script.answers = [cancelled({"Code": "ValidationError", "Message": "ada"})]
    with pytest.raises(ValueError, match="invalid"):
        await store.transact([Put(USERS, ADA)])


async def test_an_item_that_grows_too_large_is_told_as_such(store: DynamoDBStore, script: Script) -> None:
    words = "Item size to update has exceeded the maximum allowed size"
    for answer, call in (
        (error("ValidationException", message=words), store.update(USERS, ADA, [Add("n", 1)])),
        (
            cancelled({"Code": "ValidationError", "Message": words}),
            store.transact([Change(USERS, ADA, [Add("n", 1)])]),
        ),
    ):
        script.answers = [answer]
        with pytest.raises(DomainError) as refused:
            await call
        assert refused.value.code == Code.LIMIT_EXCEEDED


async def test_a_failed_condition_brings_the_item_without_a_second_read(store: DynamoDBStore, script: Script) -> None:
    script.answers = [error("ConditionalCheckFailedException", Item=WIRE | {"n": {"N": "1"}})]
    with pytest.raises(ConditionFailed) as failed:
        await store.put(USERS, ADA, condition=not_exists("userId"))
    assert failed.value.item == ADA | {"n": 1}
    assert script.operations == ["PutItem"]
    assert script.requests[0][1]["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD"


# Bounded in time


async def test_a_service_that_does_not_answer(
    store: DynamoDBStore, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dynamodb_calls, "DEADLINE_SECONDS", 0.2)
    script.answers = [Answer(hang=True)]
    async with asyncio.timeout(60):  # for a call that never ends
        with pytest.raises(DomainError) as refused:
            await store.get(USERS, ADA)
    assert refused.value.code == Code.DEPENDENCY_FAILED


async def test_a_service_that_is_not_there(session: aioboto3.Session) -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    url = f"http://127.0.0.1:{port}"
    async with open_dynamodb(region=REGION, prefix="t-", endpoint_url=url, session=session) as store:
        with pytest.raises(DomainError) as refused:
            await store.ready()
    assert refused.value.code == Code.DEPENDENCY_FAILED


async def test_cancelling_a_call_ends_it(store: DynamoDBStore, script: Script) -> None:
    script.answers = [Answer(hang=True)]
    call = asyncio.create_task(store.get(USERS, ADA))
    await script.asked.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_limits_are_kept_before_anything_is_sent(store: DynamoDBStore, script: Script) -> None:
    """Also those that the emulator does not know."""
    script.answers = [Answer()]
    for call in (
        store.batch_write(USERS, puts=[{"userId": f"u{number}"} for number in range(26)]),
        store.batch_get(USERS, [{"userId": f"u{number}"} for number in range(101)]),
        store.put(USERS, {"userId": ""}),
        store.put(USERS, ADA | {"status": ""}),
        store.transact([Put(USERS, ADA), Put(USERS, ADA)]),
        store.transact([Put(USERS, ADA)], token=""),
        store.query(USERS, "A", index="StatusIndex", limit=0),
    ):
        with pytest.raises(ValueError):  # noqa: PT011 - what it says is not the point
            await call
    with pytest.raises(DomainError):
        await store.put(USERS, ADA | {"text": "x" * 409_600})
    assert script.requests == []
