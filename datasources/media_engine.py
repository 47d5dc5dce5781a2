"""What turns an uploaded file into what can be shown: lengths and sizes, still images, renditions; as a narrow port."""

from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

from domain.media import MediaAsset, Processed

Report = Callable[[float], Awaitable[None]]
"""Takes how many percent are done, each time they have grown."""


class Unprocessable(Exception):
    """Nothing can be made of this file, now or later. Its text is one sentence for the file's owner."""


class Underway(msgspec.Struct, frozen=True):
    """The work goes on elsewhere; ask again later."""

    percent: float


class MediaEngine(Protocol):
    async def process(self, media: MediaAsset, report: Report) -> Processed | Underway:
        """Makes what belongs to the media, under keys that begin with its `folder`.

        A repeat for the same `job_started_at` goes on with the same work, or makes the same anew; it never makes
        two. When it is cancelled, nothing of it goes on in this process.

        Raises:
            Unprocessable.
            DomainError: THROTTLED, DEPENDENCY_FAILED; it may work later.
        """
        ...
