"""What a process that reads hostile files does first of all: it bounds itself, and what it starts inherits that."""

import os
import sys
from typing import BinaryIO


def answers() -> BinaryIO:
    """Standard output, for answers alone: whatever a library prints from now on is none."""
    kept = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return kept


if sys.platform == "win32":  # which has no such limits

    def bound(*, memory_bytes: int, niceness: int) -> None:
        pass

    def forbid_files() -> None:
        pass

    def allow_processor_seconds(seconds: int) -> None:
        pass

else:
    import resource

    def bound(*, memory_bytes: int, niceness: int) -> None:
        """
        Args:
            niceness: above 0, for answering clients goes before.
        """
        os.nice(niceness)
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    def forbid_files() -> None:
        """From now on it writes none."""
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    def allow_processor_seconds(seconds: int) -> None:
        """From now on; beyond, it is killed."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        _, most = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + seconds, most))
