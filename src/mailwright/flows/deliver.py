"""deliver: prepare (sign, mark as begun) -> send over an open session -> settle each recipient by its own reply."""

from asyncio import Future
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from mailwright.ports.sender import Kept, Lost, OutgoingMail, Sent, Session
from mailwright.queue import Job, Outcome
from mailwright.queue.settle import Clockwork, Tried, Unanswered, captured, settled
from mailwright.values import MailwrightError, Reply

TAKEN_BACK = "It could not be noted that sending begins, or it was cancelled, paused or taken over by others."
NOT_ANSWERED = Unanswered("The server did not answer for this recipient.")


class CannotSign(MailwrightError):
    """There is no key, or no vault to open it: the mail waits, for it is never sent unsigned."""


class NotBegun(MailwrightError):
    """The transaction was given up before the final dot: the mark is not in the store, or the mail was taken from us."""


@dataclass(frozen=True, slots=True)
class Signature:
    """DKIM-Signature fields and the names of the keys that made them; all empty where the transport sends unsigned."""

    field: bytes = b""
    name: str = ""
    parts: tuple[tuple[int, bytes], ...] = ()  # key id and its field


@dataclass(slots=True)
class Parcel:
    """One mail transaction to come: deliveries of one message that share a mail_from. Signing and marking have begun."""

    jobs: Sequence[Job]
    mail_from: str
    signature: Awaitable[Signature]
    begun: Future[frozenset[int] | None]  # those that were lost to another worker; None: nothing may be sent
    held: Callable[[], bool]  # whether nobody else can have taken them over by now
    content: Callable[[], Sequence[bytes] | AsyncIterator[bytes]]
    again: bool = False  # a reused connection was lost before: this is the second go


async def deliver(parcel: Parcel, session: Session, clockwork: Callable[[], Clockwork]) -> list[Outcome]:
    """Send one parcel; the outcomes are not yet stored. Raises NotBegun and what `parcel.signature` raises: nothing was sent."""
    signature = await parcel.signature
    if parcel.jobs[0].content is None:
        await parcel.begun  # it is read from the store while it is sent: only once nobody can cancel it any more
    if _taken_back(parcel):
        raise NotBegun(TAKEN_BACK)
    sent = await session.send(_mail(parcel, signature), before_dot=lambda: _still_ours(parcel))
    if _taken_back(parcel) and _unsent(sent):
        raise NotBegun(TAKEN_BACK)
    tried = Tried(session.host, session.ip, session.tls, sent.transcript, session.note, signature.name)
    work = clockwork()
    return [_outcome(job, sent, tried, work) for job in parcel.jobs]


def _taken_back(parcel: Parcel) -> bool:
    return parcel.begun.done() and not _held(parcel, parcel.begun.result())


def _still_ours(parcel: Parcel) -> bool | Awaitable[bool]:
    """The durable mark, and the last look at the lease before the final dot; most often there is nothing left to wait for."""
    return _held(parcel, parcel.begun.result()) if parcel.begun.done() else _held_soon(parcel)


async def _held_soon(parcel: Parcel) -> bool:
    return _held(parcel, await parcel.begun)


def _held(parcel: Parcel, lost: frozenset[int] | None) -> bool:
    return lost is not None and parcel.held() and (not lost or not any(job.delivery in lost for job in parcel.jobs))


def _unsent(sent: Sent) -> bool:
    return not any(isinstance(answer, Reply | Kept) or answer.after_dot for answer in sent.answers.values())


def lost_unheard(sent: Sequence[Outcome], session: Session) -> bool:
    """Whether a reused connection was closed before it took this mail: worth one more go at once, on a new connection."""
    return not session.alive and session.used > 1 and not any(outcome.unknown or outcome.state.final for outcome in sent)


def _mail(parcel: Parcel, signature: Signature) -> OutgoingMail:
    job, content = parcel.jobs[0], parcel.content()
    size = job.size + len(signature.field)
    whole = [signature.field, *content] if isinstance(content, Sequence) else _behind(signature.field, content)
    return OutgoingMail(parcel.mail_from, [job.recipient for job in parcel.jobs], whole, size, job.eightbit, job.smtputf8)


async def _behind(field: bytes, content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield field
    async for chunk in content:
        yield chunk


def _outcome(job: Job, sent: Sent, tried: Tried, work: Clockwork) -> Outcome:
    answer = sent.answers.get(job.recipient)
    if isinstance(answer, Kept):
        return captured(job, work, signed=tried.signed)
    if isinstance(answer, Lost):
        return settled(job, Unanswered(answer.cause, may_have_arrived=answer.after_dot), tried, work)
    return settled(job, answer if answer is not None else NOT_ANSWERED, tried, work)
