"""Logs: one JSON object a line on stderr, with the request's id and without secrets.

No value of a request can forge a line or move a terminal's cursor: control characters are escaped.
"""

import asyncio
import logging
import re
import sys
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import IO, Any

import orjson

from datasources import trace_context

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Set for each HTTP request; every line written while it is served carries it."""

MAX_TEXT = 16_384
_HIDDEN = "***"

# Quantifiers are bounded and no two neighbours match the same text, so a hostile line costs linear time.
_SECRETS = (
    # A credential that says what it is.
    re.compile(r"AWS4-HMAC-SHA256[^\"'\n]{0,2000}"),
    re.compile(r"\bda2-[A-Za-z0-9]{4,200}"),
    re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,128}"),
    re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^-]{0,10000}"),
    # JWTs, and AppSync's `?header=` and `header-...`: base64 of JSON begins with eyJ.
    re.compile(r"eyJ[A-Za-z0-9_+/=-]{8,}(?:\.[A-Za-z0-9_-]*){0,4}"),
    re.compile(r"\bBearer\s{1,5}[^\s\"',]{1,4000}", re.IGNORECASE),
)
_NAMED = re.compile(
    r"""((?:authorization|x-api-key|api_?key|x-amz-security-token|cookie|token|header|payload|secret|password|signature)
        (?:\\?["'])?\s{0,5}(?:[=:]|(?<=["']),)\s{0,5}b?(?:\\?["'])?)   # name, sign, opening quote
        (?:(?:basic|token)\s{1,5})?[^\s"'&,;)\]}\\]{1,8000}""",
    re.IGNORECASE | re.VERBOSE,
)
"""A value that stands beside a telling name, in a query string, a header list or JSON."""
_EMAIL = re.compile(r"[A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""What a terminal or a line reader might act on; tabs and line ends are left to JSON's own escapes."""


def redact(text: str) -> str:
    """The text without tokens, keys, signatures and e-mail addresses, cut at `MAX_TEXT` characters."""
    if len(text) > MAX_TEXT:
        text = text[:MAX_TEXT] + "..."
    for pattern in _SECRETS:
        text = pattern.sub(_HIDDEN, text)
    text = _NAMED.sub(rf"\1{_HIDDEN}", text)
    if "@" in text:
        text = _EMAIL.sub(_HIDDEN, text)
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class JsonFormatter(logging.Formatter):
    """`at`, `level`, `logger`, `message`, `requestId`, `traceId`, `error` with its traceback, and the `fields`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname,
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        if serving := request_id.get():
            line["requestId"] = serving
        if trace := trace_context.current():
            line["traceId"] = trace.split("-")[1]
        for name, value in getattr(record, "fields", {}).items():
            line[name] = redact(value) if isinstance(value, str) else value
        if record.exc_info:
            line["error"] = redact(self.formatException(record.exc_info))
        return orjson.dumps(line, default=str).decode()


AccessLog = Callable[[dict[str, Any]], None]
"""Writes one line for one request, from the event loop. The fields are safe as they are, not searched for secrets."""


def configure(level: str, stream: IO[str] | None = None) -> AccessLog:
    """Send every logger's lines to `stream` (stderr when None) as JSON; the access log goes there too.

    uvicorn's access log stays off: it prints query strings, where AppSync's sockets put their tokens.
    """
    out = stream or sys.stderr
    handler = logging.StreamHandler(out)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    for former in root.handlers[:]:
        root.removeHandler(former)
    root.addHandler(handler)
    root.setLevel(level)
    for name in ("botocore", "aiobotocore", "urllib3"):  # at DEBUG they print signed requests whole
        logging.getLogger(name).setLevel(max(logging.INFO, root.level))
    logging.getLogger("uvicorn.error").setLevel(max(logging.WARNING, root.level))
    logging.getLogger("uvicorn.access").disabled = True
    logging.captureWarnings(True)
    return _access_log(out) if root.level <= logging.INFO else _no_access_log


def _access_log(out: IO[str]) -> AccessLog:
    """Without the logging module, which takes longer over a line than the rest of a small request.

    Lines of one turn of the event loop are written together, when it ends.
    """
    lines: list[bytes] = []
    raw = getattr(out, "buffer", None)  # of a text stream over bytes: the lines need not be text in between

    def write(fields: dict[str, Any]) -> None:
        line = {"at": datetime.now(UTC), "level": "INFO", "logger": "access", "message": "request", **fields}
        if not lines:
            asyncio.get_running_loop().call_soon(flush)
        lines.append(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))

    def flush() -> None:
        together = b"".join(lines)
        lines.clear()
        try:
            if raw is None:
                out.write(together.decode())
            else:
                raw.write(together)
            out.flush()
        except (OSError, ValueError):
            pass  # nobody reads the log any more; requests go on

    return write


def _no_access_log(_: dict[str, Any]) -> None:
    """Lines of level INFO are not wanted."""
