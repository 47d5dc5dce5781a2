"""Committed changes, from DynamoDB Streams: told to the topic of changes, or handled here where there is none."""

from typing import Any

from app.functions.container import Container, LambdaContext

_container = Container("app.functions.working:open_work")


def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """Wants ReportBatchItemFailures on its event source mappings."""
    return _container.run(lambda work: work.changes(event["Records"]), context)
