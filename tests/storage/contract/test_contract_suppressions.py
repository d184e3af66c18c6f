"""Suppressions, on both engines: each address once an account, found among many, in pages."""

import asyncio

import pytest

from mailwright.accounts.suppression import Origin, Suppression, suppressed_as
from mailwright.queue import State
from mailwright.storage import Storage
from mailwright.values import Address, NotFound
from tests.storage.mails import NOW, Mails


def suppression(mails: Mails, address: str, account: int = 7, origin: Origin = Origin.MANUAL) -> Suppression:
    number = mails.ids.next(NOW)
    return Suppression(number, account, suppressed_as(Address.parse(address)), "They asked.", origin, NOW, source=None)


async def test_an_address_is_kept_once(storage: Storage, mails: Mails) -> None:
    kept = storage.suppressions
    first, again, other = (
        suppression(mails, "Bob@x.example"),
        suppression(mails, "bob@X.example"),
        suppression(mails, "c@x.example"),
    )
    elsewhere = suppression(mails, "bob@x.example", account=8)
    assert not await storage.directory.suppresses(7)
    version = await storage.directory.version()
    assert await kept.add([first]) == [first]
    assert await kept.add([again, other]) == [first, other]
    assert await kept.add([elsewhere]) == [elsewhere]
    assert await storage.directory.version() > version, "views follow"
    assert await storage.directory.suppresses(7)
    assert list(await kept.among(7, ["bob@x.example", "d@x.example", *(f"{n}@x.example" for n in range(1200))])) == [first]
    assert await kept.one(7, address="bob@x.example") == await kept.one(7, number=first.id) == first
    for account, number in ((8, first.id), (7, 1)):
        with pytest.raises(NotFound):
            await kept.one(account, number=number)
    await kept.remove(8, [first.id])
    assert len(await kept.among(7, ["bob@x.example"])) == 1, "another's is not touched"
    await kept.remove(7, [first.id, other.id])
    assert not await storage.directory.suppresses(7)


async def test_two_at_the_same_time_keep_one(storage: Storage, mails: Mails) -> None:
    both = [suppression(mails, "a@x.example") for _ in range(2)]
    kept = await asyncio.gather(*(storage.suppressions.add([one]) for one in both))
    assert kept[0] == kept[1]


async def test_pages(storage: Storage, mails: Mails) -> None:
    news = [suppression(mails, f"{n}@x.example", origin=list(Origin)[n % 3]) for n in range(6)]
    await storage.suppressions.add(news)

    async def page(older: int | None = None, newer: int | None = None, origin: Origin | None = None) -> list[int]:
        found = await storage.suppressions.page(7, origin=origin, older_than=older, newer_than=newer, limit=2)
        return [news.index(one) for one in found]

    assert await page() == [5, 4]
    assert await page(older=news[4].id) == [3, 2]
    assert await page(newer=news[1].id) == [3, 2]
    assert await page(origin=Origin.BOUNCE) == [4, 1]


async def test_the_body_of_a_secret_mail_that_goes_nowhere_is_not_kept(storage: Storage, mails: Mails) -> None:
    gone, _ = await mails.accept(storage, state=State.BOUNCED, secret=True)
    assert not (await storage.store.story(gone.id, account=7)).has_body
    kept, _ = await mails.accept(storage, state=State.BOUNCED)
    assert (await storage.store.story(kept.id, account=7)).has_body
