"""AppSync's Lambda mode: whom a token stands for, as the function that LAMBDA_AUTHORIZER names says."""

from typing import Any

from app.functions.container import Container, LambdaContext

_container = Container("app.functions.authorizing:open_authorizer")


def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """Never raises for what the function does: that is a refusal."""
    return _container.run(lambda authorizer: authorizer.answer(event), context)
