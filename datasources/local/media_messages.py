"""What the server and the process that works on a media's file tell each other: one JSON object a line."""

import msgspec

from datasources.video_ladder import Rung
from domain.uploads import MediaKind

MASTER_PLAYLIST = "hls/master.m3u8"
"""Where it is in the task's folder."""


class Task(msgspec.Struct, frozen=True):
    """What to do.

    Attributes:
        source: path of the file.
        folder: path of where to put what is made; exists and is empty.
        ffmpeg: the program; None: no renditions of what plays.
        threads: processors that it may use.
    """

    kind: MediaKind
    content_type: str
    source: str
    folder: str
    ffmpeg: str | None
    threads: int


class Still(msgspec.Struct, frozen=True):
    """`name`: of the file in the task's folder."""

    name: str
    width: int
    height: int
    position_seconds: int | None = None


class Progress(msgspec.Struct, frozen=True, tag=True):
    percent: float


class Made(msgspec.Struct, frozen=True, tag=True):
    """All went well.

    Attributes:
        has_playlist: whether there is `MASTER_PLAYLIST`.
        rungs: the sizes in it, smallest first; empty for sound.
        picture: the still that is the whole image in a form that every browser shows.
    """

    duration_seconds: int | None = None
    width: int | None = None
    height: int | None = None
    stills: tuple[Still, ...] = ()
    has_playlist: bool = False
    rungs: tuple[Rung, ...] = ()
    picture: Still | None = None


class Refused(msgspec.Struct, frozen=True, tag=True):
    """Nothing can be made of the file; `reason` is one sentence for its owner."""

    reason: str


Message = Progress | Made | Refused
