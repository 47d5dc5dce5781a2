"""AWSEmail, AWSURL, AWSPhone and AWSIPAddress: checked, and kept as they were written.

Lengths are looked at first and every pattern runs in linear time, so hostile text costs no more than a
good address.
"""

import ipaddress
import re
from urllib.parse import urlsplit

_EMAIL, _EMAIL_LOCAL = 254, 64  # characters, RFC 5321
_URL = 2048  # of what clients send
_OWN_URL = (
    16 * 1024
)  # of what we answer: presigned with a session token, and the name to save a file under, encoded twice
_PHONE = 32
_IP = 49  # the longest IPv6 spelling with "/128"

_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+")
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_NOT_IN_URL = re.compile(r"[^!-~]|[\"<>\\`]")  # RFC 1738: ASCII without blanks; these must be percent-encoded
_ACTIVE_SCHEMES = frozenset({"javascript", "data", "vbscript", "blob"})
"""A browser that follows such a link runs what is in it, with our page's rights."""
_WITH_HOST = frozenset({"http", "https", "ftp", "ws", "wss"})
_PHONE_TEXT = re.compile(r"\+?[0-9][0-9 -]*")
_IP_TEXT = re.compile(r"[0-9A-Fa-f:.]+(?:/[0-9]{1,3})?")


def check_email(text: str) -> None:
    if len(text) > _EMAIL:
        raise ValueError(f"at most {_EMAIL} characters")
    local, at, domain = text.rpartition("@")
    if not at:
        raise ValueError("local-part@domain-part is expected")
    if len(local) > _EMAIL_LOCAL or not all(_ATOM.fullmatch(atom) for atom in local.split(".")):
        raise ValueError("the part before @ is malformed")
    if not all(_LABEL.fullmatch(label) for label in domain.split(".")):
        raise ValueError("the domain is malformed")


def check_url(text: str) -> None:
    _check_url(text, _URL)


def check_own_url(text: str) -> None:
    """Of what we answer: the same, but long enough for requests that were signed with temporary credentials."""
    _check_url(text, _OWN_URL)


def _check_url(text: str, most: int) -> None:
    if len(text) > most:
        raise ValueError(f"at most {most} characters")
    if _NOT_IN_URL.search(text):
        raise ValueError("it holds characters that must be percent-encoded")
    scheme = _SCHEME.match(text)
    if not scheme:
        raise ValueError("the scheme is missing, as in https://")
    if scheme[1].lower() in _ACTIVE_SCHEMES:
        raise ValueError("links of this scheme are not allowed")
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("the host is malformed") from None
    if parts.scheme in _WITH_HOST and not host:
        raise ValueError("the host is missing")
    if "//" in parts.path:
        raise ValueError("the path must not hold //")


def check_phone(text: str) -> None:
    """A number of a possible length for its country: which numbers are in use changes too often to insist on."""
    if len(text) > _PHONE or not _PHONE_TEXT.fullmatch(text):
        raise ValueError(f"digits, spaces and hyphens are expected, at most {_PHONE}")
    import phonenumbers  # loads the plans of all countries: only once there is a number to check

    try:
        number = phonenumbers.parse(text, "US")
    except phonenumbers.NumberParseException:
        raise ValueError("there is no such number") from None
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise ValueError("it has too few or too many digits")


def check_ip(text: str) -> None:
    if len(text) > _IP or not _IP_TEXT.fullmatch(text):
        raise ValueError("an IPv4 or IPv6 address is expected")
    try:
        ipaddress.ip_interface(text)
    except ValueError:
        raise ValueError("an IPv4 or IPv6 address is expected") from None
