"""An AWS service of the JSON protocol, played over HTTP: requests and answers are held against botocore's own model."""

import base64
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from botocore.model import ListShape, OperationModel, Shape, StructureShape
from ulid import ULID

from tests.service_model import faults, service_model

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
    model = service_model(service)
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
    given = _with_blobs(operation.input_shape, json.loads(body or b"{}"), _decoded)
    _check(operation.input_shape, given, operation.name)
    try:
        told = answer(operation.name, given)
    except AwsFault as fault:
        if fault.code not in {shape.error_code for shape in operation.error_shapes}:
            raise Misuse(f"{operation.name} has no error {fault.code}") from None
        return 400, {"__type": fault.code, "message": "A fault of the test."}
    _check(operation.output_shape, told, operation.name)
    return 200, _with_blobs(operation.output_shape, told, _encoded)


def _check(shape: Shape | None, value: Any, where: str) -> None:
    """Raises Misuse."""
    wrong = list(faults(shape, value, where)) if shape is not None else [f"{where} takes nothing"] * bool(value)
    if wrong:
        raise Misuse("; ".join(wrong))


def _decoded(text: Any) -> bytes:
    return base64.b64decode(text, validate=True)


def _encoded(blob: bytes) -> str:
    return base64.b64encode(blob).decode()


def _with_blobs(shape: Shape | None, value: Any, turned: Callable[[Any], Any]) -> Any:
    """The value with its blobs turned; what the model does not know stays as it is."""
    if shape is not None and shape.type_name == "blob":
        return turned(value)
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        return {name: _with_blobs(shape.members.get(name), each, turned) for name, each in value.items()}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_with_blobs(shape.member, each, turned) for each in value]
    return value
