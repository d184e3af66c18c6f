"""When a delivery is tried again, told as late, or given up."""

from dataclasses import dataclass

from mailwright.queue.life import EventKind, State
from mailwright.queue.work import EventRow, Job, Outcome
from mailwright.values.ids import IdMaker

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000  # milliseconds


@dataclass(frozen=True, slots=True)
class RetryRules:
    """Times in milliseconds. RFC 5321 §4.5.4.1: back off, give up after 4-5 days."""

    steps: tuple[int, ...] = (2 * MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR)
    jitter: float = 0.2  # share of a step by which it may grow, so that retries do not march in step
    lifetime: int = 5 * DAY
    delayed_after: int = 15 * MINUTE


def due_after(attempts: int, *, now: int, rules: RetryRules, chance: float) -> int:
    """When to try again after so many attempts; `chance` is from 0 up to 1."""
    step = rules.steps[min(max(attempts, 1), len(rules.steps)) - 1]
    return now + int(step * (1 + rules.jitter * chance))


def wake_time(*, state: State, due_at: int, delayed_at: int | None, expires_at: int) -> int:
    """When a waiting row next wants attention: due, to be told as late, or out of time, whichever comes first."""
    times = [expires_at]
    if state is State.DEFERRED:
        times.append(due_at)
    if delayed_at is not None:
        times.append(delayed_at)
    return min(times)


def delayed_at(created_at: int, *, told: bool, rules: RetryRules) -> int | None:
    """When a delivery is told as delayed, None once that is done."""
    return None if told else created_at + rules.delayed_after


def woken(job: Job, *, now: int, rules: RetryRules, ids: IdMaker) -> Outcome:
    """What becomes of a waiting row whose time has come; `job.state` is where it stands."""
    if now >= job.expires_at:
        return _given_up(job, now=now, ids=ids)
    state = State.READY if job.state is State.DEFERRED and now >= job.due_at else job.state
    late = delayed_at(job.created_at, told=job.told_delayed, rules=rules)
    events = []
    if late is not None and now >= late:
        events.append(_event(job, EventKind.DELAYED, now, ids, {"since": job.created_at, "until": job.expires_at}))
        late = None
    wake = wake_time(state=state, due_at=job.due_at, delayed_at=late, expires_at=job.expires_at)
    return Outcome(
        job.delivery,
        job.message,
        state,
        now,
        job.attempts,
        job.due_at,
        wake,
        told_delayed=late is None,
        unknown=job.unknown,
        secret=job.secret,
        events=events,
    )


def _given_up(job: Job, *, now: int, ids: IdMaker) -> Outcome:
    """Out of time: RFC 5321 §4.5.4.1 for the queue's own end, X.4.7 (RFC 3463 §3.5) either way."""
    data = {
        "reason": "expired",
        "reply": "",
        "status": "5.4.7",
        "lifetime": job.expires_at - job.created_at,
        "attempts": job.attempts,
    }
    events = [_event(job, EventKind.BOUNCED, now, ids, data)]
    return Outcome(
        job.delivery,
        job.message,
        State.BOUNCED,
        now,
        job.attempts,
        now,
        0,
        reply="5.4.7 Its time was up before it could be delivered.",
        told_delayed=job.told_delayed,
        unknown=job.unknown,
        secret=job.secret,
        report=bool(job.mail_from),  # never for a null sender (RFC 5321 §6.1)
        events=events,
    )


def _event(job: Job, kind: EventKind, now: int, ids: IdMaker, data: dict[str, object]) -> EventRow:
    return EventRow(ids.next(now), job.account, job.message, job.delivery, kind, now, data)
