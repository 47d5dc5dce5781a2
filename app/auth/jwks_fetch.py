"""Fetches an issuer's public keys over HTTP.

In a file of its own, so that a server that trusts only its own issuer need not import aiohttp.
"""

from urllib.parse import urlsplit

import aiohttp
import msgspec

from domain.errors import dependency_failed

FETCH_SECONDS = 3.0
MAX_DOCUMENT_BYTES = 256 * 1024


async def fetch_key_set(issuer: str, jwks_url: str | None) -> bytes:
    """The issuer's JWKS document, from `jwks_url` or from where its discovery document says.

    Raises:
        DomainError: DEPENDENCY_FAILED for whatever went wrong.
    """
    # One session a fetch: they are minutes apart, and nothing has to be closed at the server's end.
    timeout = aiohttp.ClientTimeout(total=FETCH_SECONDS)
    try:
        async with aiohttp.ClientSession(
            timeout=timeout, headers={"accept-encoding": "identity"}, auto_decompress=False
        ) as session:
            if jwks_url is None:
                jwks_url = _discovered(
                    issuer, await _get(session, f"{issuer.rstrip('/')}/.well-known/openid-configuration")
                )
            return await _get(session, jwks_url)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        raise dependency_failed("The token issuer") from None


async def _get(session: aiohttp.ClientSession, url: str) -> bytes:
    # A redirect would let whoever controls one answer choose where this server connects to.
    async with session.get(url, allow_redirects=False) as response:
        if response.status != 200:
            raise dependency_failed("The token issuer")
        document = bytearray()
        async for chunk in response.content.iter_chunked(65_536):
            document += chunk
            if len(document) > MAX_DOCUMENT_BYTES:
                raise dependency_failed("The token issuer")
        return bytes(document)


class _Discovery(msgspec.Struct, frozen=True):
    issuer: str
    jwks_uri: str


def _discovered(issuer: str, document: bytes) -> str:
    try:
        discovery = msgspec.json.decode(document, type=_Discovery)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise dependency_failed("The token issuer") from None
    # Keys may live on another host, but not in the clear when the issuer itself is not.
    if discovery.issuer != issuer or urlsplit(discovery.jwks_uri).scheme != urlsplit(issuer).scheme:
        raise dependency_failed("The token issuer")
    return discovery.jwks_uri
