"""What happens by the clock: timers, sweeps, reminders, exports, the processing of media."""

from typing import Any

from app.functions.container import Container, LambdaContext

_container = Container("app.functions.working:open_work")


def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Runs each timed step once.

    Args:
        event: `{"steps": ["media-p", "exports"]}` runs those whose names begin so; without it, all.
    """
    _container.run(lambda work: work.clock(event.get("steps", ())), context)
