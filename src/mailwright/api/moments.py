"""When a mail is to leave, as a caller writes it: ISO 8601 with its zone, or a few words of English that mean one thing only."""

import re
from datetime import datetime

from mailwright.values import Malformed

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000  # milliseconds
AHEAD = 30 * DAY  # as Resend has it
LATE = 5 * MINUTE  # a time that passed so long ago is now: clocks differ, and requests are repeated
TAKEN = 'Write it as 2030-01-31T09:00:00Z or 2030-01-31T09:00:00+01:00, or as "in 5 minutes", "in 2 hours", "in 3 days".'
_UNITS = {"second": 1_000, "sec": 1_000, "minute": MINUTE, "min": MINUTE, "hour": HOUR, "hr": HOUR, "day": DAY, "week": 7 * DAY}
_WORDS = re.compile(rf"in (?:([0-9]{{1,9}})|an?) ?({'|'.join(_UNITS)})s?")


def moment_of(text: str, *, now: int) -> int | None:
    """Milliseconds since 1970; None where it is now already. Raises Malformed.

    `now` is milliseconds since 1970. What depends on where somebody is, such as "tomorrow at 9", is not taken.
    """
    at = _in_words(text.strip().lower(), now) or _by_iso(text.strip())
    if at < now - LATE:
        raise Malformed("scheduled_at has passed already.", "Give a time that is to come, or leave it out to send at once.")
    if at > now + AHEAD:
        raise Malformed(f"scheduled_at is more than {AHEAD // DAY} days away.", f"Give a time within {AHEAD // DAY} days.")
    return at if at > now else None


def _in_words(text: str, now: int) -> int | None:
    found = _WORDS.fullmatch(text)
    return None if found is None else now + int(found[1] or 1) * _UNITS[found[2]]


def _by_iso(text: str) -> int:
    try:
        when = datetime.fromisoformat(text)
    except ValueError as fault:
        raise Malformed(f"scheduled_at is no time: {text[:40]!r}.", TAKEN) from fault
    if when.tzinfo is None:
        raise Malformed("scheduled_at has no time zone, so it could mean any of a day's hours.", TAKEN)
    return int(when.timestamp() * 1000)
