"""What counts as answered alike, and what does not."""

from typing import Any

import orjson

from tests.parity.answers import compared, root_fields
from tests.parity.comparison import Row, compare
from tests.parity.recording import Operation

FIELDS = ("Query.getMe", "Query.getRoom")


def asked(answer: str, field: str = "Query.getMe", test: str = "t") -> Operation:
    return Operation(test, (field,), "asked", answer)


def test_answers_are_counted_by_root_field() -> None:
    server = [asked("a"), asked("b", "Query.getRoom")]
    found = compare(server, [asked("a"), asked("c", "Query.getRoom")], FIELDS)
    assert (found.operations, found.equal) == (2, 1)
    assert found.rows == (Row("Query.getMe", 1, 1), Row("Query.getRoom", 1, 0))
    [difference] = found.differences
    assert (difference.server, difference.appsync) == (("b",), ("c",))


def test_a_test_is_compared_up_to_its_first_race() -> None:
    server = [asked("before"), Operation("t", FIELDS[:1], "asked", "won", 1, raced=True)]
    appsync = [asked("before"), Operation("t", FIELDS[:1], "asked", "lost", 1), asked("other", test="u")]
    found = compare(server, [*appsync, Operation("t", FIELDS[:1], "asked", "after", 2)], FIELDS)
    assert (found.operations, found.equal) == (2, 1)
    assert [each.test for each in found.differences] == ["u"]


def test_what_only_one_runtime_was_asked_is_a_difference() -> None:
    found = compare([asked("a"), asked("a")], [asked("a")], FIELDS)
    assert (found.operations, found.equal) == (2, 1)
    assert compare([asked("a")], [asked("a", test="other")], FIELDS).equal == 0


def error(**told: Any) -> dict[str, Any]:
    return {"path": ["getMe"], "message": "No.", "errorType": "FORBIDDEN", **told}


def text(*errors: dict[str, Any], data: Any = None) -> bytes:
    return orjson.dumps(compared({"data": data, "errors": list(errors)}))


def test_errors_differ_by_what_clients_see_of_them() -> None:
    known = text(error(errorInfo={"reason": "x"}))
    assert text(error(errorInfo={"reason": "x", "requestId": "1"}, locations=[], extensions={})) == known
    for other in ({"reason": "y"}, {}, None):
        assert text(error(errorInfo=other)) != known
    assert text(error(errorType="NOT_FOUND", errorInfo={"reason": "x"})) != known
    assert text(error(path=["getRoom"], errorInfo={"reason": "x"})) != known


def test_what_is_made_by_chance_is_left_out_and_nothing_else() -> None:
    ids = [{"id": "01M7ZVW2JJ4T5K8S0W9BBHHXAA"}, {"id": "01M7ZVW2JJ4T5K8S0W9BBHHXBB"}]
    assert text(data=ids[0]) == text(data=ids[1])
    assert text(data={"id": "short"}) != text(data={"id": "other"})
    assert text(data={"id": None}) != text(data=ids[0])


def test_root_fields_are_found_behind_aliases_and_fragments() -> None:
    query = "query { me: getMe { id } ...more } fragment more on Query { getRoom(id: 1) { id } __typename }"
    assert root_fields(query) == FIELDS
    assert root_fields("{") == ()
