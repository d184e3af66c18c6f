"""The request log beside the path: bounded, counted where it loses, deleted after its days."""

import asyncio

from mailwright.app.logs import logger
from mailwright.app.requests import BATCH, DAY, MOST_WAITING, Requests
from mailwright.ports.requests import Request
from mailwright.storage import open_storage
from mailwright.values.ids import IdMaker, least_id, made_at

NOW = 1_800_000_000_000
ROW = Request(1, 7, "abcdefgh", "GET", "/emails", 200, "")


async def test_what_nobody_can_write_is_lost_and_counted() -> None:
    storage = open_storage("sqlite://")  # never started: every write is refused
    log = Requests(storage.requests, days=7, now=lambda: NOW, log=logger("api"))
    for _ in range(MOST_WAITING + 5):
        log.put(ROW)
    assert log.lost == 5
    await log.write()
    assert log.lost == MOST_WAITING + 5
    await log.forget()  # neither does this end the task
    await storage.close()


async def test_rows_are_written_in_batches_and_go_after_their_days() -> None:
    storage = open_storage("sqlite://")
    await storage.start()
    ids, now = IdMaker(1), NOW
    log = Requests(storage.requests, days=7, now=lambda: now, log=logger("api"))
    for _ in range(BATCH + 1):
        log.put(Request(ids.next(NOW), 7, "abcdefgh", "GET", "/emails", 200, ""))
    late = Request(ids.next(NOW + 5000), 7, "abcdefgh", "GET", "/emails", 200, "")
    log.put(late)
    await log.write()
    assert len(await storage.requests.page(account=7, limit=5000)) == BATCH + 2
    now = NOW + 7 * DAY + 2500
    await log.forget()
    assert await storage.requests.page(account=7) == [late]
    await storage.close()


async def test_no_days_keep_nothing() -> None:
    storage = open_storage("sqlite://")
    await storage.start()
    log = Requests(storage.requests, days=0, now=lambda: NOW, log=logger("api"))
    log.put(ROW)
    running = asyncio.create_task(log.run())
    await log.write()
    running.cancel()
    assert (await storage.requests.page(account=None), log.lost) == ([], 0)
    await storage.close()


def test_the_least_id_of_a_time() -> None:
    ids = IdMaker(0)
    assert least_id(NOW) <= ids.next(NOW)
    assert made_at(least_id(NOW)) == NOW
    assert least_id(0) == 0
    assert least_id(253_402_300_799_000) == 2**63 - 1, "the year 9999, which the layout of ids does not reach"
