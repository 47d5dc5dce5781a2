"""API keys: made, listed, revoked, and looked up by the hash of what a client sends.

A key's text is shown once, at its making; only its SHA-256 is kept. The key has 134 random bits, so a
plain hash is as good as a slow one, and looking a hash up leaks nothing of use through its timing.
"""

import asyncio
import hashlib
import random
import secrets
import string
from collections.abc import Callable

import msgspec

from datasources.conditions import equals, not_exists
from datasources.ports import ConditionFailed, RecordStore
from datasources.tables import API_KEYS
from domain.errors import Code, DomainError, bad_request, not_found, throttled
from domain.records import Record, to_item
from domain.times import Timestamp, later

MAX_KEYS = 50
DEFAULT_DAYS = 7
MAX_DAYS = 365
MAX_DESCRIPTION_CHARACTERS = 200
_ALPHABET = string.ascii_lowercase + string.digits
_KEY = {"name": "KEYS"}
_ATTEMPTS = 20


class ApiKey(Record, frozen=True):
    """One key without its text.

    Attributes:
        hash: SHA-256 of the text, hexadecimal.
        description: what it is for, in its maker's words.
    """

    hash: str
    description: str
    created_at: Timestamp
    expires_at: Timestamp

    @property
    def id(self) -> str:
        """What lists show and `revoke` takes: the first 16 digits of the hash."""
        return key_id(self.hash)


_Keys = tuple[ApiKey, ...]


class _Book(Record, frozen=True):
    """The stored item: all keys, and the number of its changes."""

    version: int = 0
    keys: _Keys = ()


def key_hash(text: str) -> str:
    """SHA-256 of a key's text, hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def key_id(hash: str) -> str:
    return hash[:16]


class ApiKeys:
    """The API's keys. At most 50 are live, so they are one item: one read answers for any key."""

    def __init__(self, store: RecordStore) -> None:
        self._store = store

    async def create(self, now: Timestamp, *, description: str = "", days: int = DEFAULT_DAYS) -> tuple[ApiKey, str]:
        """A new key that lives for `days` (1 to 365), and its text `da2-` + 26 characters.

        Raises:
            DomainError: BAD_REQUEST for other days or a long description; LIMIT_EXCEEDED at 50 live keys;
                THROTTLED when others keep changing keys at the same time.
        """
        if not 1 <= days <= MAX_DAYS:
            raise bad_request("days", "RANGE", f"An API key lives for 1 to {MAX_DAYS} days.")
        if len(description) > MAX_DESCRIPTION_CHARACTERS:
            raise bad_request("description", "LENGTH", f"At most {MAX_DESCRIPTION_CHARACTERS} characters.")
        text = "da2-" + "".join(secrets.choice(_ALPHABET) for _ in range(26))
        key = ApiKey(key_hash(text), description, now, later(now, days=days))

        def add(keys: _Keys) -> _Keys:
            if len(keys) >= MAX_KEYS:
                raise DomainError(Code.LIMIT_EXCEEDED, f"There are {MAX_KEYS} live API keys.", limit=MAX_KEYS)
            return (*keys, key)

        await self._change(now, add)
        return key, text

    async def list(self, now: Timestamp) -> tuple[ApiKey, ...]:
        """Live keys, oldest first."""
        return _live(await self._read(), now)

    async def revoke(self, id: str, now: Timestamp) -> None:
        """Servers refuse the key within 30 seconds.

        Raises:
            DomainError: NOT_FOUND when no live key has this id; THROTTLED as `create`.
        """

        def remove(keys: _Keys) -> _Keys:
            rest = tuple(key for key in keys if key.id != id)
            if len(rest) == len(keys):
                raise not_found("API key")
            return rest

        await self._change(now, remove)

    async def _read(self) -> _Book:
        item = await self._store.get(API_KEYS, _KEY)
        return _Book() if item is None else msgspec.convert(item, _Book)

    async def _change(self, now: Timestamp, edit: Callable[[_Keys], _Keys]) -> None:
        """Write what `edit` makes of the live keys, unless somebody else wrote since they were read."""
        for attempt in range(_ATTEMPTS):
            book = await self._read()
            changed = _Book(book.version + 1, edit(_live(book, now)))
            unchanged = equals("version", book.version) if book.version else not_exists("name")
            try:
                return await self._store.put(API_KEYS, _KEY | to_item(changed), condition=unchanged)
            except ConditionFailed:
                # Spread over time, or the same few would collide again.
                await asyncio.sleep(random.uniform(0, 0.005 * (attempt + 1)))  # noqa: S311 - not a secret
        raise throttled("The list of API keys")


def _live(book: _Book, now: Timestamp) -> _Keys:
    return tuple(key for key in book.keys if key.expires_at > now)
