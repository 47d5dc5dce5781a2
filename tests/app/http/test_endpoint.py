"""POST and GET /graphql on the wire: what is executed, what is refused, and in which words."""

import asyncio
import gc
import re
import uuid

import orjson
import pytest

from app.auth.recent_callers import sender_of
from app.execution import Answer, GraphQLRequest
from domain.errors import Code, DomainError, dependency_failed
from tests.app.http.conftest import Running, Serve
from tests.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="module")

EMPTY = "Request body is empty."
UNREADABLE = "Unable to parse GraphQL query."


async def refusal(response) -> tuple[int, str, str]:
    content = orjson.loads(await response.read())
    assert set(content) == {"errors"}, "a refused request has no data"
    (error,) = content["errors"]
    assert error["extensions"]["requestId"] == response.headers["x-amzn-requestid"]
    assert error["extensions"]["errorType"] == error["errorType"]
    assert error["extensions"].get("errorInfo") == error.get("errorInfo")
    assert response.headers["x-amzn-errortype"] == error["errorType"]
    return response.status, error["errorType"], error["message"]


class TestAnswers:
    @pytest.mark.parametrize("name", [None, ""])
    async def test_an_empty_operation_name_is_none(self, site: Running, name):
        assert (await site.post({"query": "query Q { a }", "operationName": name})).status == 200
        assert site.service.requests == [GraphQLRequest("query Q { a }")]

    async def test_an_executed_operation_is_answered_as_appsync_does(self, site: Running):
        response = await site.post({"query": "query Q($n: Int) { a }", "variables": {"n": 1}, "operationName": "Q"})
        assert response.status == 200
        assert await response.json() == {"data": {"a": 1}}
        assert site.service.requests == [GraphQLRequest("query Q($n: Int) { a }", {"n": 1}, "Q")]
        headers = response.headers
        assert headers["content-type"] == "application/json;charset=UTF-8"
        assert headers["x-amzn-appsync-tokensconsumed"] == "1"
        assert headers["vary"] == "accept-encoding"
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert "x-amzn-errortype" not in headers
        assert "server" not in headers
        assert uuid.UUID(headers["x-amzn-requestid"]).version == 4

    async def test_every_request_has_an_id_of_its_own(self, site: Running):
        responses = [await site.post() for _ in range(3)]
        assert len({response.headers["x-amzn-requestid"] for response in responses}) == 3

    async def test_the_executors_status_and_error_type_go_out(self, site: Running):
        site.service.answer = Answer(400, {"errors": [{"errorType": "BadRequestException", "message": "No."}]})
        response = await site.post()
        assert (response.status, response.headers["x-amzn-errortype"]) == (400, "BadRequestException")

    async def test_what_clients_add_is_tolerated(self, site: Running):
        extensions = {"clientLibrary": {"name": "@apollo/client", "version": "4.3.8"}}
        response = await site.post({"query": "{ a }", "extensions": extensions, "variables": None, "other": [1]})
        assert response.status == 200

    @pytest.mark.parametrize(
        "content_type",
        [
            "application/json",
            "application/json; charset=UTF-8",
            "application/json;charset=utf-8",
            'APPLICATION/JSON ; charset="utf-8"',
            "application/json; boundary=x",
            "application/graphql",
            "application/graphql; charset=utf-8",
        ],
    )
    async def test_json_under_both_names_is_executed(self, site: Running, content_type):
        assert (await site.post(content_type=content_type)).status == 200


