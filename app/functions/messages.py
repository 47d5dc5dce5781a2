"""Messages that SQS hands to a Lambda, as the client of a queue that holds nothing else.

What reads a queue on the server reads them unchanged: it takes them, and deletes what is done.
"""

from collections.abc import Mapping, Sequence
from typing import Any


class ArrivedMessages:
    """One call's messages. As much of aioboto3's "sqs" client as `datasources/aws/queue_messages.py` calls."""

    def __init__(self) -> None:
        self._waiting: list[Mapping[str, Any]] = []
        self._undone: dict[str, str] = {}

    def take(self, records: Sequence[Mapping[str, Any]]) -> None:
        """What the next call of `receive_message` gives."""
        self._waiting = list(records)
        self._undone = {record["receiptHandle"]: record["messageId"] for record in records}

    @property
    def undone(self) -> list[str]:
        """Ids of those that were not deleted."""
        return list(self._undone.values())

    async def receive_message(self, **_: Any) -> dict[str, Any]:
        """All of them the first time, and none afterwards."""
        waiting, self._waiting = self._waiting, []
        return {"Messages": [{"Body": each["body"], "ReceiptHandle": each["receiptHandle"]} for each in waiting]}

    async def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> dict[str, Any]:  # noqa: N803 - SQS' names
        """Lambda deletes what is not reported as a failure."""
        self._undone.pop(ReceiptHandle, None)
        return {}
