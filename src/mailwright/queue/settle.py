"""From what a server answered to the next state of a delivery, with the events that tell it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mailwright.queue.life import EventKind, State
from mailwright.queue.retry import RetryRules, delayed_at, due_after, wake_time
from mailwright.queue.work import EventRow, Job, Outcome
from mailwright.values import Reply
from mailwright.values.ids import IdMaker


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt as it went: where to, how, and what was said."""

    host: str = ""
    ip: str = ""
    tls: str = ""  # "" is no TLS
    transcript: str = ""
    note: str = ""  # such as why TLS was not used
    signed: str = ""  # "selector._domainkey.domain", "" is unsigned


@dataclass(frozen=True, slots=True)
class Unanswered:
    """There was no final reply: the connection failed, or was lost. `may_have_arrived` after the end-of-data bytes."""

    cause: str
    may_have_arrived: bool = False


@dataclass(frozen=True, slots=True)
class Clockwork:
    """What settling needs from outside: the time in ms, chance from 0 up to 1, ids, and the rules."""

    now: int
    chance: float
    ids: IdMaker
    rules: RetryRules


def settled(job: Job, answer: Reply | Unanswered, tried: Tried, work: Clockwork, *, not_before: int = 0) -> Outcome:
    """The outcome of one attempt. `not_before` puts the next try off where the whole site backs off."""
    if isinstance(answer, Unanswered):
        return _deferred(job, str(answer.cause), tried, work, not_before, unknown=answer.may_have_arrived)
    if answer.positive:
        return _final(job, State.DELIVERED, EventKind.DELIVERED, answer, tried, work)
    if answer.permanent:
        return _final(job, State.BOUNCED, EventKind.BOUNCED, answer, tried, work)
    return _deferred(job, str(answer), tried, work, not_before, unknown=False)


def refused_by_us(job: Job, reply: Reply, reason: str, work: Clockwork) -> Outcome:
    """A final failure that no server of others spoke: null MX, no such domain, a loop, too late."""
    event = _event(job, EventKind.BOUNCED, work, {"reply": str(reply), "reason": reason, "by": "us"})
    return _outcome(job, State.BOUNCED, work, attempts=job.attempts, due_at=work.now, wake_at=0, reply=str(reply), events=[event])


def put_off(
    job: Job, why: str, work: Clockwork, *, due_at: int, kind: EventKind = EventKind.DEFERRED, tried: Tried | None = None
) -> Outcome:
    """Wait until `due_at` without having spoken to the recipient's server about this mail."""
    late = delayed_at(job.created_at, told=job.told_delayed, rules=work.rules)
    wake = wake_time(state=State.DEFERRED, due_at=due_at, delayed_at=late, expires_at=job.expires_at)
    data: dict[str, Any] = {"reply": why, "due": due_at, "by": "us"}
    if tried is not None:
        data |= _attempt_data(tried)
    event = _event(job, kind, work, data)
    return _outcome(job, State.DEFERRED, work, attempts=job.attempts, due_at=due_at, wake_at=wake, reply=why, events=[event])


def captured(job: Job, work: Clockwork, *, signed: str) -> Outcome:
    """Kept instead of sent."""
    event = _event(job, EventKind.CAPTURED, work, {"signed": signed})
    return _outcome(
        job, State.CAPTURED, work, attempts=job.attempts, due_at=work.now, wake_at=0, reply="captured", events=[event]
    )


def _final(job: Job, state: State, kind: EventKind, answer: Reply, tried: Tried, work: Clockwork) -> Outcome:
    reply = str(answer)
    ended = _event(job, kind, work, {"reply": reply, "host": tried.host}, _attempt(job, tried))
    return _outcome(job, state, work, attempts=job.attempts + 1, due_at=work.now, wake_at=0, reply=reply, events=[ended])


def _deferred(job: Job, reply: str, tried: Tried, work: Clockwork, not_before: int, *, unknown: bool) -> Outcome:
    attempts = job.attempts + 1
    due = max(due_after(attempts, now=work.now, rules=work.rules, chance=work.chance), not_before)
    late = delayed_at(job.created_at, told=job.told_delayed, rules=work.rules)
    wake = wake_time(state=State.DEFERRED, due_at=due, delayed_at=late, expires_at=job.expires_at)
    deferred = {"reply": reply, "due": due, "host": tried.host}
    if unknown:  # in the order in which they are told: their ids grow
        first = _event(job, EventKind.UNKNOWN, work, {"cause": reply, "host": tried.host}, _attempt(job, tried))
        events = [first, _event(job, EventKind.DEFERRED, work, deferred)]
    else:
        events = [_event(job, EventKind.DEFERRED, work, deferred, _attempt(job, tried))]
    outcome = _outcome(job, State.DEFERRED, work, attempts=attempts, due_at=due, wake_at=wake, reply=reply, events=events)
    outcome.unknown = job.unknown or unknown
    return outcome


def _outcome(
    job: Job, state: State, work: Clockwork, *, attempts: int, due_at: int, wake_at: int, reply: str, events: list[EventRow]
) -> Outcome:
    return Outcome(
        job.delivery,
        job.message,
        state,
        work.now,
        attempts,
        due_at,
        wake_at,
        reply=reply,
        told_delayed=job.told_delayed,
        unknown=job.unknown,
        secret=job.secret,
        site=None if state.final else job.site,  # it may have been learnt since the row was written
        report=state is State.BOUNCED and bool(job.mail_from),  # never for a null sender (RFC 5321 §6.1)
        events=events,
    )


def _attempt(job: Job, tried: Tried) -> dict[str, Any]:
    return {"n": job.attempts + 1, **_attempt_data(tried)}


def _attempt_data(tried: Tried) -> dict[str, Any]:
    data = {
        "host": tried.host,
        "ip": tried.ip,
        "tls": tried.tls,
        "transcript": tried.transcript,
        "note": tried.note,
        "signed": tried.signed,
    }
    return {name: value for name, value in data.items() if value}


def _event(
    job: Job, kind: EventKind, work: Clockwork, data: Mapping[str, Any], attempt: Mapping[str, Any] | None = None
) -> EventRow:
    return EventRow(work.ids.next(work.now), job.account, job.message, job.delivery, kind, work.now, data, attempt)
