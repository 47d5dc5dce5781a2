"""Documents that clients name: which are known, which are kept, and which are taken at all."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from app import persisted
from app.persisted import (
    HashMismatch,
    PersistedDocuments,
    UnknownDocument,
    UntrustedDocument,
    asked_id,
    known_documents,
)
from app.settings import Settings, SettingsFault

TEXT = "query Me { getMe { id } }"
OTHER = "{ listCourses { items { id } } }"


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def of_manifest(path: Path, **settings: str) -> PersistedDocuments:
    return known_documents(Settings.load({"TRUSTED_DOCUMENTS": str(path), **settings}))


def test_a_text_is_found_by_the_hash_that_it_was_sent_with() -> None:
    documents = PersistedDocuments()
    with pytest.raises(UnknownDocument):
        documents.text(sha(TEXT))
    documents.persist(sha(TEXT), TEXT)
    assert documents.text(sha(TEXT)) == TEXT


def test_nobody_puts_a_text_under_the_hash_of_another() -> None:
    documents = PersistedDocuments()
    with pytest.raises(HashMismatch):
        documents.persist(sha(TEXT), OTHER)
    with pytest.raises(UnknownDocument):
        documents.text(sha(TEXT))


def test_the_text_used_least_recently_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(persisted, "MOST_PERSISTED", 2)
    documents = PersistedDocuments()
    texts = ["{ a }", "{ b }", "{ c }"]
    for text in texts[:2]:
        documents.persist(sha(text), text)
    documents.text(sha("{ a }"))
    documents.persist(sha("{ c }"), "{ c }")
    assert (documents.text(sha("{ a }")), documents.text(sha("{ c }"))) == ("{ a }", "{ c }")
    with pytest.raises(UnknownDocument):
        documents.text(sha("{ b }"))


def test_all_texts_together_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(persisted, "MOST_CHARACTERS", 10)
    documents = PersistedDocuments()
    for text in ("{ first }", "{ other }", "{ much too long }"):
        documents.persist(sha(text), text)
    assert documents.text(sha("{ other }")) == "{ other }"
    for gone in ("{ first }", "{ much too long }"):
        with pytest.raises(UnknownDocument):
            documents.text(sha(gone))


@pytest.mark.parametrize(
    "manifest",
    [
        {"me": TEXT},
        {
            "format": "apollo-persisted-query-manifest",
            "version": 1,
            "operations": [{"id": "me", "name": "Me", "type": "query", "body": TEXT}],
        },
    ],
)
def test_a_manifests_documents_are_known_by_their_ids(tmp_path: Path, manifest: Any) -> None:
    path = tmp_path / "documents.json"
    path.write_text(json.dumps(manifest))
    documents = of_manifest(path)
    assert documents.text("me") == TEXT
    documents.persist("me", TEXT)
    documents.check(OTHER)


def test_only_trusted_documents_are_taken_where_the_operator_wants_that(tmp_path: Path) -> None:
    path = tmp_path / "documents.json"
    path.write_text(json.dumps({"me": TEXT}))
    documents = of_manifest(path, ONLY_TRUSTED_DOCUMENTS="true")
    documents.check(TEXT)
    with pytest.raises(UntrustedDocument):
        documents.check(OTHER)
    with pytest.raises(UntrustedDocument):
        documents.persist(sha(OTHER), OTHER)


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b'{"me": 5}', b"\xff", b'{"format": "apollo-persisted-query-manifest"}'],
)
def test_a_file_that_is_no_manifest_stops_the_start(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "documents.json"
    path.write_bytes(content)
    with pytest.raises(SettingsFault, match="TRUSTED_DOCUMENTS: the file is no manifest"):
        of_manifest(path)


def test_a_missing_manifest_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsFault, match="TRUSTED_DOCUMENTS: No such file"):
        of_manifest(tmp_path / "none.json")


def test_trusting_nothing_but_no_manifest_makes_no_sense() -> None:
    with pytest.raises(SettingsFault, match="TRUSTED_DOCUMENTS: needed"):
        Settings.load({"ONLY_TRUSTED_DOCUMENTS": "true"})


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ({}, None),
        ({"extensions": None}, None),
        ({"extensions": {"persistedQuery": None}}, None),
        ({"documentId": "me"}, "me"),
        ({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "ab"}}}, "ab"),
    ],
)
def test_a_request_names_its_document_in_either_way(content: dict[str, Any], named: str | None) -> None:
    assert asked_id(content) == named


@pytest.mark.parametrize(
    "content",
    [
        {"documentId": 5},
        {"documentId": ""},
        {"documentId": "x" * 257},
        {"extensions": {"persistedQuery": "ab"}},
        {"extensions": {"persistedQuery": {"sha256Hash": "ab"}}},
        {"extensions": {"persistedQuery": {"version": 1}}},
    ],
)
def test_an_id_of_neither_form_is_refused(content: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"version 1|1 to 256"):
        asked_id(content)
