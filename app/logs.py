"""Logs: one JSON object a line on stderr, with the request's id and without secrets.

No value of a request can forge a line or move a terminal's cursor: control characters are escaped.
"""

import asyncio
import logging
import re
import sys
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import IO, Any

import msgspec
import orjson
from msgspec import UNSET, UnsetType

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
        return orjson.dumps(line, default=str, option=orjson.OPT_UTC_Z).decode()


class AccessLine(msgspec.Struct, rename="camel", kw_only=True, gc=False):
    """What the access log tells of a request, or of the end of a socket.

    Nothing in it is searched for secrets: it is safe as it is. What is UNSET is not told.

    Attributes:
        at: set when the line is told.
        path: a known one, or what may be shown of another.
        status: 0 until there is one.
        ms: milliseconds from the head of the request to the end of its answer.
        socket: the request was a handshake.
        closed: the socket's code; None when it broke off.
        seconds: that it was open.
    """

    at: datetime | UnsetType = UNSET
    level: str = "INFO"
    logger: str = "access"
    message: str = "request"
    request_id: str
    method: str
    path: str
    status: int | UnsetType = UNSET
    ms: float | UnsetType = UNSET
    mode: str | UnsetType = UNSET
    operation: str | UnsetType = UNSET
    socket: bool | UnsetType = UNSET
    closed: int | UnsetType | None = UNSET
    seconds: float | UnsetType = UNSET


AccessLog = Callable[[AccessLine], None]
"""Told of each request, from the event loop, when it is answered. The line is not changed any more."""
ReadLines = Callable[[Sequence[AccessLine]], None]
HOLD_SECONDS = 0.05
"""What a server may hold access lines back, and so what is lost of them when it is killed."""
MOST_HELD_LINES = 1_000


def configure(level: str, stream: IO[str] | None = None, *, hold_seconds: float = 0) -> "AccessLines":
    """Send every logger's lines to `stream` (stderr when None) as JSON; the access log goes there too.

    Args:
        hold_seconds: of the access log. Whoever gives it flushes the log at the end.

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
    return AccessLines(out if root.level <= logging.INFO else None, hold_seconds)


class AccessLines:
    """An access log that does without the logging module, which takes longer over a line than a small request.

    Lines are made and written together, when the turn of the event loop ends, or later.

    Args:
        out: None: no lines are wanted; readers may want them all the same.
        hold_seconds: how long a line may wait for others. 0: for the end of the turn.
    """

    def __init__(self, out: IO[str] | None, hold_seconds: float) -> None:
        self._out = out
        self._raw = getattr(out, "buffer", None)  # of a text stream over bytes: the lines need not be text in between
        self._hold_seconds = hold_seconds
        self._held: list[AccessLine] = []
        self._readers: list[ReadLines] = []

    def add_reader(self, reader: ReadLines) -> None:
        """Shown many lines at once, when they are written, or would be."""
        self._readers.append(reader)

    def __call__(self, line: AccessLine) -> None:
        held = self._held
        if not held:
            self._flush_soon()
        line.at = datetime.now(UTC)
        held.append(line)
        if len(held) >= MOST_HELD_LINES:
            self.flush()

    def _flush_soon(self) -> None:
        loop = asyncio.get_running_loop()
        if self._hold_seconds:
            loop.call_later(self._hold_seconds, self.flush)
        else:
            loop.call_soon(self.flush)

    def flush(self) -> None:
        """Writes what is held."""
        held, self._held = self._held, []
        if not held:
            return
        for reader in self._readers:
            reader(held)
        if self._out is None:
            return
        lines = _encode_lines(held)
        try:
            if self._raw is None:
                self._out.write(lines.decode())
            else:
                self._raw.write(lines)
            self._out.flush()
        except (OSError, ValueError):
            pass  # nobody reads the log any more; requests go on


_encode_lines = msgspec.json.Encoder().encode_lines
