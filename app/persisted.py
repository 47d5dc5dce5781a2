"""Documents that clients name instead of sending them.

Two kinds are known. *Trusted* ones come with the clients' releases: the operator gives their manifest. *Persisted* ones
a client sent once with the SHA-256 of the text, as Apollo's automatic persisted queries do.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import msgspec

from app.settings import Settings, SettingsFault

MOST_PERSISTED = 2_000
MOST_CHARACTERS = 8_000_000
"""Of all persisted texts together."""
LONGEST_ID = 256
APOLLO_FORMAT = "apollo-persisted-query-manifest"


class UnknownDocument(Exception):
    """No document has this id: the client has to send its text."""


class HashMismatch(Exception):
    """The id that came with a text is not the text's SHA-256."""


class UntrustedDocument(Exception):
    """Only trusted documents are taken, and this is none."""


class PersistedDocuments:
    """What the process knows of them; the persisted one that was used least recently goes first.

    Args:
        trusted: texts by id; they stay.
        only_trusted: no other is executed.
    """

    def __init__(self, trusted: Mapping[str, str] | None = None, *, only_trusted: bool = False) -> None:
        self._trusted = dict(trusted or {})
        self._trusted_texts = frozenset(self._trusted.values())
        self._only_trusted = only_trusted
        self._persisted: OrderedDict[str, str] = OrderedDict()
        self._room = MOST_CHARACTERS

    def text(self, id: str) -> str:
        """The document of this id. Raises UnknownDocument."""
        trusted = self._trusted.get(id)
        if trusted is not None:
            return trusted
        persisted = self._persisted.get(id)
        if persisted is None:
            raise UnknownDocument
        self._persisted.move_to_end(id)
        return persisted

    def check(self, text: str) -> None:
        """Raises UntrustedDocument."""
        if self._only_trusted and text not in self._trusted_texts:
            raise UntrustedDocument

    def persist(self, id: str, text: str) -> None:
        """Keeps a text under its SHA-256 in hexadecimal digits; a trusted one may have any id of the manifest.

        Raises:
            HashMismatch
            UntrustedDocument
        """
        self.check(text)
        if self._trusted.get(id) == text:
            return
        if hashlib.sha256(text.encode()).hexdigest() != id.lower():
            raise HashMismatch
        if id in self._persisted or len(text) > MOST_CHARACTERS:
            return
        self._persisted[id] = text
        self._room -= len(text)
        while len(self._persisted) > MOST_PERSISTED or self._room < 0:
            _, gone = self._persisted.popitem(last=False)
            self._room += len(gone)


def known_documents(settings: Settings) -> PersistedDocuments:
    """With the trusted ones of the settings' manifest. Raises SettingsFault: it cannot be read."""
    path = settings.trusted_documents
    try:
        trusted = {} if path is None else _texts(path.read_bytes())
    except OSError as error:
        raise SettingsFault([f"TRUSTED_DOCUMENTS: {error.strerror}"]) from error
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise SettingsFault(["TRUSTED_DOCUMENTS: the file is no manifest of documents"]) from None
    return PersistedDocuments(trusted, only_trusted=settings.only_trusted_documents)


def _texts(manifest: bytes) -> dict[str, str]:
    """By id, from a JSON object of them, as GraphQL Code Generator and Relay write it, or from Apollo's manifest."""
    content = msgspec.json.decode(manifest)
    if isinstance(content, dict) and content.get("format") == APOLLO_FORMAT:
        return {each.id: each.body for each in msgspec.convert(content, _ApolloManifest).operations}
    return msgspec.convert(content, dict[str, str])


class _ApolloOperation(msgspec.Struct):
    id: str
    body: str


class _ApolloManifest(msgspec.Struct):
    operations: list[_ApolloOperation]


def asked_id(content: Mapping[str, Any]) -> str | None:
    """The id in a request: its `documentId`, or Apollo's `extensions.persistedQuery`; None: it has none.

    Raises:
        ValueError: it is not of either's form.
    """
    named, extensions = content.get("documentId"), content.get("extensions")
    if named is None:
        if extensions is None:
            return None
        persisted = extensions.get("persistedQuery") if isinstance(extensions, dict) else None
        if persisted is None:
            return None
        if not isinstance(persisted, dict) or persisted.get("version") != 1:
            raise ValueError("`persistedQuery` has to be of version 1.")
        named = persisted.get("sha256Hash")
    if not isinstance(named, str) or not 0 < len(named) <= LONGEST_ID:
        raise ValueError(f"A document's id is a text of 1 to {LONGEST_ID} characters.")
    return named