class TestForgery:
    """A page of another site can send these without asking first."""

    @pytest.mark.parametrize(
        "content_type",
        [
            "text/plain",
            "text/plain; application/json",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/json; charset=utf-16",
            "application/jsonp",
            "text/json",
            "",
        ],
    )
    async def test_other_content_types_are_not_executed(self, site: Running, content_type):
        status, error_type, _ = await refusal(await site.post(content_type=content_type))
        assert (status, error_type) == (415, "UnsupportedMediaTypeException")
        assert site.service.requests == []

    async def test_no_content_type_is_not_executed(self, site: Running):
        response = await site.client.post(
            "/graphql", data=b'{"query":"{ a }"}', headers={"x-api-key": "ada"}, skip_auto_headers=["content-type"]
        )
        assert (await refusal(response))[0] == 415
        assert site.service.requests == []

    async def test_get_is_for_queries_only(self, site: Running):
        await site.client.get("/graphql", params={"query": "{ a }"}, headers={"x-api-key": "ada"})
        assert [request.queries_only for request in site.service.requests] == [True]

    async def test_a_mutation_by_get_says_what_would_be_allowed(self, site: Running):
        site.service.answer = Answer(405, {"errors": [{"errorType": "MethodNotAllowedException", "message": "No."}]})
        response = await site.client.get("/graphql", params={"query": "mutation { a }"}, headers={"x-api-key": "ada"})
        assert (response.status, response.headers["allow"]) == (405, "POST")


class TestGet:
    async def ask(self, site: Running, query_string: str):
        return await site.client.get(f"/graphql?{query_string}", headers={"x-api-key": "ada"})

    async def test_query_variables_and_name_come_from_the_query_string(self, site: Running):
        response = await self.ask(site, "query=query+Q{a}&variables=%7B%22n%22%3A1%7D&operationName=Q&other=x")
        assert response.status == 200
        assert site.service.requests == [GraphQLRequest("query Q{a}", {"n": 1}, "Q", queries_only=True)]

    @pytest.mark.parametrize(
        "query_string",
        [
            "query=",
            "variables={}",
            "query={a}&variables=meow",
            "query={a}&variables=[]",
            "query=%ff",
            "&".join(f"p{number}=1" for number in range(50)),
        ],
    )
    async def test_what_holds_no_query_is_refused(self, site: Running, query_string):
        status, error_type, message = await refusal(await self.ask(site, query_string))
        assert (status, error_type) == (400, "MalformedHttpRequestException")
        assert message.startswith(UNREADABLE)


class TestBodies:
    @pytest.mark.parametrize("body", [b"", b" ", b"\r\n\t"])
    async def test_an_empty_body(self, site: Running, body):
        assert await refusal(await site.post(body=body)) == (400, "MalformedHttpRequestException", EMPTY)

    @pytest.mark.parametrize(
        "body",
        [
            b"meow",
            b"{}",
            b"{}}",
            b"[]",
            b"null",
            b'"{ a }"',
            orjson.dumps([{"query": "{ a }"}] * 1000),
            b"{ a }",
            b'{"query": null}',
            b'{"query": 1}',
            b'{"query": ["{ a }"]}',
            b'{"query": ""}',
            b'{"query": " \\n"}',
            b'{"query": "{ a }", "variables": []}',
            b'{"query": "{ a }", "variables": "{}"}',
            b'{"query": "{ a }", "variables": 1}',
            b'{"query": "{ a }", "operationName": 1}',
            b'{"query": "{ a }", "operationName": {}}',
            b'\xef\xbb\xbf{"query": "{ a }"}',
            b'{"query": "{ a }", "variables": {"n": "\xff\xfe"}}',
            b'{"query": "{ a }", "variables": {"n": "\\ud800"}}',
            b'{"query": "{ a }", "variables": {"n": NaN}}',
            b'{"query": "{ a }", "variables": {"n": Infinity}}',
            b'{"query": "{ a }", "variables": {"n": 1e400}}',
            b'{"query": "{ a }", "variables": {"n": -1e400}}',
            b'{"query": "{ a }", "variables": {"n": ' + b"9" * 5000 + b"}}",
            b'{"query": "{ a }", "variables": {"n": ' + b"[" * 100 + b"]" * 100 + b"}}",
            b'{"query": "{ a }", "variables": {"n": ' + b'{"n":' * 1000 + b"1" + b"}" * 1000 + b"}}",
            b"[" * 100_000 + b"]" * 100_000,
            b'{"a":' * 50_000,
            b"\x1f\x8b\x08\x00",
        ],
        ids=lambda body: repr(body[:60]),
    )
    async def test_what_holds_no_query_is_refused(self, site: Running, body):
        status, error_type, message = await refusal(await site.post(body=body))
        assert (status, error_type) == (400, "MalformedHttpRequestException")
        assert message.startswith(UNREADABLE)
        assert site.service.requests == []

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            (b'{"query": "{ b }", "query": "{ a }"}', GraphQLRequest("{ a }")),
            (b'{"query": "{ a }", "variables": {"n": "\\u0000"}}', GraphQLRequest("{ a }", {"n": "\0"})),
            (b'{"query": "' + b"{" * 70 + b'", "variables": {}}', GraphQLRequest("{" * 70, {})),
        ],
    )
    async def test_what_is_odd_but_whole_goes_to_the_executor(self, site: Running, body, expected):
        assert (await site.post(body=body)).status == 200
        assert site.service.requests == [expected]

    async def test_a_body_at_the_limit_is_read_and_one_byte_more_is_not(self, serve: Serve):
        async with serve(max_body_bytes=1024) as site:
            body = orjson.dumps({"query": "{ a }"})
            assert (await site.post(body=body.ljust(1024))).status == 200
            status, error_type, _ = await refusal(await site.post(body=body.ljust(1025)))
            assert (status, error_type) == (413, "RequestEntityTooLargeException")

    async def test_ten_megabytes_are_refused_and_the_connection_goes_on(self, site: Running):
        for _ in range(2):
            assert (await refusal(await site.post(body=b" " * 10_000_000)))[0] == 413
        assert (await site.post()).status == 200

    async def test_chunks_are_counted_while_they_come(self, site: Running):
        async def endless():
            for _ in range(200):
                yield b" " * 65_536

        response = await site.client.post(
            "/graphql", data=endless(), headers={"content-type": "application/json", "x-api-key": "ada"}
        )
        assert (await refusal(response))[0] == 413
        assert (await site.post()).status == 200

    @pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "amz-1.0", "identity, gzip"])
    async def test_packed_bodies_are_refused(self, site: Running, encoding):
        response = await site.post(content_encoding=encoding)
        assert (await refusal(response))[:2] == (415, "UnsupportedMediaTypeException")

    async def test_the_name_for_no_encoding_is_fine(self, site: Running):
        assert (await site.post(content_encoding="identity")).status == 200


