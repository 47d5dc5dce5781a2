"""A process that works on one media's file: `python -m datasources.local.media_worker`, told what on standard input.

Files may be hostile, and decoders are large. So they are read here, with no secret in the environment and within
bounds of memory and time, which programs started from here inherit.
"""

import sys
from pathlib import Path
from typing import BinaryIO

import msgspec

from datasources.local import child_bounds, hls
from datasources.local.media_inspection import NotPlayable, inspect
from datasources.local.media_messages import Made, Message, Progress, Refused, Task
from datasources.local.media_pictures import Unreadable, pictures, thumbnails
from datasources.video_ladder import Rung

MEMORY_BYTES = 4 * 1024**3
NICENESS = 10


def main() -> None:
    messages = child_bounds.answers()
    child_bounds.bound(memory_bytes=MEMORY_BYTES, niceness=NICENESS)
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


if __name__ == "__main__":
    main()
