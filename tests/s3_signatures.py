"""What S3 says to signed URLs that are not used as they were signed; moto looks at no signature."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import SplitResult, parse_qsl, quote, unquote

_BAD = (400, "AuthorizationQueryParametersError")
_DENIED = (403, "AccessDenied")
_OTHER = (403, "SignatureDoesNotMatch")


def refusal(
    method: str, target: SplitResult, headers: Mapping[str, str], *, secret: str, now: float
) -> tuple[int, str] | None:
    """Status and code; None when the request is the one that was signed, and still in time.

    Args:
        target: as it was sent.
        headers: by their names in small letters.
        now: epoch seconds.
    """
    query = dict(parse_qsl(target.query, keep_blank_values=True))
    if "X-Amz-Signature" not in query:
        return _DENIED
    try:
        signed = query["X-Amz-SignedHeaders"].split(";")
        if any(name.startswith("x-amz-") and name not in signed for name in headers):
            return _DENIED
        signature = _signature(method, target.path, query, headers, secret)
        signed_at = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
        expires = signed_at + int(query["X-Amz-Expires"])
    except (KeyError, ValueError):
        return _BAD
    if not hmac.compare_digest(signature, query["X-Amz-Signature"]):
        return _OTHER
    return _DENIED if now > expires else None


def _signature(method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], secret: str) -> str:
    """Signature Version 4 in the query, from what arrived."""
    _, day, region, service, end = query["X-Amz-Credential"].split("/")
    pairs = sorted((_encoded(name), _encoded(value)) for name, value in query.items() if name != "X-Amz-Signature")
    names = query["X-Amz-SignedHeaders"].split(";")
    canonical = [
        method,
        quote(unquote(path), safe="/-_.~"),
        "&".join(f"{name}={value}" for name, value in pairs),
        *(f"{name}:{' '.join(headers.get(name, '').split())}" for name in names),
        "",
        ";".join(names),
        "UNSIGNED-PAYLOAD",
    ]
    digest = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
    text = "\n".join(["AWS4-HMAC-SHA256", query["X-Amz-Date"], f"{day}/{region}/{service}/{end}", digest])
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, end, text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key.hex()


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")
