"""SIGKILL while webhooks are called: every event is told, what is told twice has the same id, and each mail's order is kept."""

import asyncio
import sqlite3
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from signal import SIGKILL

import pytest

from mailwright.values.ids import id_text
from tests.app.receivers import Heard, Receiver, says
from tests.crash.conftest import Tell
from tests.crash.house import House
from tests.crash.sink import Sink
from tests.crash.source import Source

MAILS, KILLS = 400, 4
PATIENCE = 120.0  # seconds


@pytest.mark.slow
async def test_kills_while_webhooks_are_called(data: Path, tmp_path: Path, tell: Tell) -> None:
    async def slowly(heard: Heard, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.02)  # so that a kill meets some on their way
        await says(200)(heard, writer)

    async with Receiver(slowly) as receiver, Sink(answer_after=0.002) as sink:
        more = f'webhooks.inner = ["127.0.0.1:{receiver.port}"]'
        async with House(tmp_path / "house", data, sink=sink.port, more=more) as house:
            wanted = ("--event", "email.accepted", "--event", "email.delivered")
            await house.run("webhook", "add", "acme", receiver.url, *wanted)
            source = Source()
            pumping = asyncio.create_task(source.pump(house.port, sessions=10, until=lambda: len(source.accepted) >= MAILS))
            for n in range(1, KILLS + 1):
                await _until(lambda n=n: len(receiver.heard) >= n * MAILS // (KILLS + 1))
                house.send(SIGKILL)
                await house.ended()
                await house.start()
            await pumping
            events = "SELECT id FROM event WHERE kind IN ('accepted', 'delivered')"
            with closing(sqlite3.connect(data / "mailwright.db", timeout=30)) as connection:

                def untold() -> set[str]:
                    there = {id_text(row[0]) for row in connection.execute(events)}
                    return there - {heard.headers["webhook-id"] for heard in receiver.heard}

                def all_is_told() -> bool:
                    delivered = connection.execute("SELECT count(*) FROM delivery WHERE state < 10").fetchone()[0] == 0
                    return delivered and not untold()

                await _until(all_is_told)
        told: defaultdict[str, list[str]] = defaultdict(list)
        for heard in receiver.heard:
            told[heard.json["data"]["email_id"]].append(heard.json["type"])
        twice = len(receiver.heard) - len({heard.headers["webhook-id"] for heard in receiver.heard})
        tell(f"{len(told)} mails, {len(receiver.heard)} calls over {KILLS} kills, {twice} of them told once more")
        assert set(source.accepted.values()) <= set(told)
        for names in told.values():
            first_delivered = names.index("email.delivered")
            assert "email.accepted" in names[:first_delivered]
            assert "email.accepted" not in names[first_delivered:]
        assert twice < KILLS * 64


async def _until(what: object) -> None:
    assert callable(what)
    async with asyncio.timeout(PATIENCE):
        while not what():
            await asyncio.sleep(0.05)
