"""One session for the AWS clients of a process: what they share is then read once, which takes a tenth of a second."""

from typing import Any


class AwsSession:
    """Imports AWS's libraries, which take longer than all the rest, when the first client is made."""

    def __init__(self) -> None:
        self._session: Any = None

    def get(self) -> Any:
        """An aioboto3.Session with AWS's usual chain of credentials."""
        if self._session is None:
            import aioboto3

            self._session = aioboto3.Session()
        return self._session
