"""An AWS service of the JSON protocol, played over HTTP: requests and answers are held against botocore's own model."""

import base64
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import botocore.session
from aiohttp import web
from aiohttp.test_utils import TestServer
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape
from ulid import ULID

LARGEST_REQUEST = 16 * 1024 * 1024

Answer = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
"""`answer(operation, parameters) -> result`, or raises AwsFault."""


class AwsFault(Exception):
    """One of the operation's own errors."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Misuse(AssertionError):
    """A request or an answer that AWS's model does not know."""


@asynccontextmanager
async def played(service: str, answer: Answer) -> AsyncIterator[str]:
    """The URL of a server that answers for botocore's `service`. Raises Misuse at the end, if there was any."""
    model = botocore.session.get_session().get_service_model(service)
    misuses: list[Misuse] = []

    async def handle(request: web.Request) -> web.Response:
        target, _, name = request.headers["X-Amz-Target"].partition(".")
        try:
            if target != model.metadata["targetPrefix"]:
                raise Misuse(f"{target} is another service")
            status, told = _answered(model.operation_model(name), await request.read(), answer)
        except Misuse as misuse:
            misuses.append(misuse)
            raise
        headers = {"x-amzn-RequestId": str(ULID()), "Content-Type": "application/x-amz-json-1.1"}
        return web.Response(status=status, headers=headers, text=json.dumps(told))

    application = web.Application(client_max_size=LARGEST_REQUEST)
    application.router.add_post("/", handle)
    async with TestServer(application) as server:
        yield str(server.make_url(""))
    if misuses:
        raise misuses[0]


def _answered(operation: OperationModel, body: bytes, answer: Answer) -> tuple[int, Any]:
    given = checked(operation.input_shape, json.loads(body or b"{}"), operation.name)
    try:
        return 200, written(operation.output_shape, answer(operation.name, given), operation.name)
    except AwsFault as fault:
        if fault.code not in {shape.error_code for shape in operation.error_shapes}:
            raise Misuse(f"{operation.name} has no error {fault.code}") from None
        return 400, {"__type": fault.code, "message": "A fault of the test."}


def checked(shape: Shape | None, value: Any, where: str) -> Any:
    """What was sent, with its blobs decoded. Raises Misuse where the model allows no such value."""
    if shape is not None and shape.type_name == "blob":
        return base64.b64decode(value, validate=True)
    return _walked(shape, value, where, checked)


def written(shape: Shape | None, value: Any, where: str) -> Any:
    """What is answered, with its blobs encoded. Raises Misuse where the model allows no such value."""
    if shape is not None and shape.type_name == "blob":
        return base64.b64encode(value).decode()
    return _walked(shape, value, where, written)


_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
    "boolean": bool,
    "timestamp": (int, float),
}


def _walked(shape: Shape | None, value: Any, where: str, walk: Callable[[Shape | None, Any, str], Any]) -> Any:
    if shape is None:
        if value:
            raise Misuse(f"{where} takes nothing")
        return {}
    if isinstance(shape, StructureShape):
        missing = set(shape.required_members) - set(value)
        unknown = set(value) - set(shape.members)
        if missing or unknown:
            raise Misuse(f"{where}: missing {sorted(missing)}, unknown {sorted(unknown)}")
        return {name: walk(shape.members[name], inner, f"{where}.{name}") for name, inner in value.items()}
    _bound(shape, value, where)
    if isinstance(shape, ListShape):
        return [walk(shape.member, inner, f"{where}[]") for inner in value]
    if isinstance(shape, MapShape):
        return {key: walk(shape.value, inner, f"{where}[{key}]") for key, inner in value.items()}
    if not isinstance(value, _TYPES[shape.type_name]):
        raise Misuse(f"{where}: {type(value).__name__} is no {shape.type_name}")
    return value


def _bound(shape: Shape, value: Any, where: str) -> None:
    """Lengths, ranges, patterns and enums, which botocore itself does not look at."""
    rules = shape.metadata
    size = value if isinstance(value, int | float) else len(value)
    if size < rules.get("min", size) or size > rules.get("max", size):
        raise Misuse(f"{where}: {size} is out of range")
    if isinstance(value, str):
        if "pattern" in rules and not re.fullmatch(rules["pattern"], value):
            raise Misuse(f"{where}: {value!r} does not match {rules['pattern']}")
        if "enum" in rules and value not in rules["enum"]:
            raise Misuse(f"{where}: {value!r} is none of {rules['enum']}")
