"""What becomes of a call after a try: done, once more later, given up; and what the try says about the webhook as a whole."""

from collections.abc import Sequence
from dataclasses import replace

from mailwright.queue.retry import DAY, HOUR, MINUTE, RetryRules, due_after
from mailwright.webhooks.webhook import TRIES_KEPT, Call, CallState, Ended, Try

PATIENCE = 3 * DAY  # from when a call was first due until it is given up; so long without any success ends the webhook
SECOND = 1_000
RULES = RetryRules(  # some fifteen tries in three days
    steps=(5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR), jitter=0.2
)
# A receiver that does not answer at all is left alone as a whole; not for long, so that it is soon told all once it is back.
RESTS = RetryRules(steps=(5 * SECOND, 15 * SECOND, 30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE), jitter=0.2)
LONGEST_REST = HOUR  # of what a receiver may ask for by Retry-After
GONE = 410  # Standard Webhooks: whoever answers so wants no more calls
_BUSY = frozenset({429, 503})  # RFC 6585 §4, RFC 9110 §15.6.4: too much for now, whatever the call was


def answered(call: Call, tried: Try, *, chance: float, retry_after: int | None = None) -> Ended:
    """What becomes of a call. `retry_after` in milliseconds, as the receiver asked; `chance` from 0 up to 1."""
    tries = [*call.tries, tried][-TRIES_KEPT:]
    now, attempts = tried.at, call.attempts + 1
    ended = Ended(
        call.webhook.id, call.happened.id, call.happened.message, CallState.DONE, now, now, tries, attempts,
    )  # fmt: skip
    if 200 <= tried.status < 300:
        return ended
    if tried.status == GONE:
        return replace(ended, state=CallState.GIVEN_UP, disable=_gone(call))
    due = due_after(attempts, now=now, rules=RULES, chance=chance)
    pause = _rest(call, tried, chance=chance, retry_after=retry_after)
    if now < call.since + PATIENCE:
        return replace(ended, state=CallState.WAITING, due_at=max(due, pause or 0), pause=pause)
    since = call.webhook.failing_since
    first = next(one.at for one in tries if one.at >= call.since)
    disable = _exhausted(call, tries) if since is not None and since <= first else ""  # nothing succeeded since its first try
    return replace(ended, state=CallState.GIVEN_UP, pause=pause, disable=disable)


def untried(call: Call, state: CallState, *, now: int) -> Ended:
    """Nothing was sent: CAPTURED in capture mode, SKIPPED where it is not wanted any more, WAITING where it is given back."""
    event = call.happened
    return Ended(call.webhook.id, event.id, event.message, state, now, now, call.tries, call.attempts, tried=False)


def _rest(call: Call, tried: Try, *, chance: float, retry_after: int | None) -> int | None:
    """Until when the webhook as a whole is left alone; None where the receiver answered and only this call failed."""
    if tried.status and tried.status not in _BUSY:
        return None
    rest = due_after(call.webhook.failures + 1, now=tried.at, rules=RESTS, chance=chance)
    return rest if retry_after is None else max(rest, tried.at + min(retry_after, LONGEST_REST))


def _gone(call: Call) -> str:
    return (
        f"Disabled: {call.webhook.url} answered 410 Gone, which means that it wants no more calls. "
        "If that was a mistake, mend the receiver and enable the webhook."
    )


def _exhausted(call: Call, tries: Sequence[Try]) -> str:
    last = tries[-1]
    said = f"it last answered {last.status}" if last.status else f"last: {last.answer}"
    return (
        f"Disabled: for three days no call to {call.webhook.url} succeeded; {said}. "
        "Mend the receiver, enable the webhook, and replay what it missed."
    )
