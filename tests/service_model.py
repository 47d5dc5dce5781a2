"""AWS's own description of a service, as botocore ships it: what a request may hold, and what an answer must.

Fakes check both by it, stricter than botocore's client, which leaves patterns, lists of words and most lengths
to the service.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape


@cache
def service_model(name: str) -> ServiceModel:
    return botocore.session.get_session().get_service_model(name)


def faults(shape: Shape, value: Any, path: str) -> Iterator[str]:
    """One sentence for each way in which the value is none of the shape; blobs are bytes."""
    if not _is_of_type(shape, value):
        yield f"{path}: {type(value).__name__} is no {shape.type_name}"
        return
    if isinstance(shape, StructureShape):
        yield from _of_structure(shape, value, path)
        return
    if not isinstance(value, bool):
        yield from _of_size(shape, value, path)
    if isinstance(shape, ListShape):
        for number, each in enumerate(value):
            yield from faults(shape.member, each, f"{path}[{number}]")
    elif isinstance(shape, MapShape):
        for key, each in value.items():
            yield from faults(shape.key, key, f"{path} {key}")
            yield from faults(shape.value, each, f"{path}[{key}]")
    elif isinstance(value, str):
        yield from _of_text(shape, value, path)


def without_nulls(value: Any) -> Any:
    """An answer as botocore's clients read it: a member that is null is absent."""
    if isinstance(value, Mapping):
        return {name: without_nulls(each) for name, each in value.items() if each is not None}
    return [without_nulls(each) for each in value] if isinstance(value, list) else value


def _is_of_type(shape: Shape, value: Any) -> bool:
    if isinstance(value, bool):
        return shape.type_name == "boolean"
    if shape.type_name == "timestamp" and shape.serialization.get("timestampFormat") == "iso8601":
        return isinstance(value, str)
    return isinstance(value, _TYPES[shape.type_name])


def _of_structure(shape: StructureShape, value: Mapping[str, Any], path: str) -> Iterator[str]:
    for name in shape.required_members:
        if name not in value:
            yield f"{path}.{name} is missing"
    for name, each in value.items():
        if name not in shape.members:
            yield f"{path}.{name} is unknown"
        else:
            yield from faults(shape.members[name], each, f"{path}.{name}")


def _of_size(shape: Shape, value: Any, path: str) -> Iterator[str]:
    size = value if isinstance(value, int | float) else len(value)
    if not shape.metadata.get("min", size) <= size <= shape.metadata.get("max", size):
        yield f"{path}: {size} is out of range"


def _of_text(shape: Shape, value: str, path: str) -> Iterator[str]:
    if "enum" in shape.metadata and value not in shape.metadata["enum"]:
        yield f"{path}: {value!r} is none of {shape.metadata['enum']}"
    pattern = shape.metadata.get("pattern")
    if pattern and re.fullmatch(pattern, value) is None:
        yield f"{path}: {value!r} does not match {pattern}"


_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "structure": Mapping,
    "list": list,
    "map": Mapping,
    "string": str,
    "blob": bytes,
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
    "boolean": bool,
    "timestamp": (int, float),
}


class RestRoute:
    """Where an operation of a REST-JSON service is called, and how its request is put together."""

    def __init__(self, operation: OperationModel) -> None:
        self.operation = operation
        path, _, query = operation.http["requestUri"].partition("?")
        # A member is named by its place in the URI, which may be spelled otherwise.
        self._members = {
            member.serialization.get("name", name): name
            for name, member in operation.input_shape.members.items()
            if member.serialization.get("location") == "uri"
        }
        self._pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))
        self._query = dict(part.split("=") for part in query.split("&") if part)

    def request(self, method: str, path: str, query: Mapping[str, str], body: Any) -> dict[str, Any] | None:
        """The request's members; None when another operation is meant."""
        found = self._pattern.fullmatch(path)
        if method != self.operation.http["method"] or found is None or dict(query) != self._query:
            return None
        return {**body, **{self._members[name]: text for name, text in found.groupdict().items()}}


def rest_routes(service: str) -> list[RestRoute]:
    model = service_model(service)
    return [RestRoute(model.operation_model(name)) for name in model.operation_names]
