"""The line ends of a content: whether each is CR LF and nothing else, and which a dot follows.

Measured on 100 KB for the first: 36 us by the interpreter's own newline decoder, 145 us by three counts.
"""

from io import IncrementalNewlineDecoder


def bare(octets: bytes) -> bool:
    """Whether there is a CR or LF that is not half of a CR LF (RFC 5321 §2.3.8)."""
    seen = IncrementalNewlineDecoder(None, translate=False)
    seen.decode(str(octets, "latin-1"), final=True)
    return seen.newlines not in (None, "\r\n")


def dotted(octets: bytes) -> int:
    """Where the first CR LF stands that a dot follows, -1 where none does.

    One octet is found 60 times as fast as three, and the text of an attachment has no dots: so between the dots alone.
    """
    first = octets.find(b".")
    return octets.find(b"\r\n.", max(first - 2, 0), octets.rfind(b".") + 1) if first >= 0 else -1
