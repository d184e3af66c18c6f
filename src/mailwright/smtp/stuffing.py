"""Mail content as it goes out after DATA: transparency at C speed, and never a bare CR or LF (RFC 5321 §2.3.8, §4.5.2)."""

from mailwright.smtp.line_ends import bare, dotted


class Stuffer:
    """Doubles leading dots (RFC 5321 §4.5.2) over chunks in any split; `broken` once a bare CR or LF was seen."""

    __slots__ = ("_after_cr", "_at_start", "broken")

    def __init__(self) -> None:
        self._at_start = True  # the next octet begins a line
        self._after_cr = False  # the last octet was CR: LF must follow
        self.broken = False

    def feed(self, chunk: bytes) -> bytes:
        """The chunk as it goes out; b"" where it has a bare CR or LF: such content must not leave (RFC 5321 §2.3.8)."""
        if not chunk:
            return chunk
        if self.broken or not self._whole_lines(chunk):
            self.broken = True
            return b""
        stuffed = chunk.replace(b"\r\n.", b"\r\n..") if dotted(chunk) >= 0 else chunk
        if self._at_start and chunk[0] == 0x2E:
            stuffed = b"." + stuffed
        elif self._after_cr and chunk[1:2] == b".":  # the line end is split between two chunks
            stuffed = b"\n." + stuffed[1:]
        self._at_start = chunk.endswith(b"\r\n") or (self._after_cr and chunk == b"\n")
        self._after_cr = chunk[-1] == 0x0D
        return stuffed

    def end(self) -> bytes:
        """The end-of-data octets; a last line without CRLF gets one (RFC 5321 §4.1.1.4)."""
        if self._after_cr:
            self.broken = True
        return b".\r\n" if self._at_start else b"\r\n.\r\n"

    def _whole_lines(self, chunk: bytes) -> bool:
        """Whether each CR and LF is part of a CRLF, that which two chunks share too."""
        if self._after_cr:
            if chunk[0] != 0x0A:
                return False
            chunk = chunk[1:]
        return not bare(chunk[:-1] if chunk.endswith(b"\r") else chunk)
