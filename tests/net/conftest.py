"""The event loops of the socket tests."""

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop

BOTH = frozenset({"test_net_smtp_out.py"})  # the loops differ in TLS, in closing and in when they write


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """asyncio's own loop, and uvloop beside it where a file is tried on both."""
    both = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    return both if item.path.name in BOTH else {"asyncio": asyncio.new_event_loop}
