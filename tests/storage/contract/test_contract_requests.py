"""The request log's contract, on both engines."""

import pytest

from mailwright.ports.requests import Request
from mailwright.storage import Storage
from mailwright.values import NotFound

MANY = 250  # more than one statement takes


def row(number: int, account: int = 7) -> Request:
    return Request(number, account, "abcdefgh", "POST", "/emails", 200, "resend-python:2.0 ü")


async def test_pages_are_newest_first_and_of_one_account(storage: Storage) -> None:
    log = storage.requests
    await log.keep([])
    await log.keep([row(number, 7 + number % 2) for number in range(1, MANY + 1)])
    newest = await log.page(account=7, limit=3)
    assert newest == [row(250), row(248), row(246)]
    assert [one.id for one in await log.page(account=7, after=246, limit=2)] == [244, 242]
    assert [one.id for one in await log.page(account=7, before=242, limit=2)] == [246, 244]
    assert [one.id for one in await log.page(account=None, limit=2)] == [250, 249]
    assert await log.one(249, account=8) == await log.one(249, account=None) == row(249, 8)
    for strange in (log.one(249, account=7), log.one(9999, account=None)):
        with pytest.raises(NotFound):
            await strange


async def test_old_ones_are_deleted_in_steps(storage: Storage) -> None:
    log = storage.requests
    await log.keep([row(number) for number in range(1, 11)])
    assert [await log.forget(until=8, limit=4) for _ in range(3)] == [4, 3, 0]
    assert [one.id for one in await log.page(account=7)] == [10, 9, 8]
