"""Messages from SQS: changes, Chime's events, results of scans, mail that came back."""

from typing import Any

from app.functions.container import Container, LambdaContext

_container = Container("app.functions.working:open_work")


def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """Wants ReportBatchItemFailures on its event source mappings."""
    return _container.run(lambda work: work.messages(event["Records"]), context)
