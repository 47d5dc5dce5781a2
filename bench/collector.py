"""Python's garbage collector in measurements that run in this process."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from app.garbage import collect_seldom


@contextmanager
def as_in_the_product() -> Iterator[None]:
    """What was made before is not looked at again, and what comes seldom."""
    thresholds = gc.get_threshold()
    gc.collect()
    gc.freeze()
    collect_seldom()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)
