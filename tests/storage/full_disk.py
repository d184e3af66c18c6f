"""A process whose files may not grow: accepts mail until the disk is full, makes room, goes on. Says what it saw as JSON."""

import asyncio
import json
import resource
import sys
from pathlib import Path

from mailwright.storage import Storage, open_storage
from mailwright.values import Unavailable
from tests.storage.mails import Mails

ROOM = 300_000  # octets that files may grow by


def limit(room: tuple[int, int], storage: Storage) -> None:
    """For this process and for the one that writes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, room)
    hand = storage._door._writer._hand
    assert hand is not None
    assert hand.pid is not None
    resource.prlimit(hand.pid, resource.RLIMIT_FSIZE, room)


async def main(path: Path) -> None:
    mails, storage = Mails(), open_storage(f"sqlite:///{path}")
    await storage.start()
    kept, refused = [], []
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = path.with_name(path.name + "-wal").stat().st_size
    limit((size + ROOM, most), storage)
    for _ in range(60):
        try:
            message, _ = await mails.accept(storage, content=[b"x" * 10_000])
            kept.append(message.id)
        except Unavailable as fault:
            refused.append([str(fault), fault.remedy])
    limit((most, most), storage)
    message, _ = await mails.accept(storage)
    listed = {one.id for one, _ in await storage.store.messages(account=None, limit=100)}
    await storage.close()
    sys.stdout.write(json.dumps({"kept": len(kept), "refused": refused, "intact": listed == {*kept, message.id}}))


asyncio.run(main(Path(sys.argv[1])))
