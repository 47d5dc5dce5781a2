"""How many files, which sockets are too, a process may open."""

import sys
from contextlib import suppress

MOST_FILES = 65_536


def allow_many_files() -> int | None:
    """Lets this process and those it starts open as many files, which sockets are too, as it may; how many.

    Many shells and services give a process 1,024, and leave it to the process to ask for more. None on Windows,
    which has no such limit.
    """
    if sys.platform == "win32":
        return None
    import resource

    given, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if most == resource.RLIM_INFINITY else min(most, MOST_FILES)
    if given != resource.RLIM_INFINITY and given < wanted:
        with suppress(OSError, ValueError):  # some systems allow less than they say
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
