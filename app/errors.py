"""Exceptions as clients see them: AppSync's error object, the same in every runtime."""

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from graphql import GraphQLError, GraphQLObjectType, GraphQLSchema, get_nullable_type

from domain.errors import Code, DomainError

log = logging.getLogger(__name__)

MOST_ERRORS = 100
"""In one answer; a flood of errors tells no more than its first hundred."""

LONGEST_TEXT = 300
"""Characters of a client's own words that a message may repeat."""

ErrorObject = dict[str, Any]
Path = Sequence[str | int]

_NULL = re.compile(r"Cannot return null for non-nullable field (\w+)\.(\w+)\.")
_ARGUMENT = re.compile(
    r"Argument '(\w+)'(?: of required type '([^']+)' was not provided| has invalid value( at [\w.\[\]]+)?)"
)


def refusal(error: BaseException, request_id: str) -> DomainError:
    """What may be told of an exception: a DomainError as it is, anything else as INTERNAL_ERROR.

    The one place where a bug is masked; it is logged here with the request's id.
    """
    if isinstance(error, DomainError):
        return error
    log.error("unhandled exception in request %s", request_id, exc_info=error)
    return DomainError(Code.INTERNAL_ERROR, "Internal error.", requestId=request_id)


def error_object(
    message: str,
    request_id: str,
    *,
    path: Path | None = None,
    locations: Sequence[Mapping[str, Any]] | None = None,
    error_type: str | None = None,
    info: Mapping[str, Any] | None = None,
) -> ErrorObject:
    """One entry of `errors`. Without `error_type` it has no data and errorInfo either, as AppSync writes it."""
    if error_type is None:
        extensions: dict[str, Any] = {"requestId": request_id}
        return {"path": path, "locations": locations, "message": message, "extensions": extensions}
    return {
        "path": path,
        "data": None,
        "errorType": error_type,
        "errorInfo": info,
        "locations": locations,
        "message": message,
        "extensions": {"errorType": error_type, "errorInfo": info, "requestId": request_id},
    }


def refused_request(
    error_type: str,
    message: str,
    request_id: str,
    locations: Sequence[Mapping[str, Any]] | None = None,
    *,
    info: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The body of a request that was refused before anything ran; it has no data."""
    extensions: dict[str, Any] = {"errorType": error_type, "requestId": request_id}
    error: ErrorObject = {"errorType": error_type, "message": message, "extensions": extensions}
    if locations:
        error["locations"] = locations
    if info:
        error["errorInfo"] = extensions["errorInfo"] = info
    return {"errors": [error]}


def field_errors(errors: Iterable[GraphQLError], schema: GraphQLSchema, request_id: str) -> list[ErrorObject]:
    """The errors of an execution, at most `MOST_ERRORS`. An exception that hit many fields is logged once."""
    known: dict[int, DomainError] = {}
    objects = []
    for error, _ in zip(errors, range(MOST_ERRORS), strict=False):
        objects.append(_field_error(error, schema, request_id, known))
    return objects


def located(error: GraphQLError) -> list[dict[str, Any]] | None:
    """Where in the document, as AppSync writes it."""
    if not error.locations:
        return None
    return [{"line": each.line, "column": each.column, "sourceName": None} for each in error.locations]


def shortened(text: str) -> str:
    """A text that repeats what a client wrote: bounded, and encodable whatever it holds."""
    text = text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + "..."
    return text.encode("utf-8", "replace").decode("utf-8")


def _field_error(
    error: GraphQLError, schema: GraphQLSchema, request_id: str, known: dict[int, DomainError]
) -> ErrorObject:
    original = error.original_error or error
    null = _NULL.fullmatch(error.message) if isinstance(original, TypeError) else None
    if null:
        log.error("null in non-null %s.%s in request %s", *null.groups(), request_id)
        message = _null_message(schema, null[1], null[2], error.path or ())
        return error_object(message, request_id, path=error.path, locations=located(error))
    if isinstance(original, GraphQLError):
        visible = _engine_error(original, request_id)
    else:
        visible = known.get(id(original)) or refusal(original, request_id)
        known[id(original)] = visible
    return error_object(
        visible.message,
        request_id,
        path=error.path,
        locations=located(error),
        error_type=visible.code.value,
        info=visible.info,
    )


def _engine_error(error: GraphQLError, request_id: str) -> DomainError:
    """GraphQL's own complaints while it executes: about an argument's value, or about ours."""
    argument = _ARGUMENT.match(error.message)
    if argument:
        name, required, where = argument.groups()
        text = f"Argument '{name}' has an invalid value{where or ''}."
        if required:
            text = f"Argument '{name}' has coerced Null value for NonNull type '{required}'"
        return DomainError(Code.BAD_REQUEST, text, field=name, rule="TYPE")
    # Its text repeats the stored value, which belongs in no log.
    log.error("a value does not fit its type in request %s", request_id)
    return DomainError(Code.INTERNAL_ERROR, "Internal error.", requestId=request_id)


def _null_message(schema: GraphQLSchema, parent: str, name: str, path: Path) -> str:
    type_ = schema.type_map[parent]
    inner: Any = get_nullable_type(type_.fields[name].type) if isinstance(type_, GraphQLObjectType) else None
    for key in reversed(path):
        if not isinstance(key, int):
            break
        inner = get_nullable_type(inner.of_type)
    where = "".join(f"[{key}]" if isinstance(key, int) else f"/{key}" for key in path)
    return f"Cannot return null for non-nullable type: '{inner}' within parent '{parent}' ({where})"
