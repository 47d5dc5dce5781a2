"""A process that works on one media's file: `python -m datasources.local.media_worker`, told what on standard input.

Files may be hostile, and decoders are large. So they are read here, with no secret in the environment and within
bounds of memory and time, which programs started from here inherit.
"""

import os
import sys
from pathlib import Path
from typing import BinaryIO

import msgspec

from datasources.local import hls
from datasources.local.media_inspection import NotPlayable, inspect
from datasources.local.media_messages import Made, Message, Progress, Refused, Task
from datasources.local.media_pictures import Unreadable, pictures, thumbnails
from datasources.video_ladder import Rung

MEMORY_BYTES = 4 * 1024**3
NICENESS = 10
"""Answering clients goes before making renditions."""


def main() -> None:
    messages = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a library prints is no message
    _bound()
    task = msgspec.json.decode(sys.stdin.buffer.readline(), type=Task)
    source, folder = Path(task.source), Path(task.folder)
    try:
        if task.kind == "IMAGE":
            made = pictures(source, task.content_type, folder)
        else:
            made = _playing(task, source, folder, messages)
        _tell(messages, made)
    except (Unreadable, NotPlayable) as refusal:
        _tell(messages, Refused(str(refusal)))
    except hls.Untranscodable:
        _tell(messages, Refused("The file cannot be converted."))


def _playing(task: Task, source: Path, folder: Path, messages: BinaryIO) -> Made:
    facts = inspect(source, task.content_type, with_picture=task.content_type.startswith("video/"))
    stills = () if facts.still is None else thumbnails(facts.still, folder, facts.still_at)
    rungs: tuple[Rung, ...] = ()
    if task.ffmpeg is not None:
        rungs = hls.transcode(
            task.ffmpeg,
            source,
            task.content_type,
            facts,
            folder,
            threads=task.threads,
            report=lambda percent: _tell(messages, Progress(percent)),
        )
    return Made(
        duration_seconds=max(1, round(facts.seconds)),
        width=facts.width,
        height=facts.height,
        stills=stills,
        has_playlist=task.ffmpeg is not None,
        rungs=rungs,
    )


def _tell(messages: BinaryIO, message: Message) -> None:
    messages.write(msgspec.json.encode(message) + b"\n")
    messages.flush()


if sys.platform == "win32":  # which has no such limits

    def _bound() -> None:
        pass

else:
    import resource

    def _bound() -> None:
        os.nice(NICENESS)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
