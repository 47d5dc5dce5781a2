"""`python -m tests.app.realtime.tricked_server serve`: the server with short times, which may die at a bad moment.

DIES_BEFORE names a publishing mutation: the process is killed when it is about to tell of such a change for the
first time, so right after the commit. WORKS_FROM names a file: the workers begin when it is there.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from datasources import connections

connections.LEASE_SECONDS = 3  # before others make their own times of it

from app import presence_steps, repairs, workers  # noqa: E402 - see above
from app.cli.main import main  # noqa: E402 - see above
from app.realtime import presence_keeper, publishing  # noqa: E402 - see above
from tests.waiting import until  # noqa: E402 - see above

presence_keeper.GRACE_SECONDS = 1.0
presence_steps.SECONDS = repairs.SECONDS = 0.5
workers.LEASE_SECONDS, workers.RENEW_SECONDS = 3.0, 0.5

fatal = os.environ.get("DIES_BEFORE")
publish = publishing.Publisher.publish


async def publish_or_die(self: publishing.Publisher, mutation: str, /, **key: Any) -> None:
    if mutation == fatal:
        os.kill(os.getpid(), signal.SIGKILL)
    await publish(self, mutation, **key)


publishing.Publisher.publish = publish_or_die  # type: ignore[method-assign] # that is the trick
work = workers.Workers.run


async def work_later(self: workers.Workers) -> None:
    sign = os.environ.get("WORKS_FROM")
    if sign is not None:
        await until(Path(sign).exists)
    await work(self)


workers.Workers.run = work_later  # type: ignore[method-assign] # so that a test is there before they are
if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
