"""HTTP as a function URL or API Gateway tells it (payload version 2.0), for an ASGI application."""

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from starlette.types import ASGIApp, Message

TEXT = ("text/", "application/json", "application/vnd.apple.mpegurl")


async def answer(application: ASGIApp, event: Mapping[str, Any]) -> dict[str, Any]:
    """The application's whole answer, in Lambda's form."""
    body = _body(event)
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await application(_scope(event), receive, send)
    head, *rest = sent
    content = b"".join(message.get("body", b"") for message in rest)
    headers: dict[str, str] = {}
    for name, value in head["headers"]:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    is_text = headers.get("content-type", "text/").startswith(TEXT)
    return {
        "statusCode": head["status"],
        "headers": headers,
        "body": content.decode() if is_text else base64.b64encode(content).decode(),
        "isBase64Encoded": not is_text,
    }


def _scope(event: Mapping[str, Any]) -> dict[str, Any]:
    http = event["requestContext"]["http"]
    path: str = event["rawPath"]
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in event["headers"].items()]
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": http["method"],
        "scheme": "https",
        "path": unquote(path),
        "raw_path": path.encode("latin-1"),
        "root_path": "",
        "query_string": event.get("rawQueryString", "").encode("latin-1"),
        "headers": headers,
        "client": (http["sourceIp"], 0),
        "server": (event["requestContext"].get("domainName", ""), 443),
    }


def _body(event: Mapping[str, Any]) -> bytes:
    text: str = event.get("body") or ""
    return base64.b64decode(text) if event.get("isBase64Encoded") else text.encode()
