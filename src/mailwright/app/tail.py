"""The live tail: whoever listens is told of events as they are committed. One reader looks for all who listen."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from mailwright.app.logs import Logger
from mailwright.ports import Events
from mailwright.values import Unavailable
from mailwright.values.ids import least_id
from mailwright.webhooks import Happened
from mailwright.webhooks.following import WINDOW_MS, Following, position

TICK = 0.5  # seconds between two looks
BEAT = 15.0  # seconds of silence until a sign of life: proxies cut connections after 30 to 60
PAGE = 5_000  # ids of one read
MOST_WAITING = 200  # looks that a slow listener may be behind; then it is sent away, and resumes where it stood
STREAMS = 64  # at once; each holds a connection of the web port
STREAMS_OF_ONE = 5  # of one key


@dataclass(slots=True, eq=False)
class _Listener:
    account: int | None
    key: int
    news: "asyncio.Queue[Sequence[Happened] | None]" = field(default_factory=asyncio.Queue)  # None is the end

    async def batches(self) -> AsyncIterator[Sequence[Happened]]:
        """What is told, until the end; an empty one where nothing came for a while."""
        while True:
            try:
                news = await asyncio.wait_for(self.news.get(), BEAT)
            except TimeoutError:
                news = ()
            if news is None:
                return
            yield news


class Tail:
    """Lives in the event loop."""

    def __init__(self, events: Events, now: Callable[[], int], log: Logger) -> None:
        self._events, self._now, self._log = events, now, log
        self._listeners: set[_Listener] = set()
        self._reader: asyncio.Task[None] | None = None
        self._ended = False

    @property
    def listening(self) -> int:
        """How many listen now."""
        return len(self._listeners)

    def room(self, key: int) -> bool:
        """Whether a listener with this key may come."""
        mine = sum(listener.key == key for listener in self._listeners)
        return not self._ended and mine < STREAMS_OF_ONE and len(self._listeners) < STREAMS

    async def follow(self, *, account: int | None, key: int, after: int | None) -> AsyncIterator[Happened | None]:
        """Events of an account (None: of all) from now on, or behind the one with id `after`; None is a sign of life.

        Ends with `end`, or where the listener is too slow.
        """
        with self._listener(account, key) as listener:
            told: set[int] = set()
            first = 0 if after is not None else least_id(self._now())
            if after is not None:
                told.add(after)
                async for one in self._past(position(after), account, told):
                    yield one
            async for news in listener.batches():
                for one in [one for one in news if one.id not in told and one.id >= first]:
                    yield one
                if not news:
                    yield None

    def end(self) -> None:
        """Every listener is told the end, and nobody may come any more."""
        self._ended = True
        for listener in self._listeners:
            listener.news.put_nowait(None)

    async def close(self) -> None:
        """Stop reading."""
        self.end()
        if self._reader is not None:
            self._reader.cancel()

    @contextmanager
    def _listener(self, account: int | None, key: int) -> Iterator[_Listener]:
        listener = _Listener(account, key)
        self._listeners.add(listener)
        if self._ended:
            listener.news.put_nowait(None)
        elif self._reader is None:
            self._reader = asyncio.create_task(self._read(Following(self._behind)), name="tail")
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    @property
    def _behind(self) -> int:
        """The position behind which the reader looks: what is committed late was made a little earlier."""
        return least_id(self._now() - WINDOW_MS) - 1

    async def _past(self, at: int, account: int | None, told: set[int]) -> AsyncIterator[Happened]:
        """What is there already behind a position; what the reader may tell again is noted in `told`."""
        place: int | None = at
        behind = self._behind
        while place is not None:
            page, place = await self._events.after(place, account=account)
            for one in page:
                if one.id in told:
                    continue
                if one.id > behind:
                    told.add(one.id)
                yield one

    async def _read(self, following: Following) -> None:
        """While anybody listens."""
        try:
            while self._listeners:
                try:
                    await self._look(following)
                except Unavailable:
                    pass  # the store itself says so in the log
                except Exception as fault:  # noqa: BLE001 a fault in one look must not end the next ones
                    self._log.error("tail", cause=fault)
                await asyncio.sleep(TICK)
        finally:
            self._reader = None

    async def _look(self, following: Following) -> None:
        now, at, numbers = self._now(), following.at, list[int]()
        while True:
            page = await self._events.ids_after(at, limit=PAGE)
            numbers += page
            if len(page) < PAGE:
                break
            at = page[-1]
        fresh = following.fresh(numbers, now=now)
        if not fresh:
            return
        news = await self._events.these(fresh)
        for listener in list(self._listeners):
            mine = [one for one in news if listener.account in (None, one.account)]
            if mine:
                listener.news.put_nowait(mine if listener.news.qsize() < MOST_WAITING else None)
