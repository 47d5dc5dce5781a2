"""A face worker that does what the picture says: it crashes, hangs, or tells of itself."""

import os
import sys
import time

import msgspec

from datasources.local.face_frames import LENGTH, Described, Ready, Task, framed


def main() -> None:
    if "--ends" in sys.argv:
        return
    fault = "no model" if "--broken" in sys.argv else None
    answer(framed(Ready(fault)))
    while head := sys.stdin.buffer.read(LENGTH.size):
        task = msgspec.msgpack.decode(sys.stdin.buffer.read(LENGTH.unpack(head)[0]), type=Task)
        if task.picture == b"crash":
            os._exit(1)
        if task.picture == b"hang":
            time.sleep(3_600)
        told = " ".join(os.environ) if task.picture == b"environment" else str(os.getpid())
        answer(framed(Described(told.encode())))


def answer(frame: bytes) -> None:
    sys.stdout.buffer.write(frame)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
