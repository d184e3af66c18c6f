"""A small version of the bench: what somebody waits for passes what nobody misses for an hour."""

from pathlib import Path

import pytest

from bench import priority
from bench.context import Context
from bench.peers.program import Absent

NEWSLETTERS, PASSWORDS = 20_000, 20


@pytest.mark.slow
@pytest.mark.parametrize("system", [priority.SQLITE, priority.POSTGRES])
def test_password_mails_pass_newsletters(system: str, tmp_path: Path) -> None:
    """The goal is a time: here it is the one of the bench, some forty times of what is measured."""
    context = Context(tmp_path, rounds=1, seconds=1.0)
    try:
        found = priority.waits(context, system, NEWSLETTERS, PASSWORDS)
    except Absent as absent:
        pytest.skip(str(absent))
    assert found.passing > 0, "newsletters were still on their way"
    assert len(found.seconds) == PASSWORDS
    assert found.p99 <= priority.GOAL
