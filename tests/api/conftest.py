"""One house for all cases of a module: starting one takes half a second. Cases so make accounts with names of their own."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.api.asking import Api
from tests.e2e.conftest import MEMORY


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api() -> AsyncIterator[Api]:
    with tempfile.TemporaryDirectory(prefix="mw-api-", dir=MEMORY if MEMORY.is_dir() else None) as folder:
        async with Api(Path(folder), "http.accounts_add_domains = false\n") as served:
            yield served
