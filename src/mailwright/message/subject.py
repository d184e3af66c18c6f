"""The subject of a mail as lists show it."""

from collections.abc import Sequence

from mailwright.message.headers import Field, first
from mailwright.message.words import decoded, readable

MAX_SHOWN = 200  # characters: what a list has room for


def subject(fields: Sequence[Field]) -> str:
    """The subject decoded (RFC 2047), on one line, at most 200 characters; "" where there is none."""
    field = first(fields, b"subject")
    if field is None:
        return ""
    return readable(decoded(field.text.decode("utf-8", "replace")), MAX_SHOWN)
