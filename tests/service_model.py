"""AWS's own description of a service, as botocore ships it: what a request may hold, and what an answer must.

Fakes check both by it, stricter than botocore's client, which leaves patterns, lists of words and most lengths
to the service.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import botocore.session
from botocore.model import OperationModel, ServiceModel, Shape


@cache
def service_model(name: str) -> ServiceModel:
    return botocore.session.get_session().get_service_model(name)


def faults(shape: Shape, value: Any, path: str) -> Iterator[str]:
    """One sentence for each way in which the value is none of the shape."""
    expected = _TYPES[shape.type_name]
    if not isinstance(value, expected) or (isinstance(value, bool) and shape.type_name != "boolean"):
        yield f"{path} is no {shape.type_name}"
        return
    if shape.type_name == "structure":
        yield from _of_structure(shape, value, path)
    elif shape.type_name == "list":
        yield from _of_size(shape, len(value), path)
        for number, each in enumerate(value):
            yield from faults(shape.member, each, f"{path}[{number}]")
    elif shape.type_name == "string":
        yield from _of_size(shape, len(value), path)
        yield from _of_text(shape, value, path)
    elif shape.type_name in ("integer", "long"):
        yield from _of_size(shape, value, path)


def _of_structure(shape: Shape, value: Mapping[str, Any], path: str) -> Iterator[str]:
    for name in shape.required_members:
        if value.get(name) is None:
            yield f"{path}.{name} is missing"
    for name, each in value.items():
        if name not in shape.members:
            yield f"{path}.{name} is unknown"
        elif each is not None:
            yield from faults(shape.members[name], each, f"{path}.{name}")


def _of_size(shape: Shape, size: float, path: str) -> Iterator[str]:
    if not shape.metadata.get("min", size) <= size <= shape.metadata.get("max", size):
        yield f"{path} is too short, long, small or large"


def _of_text(shape: Shape, value: str, path: str) -> Iterator[str]:
    if shape.metadata.get("enum") and value not in shape.metadata["enum"]:
        yield f"{path} is none of {shape.metadata['enum']}"
    pattern = shape.metadata.get("pattern")
    if pattern and re.fullmatch(pattern, value) is None:
        yield f"{path} does not match {pattern}"


_TYPES: Mapping[str, Any] = {
    "structure": Mapping,
    "list": list,
    "map": Mapping,
    "string": str,
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
    "boolean": bool,
    "timestamp": (int, float, str),
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
