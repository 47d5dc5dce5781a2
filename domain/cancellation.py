"""What a task that runs until it is cancelled has to know about cancellation."""

import asyncio


def heed_cancellation() -> None:
    """To be called where such a task has caught an error and would go on.

    A TaskGroup, or a gather, that fails in the moment in which its task is cancelled raises the failure and keeps the
    cancellation to itself. The task would go on, and whoever waits for its end would wait forever.

    Raises:
        CancelledError: this task was cancelled.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
