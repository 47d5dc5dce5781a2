"""Which trace the work at hand belongs to, so that it travels with what is handed on: W3C's `traceparent`.

It is set by whoever makes spans (app/telemetry/tracing.py); without traces it is None everywhere and costs nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_current: ContextVar[str | None] = ContextVar("traceparent", default=None)


def current() -> str | None:
    return _current.get()


@contextmanager
def within(traceparent: str | None) -> Iterator[None]:
    """What is done in here belongs to that trace; None: to none."""
    token = _current.set(traceparent)
    try:
        yield
    finally:
        _current.reset(token)
