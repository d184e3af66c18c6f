"""The calendar part of a mail, looked at before it leaves: calendars that programs cannot act on vanish without a word.

Only what an invitation by mail needs (RFC 5546 iTIP, RFC 6047 iMIP) is checked, over the grammar of RFC 5545 §3.1; values are
passed on as they are.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from mailwright.values import Malformed

MAX_CALENDAR = 1024 * 1024  # characters; a series of a year with its time zone has some 10,000
MAX_DEPTH = 5  # VCALENDAR, VEVENT, VALARM, and room
METHODS = ("PUBLISH", "REQUEST", "REPLY", "ADD", "CANCEL", "REFRESH", "COUNTER", "DECLINECOUNTER")  # RFC 5546 §1.4
_ABOUT = frozenset({"VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY"})
_BEGINS = frozenset({"PUBLISH", "REQUEST", "ADD", "COUNTER"})  # with a DTSTART (RFC 5546 §3.2)
_NAMES_ATTENDEES = frozenset({"REQUEST", "REPLY", "REFRESH", "COUNTER"})
# Possessive, so that no line is read twice; a quoted parameter may have colons in it.
_LINE = re.compile(r'([A-Za-z0-9-]++)(?:;[A-Za-z0-9-]++=(?:"[^"]*+"|[^":;])*+)*+:(.*)', re.DOTALL)
_FOLD = re.compile(r"\r?\n[ \t]")  # RFC 5545 §3.1
_STAMP = re.compile(r"\d{8}T\d{6}Z")  # RFC 5545 §3.8.7.2: in UTC


@dataclass(slots=True)
class _Component:
    name: str
    properties: dict[str, list[str]] = field(default_factory=dict)

    def one(self, name: str) -> str:
        """The value of a property that must stand once. Raises Malformed."""
        values = self.properties.get(name, [])
        if len(values) != 1 or not values[0].strip():
            how = f"stands {len(values)} times" if values[1:] else "is empty" if values else "is missing"
            raise Malformed(f"calendar: {name} {how} in the {self.name}.", f"Write one {name} in each {self.name}.")
        return values[0].strip()


def method_of_calendar(text: str) -> str:
    """The METHOD of a calendar that programs can act on, in upper case. Raises Malformed with what is missing."""
    if len(text) > MAX_CALENDAR:
        raise Malformed("calendar is larger than 1 MiB.", "Send fewer events in one mail.")
    calendar, components = _read(text)
    if calendar.one("VERSION") != "2.0":
        raise Malformed("calendar: the VERSION is not 2.0.", "Write VERSION:2.0 (RFC 5545).")
    calendar.one("PRODID")
    method = calendar.one("METHOD").upper()
    if method not in METHODS:
        raise Malformed(f"calendar: {method[:40]!r} is no METHOD.", f"Write one of {', '.join(METHODS)}.")
    about = [one for one in components if one.name in _ABOUT]
    if not about:
        raise Malformed("calendar has nothing in it.", "Write at least one VEVENT.")
    for one in about:
        _check(one, method)
    return method


def _check(one: _Component, method: str) -> None:
    """What a component must say for others to find and answer it (RFC 5546 §3.2 to §3.5)."""
    one.one("UID")
    one.one("ORGANIZER")
    if not _STAMP.fullmatch(one.one("DTSTAMP")):
        raise Malformed("calendar: DTSTAMP is no time in UTC.", "Write it as 20300131T090000Z.")
    if one.name == "VEVENT" and method in _BEGINS:
        one.one("DTSTART")
    if method in _NAMES_ATTENDEES and one.name != "VJOURNAL" and not one.properties.get("ATTENDEE"):
        raise Malformed(f"calendar: a {method} without ATTENDEE is for nobody.", "Write an ATTENDEE for everybody who is asked.")


def _read(text: str) -> tuple[_Component, list[_Component]]:
    """The calendar and all that lies in it. Raises Malformed."""
    found: list[_Component] = []
    opened: list[_Component] = []
    for name, value in _lines(text):
        if found and not opened:
            raise Malformed("calendar goes on after its end.", "Send one VCALENDAR.")
        if name == "BEGIN":
            found.append(_Component(value.strip().upper()))
            opened.append(found[-1])
        elif not opened or (name == "END" and opened.pop().name != value.strip().upper()):
            raise Malformed("calendar: BEGIN and END do not belong together.", "Begin with BEGIN:VCALENDAR; end what began last.")
        elif name != "END":
            opened[-1].properties.setdefault(name, []).append(value)
        if len(opened) > MAX_DEPTH:
            raise Malformed("calendar is nested too deep.", "Write events directly into the VCALENDAR.")
    if not found or found[0].name != "VCALENDAR" or opened:
        raise Malformed("calendar is no iCalendar text.", "Begin it with BEGIN:VCALENDAR and end it with END:VCALENDAR.")
    return found[0], found


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """Name and value of each content line, unfolded."""
    for line in _FOLD.sub("", text).replace("\r\n", "\n").split("\n"):
        match = _LINE.fullmatch(line)
        if match is not None:
            yield match[1].upper(), match[2]
        elif line:
            raise Malformed(f"calendar: this is no line of a calendar: {line[:60]!r}.", "Write it as NAME;PARAMETER=value:value.")
