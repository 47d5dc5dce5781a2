"""AppSync's scalars: what a request may hold, what resolvers get of it, and what a response shows."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import orjson
import pytest
from graphql import (
    ExecutionResult,
    GraphQLError,
    GraphQLFloat,
    GraphQLScalarType,
    GraphQLSchema,
    StringValueNode,
    graphql_sync,
    parse_const_value,
    validate_schema,
)
from hypothesis import given
from hypothesis import strategies as st

from app import sdl
from app.scalars import TABLE, install
from domain.times import moment

REFUSED: dict[str, list[Any]] = {
    "Int": [2**31, -(2**31) - 1, 1.5, 1e300, 10**5000, "1", True, None, [], {}],
    "Float": ["1.5", True, 10**5000, float("inf"), float("-inf"), float("nan"), 2**53 + 1, []],
    "AWSTimestamp": [True, "0", 0.5, 2**63, -(2**63) - 1, 2.0**60, []],
    "AWSDate": ["1970-1-1", "1970-02-30", "2026-02-29", "0000-01-01", "-0044-03-15", "1970-01-01T00:00Z",
                "1970-01-01+5:30", "1970-01-01+18:01", "1970-01-01+05:60", "1970-01-01z", " 1970-01-01",
                "1970-01-01\n", "१९७०-०१-०१", 19700101, "9" * 50_000],
    "AWSTime": ["24:00", "12:60", "12:00:60", "1:00", "12", "12.30", "12:00.5", "12:00:34.1234567890",
                "12:00:00+25:00", "12:00 Z", "", 12],
    "AWSDateTime": ["2026-11-21T12:00:00", "2026-11-21", "2026-11-21 12:00:00Z", "2026-02-30T12:00:00Z",
                    "2026-11-21T24:00:00Z", "2026-11-21T12:00:60Z", "2026-11-21T12:00:00.1234567890Z",
                    "2026-11-21T12:00:00+19:00", "2026-11-21T12:00:00+0530", "2026-11-21T12Z",
                    "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "-2017-01-01T00:00Z",
                    "10000-01-01T00:00:00Z", 1700000000, "2026-11-21T12:00:00Z" * 1000],
    "AWSEmail": ["ada", "@example.com", "ada@", "ada@@example.com", "a..b@example.com", ".a@example.com",
                 "a b@example.com", "ada@example..com", "ada@-example.com", "ada@exa_mple.com", "ada@example.com\n",
                 "ada@[127.0.0.1]", "Ada <ada@example.com>", "a" * 65 + "@example.com", "a@" + "b" * 64 + ".com",
                 "a@" + "b." * 130 + "com", "a@" + "a." * 500_000, "a." * 500_000 + "@", 5],
    "AWSJSON": ["", "{", "hello", "{'a': 1}", "[1,]", "NaN", "Infinity", '"\\ud800"', "[" * 40 + "]" * 40,
                "[" * 100_000, '"' + "a" * 300_000 + '"', {"a": 1}, 5, True],
    "AWSURL": ["www.example.com", "//example.com", "/path", "", "https://", "https:///path", "https://example.com//a",
               "https://example.com/a//b", "javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x",
               "vbscript:x", "blob:https://example.com/1", "java\nscript:alert(1)", " https://example.com",
               "https://example.com/a b", "https://example.com/\u00e9", 'https://example.com/"', "https://[::1",
               "https://example.com:99999/", "https://example.com/" + "a" * 2048, 5],
    "AWSPhone": ["911", "555-0100", "+12", "+999 1234567", "phone", "+1 206-555-0100 ext 5", "(206) 555-0100",
                 "+1 206 555 0100 0100", "+", "", "٢٠٦٥٥٥٠١٠٠", "2" * 50_000, 2065550100],
    "AWSIPAddress": ["256.1.1.1", "1.2.3", "1.2.3.4/33", "1.2.3.4/", "1.2.3.4/255.0.0.0", "[::1]", "fe80::1%eth0",
                     "::1/129", ":::", "localhost", "1.2.3.4 ", "", "1" * 50_000, 16909060],
}  # fmt: skip

ACCEPTED: dict[str, list[Any]] = {
    "AWSDate": ["1970-01-01", "1970-01-01Z", "1970-01-01-07:00", "1970-01-01+05:30", "1970-01-01+05:30:15",
                "2028-02-29", "0001-01-01", "9999-12-31+18:00"],
    "AWSTime": ["12:30", "12:30Z", "12:30:24-07:00", "12:30:24.500+05:30", "12:00:34.", "00:00:00.123456789",
                "23:59:59+00:00:01"],
    "AWSEmail": ["ada@example.com", "a.b+c@mail.example.co.uk", "x@localhost", "o'hara!#$%@xn--bcher-kva.example",
                 "a" * 64 + "@example.com"],
    "AWSURL": ["https://www.amazon.com/dp/B000NZW3KC/", "mailto:example@example.com", "http://localhost:8080",
               "https://example.com/?next=https://a//b", "ftp://example.com/a", "https://[::1]:8080/x",
               "https://example.com/%C3%A9#part", "slack://open"],
    "AWSPhone": ["+1 206-555-0100", "206-555-0100", "2065550100", "1-206-555-0100", "+44 20 7946 0958",
                 "+33 1 23 45 67 89", "+880 1812-345678"],
    "AWSIPAddress": ["123.12.34.56", "123.45.67.89/16", "1a2b:3c4b::1234:4567", "1a2b:3c4b:12:34::/64", "::",
                     "::ffff:1.2.3.4"],
    "AWSTimestamp": [0, -1, 1700000000, 2**63 - 1, -(2**63)],
    "Int": [0, 2**31 - 1, -(2**31)],
    "Float": [0.5, -1e300, float(2**53)],
}  # fmt: skip

MOMENTS = {
    "2026-11-21T12:00:00Z": "2026-11-21T12:00:00.000Z",
    "2026-11-21T12:00Z": "2026-11-21T12:00:00.000Z",
    "2026-11-21T12:00:00.Z": "2026-11-21T12:00:00.000Z",
    "2026-11-21T12:00:00.2Z": "2026-11-21T12:00:00.200Z",
    "2026-11-21T12:00:00.999999999Z": "2026-11-21T12:00:00.999Z",
    "2026-11-21T12:00:00+05:30": "2026-11-21T06:30:00.000Z",
    "2026-11-21T00:30:00-07:00": "2026-11-21T07:30:00.000Z",
    "2026-11-21T12:00:00+00:00:01": "2026-11-21T11:59:59.000Z",
    "2026-01-01T00:00:00+18:00": "2025-12-31T06:00:00.000Z",
    "0001-01-01T00:00:00Z": "0001-01-01T00:00:00.000Z",
    "9999-12-31T23:59:59.999Z": "9999-12-31T23:59:59.999Z",
}

UNICODE = st.text(st.characters(codec="utf-8"))
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | UNICODE,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(UNICODE, inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    fields = "\n".join(
        f"f{name}(v: {name}, input: In{name}): {name}\n g{name}(v: [{name}!]!): [{name}!]!" for name in [*TABLE, "ID"]
    )
    inputs = "\n".join(f"input In{name} {{ v: {name} }}" for name in [*TABLE, "ID"])
    built = sdl.build(sdl.merge({"all.graphql": f"type Query {{ {fields} }} {inputs}"}))
    install(built)
    return built


def scalar(schema: GraphQLSchema, name: str) -> GraphQLScalarType:
    type_ = schema.type_map[name]
    assert isinstance(type_, GraphQLScalarType)
    return type_


def echo(schema: GraphQLSchema, document: str, variables: dict[str, Any] | None = None) -> ExecutionResult:
    """Runs with resolvers that answer what they were given."""

    class Root:
        def __getattr__(self, _name: str) -> Any:
            return lambda _info, **args: args["input"]["v"] if "input" in args else args["v"]

    return graphql_sync(schema, document, root_value=Root(), variable_values=variables)


def outcome(coerce: Callable[[Any], Any], value: Any) -> Any:
    """The parsed value, or the GraphQLError; any other exception fails the test."""
    try:
        return coerce(value)
    except GraphQLError as refused:
        return refused


def cases(table: dict[str, list[Any]]) -> list[Any]:
    return [
        pytest.param(name, value, id=f"{name}-{number}")
        for name, values in table.items()
        for number, value in enumerate(values)
    ]


@pytest.mark.parametrize(("name", "value"), cases(ACCEPTED))
def test_a_valid_value_reaches_resolvers_and_comes_back_as_it_was(schema: GraphQLSchema, name: str, value: Any) -> None:
    document = f"query($v: {name}) {{ f{name}(v: $v) }}"
    assert echo(schema, document, {"v": value}) == ExecutionResult({f"f{name}": value}, None)
    literal = orjson.dumps(value).decode()
    assert echo(schema, f"{{ f{name}(input: {{v: {literal}}}) }}") == ExecutionResult({f"f{name}": value}, None)


@pytest.mark.parametrize(("name", "value"), cases(REFUSED))
def test_an_invalid_value_is_a_clear_error_that_repeats_little_of_it(
    schema: GraphQLSchema, name: str, value: Any
) -> None:
    with pytest.raises(GraphQLError) as refused:
        scalar(schema, name).coerce_input_value(value)
    assert f"is no {name}: " in refused.value.message
    repeated = refused.value.message.split(" is no ")[0]
    assert len(repeated) <= 80


@pytest.mark.parametrize("name", [name for name in TABLE if name not in ("Int", "Float", "AWSTimestamp")])
@pytest.mark.parametrize("literal", ["5", "0.5", "true", "RED", "[1]", "{a: 1}", "[]", "{}"])
def test_text_scalars_refuse_literals_of_other_kinds(schema: GraphQLSchema, name: str, literal: str) -> None:
    result = echo(schema, f"{{ f{name}(v: {literal}) }}")
    assert result.errors
    assert result.data is None


@pytest.mark.parametrize(
    "literal", ["1e999", "-1e999", "9" * 5000, "9" * 500_000, "0." + "9" * 5000 + "e999", '"5"', "true", "NaN"]
)
@pytest.mark.parametrize("name", ["Int", "Float", "AWSTimestamp"])
def test_number_literals_beyond_their_range_are_refused(schema: GraphQLSchema, name: str, literal: str) -> None:
    coerce = scalar(schema, name).coerce_input_literal
    assert coerce
    with pytest.raises(GraphQLError) as refused:
        coerce(parse_const_value(literal))
    assert len(refused.value.message) < 160
    assert refused.value.locations


@pytest.mark.parametrize(("given_text", "canonical"), MOMENTS.items())
def test_a_moment_has_one_spelling_for_resolvers(schema: GraphQLSchema, given_text: str, canonical: str) -> None:
    result = echo(schema, "query($v: AWSDateTime) { fAWSDateTime(v: $v) }", {"v": given_text})
    assert result == ExecutionResult({"fAWSDateTime": canonical}, None)
    assert echo(schema, f'{{ fAWSDateTime(v: "{given_text}") }}') == result


@pytest.mark.parametrize("text", ["2026-11-21T12:00:00Z", "2026-11-21T12:00:00.000+00:00", "yesterday", None, 5])
def test_a_moment_in_an_answer_must_be_canonical_already(schema: GraphQLSchema, text: Any) -> None:
    with pytest.raises(ValueError, match="a resolver's value is no AWSDateTime"):
        scalar(schema, "AWSDateTime").coerce_output_value(text)


def test_a_request_signed_with_a_session_token_is_answered_and_not_taken(schema: GraphQLSchema) -> None:
    presigned = "https://files.s3.amazonaws.com/incoming/1?X-Amz-Security-Token=" + "IQoJb3JpZ2luX2Vj%2F" * 200
    assert scalar(schema, "AWSURL").coerce_output_value(presigned) == presigned
    with pytest.raises(ValueError, match="at most 16384 characters"):
        scalar(schema, "AWSURL").coerce_output_value(presigned * 5)
    with pytest.raises(GraphQLError, match="at most 2048 characters"):
        scalar(schema, "AWSURL").coerce_input_value(presigned)


def test_embedded_json_is_text_on_the_wire_and_a_value_for_resolvers(schema: GraphQLSchema) -> None:
    assert scalar(schema, "AWSJSON").coerce_input_value('{"a": [1, null, "x"]}') == {"a": [1, None, "x"]}
    result = echo(schema, "query($v: AWSJSON) { fAWSJSON(v: $v) }", {"v": '{"a": [1, null, "x"]}'})
    assert result == ExecutionResult({"fAWSJSON": '{"a":[1,null,"x"]}'}, None)
    assert echo(schema, '{ fAWSJSON(v: "\\"text\\"") }') == ExecutionResult({"fAWSJSON": '"text"'}, None)


@pytest.mark.parametrize("value", [object(), {1: 2}, b"x", {"a": {1, 2}}, "\ud800", 2**70])
def test_only_json_values_may_be_answered_as_json(schema: GraphQLSchema, value: Any) -> None:
    with pytest.raises(ValueError, match="a resolver's value is no AWSJSON: a JSON value is expected"):
        scalar(schema, "AWSJSON").coerce_output_value(value)


@pytest.mark.parametrize(("name", "value"), [
    ("Int", 2**31), ("Int", "5"), ("Int", True), ("Float", float("nan")), ("Float", "0.5"), ("AWSEmail", "ada"),
    ("AWSURL", "javascript:alert(1)"), ("AWSPhone", 5), ("AWSTimestamp", "0"), ("AWSIPAddress", "host"),
])  # fmt: skip
def test_a_wrong_answer_of_ours_is_an_error_that_tells_nothing_of_it(
    schema: GraphQLSchema, name: str, value: Any
) -> None:
    with pytest.raises(ValueError, match=f"a resolver's value is no {name}") as refused:
        scalar(schema, name).coerce_output_value(value)
    assert str(value) not in str(refused.value)
    assert not isinstance(refused.value, GraphQLError)  # so that it is masked as a bug


def test_lists_and_non_null_hold_the_same_scalars(schema: GraphQLSchema) -> None:
    document = "query($v: [AWSDateTime!]!) { gAWSDateTime(v: $v) }"
    assert echo(schema, document, {"v": ["2026-11-21T12:00Z"]}).data == {"gAWSDateTime": ["2026-11-21T12:00:00.000Z"]}
    assert echo(schema, document, {"v": ["2026-11-21"]}).errors
    floats = "query($v: [Float!]!) { gFloat(v: $v) }"
    assert echo(schema, floats, {"v": [1, 2.5]}).data == {"gFloat": [1.0, 2.5]}


def test_a_null_is_no_scalars_business(schema: GraphQLSchema) -> None:
    for name in TABLE:
        assert echo(schema, f"{{ f{name}(v: null) }}") == ExecutionResult({f"f{name}": None}, None)


def test_a_schema_with_its_own_numbers_is_whole(schema: GraphQLSchema) -> None:
    assert validate_schema(schema) == []
    assert echo(schema, 'query($n: String!, $f: Float) { __type(name: $n) { name } fFloat(v: $f) }',
                {"n": "Float", "f": 0.5}).data == {"__type": {"name": "Float"}, "fFloat": 0.5}  # fmt: skip
    assert schema.type_map["Float"] is not GraphQLFloat


def test_installing_leaves_graphql_itself_alone(schema: GraphQLSchema) -> None:
    assert GraphQLFloat.coerce_input_value(1) == 1.0
    with pytest.raises(GraphQLError, match="Float cannot represent"):
        GraphQLFloat.coerce_input_value("x")


def test_interfaces_hold_the_same_scalars_as_their_types() -> None:
    text = """
    interface Dated { at(zone: AWSTime): AWSDateTime! }
    type Event implements Dated { at(zone: AWSTime): AWSDateTime! }
    union Any = Event
    type Query { dated: Dated any: Any }
    """
    built = sdl.build(sdl.merge({"all.graphql": text}))
    install(built)
    assert validate_schema(built) == []
    result = echo(built, '{ dated { at(zone: "nine") } }')
    assert result.errors
    assert "is no AWSTime" in result.errors[0].message


@pytest.mark.parametrize("document", ['{ fID(v: "\\ud800") }', '{ fID(v: "\\u{d800}") }', '{ fID(v: "\\udc00x") }'])
def test_half_a_surrogate_pair_never_gets_past_the_lexer(schema: GraphQLSchema, document: str) -> None:
    result = echo(schema, document)
    assert result.errors
    assert "Syntax Error" in result.errors[0].message


WIRE_VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.lists(st.integers())
TEXTS = st.text() | st.text('0123456789-+:.TZ@/ab[]{}"')


@given(value=WIRE_VALUES | TEXTS)
@pytest.mark.parametrize("name", TABLE)
def test_whatever_a_variable_holds_it_is_a_value_or_a_graphql_error(
    schema: GraphQLSchema, name: str, value: Any
) -> None:
    type_ = scalar(schema, name)
    answer = outcome(type_.coerce_input_value, value)
    if isinstance(answer, GraphQLError):
        assert len(answer.message.split(" is no ")[0]) <= 80
    else:
        assert type_.coerce_input_value(type_.coerce_output_value(answer)) == answer


@given(local=st.datetimes(), offset=st.integers(-18 * 3600, 18 * 3600))
def test_every_instant_survives_a_round_trip(schema: GraphQLSchema, local: datetime, offset: int) -> None:
    rest = abs(offset)
    text = f"{local.isoformat()}{'-' if offset < 0 else '+'}{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    type_ = scalar(schema, "AWSDateTime")
    parsed = outcome(type_.coerce_input_value, text)
    if isinstance(parsed, GraphQLError):
        assert local.year in (1, 9999)
        assert "0001 to 9999" in parsed.message
    else:
        assert type_.coerce_input_value(parsed) == parsed == type_.coerce_output_value(parsed)
        assert abs((moment(parsed).replace(tzinfo=None) - local).total_seconds() + offset) < 0.001


@given(value=JSON_VALUES)
def test_every_json_value_survives_a_round_trip(schema: GraphQLSchema, value: Any) -> None:
    type_ = scalar(schema, "AWSJSON")
    text = type_.coerce_output_value(value)
    assert isinstance(text, str)
    assert type_.coerce_input_value(text) == value


@given(text=TEXTS)
@pytest.mark.parametrize("name", [name for name in TABLE if name.startswith("AWS")])
def test_a_literal_is_read_as_the_variable_would_be(schema: GraphQLSchema, name: str, text: str) -> None:
    type_ = scalar(schema, name)
    assert type_.coerce_input_literal
    variable = outcome(type_.coerce_input_value, text)
    literal = outcome(type_.coerce_input_literal, StringValueNode(value=text))
    assert str(literal) == str(variable)


def test_default_values_of_variables_are_read_too(schema: GraphQLSchema) -> None:
    document = 'query($v: AWSDateTime = "2026-11-21T12:00Z") { fAWSDateTime(v: $v) }'
    assert echo(schema, document).data == {"fAWSDateTime": "2026-11-21T12:00:00.000Z"}
