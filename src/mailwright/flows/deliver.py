"""deliver: prepare (sign, mark as begun) -> send over an open session -> settle each recipient by its own reply."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from mailwright.ports.sender import Lost, OutgoingMail, Sent, Session
from mailwright.queue import Job, Outcome
from mailwright.queue.settle import Clockwork, Tried, Unanswered, settled
from mailwright.values import Reply

NOT_ANSWERED = Unanswered("The server did not answer for this recipient.")


@dataclass(frozen=True, slots=True)
class Signature:
    """A DKIM-Signature field and the name of the key that made it; both empty where the transport sends unsigned."""

    field: bytes = b""
    name: str = ""


@dataclass(slots=True)
class Parcel:
    """One mail transaction to come: deliveries of one message that share a mail_from. Signing and marking have begun."""

    jobs: Sequence[Job]
    mail_from: str
    signature: Awaitable[Signature]
    begun: Awaitable[bool]
    content: Callable[[], Sequence[bytes] | AsyncIterator[bytes]]
    again: bool = False  # a reused connection was lost before: this is the second go


async def deliver(parcel: Parcel, session: Session, clockwork: Callable[[], Clockwork]) -> list[Outcome]:
    """Send one parcel; the outcomes are not yet stored. Raises what `parcel.signature` raises: then nothing was sent."""
    signature = await parcel.signature
    sent = await session.send(_mail(parcel, signature), before_dot=lambda: parcel.begun)
    tried = Tried(session.host, session.ip, session.tls, sent.transcript, session.note, signature.name)
    work = clockwork()
    return [settled(job, _answer(sent, job), tried, work) for job in parcel.jobs]


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


def _answer(sent: Sent, job: Job) -> Reply | Unanswered:
    answer = sent.answers.get(job.recipient)
    if isinstance(answer, Lost):
        return Unanswered(answer.cause, may_have_arrived=answer.after_dot)
    return answer if answer is not None else NOT_ANSWERED
