"""One served house for all clients of a test process, and Django's settings, which a process has once."""

from collections.abc import Iterator

import pytest
from django.conf import settings

from tests.clients.running import Running, running

settings.configure(DEFAULT_FROM_EMAIL="Anna <anna@demo.example>", ALLOWED_HOSTS=["*"], USE_TZ=True)


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A `mailwright run` in capture mode, fresh: account demo, domain demo.example."""
    with running(tmp_path_factory.mktemp("house")) as house:
        yield house
