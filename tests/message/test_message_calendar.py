"""Calendars as applications write them, and what makes programs ignore them."""

import pytest

from mailwright.message.calendar import method_of_calendar
from mailwright.values import Malformed

INVITE = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Acme//Desk 1.0//EN
METHOD:REQUEST
BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:STANDARD
DTSTART:19701025T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
UID:4711@acme.example
DTSTAMP:20261127T100000Z
DTSTART;TZID="Europe/Berlin":20261201T090000
ORGANIZER;CN="Anna: Desk; Acme":mailto:anna@acme.example
ATTENDEE;RSVP=TRUE;MEMBER="mailto:a@x.example","mailto:b@x.example":mailto:
 bob@remote.example
SUMMARY:Größe\\, bitte
BEGIN:VALARM
ACTION:DISPLAY
TRIGGER:-PT15M
END:VALARM
END:VEVENT
END:VCALENDAR
"""


def less(name: str, text: str = INVITE) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith((name, " bob")))


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_an_invitation(ends: str) -> None:
    assert method_of_calendar(INVITE.replace("\n", ends)) == "REQUEST"


@pytest.mark.parametrize(
    ("text", "method"),
    [
        (less("ATTENDEE").replace("METHOD:REQUEST", "METHOD:publish"), "PUBLISH"),
        (less("DTSTART").replace("METHOD:REQUEST", "METHOD:CANCEL"), "CANCEL"),
        (less("DTSTART").replace("METHOD:REQUEST", "METHOD:REPLY"), "REPLY"),
        (INVITE.rstrip("\n"), "REQUEST"),
    ],
)
def test_other_methods(text: str, method: str) -> None:
    assert method_of_calendar(text) == method


@pytest.mark.parametrize(
    ("text", "because"),
    [
        ("", "no iCalendar text"),
        ("BEGIN:VEVENT\nEND:VEVENT\n", "no iCalendar text"),
        ("VERSION:2.0\n", "do not belong together"),
        (INVITE.replace("END:VCALENDAR\n", ""), "no iCalendar text"),
        (INVITE + INVITE, "goes on after its end"),
        (INVITE.replace("END:VALARM", "END:VEVENT"), "do not belong together"),
        (less("METHOD"), "METHOD is missing"),
        (INVITE.replace("METHOD:REQUEST", "METHOD:REQUEST\nMETHOD:CANCEL"), "METHOD stands 2 times"),
        (INVITE.replace("METHOD:REQUEST", "METHOD:INVITE"), "'INVITE' is no METHOD"),
        (less("VERSION"), "VERSION is missing"),
        (INVITE.replace("VERSION:2.0", "VERSION:1.0"), "not 2.0"),
        (less("PRODID"), "PRODID is missing"),
        (less("UID"), "UID is missing in the VEVENT"),
        (INVITE.replace("UID:4711@acme.example", "UID:"), "UID is empty"),
        (less("DTSTAMP"), "DTSTAMP is missing"),
        (INVITE.replace("20261127T100000Z", "today"), "DTSTAMP is no time in UTC"),
        (less("DTSTART;"), "DTSTART is missing in the VEVENT"),
        (less("ORGANIZER"), "ORGANIZER is missing"),
        (less("ATTENDEE"), "without ATTENDEE is for nobody"),
        ("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nMETHOD:REQUEST\nEND:VCALENDAR\n", "nothing in it"),
        (INVITE.replace("SUMMARY:", "SUMMARY "), "no line of a calendar"),
        ("BEGIN:VCALENDAR\n" * 7, "nested too deep"),
        ("x" * 2_000_000, "larger than 1 MiB"),
        ("A;B=" + '"' * 100_000, "no line of a calendar"),
    ],
)
def test_what_programs_would_ignore(text: str, because: str) -> None:
    with pytest.raises(Malformed, match=because) as refused:
        method_of_calendar(text)
    assert refused.value.remedy
