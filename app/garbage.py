"""When Python looks for garbage that keeps itself alive: seldom, for neither imports nor requests make much of it."""

import gc


def collect_seldom() -> None:
    gc.set_threshold(50_000, 20, 100)
