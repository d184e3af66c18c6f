"""An SMTP reply: code, enhanced status code and text (RFC 5321 §4.2, RFC 3463, RFC 2034)."""

from dataclasses import dataclass

from mailwright.values.errors import Malformed


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server says. `enhanced` is "" where the server gave none; `text` has no line ends, one string a line."""

    code: int
    enhanced: str
    text: tuple[str, ...]

    @staticmethod
    def of(code: int, enhanced: str, *text: str) -> "Reply":
        """A reply of ours; raises Malformed where a line could break the protocol."""
        if any("\r" in line or "\n" in line for line in text):
            raise Malformed("A reply must not have line ends inside a line.")
        return Reply(code, enhanced, text or ("",))

    @property
    def positive(self) -> bool:
        """2xx and 3xx."""
        return 200 <= self.code < 400

    @property
    def transient(self) -> bool:
        """4xx: worth another try (RFC 5321 §4.2.1)."""
        return 400 <= self.code < 500

    @property
    def permanent(self) -> bool:
        """5xx: the same request will fail again (RFC 5321 §4.2.1)."""
        return 500 <= self.code < 600

    def encode(self) -> bytes:
        """The reply as it goes on the wire; the enhanced code stands on every line (RFC 2034 §4)."""
        lead = f"{self.enhanced} " if self.enhanced else ""
        last = len(self.text) - 1
        lines = (f"{self.code}{' ' if n == last else '-'}{lead}{line}\r\n" for n, line in enumerate(self.text))
        return "".join(lines).encode("utf-8", "replace")

    def __str__(self) -> str:
        return " ".join(part for part in (str(self.code), self.enhanced, " ".join(self.text)) if part)
