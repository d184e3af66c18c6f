"""The Store: accepting, reading and keeping mail."""

from collections.abc import Iterator, Sequence

from mailwright.ports.store import Listed, Story
from mailwright.queue import Accepted, Duplicate, EventRow, KeyReused, NewDelivery, NewMessage, State
from mailwright.storage import keeping, reading
from mailwright.storage.door import Door, bind
from mailwright.storage.group import Accepting
from mailwright.storage.rows import delivery_row, event_row, message_row
from mailwright.values import Malformed


class SqlStore:
    """ports.Store over SQL."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._purged_to = 0  # where the walk over the bodies goes on

    async def accept(
        self, message: NewMessage, content: Sequence[bytes], deliveries: Sequence[NewDelivery], events: Sequence[EventRow]
    ) -> Accepted | Duplicate | KeyReused:
        """See ports.Store. A LEASED delivery belongs to the worker that this process registered."""
        lease = self._door.worker
        if lease is None and any(delivery.state is State.LEASED for delivery in deliveries):
            raise Malformed("A delivery was handed over in memory before a worker was registered.", "Register the worker first.")
        unit = Accepting(
            message, message_row(message), [(message.id, seq, part) for seq, part in enumerate(content)],
            [delivery_row(delivery, message, lease) for delivery in deliveries], [event_row(event) for event in events],
        )  # fmt: skip
        await self._door.group(unit)
        return unit.result or Accepted(message.id)

    async def known(self, *, account: int, key: str, digest: str, now: int) -> int | None:
        """See ports.Store."""
        return await self._door.read(reading.known, account, key, digest, now)

    async def spool(self, message: int, seq: int, content: bytes) -> None:
        """See ports.Store."""
        await self._door.write_soon(keeping.spool, message, seq, content)

    async def unspool(self, message: int) -> None:
        """See ports.Store."""
        await self._door.write_soon(keeping.unspool, message)

    def content(self, message: int, *, first: int = 0) -> Iterator[bytes]:
        """See ports.Store."""
        seq = first
        while (part := self._door.read_here(bind(reading.body_row, message, seq))) is not None:
            yield part
            seq += 1

    async def keep_signature(self, message: int, key: int, signature: bytes) -> None:
        """See ports.Store."""
        await self._door.write_soon(keeping.keep_signature, message, key, signature)

    async def signatures(self, message: int) -> Sequence[tuple[int, bytes]]:
        """See ports.Store."""
        return await self._door.read(reading.signatures, message)

    async def operator_secret(self, name: str, fresh: bytes) -> bytes:
        """See ports.Store."""
        return await self._door.write(keeping.operator_secret, name, fresh)

    async def story(self, message: int, *, account: int | None) -> Story:
        """See ports.Store."""
        return await self._door.read(reading.story, message, account)

    async def find(self, number: int, *, account: int | None) -> int:
        """See ports.Store."""
        return await self._door.read(reading.find, number, account)

    async def messages(
        self, *, account: int | None, state: State | None = None, before: int | None = None, limit: int = 50
    ) -> Sequence[tuple[NewMessage, State]]:
        """See ports.Store."""
        return await self._door.read(reading.messages, account, state, before, limit)

    async def listed(
        self, *, account: int | None, older_than: int | None = None, newer_than: int | None = None, limit: int = 50
    ) -> Sequence[Listed]:
        """See ports.Store."""
        return await self._door.read(reading.listed, account, older_than, newer_than, limit)

    async def purge(self, *, now: int, limit: int = 1000) -> int:
        """See ports.Store; the walk goes on where the last call ended."""
        gone, self._purged_to = await keeping.purge(self._door, start=self._purged_to, now=now, limit=limit)
        return gone

    async def sweep_orphans(self) -> int:
        """See ports.Store."""
        return await keeping.sweep_orphans(self._door)
