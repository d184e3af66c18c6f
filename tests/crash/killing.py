"""Mail flows while processes are killed at random moments; then the books are compared: handed in, seen, stored."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from mailwright.queue import EventKind, State
from mailwright.storage import open_storage
from tests.crash.house import House
from tests.crash.sink import Sink
from tests.crash.source import Source

SESSIONS = 20
SETTLE_SECONDS = 120.0  # a lease of a dead process runs out, then its mail is sent again
BEGUN = f"SELECT recipient FROM delivery WHERE state = {int(State.SENDING)}"
OPEN = f"SELECT recipient, state, lease, unknown FROM delivery WHERE state < {int(State.DELIVERED)}"
WORKERS = "SELECT id, heartbeat_at, pid FROM worker"
Query = Callable[[str], list[tuple[object, ...]]]
AfterKill = Callable[[House], list[str]]  # what is done before the restart: the mails whose delivery was begun and is not settled


@dataclass(slots=True)
class Books:
    """What the test knows; `exposed` counts for each mail the kills that found it begun and without a stored outcome."""

    source: Source
    sink: Sink
    exposed: Counter[str] = field(default_factory=Counter)
    marked: set[str] = field(default_factory=set)

    @property
    def missing(self) -> list[str]:
        """Mails that got their 250 and did not arrive."""
        return [mail for mail in self.source.accepted if not self.sink.answered[mail]]

    @property
    def doubles(self) -> dict[str, int]:
        """Mails that arrived more than once, and how often."""
        return {mail: times for mail, times in self.sink.seen.items() if times > 1}

    def __str__(self) -> str:
        extra = sum(self.doubles.values()) - len(self.doubles)
        return (
            f"accepted {len(self.source.accepted):,}, without an answer {len(self.source.unheard)}, "
            f"refused {len(self.source.refused)}, arrived {len(self.sink.answered):,}, doubles {extra}, "
            f"met by a kill between begin and outcome {self.exposed.total()}, doubles that are marked {len(self.marked)}"
        )


class Kills:
    """Kills one of the houses at random events; an event is a 250 of ours, a final dot, or a 250 of the other side."""

    def __init__(
        self, chance: Random, *, mails: int, times: int, houses: Sequence[House], books: Books, whole: bool = False
    ) -> None:
        """`whole`: with a house goes what it has started."""
        self._whole = whole
        self._chance, self._standing = chance, list(houses)
        self._moments = sorted(chance.sample(range(mails // 20, mails * 3), times), reverse=True)
        self._events = 0
        self.dead: asyncio.Queue[House] = asyncio.Queue()
        books.source.on_accept = books.sink.on_dot = books.sink.on_answer = self._event

    @property
    def left(self) -> int:
        """How many are to come."""
        return len(self._moments)

    def stands(self, house: House) -> None:
        """A house was started again."""
        self._standing.append(house)

    def _event(self, _: str) -> None:
        self._events += 1
        if self._moments and self._events >= self._moments[-1] and self._standing:
            self._moments.pop()
            house = self._standing.pop(self._chance.randrange(len(self._standing)))
            house.kill(whole=self._whole)
            self.dead.put_nowait(house)


async def flow(houses: Sequence[House], books: Books, kills: Kills, *, mails: int, after_kill: AfterKill) -> None:
    """Hand in over all houses; each that is killed is started again. Ends when all that was accepted has arrived."""
    source = books.source

    def enough() -> bool:
        return len(source.accepted) >= mails and not kills.left and kills.dead.empty()

    async def restart() -> None:
        for _ in range(kills.left):
            house = await kills.dead.get()
            await house.ended()
            books.exposed.update(await asyncio.to_thread(after_kill, house))
            await house.start()
            kills.stands(house)

    async with asyncio.TaskGroup() as group:
        group.create_task(restart())
        for house in houses:
            group.create_task(source.pump(house.port, sessions=SESSIONS // len(houses), until=enough))
    await books.sink.until(lambda: not books.missing, seconds=SETTLE_SECONDS)


async def settled(query: Query, *, seconds: float = SETTLE_SECONDS) -> None:
    """Wait until no delivery is open."""
    still: list[tuple[object, ...]] = []
    try:
        async with asyncio.timeout(seconds):
            while still := await asyncio.to_thread(query, OPEN):
                await asyncio.sleep(0.2)
    except TimeoutError:
        told = f"{len(still)} deliveries are still open, such as {still[:5]}; the workers are {query(WORKERS)}"
        raise AssertionError(told) from None


async def mark(books: Books, url: str, query: Query) -> None:
    """Look up which doubles are marked as such: by the delivery, and by an event for each copy too many."""
    storage = open_storage(url)
    await storage.start(serve=False)
    try:
        for mail, times in books.doubles.items():
            story = await storage.store.story(message_of(mail, query), account=None)
            unknown = [event for event in story.events if event.kind is EventKind.UNKNOWN]
            if story.deliveries[0].unknown and len(unknown) >= times - 1:
                books.marked.add(mail)
    finally:
        await storage.close()


def message_of(mail: str, query: Query) -> int:
    """The message that a mail became; its 250 may not have been heard."""
    ((number,),) = query(f"SELECT message FROM delivery WHERE recipient = '{mail}@dest.example'")
    return int(str(number))


def confirm(books: Books, *, mails: int) -> None:
    """What a crash may do, and what it may not."""
    assert len(books.source.accepted) >= mails
    assert books.missing == [], "a 250 is a promise"
    more = {mail: times for mail, times in books.doubles.items() if times - 1 > books.exposed[mail]}
    assert more == {}, "only what was between its begin and its outcome at a kill may arrive again"
    assert set(books.doubles) == books.marked, "each of them is told"
