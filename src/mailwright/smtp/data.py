"""The content of a mail as it comes in after DATA: dots unstuffed, faults noted, ended by CR LF . CR LF alone.

Anything that another server might take for the end of the content (a lone LF or CR before or after the dot) never ends it here
and makes the mail a refused one: that is what SMTP smuggling lives on (RFC 5321 §2.3.8, §4.1.1.4). Every pass over the octets is
one of the interpreter's own searches, so the work is linear however the octets are split.
"""

from enum import Enum

from mailwright.smtp.line_ends import bare, dotted

END = b"\r\n.\r\n"  # RFC 5321 §4.1.1.4: the first CR LF ends the last line of the content
MAX_TEXT_LINE = 998  # octets without CR LF, RFC 5322 §2.1.1, RFC 5321 §4.5.3.1.6
SWALLOWED = 2  # times the size limit that are read and thrown away before the connection is given up
SLACK = 1 << 20  # octets above that, so that a small limit does not cut a client that overshoots a little
_SMALLEST_FIELD = 4  # octets of "a:" with CR LF: below this times the limit no header can have too many fields


class Fault(Enum):
    """Why the content cannot be taken; a hostile fault is told before any other."""

    BARE_LINE_END = "bare-line-end"  # a CR or LF without the other
    NUL = "nul"
    TOO_BIG = "too-big"
    HEADER_FIELDS = "header-fields"
    HEADER_OCTETS = "header-octets"

    @property
    def hostile(self) -> bool:
        """Whether sender and receiver may disagree on where the mail ends: nothing that follows can be believed."""
        return self in {Fault.BARE_LINE_END, Fault.NUL}


class DataReader:
    """Reads one mail's content from octets in any split; `done` at its end, `rest` is what came after it."""

    __slots__ = (
        "_before",
        "_begun",
        "_fields",
        "_header",
        "_in_header",
        "_limit",
        "_line",
        "_max_fields",
        "_max_header",
        "_read",
        "_tail",
        "done",
        "eight_bit",
        "fault",
        "long_line",
        "rest",
        "size",
    )

    def __init__(self, *, size: int, header_fields: int, header_octets: int) -> None:
        self._limit, self._max_fields, self._max_header = size, header_fields, header_octets
        self._tail = b"\r\n"  # as if a line had just ended: a first line "." ends an empty content
        self._begun = False  # whether those two octets were taken off again
        self._read = 0  # octets fed, for `flooded`
        self._line = 0  # octets of the line that is not ended yet
        self._in_header = True
        self._before = b"\r\n"  # the last octets of the header so far, for a blank line across a split
        self._header = self._fields = 0
        self.done = self.eight_bit = self.long_line = False
        self.fault: Fault | None = None
        self.size = 0  # octets as RFC 1870 §5 counts them: without the stuffed dots and the end
        self.rest = b""

    @property
    def flooded(self) -> bool:
        """Whether so much came beyond the limit that waiting for its end makes no sense."""
        return self._read > self._limit * SWALLOWED + SLACK

    def feed(self, data: bytes) -> bytes:
        """Take octets, give back content that is settled; b"" once there is a fault, whose content nobody wants."""
        self._read += len(data)
        raw = self._tail + data
        dot = dotted(raw)
        end = raw.find(END, dot) if dot >= 0 else -1
        if end >= 0:
            self.done, self.rest, self._tail = True, raw[end + len(END) :], b""
            body = raw[: end + 2]
        else:
            held = _open_end(raw)
            body, self._tail = raw[: len(raw) - held], raw[len(raw) - held :]
        return self._kept(body, stuffed=0 <= dot != end)

    def _kept(self, body: bytes, *, stuffed: bool) -> bytes:
        if not body or self.fault is Fault.BARE_LINE_END:
            return b""
        self._look_for_hidden_ends(body)
        return self._settled(body, stuffed=stuffed) if self.fault is None else b""

    def _look_for_hidden_ends(self, body: bytes) -> None:
        """A body is only ever cut before a CR, so a CR LF is never torn apart."""
        if bare(body):
            self.fault = Fault.BARE_LINE_END
        elif b"\0" in body:  # obsolete in mail, RFC 5322 §4.1; some servers drop it, others end the line there
            self.fault = Fault.NUL

    def _settled(self, body: bytes, *, stuffed: bool) -> bytes:
        if stuffed:
            body = body.replace(b"\r\n.", b"\r\n")  # RFC 5321 §4.5.2
        if not self._begun:
            self._begun, body = True, body[2:]
        self.size += len(body)
        if self.size > self._limit:
            self.fault = Fault.TOO_BIG
            return b""
        if self._in_header:
            self._read_header(body)
        if not self.eight_bit:
            self.eight_bit = not body.isascii()
        if not self.long_line:
            self._measure_lines(body)
        return body if self.fault is None else b""

    def _read_header(self, body: bytes) -> None:
        """Hold the header to its limits; a blank line ends it (RFC 5322 §2.1)."""
        seen = self._before + body
        blank = seen.find(b"\r\n\r\n")
        header = seen if blank < 0 else seen[: blank + 2]
        self._header += len(header) - len(self._before)
        self._in_header = blank < 0
        if self._header > self._max_header:
            self.fault = Fault.HEADER_OCTETS
        elif self._in_header or self._fields or self._header > self._max_fields * _SMALLEST_FIELD:
            self._fields += _fields(header) - _fields(self._before)
            if self._fields > self._max_fields:
                self.fault = Fault.HEADER_FIELDS
        self._before = seen[-3:]

    def _measure_lines(self, body: bytes) -> None:
        """Leap from one line end to the last one within reach: two leaps pass a whole line, so this is linear."""
        here, length = -self._line, len(body)
        while length - here > MAX_TEXT_LINE + 1:
            there = body.rfind(b"\n", max(here, 0), here + MAX_TEXT_LINE + 2)
            if there < 0:
                self.long_line = True
                return
            here = there + 1
        last = body.rfind(b"\n", max(here - 1, 0))
        self._line = length - 1 - last if last >= 0 else length - here


def _fields(header: bytes) -> int:
    """Line ends that end a field: a line that begins with a blank or tab belongs to the field before (RFC 5322 §2.2.3)."""
    return header.count(b"\n") - header.count(b"\n ") - header.count(b"\n\t")


def _open_end(raw: bytes) -> int:
    """How many octets at the end may be the beginning of END."""
    if not raw.endswith((b"\r", b"\n", b".")):
        return 0
    return next((n for n in (4, 3, 2, 1) if raw.endswith(END[:n])), 0)
