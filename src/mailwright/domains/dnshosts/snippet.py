"""Records as lines of a BIND zone file (RFC 1035 §5.1), for hosts that import one and for people who run their own server."""

from collections.abc import Iterable

from mailwright.dns import Mx, Txt
from mailwright.domains.dnshosts.entry import Entry, dotted

DEFAULT_TTL = 3600  # seconds, for records that name none: an hour, as most hosts preset


def zone_snippet(entries: Iterable[Entry]) -> str:
    """A line a record. All names are full and end in a dot, so that the lines mean the same under every $ORIGIN.

    A text of more than 255 octets is cut into strings (RFC 1035 §3.3), which readers join with nothing between them.
    """
    rows = [(dotted(entry.name), str(_seconds(entry)), entry.type, _data(entry)) for entry in entries]
    owner = max((len(row[0]) for row in rows), default=0)
    ttl = max((len(row[1]) for row in rows), default=0)
    return "".join(f"{row[0]:<{owner}} {row[1]:>{ttl}} IN {row[2]:<5} {row[3]}\n" for row in rows)


def _seconds(entry: Entry) -> int:
    return DEFAULT_TTL if entry.ttl is None else entry.ttl


def _data(entry: Entry) -> str:
    match entry.data:
        case Txt():
            return str(entry.data)
        case Mx(preference, host):
            return f"{preference} {dotted(host)}"
        case target:
            return dotted(target)
