"""Event loops of tests that depend on the loop."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest

LoopFactories = Mapping[str, Callable[[], asyncio.AbstractEventLoop]]
_USUAL: LoopFactories = {"asyncio": asyncio.new_event_loop}


def pytest_asyncio_loop_factories(item: pytest.Item) -> LoopFactories:
    """Tests of a module that names its `LOOP_FACTORIES` run on each of them."""
    module: Any = item.getparent(pytest.Module)
    factories: LoopFactories = getattr(module.obj, "LOOP_FACTORIES", _USUAL)
    return factories
