"""MediaConvert behind real HTTP: requests and answers are held against botocore's description of the service."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from aiohttp import web
from aiohttp.test_utils import TestServer
from botocore.model import OperationModel, Shape

from tests.service_model import faults, rest_routes

Members = dict[str, Any]


class Refusal(Exception):
    """An error as the description names it."""


class MediaConvertService:
    """
    Attributes:
        asked: operations in order.
        sizes: width and height of files with a picture, by URL; what is not here is no film.
        jobs: by id; a test moves them on.
        broken: codes for the next requests instead of their answers.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.sizes: dict[str, tuple[int, int]] = {}
        self.jobs: dict[str, Members] = {}
        self.broken: list[str] = []
        self._tokens: dict[str, str] = {}
        self._routes = rest_routes("mediaconvert")

    async def handle(self, request: web.Request) -> web.Response:
        body = json.loads(await request.read() or b"{}")
        for route in self._routes:
            given = route.request(request.method, request.path, request.query, {})
            if given is not None:
                return self._answer(route.operation, {**given, **_members(route.operation.input_shape, body)})
        return web.Response(status=404)

    def complete(self, job_id: str, *, width: int | None, height: int | None, milliseconds: int) -> None:
        picture = {} if width is None else {"VideoDetails": {"WidthInPx": width, "HeightInPx": height}}
        details = [{"OutputDetails": [{"DurationInMs": milliseconds, **picture}]}]
        self.jobs[job_id] |= {"Status": "COMPLETE", "OutputGroupDetails": details}

    def _answer(self, operation: OperationModel, given: Members) -> web.Response:
        self.asked.append(operation.name)
        wrong = list(faults(operation.input_shape, given, operation.name))
        assert not wrong, wrong
        try:
            if self.broken:
                raise Refusal(self.broken.pop(0))
            told = {"CreateJob": self._create, "GetJob": self._get, "Probe": self._probe}[operation.name](given)
        except Refusal as refusal:
            code = str(refusal)
            assert code in {shape.name for shape in operation.error_shapes}, code
            return web.json_response({"message": "of the test"}, status=400, headers={"x-amzn-ErrorType": code})
        impossible = list(faults(operation.output_shape, told, operation.name))
        assert not impossible, impossible
        return web.json_response(_wire(operation.output_shape, told))

    def _create(self, given: Members) -> Members:
        token = given["ClientRequestToken"]
        if token not in self._tokens:
            job_id = str(uuid4())
            self._tokens[token] = job_id
            self.jobs[job_id] = {
                "Id": job_id,
                "Role": given["Role"],
                "Settings": given["Settings"],
                "Status": "SUBMITTED",
            }
        return {"Job": self.jobs[self._tokens[token]]}

    def _get(self, given: Members) -> Members:
        if given["Id"] not in self.jobs:
            raise Refusal("NotFoundException")
        return {"Job": self.jobs[given["Id"]]}

    def _probe(self, given: Members) -> Members:
        size = self.sizes.get(given["InputFiles"][0]["FileUrl"])
        if size is None:
            raise Refusal("BadRequestException")
        picture = {"VideoProperties": {"Width": size[0], "Height": size[1]}, "TrackType": "video"}
        return {"ProbeResults": [{"Container": {"Duration": 10.0, "Format": "mp4", "Tracks": [picture]}}]}


@asynccontextmanager
async def media_convert_service() -> AsyncIterator[tuple[MediaConvertService, str]]:
    """The service and its URL."""
    service = MediaConvertService()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", service.handle)
    async with TestServer(application) as server:
        yield service, str(server.make_url(""))


def _members(shape: Shape | None, value: Any) -> Any:
    """What came over the wire, under the names of the description."""
    return _renamed(shape, value, lambda name, wire: (wire, name))


def _wire(shape: Shape | None, value: Any) -> Any:
    return _renamed(shape, value, lambda name, wire: (name, wire))


def _renamed(shape: Any, value: Any, way: Callable[[str, str], tuple[str, str]]) -> Any:
    """
    Args:
        way: of a member's name and its name on the wire, which it has and which it gets.
    """
    if shape is not None and shape.type_name == "list":
        return [_renamed(shape.member, each, way) for each in value]
    if shape is not None and shape.type_name == "map":
        return {key: _renamed(shape.value, each, way) for key, each in value.items()}
    if shape is None or shape.type_name != "structure":
        return value
    known = {way(name, member.serialization.get("name", name)): member for name, member in shape.members.items()}
    unknown = set(value) - {source for source, _ in known}
    assert not unknown, unknown
    return {
        target: _renamed(member, value[source], way) for (source, target), member in known.items() if source in value
    }
