"""The content of a mail as it comes in by BDAT (RFC 3030): chunk after chunk, each of a length that was told before it."""

from dataclasses import dataclass

from mailwright.smtp.data import DataReader, Fault

_SIZE_DIGITS = 20  # as of the SIZE parameter, RFC 1870 §3


@dataclass(frozen=True, slots=True)
class Announced:
    """What a BDAT command says of the chunk behind it."""

    octets: int
    last: bool


def read_bdat(argument: str) -> Announced | None:
    """What follows BDAT (RFC 3030 §2); None where it does not say how long the chunk is."""
    size, blank, last = argument.partition(" ")
    if not (size.isascii() and size.isdigit() and len(size) <= _SIZE_DIGITS) or (blank and last.upper() != "LAST"):
        return None
    return Announced(int(size), bool(blank))


class ChunkReader(DataReader):
    """Reads the chunks of one mail: no dot is looked for, a CR LF may lie in two of them."""

    __slots__ = ("_whole_line", "last", "left")

    def __init__(self, *, size: int, header_fields: int, header_octets: int) -> None:
        super().__init__(size=size, header_fields=header_fields, header_octets=header_octets)
        self._tail, self._begun, self._whole_line = b"", True, True
        self.left, self.last = 0, False

    def expect(self, chunk: Announced) -> None:
        """So many octets come next."""
        self.left, self.last, self.done = chunk.octets, chunk.last, not chunk.octets

    def feed(self, data: bytes) -> bytes:
        """Take octets, at most `left`; give back content that is settled."""
        self._read += len(data)
        self.left -= len(data)
        self.done = not self.left
        raw = self._tail + data
        body = raw.removesuffix(b"\r")
        self._tail = raw[len(body) :]
        if body:
            self._whole_line = body.endswith(b"\n")
        return self._kept(body, stuffed=False)

    def end(self) -> bytes:
        """What the mail lacks at its end: after DATA each last line has its CR LF (RFC 5321 §4.1.1.4)."""
        if self._tail:
            self.fault = Fault.BARE_LINE_END
        if self.fault is not None or self._whole_line:
            return b""
        self.size += 2
        return b"\r\n"
