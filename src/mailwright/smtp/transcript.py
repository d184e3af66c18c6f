"""What was said on a connection, with times: kept as it comes, written out only when somebody reads it."""

from mailwright.values import Reply

MAX_SAID = 32 * 1024  # octets kept of what we said: a thousand recipients
MAX_NOTES = 2048
MAX_TEXT = 16 * 1024  # characters written out; what is over is left out of the middle

Note = tuple[float, str, bytes | str | Reply]


class Transcript:
    """Lines of milliseconds since the start, direction and text: ">" we said, "<" the server said, "=" what happened.

    Never has AUTH arguments, tokens or message data: those who write here say what stands in their place.
    """

    __slots__ = ("_left_out", "_notes", "_room", "_start")

    def __init__(self, start: float) -> None:
        """`start` in seconds of the clock that the notes use."""
        self._start = start
        self._notes: list[Note] = []
        self._room = MAX_SAID
        self._left_out = 0

    def sent(self, now: float, wire: bytes) -> None:
        """Commands as they went out."""
        self._room -= len(wire)
        if self._room > 0:
            self._notes.append((now, ">", wire))
        else:
            self._left_out += 1

    def heard(self, now: float, reply: Reply) -> None:
        """A reply, kept as the value that it is."""
        if len(self._notes) < MAX_NOTES:
            self._notes.append((now, "<", reply))
        else:
            self._left_out += 1

    def remark(self, now: float, text: str, direction: str = "=") -> None:
        """Something that is not on the wire, or must not be shown as it was there."""
        if len(self._notes) < MAX_NOTES:
            self._notes.append((now, direction, text))

    def __str__(self) -> str:
        parts: list[str] = []
        last, lead = None, ""
        for at, direction, what in self._notes:
            if at != last:
                last, lead = at, f"{int((at - self._start) * 1000):>6} "
            parts.append(_written(f"{lead}{direction} ", what))
        text = "".join(parts)
        if self._left_out:
            text += f"       = {self._left_out} more lines were not kept\n"
        if len(text) <= MAX_TEXT:
            return text
        return f"{text[: MAX_TEXT * 3 // 4]}\n       = {len(text) - MAX_TEXT} characters left out\n{text[-MAX_TEXT // 4 :]}"


def _written(lead: str, what: bytes | str | Reply) -> str:
    """One note as lines, each behind `lead`."""
    if isinstance(what, bytes):
        return f"{lead}{what[:-2].decode('utf-8', 'replace')}\n".replace("\r\n", f"\n{lead}")
    if isinstance(what, str):
        return f"{lead}{what}\n"
    enhanced = f"{what.enhanced} " if what.enhanced else ""
    *more, last = what.text
    return "".join([f"{lead}{what.code}-{enhanced}{line}\n" for line in more]) + f"{lead}{what.code} {enhanced}{last}\n"
