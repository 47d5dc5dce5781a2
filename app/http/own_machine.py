"""Which requests come from a page of ours in a browser on this machine."""

from starlette.requests import Request

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def is_local(request: Request) -> bool:
    """Under a name of this machine: another site whose name was pointed here (DNS rebinding) is not local."""
    own_page = request.headers.get("sec-fetch-site", "same-origin") == "same-origin"
    client = request.client.host if request.client else None
    return own_page and client in _LOOPBACK and request.url.hostname in _LOOPBACK
