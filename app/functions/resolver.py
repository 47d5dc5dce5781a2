"""AppSync's fields, one or a batch."""

from typing import Any

from app.functions.container import Container, LambdaContext

_container = Container("app.functions.resolving:open_resolver")


def handler(event: Any, context: LambdaContext) -> Any:
    """Raises BadEvent, which nobody but a caller other than AppSync comes to see."""
    return _container.run(lambda invocations: invocations.answer(event, context.aws_request_id), context)