class TestMethods:
    @pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD", "TRACE"])
    async def test_others_are_not_allowed(self, site: Running, method):
        response = await site.client.request(method, "/graphql", headers={"x-api-key": "ada"})
        assert (response.status, response.headers["allow"]) == (405, "GET, POST, OPTIONS")

    @pytest.mark.parametrize("path", ["/", "/graphql/", "/GraphQL", "/graphql/x", "/..%2fgraphql", "/ünknown"])
    async def test_other_paths_do_not_exist(self, site: Running, path):
        assert (await refusal(await site.client.post(path)))[:2] == (404, "NotFoundException")


class TestSignIn:
    async def test_no_credential(self, site: Running):
        response = await site.client.post("/graphql", json={"query": "{ a }"})
        message = "Valid authorization header not provided."
        assert await refusal(response) == (401, "UnauthorizedException", message)

    async def test_a_bad_credential(self, site: Running):
        message = "You are not authorized to make this call."
        assert await refusal(await site.post(x_api_key="wrong")) == (401, "UnauthorizedException", message)

    async def test_a_stranger_learns_nothing_from_the_parser(self, site: Running):
        assert (await site.post(body=b"meow", x_api_key="wrong")).status == 401

    async def test_size_comes_before_credentials(self, site: Running):
        assert (await site.post(body=b" " * 2_000_000, x_api_key="wrong")).status == 413

    async def test_a_revoked_session_is_a_bad_credential(self, site: Running, monkeypatch):
        async def revoked(_):
            raise DomainError(Code.UNAUTHORIZED_REQUEST, "The session was ended.")

        monkeypatch.setattr(site.service, "admit", revoked)
        assert await refusal(await site.post()) == (401, "UnauthorizedException", "The session was ended.")

    async def test_of_two_credentials_none_is_recognized(self, site: Running, monkeypatch):
        seen = []
        monkeypatch.setattr(site.service, "recognize", lambda sender, _: seen.append(sender.digest))
        head, end = b"GET /graphql?query=%7Ba%7D HTTP/1.1\r\nhost: x\r\n", b"connection: close\r\n\r\n"
        for shown in (
            b"x-api-key: ada\r\naccept: a\r\naccept: b\r\n",
            b"x-api-key: ada\r\nx-api-key: eve\r\n",
            b"x-api-key: ada\r\nauthorization: eve\r\naccept: a\r\naccept: b\r\n",
        ):
            await site.talk(head + shown + end)
        assert seen == [sender_of([(b"x-api-key", b"ada")]).digest, None, None]

    async def test_a_broken_dependency_is_not_the_callers_fault(self, site: Running, monkeypatch):
        async def broken(_):
            raise dependency_failed("The record store")

        monkeypatch.setattr(site.service, "admit", broken)
        response = await site.post()
        assert (await refusal(response))[:2] == (503, "DEPENDENCY_FAILED")
        assert response.headers["retry-after"] == "1"


