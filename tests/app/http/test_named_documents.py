"""Requests that name their document, as Apollo's persisted queries and trusted documents do, on the wire."""

import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from app.execution import GraphQLRequest
from tests.app.http.conftest import Running, Serve

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEXT = "query Named { a }"


def persisted(text: str) -> dict[str, Any]:
    return {"persistedQuery": {"version": 1, "sha256Hash": hashlib.sha256(text.encode()).hexdigest()}}


async def refused(response: Any) -> tuple[int, str, str]:
    (error,) = (await response.json())["errors"]
    return response.status, error["errorType"], error["message"]


async def test_a_document_is_sent_once_and_named_from_then_on(site: Running) -> None:
    text = "query Once($n: Int) { a }"
    unknown = await site.post({"extensions": persisted(text)})
    assert await refused(unknown) == (200, "PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")
    assert not site.service.requests
    sent = await site.post({"query": text, "extensions": persisted(text), "variables": {"n": 1}})
    named = await site.post({"extensions": persisted(text), "variables": {"n": 2}, "operationName": "Once"})
    assert (sent.status, named.status) == (200, 200)
    assert site.service.requests == [GraphQLRequest(text, {"n": 1}), GraphQLRequest(text, {"n": 2}, "Once")]


async def test_a_document_is_named_by_get_too(site: Running) -> None:
    await site.post({"query": TEXT, "extensions": persisted(TEXT)})
    query = urlencode({"extensions": json.dumps(persisted(TEXT)), "variables": '{"n": 1}'})
    response = await site.client.get(f"/graphql?{query}", headers={"x-api-key": "ada"})
    assert response.status == 200
    assert site.service.requests[-1] == GraphQLRequest(TEXT, {"n": 1}, None, queries_only=True)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"query": "{ b }", "extensions": persisted("{ a }")}, "The provided sha does not match the query."),
        ({"documentId": 5}, "Unable to parse GraphQL query. A document's id is a text of 1 to 256 characters."),
        (
            {"extensions": {"persistedQuery": {"version": 2}}},
            "Unable to parse GraphQL query. `persistedQuery` has to be of version 1.",
        ),
        ({"query": 5, "documentId": "me"}, "Unable to parse GraphQL query."),
    ],
)
async def test_a_bad_name_is_refused(site: Running, content: dict[str, Any], message: str) -> None:
    assert await refused(await site.post(content)) == (400, "MalformedHttpRequestException", message)
    assert not site.service.requests


async def test_where_only_trusted_documents_are_taken_no_other_is(serve: Serve, tmp_path: Path) -> None:
    manifest = tmp_path / "documents.json"
    manifest.write_text(json.dumps({"named": TEXT}))
    async with serve(trusted_documents=manifest, only_trusted_documents="true") as site:
        assert (await site.post({"documentId": "named"})).status == 200
        assert (await site.post({"query": TEXT})).status == 200
        assert await refused(await site.post({"query": "{ a }"})) == (
            403,
            "DOCUMENT_NOT_TRUSTED",
            "Only trusted documents are executed here.",
        )
        assert (await site.post({"query": "{ a }", "extensions": persisted("{ a }")})).status == 403
        assert (await refused(await site.post({"documentId": "other"})))[1] == "PERSISTED_QUERY_NOT_FOUND"
        assert site.service.requests == [GraphQLRequest(TEXT), GraphQLRequest(TEXT)]


async def test_an_id_is_told_to_nobody_who_is_not_signed_in(site: Running) -> None:
    response = await site.post({"extensions": persisted(TEXT)}, x_api_key="wrong")
    assert response.status == 401
