"""HTTP beside GraphQL: a function URL, or an HTTP API of API Gateway."""

from typing import Any

from app.functions.container import Container, LambdaContext
from app.functions.http_events import answer

_container = Container("app.functions.serving:open_pages")


def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """Takes payload version 2.0."""
    return _container.run(lambda pages: answer(pages, event), context)