class TestRate:
    async def test_who_is_too_fast_is_told_when_to_come_back_and_others_do_not_notice(self, serve: Serve):
        async with serve(rate_per_second=1, rate_burst=5) as site:
            statuses = [(await site.post(x_api_key="eve")).status for _ in range(12)]
            assert statuses[:5] == [200] * 5
            assert 429 in statuses[5:]
            while (response := await site.post(x_api_key="eve")).status == 200:
                pass
            assert response.status == 429
            (error,) = (await response.json())["errors"]
            assert error["errorType"] == "RATE_LIMITED"
            assert error["errorInfo"] == {"retryable": True, "retryAfterSeconds": 1}
            assert response.headers["retry-after"] == "1"
            assert (await site.post(x_api_key="ada")).status == 200

    async def test_wrong_credentials_are_counted_by_address_and_good_ones_still_pass(self, serve: Serve):
        async with serve(rate_per_second=1, rate_burst=5) as site:
            statuses = [(await site.post(x_api_key="wrong")).status for _ in range(12)]
            assert statuses[:5] == [401] * 5
            assert 429 in statuses[5:]
            assert (await site.post(x_api_key="ada")).status == 200

    async def test_more_at_once_than_can_be_worked_on_is_shed(self, serve: Serve):
        async with serve(max_requests=2) as site:
            site.service.release.clear()
            working = [asyncio.create_task(site.post()) for _ in range(2)]
            async with asyncio.timeout(PATIENCE_SECONDS):
                for _ in working:
                    await site.service.begun.acquire()
            shed = await site.post()
            assert (await refusal(shed))[:2] == (503, "ServiceUnavailableException")
            assert shed.headers["retry-after"] == "1"
            site.service.release.set()
            assert [(await task).status for task in working] == [200, 200]
            assert (await site.post()).status == 200


class TestCors:
    EVIL = "https://evil.example"

    async def test_any_origin_by_default_and_none_is_repeated(self, site: Running):
        for response in (await site.post(origin=self.EVIL), await site.post(origin=self.EVIL, x_api_key="wrong")):
            assert response.headers["access-control-allow-origin"] == "*"
            assert "access-control-allow-credentials" not in response.headers
            assert "x-amzn-RequestId" in response.headers["access-control-expose-headers"]

    async def test_only_listed_origins_when_there_is_a_list(self, serve: Serve):
        async with serve(cors_origins="https://school.example,http://localhost:3000") as site:
            good = await site.post(origin="https://school.example")
            assert good.headers["access-control-allow-origin"] == "https://school.example"
            for origin in (self.EVIL, "null", "https://school.example.evil.example"):
                assert "access-control-allow-origin" not in (await site.post(origin=origin)).headers
            assert "origin" in (await site.post()).headers.getall("vary")

    async def test_amplify_and_apps_headers_are_allowed(self, site: Running):
        asked = "authorization,x-amz-user-agent,x-amz-date,x-amz-security-token,x-api-key,content-type,X-My-App"
        response = await site.client.options(
            "/graphql",
            headers={
                "origin": "https://school.example",
                "access-control-request-method": "POST",
                "access-control-request-headers": asked,
            },
        )
        assert response.status == 200
        allowed = response.headers["access-control-allow-headers"].split(",")
        assert set(asked.lower().split(",")) <= set(allowed)
        assert "POST" in response.headers["access-control-allow-methods"]
        assert int(response.headers["access-control-max-age"]) > 0

    @pytest.mark.parametrize("asked", ["a b", "x(y)", "<script>", "é", "x" * 65, ":"])
    async def test_what_is_no_header_name_is_not_allowed(self, site: Running, asked):
        response = await site.client.options("/graphql", headers={"access-control-request-headers": asked})
        assert len(response.headers["access-control-allow-headers"].split(",")) == 6

    async def test_the_list_of_asked_headers_is_bounded(self, site: Running):
        asked = ",".join(f"x-{number}" for number in range(1000))
        response = await site.client.options("/graphql", headers={"access-control-request-headers": asked})
        assert len(response.headers["access-control-allow-headers"].split(",")) <= 6 + 32


