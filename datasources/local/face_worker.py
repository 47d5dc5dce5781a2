"""A process that looks at pictures: `python -m datasources.local.face_worker`, told what to do on standard input.

Pictures may be hostile, and decoders are large. So they are read here, with no secret in the environment, in
bounded memory, and without the right to write a file.
"""

import sys
from typing import BinaryIO

import msgspec

from datasources.face_engine import UnreadablePicture
from datasources.local import child_bounds, face_model, face_picture
from datasources.local.face_frames import LENGTH, Described, Finding, Measured, Ready, Refused, Task, Unreadable, framed
from domain.errors import DomainError

MEMORY_BYTES = 1024**3
PROCESSOR_SECONDS = 20
"""For one picture."""
NICENESS = 5


def main() -> None:
    tasks, findings = sys.stdin.buffer, child_bounds.answers()
    child_bounds.bound(memory_bytes=MEMORY_BYTES, niceness=NICENESS)
    child_bounds.forbid_files()
    try:
        model = face_model.FaceModel()
    except face_model.ModelFault as fault:
        _write(findings, Ready(str(fault)))
        return
    _write(findings, Ready())
    while (task := _next(tasks)) is not None:
        child_bounds.allow_processor_seconds(PROCESSOR_SECONDS)
        _write(findings, _finding(model, task))


def _finding(model: face_model.FaceModel, task: Task) -> Finding:
    try:
        description = model.describe(face_picture.pixels(task.picture))
    except UnreadablePicture as error:
        return Unreadable(str(error))
    except DomainError as error:
        return Refused(error.code, error.info.get("reason"))
    if task.known is None:
        return Described(description)
    return Measured(face_model.distance(description, task.known))


def _next(tasks: BinaryIO) -> Task | None:
    """None when the server is gone."""
    head = tasks.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    body = tasks.read(length)
    return msgspec.msgpack.decode(body, type=Task) if len(body) == length else None


def _write(findings: BinaryIO, value: Finding | Ready) -> None:
    findings.write(framed(value))
    findings.flush()


if __name__ == "__main__":
    main()
