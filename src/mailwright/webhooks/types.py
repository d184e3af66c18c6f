"""The names of what happens: ours, and beside them those that users of Resend's SDKs subscribe to.

One event makes one call to a webhook, under one name: the first of its names that the webhook subscribes to.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from mailwright.queue import EventKind
from mailwright.values import Finding, Malformed
from mailwright.values.finding import note

ALL = "*"
# Our own name first. ATTEMPT is none: a try is told with what it brought about.
NAMES: Mapping[EventKind, tuple[str, ...]] = {
    EventKind.ACCEPTED: ("email.accepted", "email.sent"),  # Resend's "sent": taken, and it will be tried
    EventKind.SCHEDULED: ("email.scheduled",),
    EventKind.DELIVERED: ("email.delivered",),
    EventKind.DEFERRED: ("email.deferred",),
    EventKind.DELAYED: ("email.delayed", "email.delivery_delayed"),
    EventKind.BOUNCED: ("email.bounced", "email.failed"),
    EventKind.CANCELLED: ("email.cancelled",),
    EventKind.HELD: ("email.held",),
    EventKind.RELEASED: ("email.released",),
    EventKind.CAPTURED: ("email.captured",),
    EventKind.UNKNOWN: ("email.unknown",),
    EventKind.REPORTED: ("email.reported",),
}
OURS = tuple(name for names in NAMES.values() for name in names)
# What Resend's SDKs know and this Mailwright never tells, so that a list copied from there is taken as it is.
NEVER = frozenset(
    {
        "email.complained", "email.opened", "email.clicked", "email.received", "email.suppressed",
        "contact.created", "contact.updated", "contact.deleted", "contact.topics.updated",
        "domain.created", "domain.updated", "domain.deleted", "suppression.added", "suppression.removed",
        "topic.created", "topic.updated", "topic.deleted", "inbox.created", "inbox.updated", "inbox.deleted",
        "inbox.thread.created", "inbox.thread.folder.updated", "inbox.thread.assigned", "inbox.thread.unassigned",
        "inbox.thread.labels.updated", "inbox.email.received", "inbox.email.sent", "inbox.draft.created",
        "inbox.draft.updated", "inbox.draft.sent", "inbox.draft.deleted",
    }
)  # fmt: skip
MOST = 100  # names of one webhook: there are fewer


def names_of(kind: EventKind, data: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of an event, the most fitting first: what no server refused is Resend's "failed" before it is "bounced"."""
    names = NAMES.get(kind, ())
    return names[::-1] if kind is EventKind.BOUNCED and by_us(data) else names if kind is not EventKind.BOUNCED else names[:1]


def by_us(data: Mapping[str, Any]) -> bool:
    """Whether a final failure was not a server's refusal: there was no way, or the time was up."""
    return data.get("by") == "us" or data.get("reason") == "expired"


def type_for(kind: EventKind, data: Mapping[str, Any], wanted: Collection[str]) -> str | None:
    """Under which name a webhook that subscribes to `wanted` hears of an event; None where it does not."""
    names = names_of(kind, data)
    if ALL in wanted:
        return NAMES[kind][0] if names else None
    return next((name for name in names if name in wanted), None)


def kinds_of(wanted: Collection[str]) -> tuple[EventKind, ...]:
    """The kinds of events that may have one of these names."""
    return tuple(kind for kind, names in NAMES.items() if ALL in wanted or not set(names).isdisjoint(wanted))


def checked(names: Sequence[str]) -> tuple[str, ...]:
    """Names to subscribe to, each once. Raises Malformed where one is not known, or there is none."""
    once = tuple(dict.fromkeys(names))
    unknown = [name for name in once if name != ALL and name not in OURS and name not in NEVER]
    if not once or len(once) > MOST or unknown:
        what = f"There is no event called {unknown[0][:80]!r}." if unknown else "A webhook needs events to tell of."
        raise Malformed(what, f'Name some of {", ".join(OURS)}, or "*" for all of them.')
    return once


def concerns_of(names: Sequence[str]) -> tuple[Finding, ...]:
    """What to know of names to subscribe to."""
    never = [name for name in names if name in NEVER]
    if not never:
        return ()
    return (
        note(
            "event-never-told",
            f"Mailwright never tells of {', '.join(never)}.",
            why="These are Resend's names for things that do not happen here.",
            do="Nothing: they are kept, and do no harm.",
        ),
    )
