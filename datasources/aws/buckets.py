"""Which bucket keeps a file: one of all, or some by what the keys of their files begin with."""

from collections.abc import Iterable, Mapping

import msgspec


class Buckets(msgspec.Struct, frozen=True):
    """
    Attributes:
        main: of all keys that no other has.
        prefix: what the names of objects begin with, in every bucket; empty, or with a slash at its end.
        others: buckets by the beginnings of their keys, each with a slash at its end: "recordings/".
    """

    main: str
    prefix: str = ""
    others: Mapping[str, str] = {}

    @property
    def all(self) -> list[str]:
        """Each once, the main one first."""
        return list(dict.fromkeys([self.main, *self.others.values()]))

    def of(self, key: str) -> str:
        """The bucket of a key."""
        return next((bucket for prefix, bucket in self.others.items() if key.startswith(prefix)), self.main)

    def of_prefix(self, prefix: str) -> str:
        """The bucket of all keys that begin so. Raises ValueError when several have some."""
        if any(
            other.startswith(prefix) and other != prefix and self.of(other) != self.of(prefix) for other in self.others
        ):
            raise ValueError(f"keys that begin with {prefix!r} are in several buckets")
        return self.of(prefix)

    def at(self, key: str) -> dict[str, str]:
        """Bucket and key, as S3 wants them."""
        return {"Bucket": self.of(key), "Key": self.prefix + key}

    def url(self, key: str) -> str:
        """As other services want it."""
        return f"s3://{self.of(key)}/{self.prefix}{key}"

    def apart(self, keys: Iterable[str]) -> dict[str, list[str]]:
        """Names of objects by their buckets."""
        found: dict[str, list[str]] = {}
        for key in keys:
            found.setdefault(self.of(key), []).append(self.prefix + key)
        return found
