"""Uploads in parts over plain HTTP, against a server as it runs: the whole way of a file, and each refusal's status."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.server_process import ServerProcess, server_process
from tests.uploading import MIB, body

VIDEO = body("video/mp4", 5 * MIB + 1000)
DECLARED = {"fileName": "shore.mp4", "contentType": "video/mp4", "sizeBytes": len(VIDEO), "partSizeBytes": 5 * MIB}


@dataclass(frozen=True)
class Client:
    server: ServerProcess
    token: str

    def post(self, path: str, content: Any, **headers: str) -> tuple[int, Any]:
        """The answer's status and its JSON."""
        given = {"content-type": "application/json", "authorization": self.token, **headers}
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        request = urllib.request.Request(f"{self.server.origin}{path}", data, given)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def refused(self, path: str, content: Any, **headers: str) -> tuple[int, str]:
        status, answer = self.post(path, content, **headers)
        return status, answer["errors"][0]["errorType"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    data_dir = tmp_path_factory.mktemp("multipart") / "data"
    with server_process(data_dir, SEED_DEMO="off", STORAGE_PER_USER_BYTES=str(10 * MIB)) as started:
        yield started


@pytest.fixture(scope="module")
def ada(server: ServerProcess) -> Client:
    return Client(server, server.token("ada"))


@pytest.fixture(scope="module")
def eve(server: ServerProcess) -> Client:
    return Client(server, server.token("eve"))


def sent(url: str, headers: dict[str, str], part: bytes) -> str:
    """The ETag."""
    with urllib.request.urlopen(urllib.request.Request(url, part, headers, method="PUT")) as answer:
        return str(answer.headers["ETag"])


def test_a_video_is_declared_sent_in_parts_and_completed(ada: Client) -> None:
    status, begun = ada.post("/multipart/init", {**DECLARED, "clientToken": "t1"})
    assert status == 200
    assert begun["fileKey"].startswith("incoming/")
    assert (begun["partSizeBytes"], begun["partCount"]) == (5 * MIB, 2)
    assert [part["partNumber"] for part in begun["presignedUrls"]] == [1, 2]
    again = ada.post("/multipart/init", {**DECLARED, "clientToken": "t1"})[1]
    assert again["uploadId"] == begun["uploadId"]
    asked = {"uploadId": begun["uploadId"], "parts": [{"partNumber": 2}]}
    [second] = ada.post("/multipart/parts", asked)[1]["presignedUrls"]
    chunks = {1: VIDEO[: 5 * MIB], 2: VIDEO[5 * MIB :]}
    parts = [
        {"partNumber": part["partNumber"], "etag": sent(part["url"], part["headers"], chunks[part["partNumber"]])}
        for part in (begun["presignedUrls"][0], second)
    ]

    assert ada.refused("/multipart/complete", {"uploadId": begun["uploadId"], "parts": parts[:1]}) == (
        409,
        "UPLOAD_INCOMPLETE",
    )
    for _ in range(2):
        status, done = ada.post("/multipart/complete", {"uploadId": begun["uploadId"], "parts": parts})
        assert (status, done["uploadId"], done["status"]) == (200, begun["uploadId"], "COMPLETED")
        assert done["media"]["id"] == begun["uploadId"]
    assert ada.refused("/multipart/parts", asked) == (409, "UPLOAD_NOT_OPEN")


def test_each_refusal_has_the_status_of_its_error(ada: Client, eve: Client) -> None:
    begun = eve.post("/multipart/init", DECLARED)[1]
    of_eve = {"uploadId": begun["uploadId"], "parts": [{"partNumber": 1}]}
    cases: list[tuple[Client, str, Any, tuple[int, str]]] = [
        (eve, "/multipart/init", {**DECLARED, "sizeBytes": 6 * MIB}, (403, "QUOTA_EXCEEDED")),
        (eve, "/multipart/init", {**DECLARED, "contentType": "text/html"}, (400, "UPLOAD_TYPE_NOT_ALLOWED")),
        (eve, "/multipart/init", {**DECLARED, "fileName": "../x"}, (400, "BAD_REQUEST")),
        (eve, "/multipart/init", {**DECLARED, "sizeBytes": "large"}, (400, "BAD_REQUEST")),
        (eve, "/multipart/init", b"[]", (400, "MalformedHttpRequestException")),
        (eve, "/multipart/init", b"", (400, "MalformedHttpRequestException")),
        (ada, "/multipart/parts", of_eve, (404, "NOT_FOUND")),
        (ada, "/multipart/complete", {"uploadId": begun["uploadId"], "parts": []}, (404, "NOT_FOUND")),
        (eve, "/multipart/complete", {"uploadId": begun["uploadId"], "parts": []}, (409, "UPLOAD_INCOMPLETE")),
        (eve, "/multipart/parts", {"uploadId": begun["uploadId"], "parts": [{"partNumber": 3}]}, (400, "BAD_REQUEST")),
    ]
    for client, path, content, expected in cases:
        assert client.refused(path, content) == expected, (path, content)


def test_who_is_not_signed_in_learns_nothing(ada: Client) -> None:
    for path in ("/multipart/init", "/multipart/parts", "/multipart/complete"):
        for content in (DECLARED, b"no JSON"):
            assert ada.refused(path, content, authorization="nonsense") == (401, "UnauthorizedException")
    key = {"authorization": "", "x-api-key": ada.server.app("api-key")}
    assert ada.refused("/multipart/init", DECLARED, **key) == (403, "Unauthorized")
    assert ada.refused("/multipart/init", DECLARED, **{"content-type": "text/plain"})[0] == 415


def test_a_browser_of_another_origin_may_call(ada: Client) -> None:
    asked = urllib.request.Request(
        f"{ada.server.origin}/multipart/init",
        headers={"origin": "https://learn.example.org", "access-control-request-method": "POST"},
        method="OPTIONS",
    )
    with urllib.request.urlopen(asked) as answer:
        assert answer.headers["access-control-allow-origin"] == "*"
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(f"{ada.server.origin}/multipart/init")
    assert refusal.value.code == 405
