"""A signer that signs whatever it is told, right or wrong, written from the text of RFC 6376 apart from ours."""

import base64
import hashlib
import re
from dataclasses import dataclass, replace
from functools import cache

from mailwright.auth import DkimKey, make_key
from tests.auth import naive_dkim

HEAD = (
    b"From: Anna <anna@example.com>\r\nTo: b@example.net\r\nSubject: Your  invoice\r\nDate: Thu, 09 Oct 2025 08:53:20 +0000\r\n"
)
BODY = b"Hello,  \r\n\r\nbye\t now\r\n\r\n\r\n"
TAGS = "v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s; h=from:to:subject:date"


@cache
def a_key(algorithm: str) -> DkimKey:
    """The key of these tests."""
    return make_key("example.com", "s", algorithm)


@dataclass(frozen=True)
class Mail:
    """A mail and the signature to put on it; `tags` are signed as they stand, `bh` and `b` are filled in."""

    tags: str = TAGS
    head: bytes = HEAD
    body: bytes = BODY
    algorithm: str = "rsa-sha256"
    last: str = ""  # what follows b=

    def with_tag(self, name: str, value: str | None) -> "Mail":
        """The same with one tag changed, added, or (None) taken out."""
        kept = [tag.strip() for tag in self.tags.split(";") if tag.partition("=")[0].strip() != name]
        return replace(self, tags="; ".join([*kept, *([] if value is None else [f"{name}={value}"])]))

    def field(self) -> bytes:
        """The signature."""
        tags = naive_dkim.tags_of(b":" + self.tags.encode("utf-8", "surrogateescape"))
        header, _, body = tags.get(b"c", b"simple").partition(b"/")
        canonical = naive_dkim.relaxed_body(self.body) if body == b"relaxed" else naive_dkim.simple_body(self.body)
        if tags.get(b"l", b"").isdigit():
            canonical = canonical[: int(tags[b"l"])]
        octets = self.tags.encode("utf-8", "surrogateescape")
        unsigned = b"DKIM-Signature: " + octets + b"; bh=%b; b=" % base64.b64encode(hashlib.sha256(canonical).digest())
        text = self._signed(unsigned + self.last.encode(), tags.get(b"h", b""), relaxed=header == b"relaxed")
        return unsigned + base64.b64encode(a_key(self.algorithm).sign(text)) + self.last.encode() + b"\r\n"

    def octets(self) -> bytes:
        """The signed mail."""
        return self.field() + self.head + b"\r\n" + self.body

    def _signed(self, unsigned: bytes, names: bytes, *, relaxed: bool) -> bytes:
        fields, text = naive_dkim.fields_of(self.head), b""
        for name in re.split(rb"[ \t\r\n]*:[ \t\r\n]*", names.strip().lower()):
            places = [n for n, field in enumerate(fields) if field.partition(b":")[0].strip(b" \t").lower() == name]
            if places:
                field = fields.pop(places[-1])
                text += (naive_dkim.relaxed_field(field) if relaxed else field) + b"\r\n"
        return text + (naive_dkim.relaxed_field(unsigned) if relaxed else unsigned)