class TestLog:
    async def test_one_line_a_request_without_its_secrets(self, site: Running):
        await site.post({"query": "query Q { a }", "operationName": "Q"}, x_api_key="da2-abcdefghijklmnop")
        response = await site.client.get("/graphql?header=c2VjcmV0&query=%7Ba%7D", headers={"x-api-key": "secret"})
        first, second = site.lines
        assert first["method"], first["path"] == ("POST", "/graphql")
        assert (first["status"], first["mode"], first["operation"]) == (200, "AMAZON_COGNITO_USER_POOLS", "Q")
        assert first["ms"] > 0
        assert second["requestId"] == response.headers["x-amzn-requestid"]
        assert not re.search("da2-|c2VjcmV0|secret|header", site.log.getvalue())

    @pytest.mark.parametrize("name", ["Q\r\n{}", "\x1b[31m", "Q\u2028", "a" * 100, "é"])
    async def test_a_hostile_operation_name_is_left_out(self, site: Running, name):
        await site.post({"query": "{ a }", "operationName": name})
        (line,) = site.lines
        assert "operation" not in line

    async def test_a_hostile_path_cannot_forge_a_line(self, site: Running):
        await site.client.get("/%0d%0a%7B%22level%22:%22ERROR%22%7D%1b[31m?token=abc")
        (line,) = site.lines
        assert line["status"] == 404
        assert "\x1b" not in site.log.getvalue()
        assert "abc" not in site.log.getvalue()

    @pytest.mark.parametrize(
        "path", ["/da2-abcdefghijklmnop", "/x/da2-abcdefghijklmnop", "/eyJhbGciOiJSUzI1NiJ9.eyJzdWIiO"]
    )
    async def test_a_credential_in_a_path_is_hidden(self, site: Running, path):
        await site.client.get(path)
        assert not re.search("da2-|eyJ", site.log.getvalue())

    async def test_a_bug_is_told_to_the_log_and_not_to_the_client(self, site: Running):
        site.service.failure = RuntimeError("the table arn:aws:dynamodb:x at 10.0.0.1")
        response = await site.post()
        assert await refusal(response) == (500, "INTERNAL_ERROR", "Internal error.")
        assert "arn:" not in await response.text()
        bug = next(line for line in site.lines if line["level"] == "ERROR")
        assert bug["requestId"] == response.headers["x-amzn-requestid"]
        assert "RuntimeError" in bug["error"]


async def test_a_request_leaves_nothing_to_the_garbage_collector(site: Running):
    """A cycle in each request would stop the whole server for a tenth of a second now and then."""
    requests = 99
    request = (
        b"POST /graphql HTTP/1.1\r\nhost: x\r\nx-api-key: ada\r\ncontent-type: application/json\r\n"
        b'content-length: 18\r\n\r\n{"query": "{ a }"}'
    )
    last = request.replace(b"host: x\r\n", b"host: x\r\nconnection: close\r\n")
    await site.talk(request * requests + last)
    gc.collect()
    gc.disable()
    try:
        answers = await site.talk(request * requests + last)
        left = gc.collect()
    finally:
        gc.enable()
    assert answers.count(b"HTTP/1.1 200 OK") == requests + 1
    assert left < requests
