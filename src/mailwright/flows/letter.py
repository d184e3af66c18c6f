"""letter: compose -> examine as any mail -> large? spool what follows the header -> keep."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from mailwright.accounts import Submitter
from mailwright.flows.submit import HandedIn, Office, Ready, Receipt, examine, keep
from mailwright.message import Asked, Hop, Refused, split
from mailwright.message.compose import Letter, compose
from mailwright.ports.store import CHUNK
from mailwright.values import Address, Finding, Unavailable
from mailwright.values.finding import error
from mailwright.values.ids import id_text

ADDED = 1024  # octets that dressing adds to a header at most
PEER = "http-api"  # what our Received field says the mail came from


@dataclass(frozen=True, slots=True)
class Sealed:
    """A letter as a mail that may be kept; `rest` is what is spooled ahead of it where it is large."""

    ready: Ready
    rest: memoryview | None = None


async def seal(
    letter: Letter, recipients: Sequence[Address], asked: Asked, submitter: Submitter, office: Office, *, most: int
) -> Sealed | Refused:
    """A letter as a mail of at most `most` octets, not kept yet. Raises Malformed where it cannot be written."""
    number = office.ids.next(now := office.now())
    mark = id_text(number)
    message_id = f"<{mark}@{office.hostname}>"
    if weight(letter) <= CHUNK:
        raw = compose(letter, now_ms=now, message_id=message_id)
    else:
        raw = await asyncio.to_thread(compose, letter, now_ms=now, message_id=message_id)
    if len(raw) > most:
        return Refused((too_large(len(raw), most),))
    head, _ = split(raw)
    hop = Hop(PEER, office.hostname, "HTTP", mark)
    mail = HandedIn(
        number, submitter, letter.author.address, recipients, hop, head, smtputf8=not head.isascii(), by="http", asked=asked
    )
    large = len(raw) > CHUNK - ADDED
    if large:
        mail.spooled = len(raw) - len(head)
    else:
        mail.rest = raw[len(head) :]
    ready = examine(mail, office)
    if isinstance(ready, Refused):
        return ready
    return Sealed(ready, memoryview(raw)[len(head) :] if large else None)


async def post(sealed: Sealed, office: Office) -> Receipt | Refused:
    """Keep a sealed letter, durably. Raises Unavailable: then nothing was kept."""
    if sealed.rest is None:
        return await keep(sealed.ready, office)
    number, taken = sealed.ready.mail.id, None
    try:
        for seq, start in enumerate(range(0, len(sealed.rest), CHUNK), 1):  # rows 1, 2, ...: see Store.accept
            await office.store.spool(number, seq, bytes(sealed.rest[start : start + CHUNK]))
        taken = await keep(sealed.ready, office)
        return taken
    finally:
        if not isinstance(taken, Receipt) or taken.duplicate:
            with suppress(Unavailable):  # then it is swept at the next start
                await office.store.unspool(number)


def weight(letter: Letter) -> int:
    """About how many characters and octets a letter has to be written from."""
    return len(letter.text or "") + len(letter.html or "") + sum(len(file.content) for file in letter.attachments)


def too_large(size: int, most: int) -> Finding:
    """The mail is over the limit for every hand-in."""
    mib = most / 2**20
    return error(
        "mail-too-large",
        f"The mail has {size} octets as it would be sent; at most {most} are taken ({mib:g} MiB).",
        why="Most mail servers take no more, and files grow by a third in a mail.",
        do="Send a link in place of the file.",
    )
