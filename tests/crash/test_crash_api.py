"""SIGKILL at random moments while mail is handed in over HTTP, and every request is sent again until it is answered: each
idempotency key leaves exactly one message, and all its answers name it."""

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from random import Random
from signal import SIGKILL

import pytest

from bench.peers.poster import Connection, post
from mailwright.values.ids import id_text
from tests.crash.conftest import Tell
from tests.crash.house import House
from tests.crash.source import DOMAIN
from tests.crash.test_crash_kill import rows

MAILS, KILLS, CLIENTS, SEED = 5_000, 12, 32, 4711
AGAIN = 0.05  # seconds before a client tries again
NOBODY = 9  # a port where nothing listens: mail waits, and is not what this is about
SETTINGS = {"MAILWRIGHT_HTTP__REQUESTS": "100000"}


class Clients:
    """Hand in numbered mails; what was answered to each, and how often it was asked."""

    def __init__(self, house: House, key: str, kills: list[int]) -> None:
        self._house, self._key, self._kills = house, key, kills
        self._numbers: Iterator[int] = iter(range(MAILS))
        self.answers: defaultdict[int, set[str]] = defaultdict(set)
        self.asked = 0
        self.died = asyncio.Event()

    async def client(self) -> None:
        """One connection after the other, one mail after the other. Every tenth mail is asked for once more."""
        connection: Connection | None = None
        for number in self._numbers:
            for _ in range(2 if number % 10 == 0 else 1):
                connection = await self._until_answered(connection, number)
        if connection is not None:
            connection.close()

    async def _until_answered(self, connection: Connection | None, number: int) -> Connection:
        while True:
            try:
                connection = connection or await Connection.open(self._house.http)
                self.asked += 1
                self._kill_when_due()
                answer = await connection.ask(self._request(number))
            except OSError:
                connection = None
                await asyncio.sleep(AGAIN)
                continue
            if answer.status != 503:
                assert answer.status == 200, answer.body
                self.answers[number].add(json.loads(answer.body)["id"])
                return connection
            await asyncio.sleep(AGAIN)

    def _kill_when_due(self) -> None:
        if self._kills and self.asked >= self._kills[-1] and self._house.alive and not self.died.is_set():
            self._kills.pop()
            self._house.send(SIGKILL)
            self.died.set()

    def _request(self, number: int) -> bytes:
        mail = {
            "from": f"app@{DOMAIN}", "to": f"m{number}@dest.example", "subject": str(number), "text": "Hello.\n" * 50,
            "attachments": [{"filename": "a.txt", "content": "QUJD" * (100_000 if number % 500 == 7 else 10)}],
        }  # fmt: skip
        return post("/emails", self._key, json.dumps(mail).encode(), {"idempotency-key": f"k{number}"})


async def restarts(house: House, clients: Clients, times: int) -> None:
    for _ in range(times):
        await clients.died.wait()
        await house.ended()
        await house.start()
        clients.died.clear()


@pytest.mark.slow
async def test_each_key_leaves_one_message(data: Path, tmp_path: Path, tell: Tell) -> None:
    kills = sorted(Random(SEED).sample(range(MAILS // 20, MAILS), KILLS), reverse=True)
    async with House(tmp_path, data, sink=NOBODY, env=SETTINGS) as house:
        key = (await house.run("key", "add", "acme")).split()[0]
        assert re.fullmatch(r"mw_\w+_\w+", key)
        clients = Clients(house, key, kills)
        async with asyncio.TaskGroup() as group:
            group.create_task(restarts(house, clients, KILLS))
            for _ in range(CLIENTS):
                group.create_task(clients.client())
        assert await house.stop() == 0
    kept = rows(data / "mailwright.db", "SELECT idempotency_key, id FROM message")
    by_key = {str(key): int(str(number)) for key, number in kept}
    assert len(kept) == len(by_key) == MAILS, "each key leaves exactly one message"
    assert {number: {id_text(by_key[f"k{number}"])} for number in range(MAILS)} == clients.answers
    whole = rows(data / "mailwright.db", "SELECT count(*) FROM (SELECT message FROM body GROUP BY message)")
    assert whole == [(MAILS,)], "no body without a message, no message without its body"
    sizes = rows(data / "mailwright.db", "SELECT count(*) FROM message WHERE size != (SELECT sum(length(bytes)) FROM body "
                 "WHERE body.message = message.id)")  # fmt: skip
    assert sizes == [(0,)]
    tell(f"HTTP, {KILLS} kills: {clients.asked:,} requests for {MAILS:,} keys, {len(kept):,} messages")
