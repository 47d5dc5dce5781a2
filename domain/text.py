"""Text that people type: NFC, trimmed, no control characters but newline and tab, bounded."""

import re
import unicodedata

from domain.errors import bad_request

NAME = 200
SUMMARY = 500
BIO = 2_000
BODY = 20_000
ID = 128
TAGS = 20
TAG = 40
REASON = 500

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,4}")


def clean(value: str, field: str, *, longest: int, shortest: int = 1) -> str:
    """The text as it is stored.

    Raises:
        DomainError: BAD_REQUEST, rule LENGTH or CHARACTERS, with the field.
    """
    if len(value) > 4 * longest:  # before normalising: composing never shortens that much
        raise bad_request(field, "LENGTH", f"{field} has {shortest} to {longest} characters.")
    text = unicodedata.normalize("NFC", value.replace("\r\n", "\n")).strip()
    if _CONTROL.search(text):
        raise bad_request(field, "CHARACTERS", f"{field} holds control characters.")
    if not shortest <= len(text) <= longest:
        raise bad_request(field, "LENGTH", f"{field} has {shortest} to {longest} characters.")
    return text


def clean_or_none(value: str | None, field: str, *, longest: int) -> str | None:
    """As `clean`; None and blank text are both None."""
    if value is None:
        return None
    return clean(value, field, longest=longest, shortest=0) or None


def slug(value: str, field: str) -> str:
    if not 3 <= len(value) <= 80 or not _SLUG.fullmatch(value):
        raise bad_request(field, "SLUG", f"{field} has 3 to 80 characters: a-z, 0-9 and single hyphens between them.")
    return value


def language_tag(value: str, field: str) -> str:
    """A BCP 47 tag by its form; the registry of subtags is not consulted."""
    if len(value) > 35 or not _LANGUAGE.fullmatch(value):
        raise bad_request(field, "LANGUAGE_TAG", f"{field} is a BCP 47 language tag, e.g. en-US.")
    return value


def tags(values: list[str], field: str) -> list[str]:
    """Cleaned, without repeats, in the given order."""
    if len(values) > TAGS:
        raise bad_request(field, "COUNT", f"{field} has at most {TAGS} tags.")
    return list(dict.fromkeys(clean(value, field, longest=TAG) for value in values))


def identifier(value: str, field: str) -> str:
    """An id as given by a client: opaque, so only bounded."""
    if not 1 <= len(value) <= ID or _CONTROL.search(value):
        raise bad_request(field, "ID", f"{field} has 1 to {ID} characters.")
    return value
