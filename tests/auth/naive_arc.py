"""A server that seals mail, written from the text of RFC 8617 with nothing in mind but its words; told so, it seals wrongly."""

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mailwright.auth import DkimKey, make_key, public_record
from mailwright.dns import Zone
from tests.auth.naive_dkim import fields_of, relaxed_body, relaxed_field, simple_body

MAIL = (
    b"Received: from a by b; Thu, 01 Jan 2026 00:00:00 +0000\r\n"
    b"From: Ann <ann@shop.example>\r\nTo: bob@ours.example\r\nSubject: Your  order\r\n\r\nThank you.\r\n\r\n"
)
KEYS = {name: make_key(name, "arc", "ed25519-sha256") for name in ("list.example", "gate.example", "last.example")}
SEALERS = ("list.example", "gate.example", "last.example")
RECORDS = {key.dns_name: {"TXT": [public_record(key)]} for key in KEYS.values()}
ZONE = Zone.of(RECORDS)


@dataclass(frozen=True)
class How:
    """How a server seals. Tags set to None are left out; `change` works on the mail before it is sealed."""

    domain: str = "list.example"
    results: str = " i={i}; {domain}; spf=pass smtp.mailfrom=shop.example; dkim=pass header.d=shop.example; dmarc=pass"
    signature: dict[str, str | None] = field(default_factory=dict)
    seal: dict[str, str | None] = field(default_factory=dict)
    change: Callable[[bytes], bytes] = lambda mail: mail
    simple: bool = False  # canonical forms of the message signature


def sealed(mail: bytes, number: int, how: How = How()) -> bytes:
    """The mail with one more set on top (RFC 8617 §5.1)."""
    mail = how.change(mail)
    key = KEYS[how.domain]
    results = f"ARC-Authentication-Results:{how.results.format(i=number, domain=how.domain)}\r\n".encode()
    mail = results + mail
    head, _, body = mail.partition(b"\r\n\r\n")
    digest = hashlib.sha256(simple_body(body) if how.simple else relaxed_body(body)).digest()
    tags = {
        "i": str(number),
        "a": "ed25519-sha256",
        "c": "simple/simple" if how.simple else "relaxed/relaxed",
        "d": how.domain,
        "s": "arc",
        "h": "from:to:subject",
        "bh": base64.b64encode(digest).decode(),
    }
    signature = _field("ARC-Message-Signature", tags | how.signature)
    names = (tags | how.signature)["h"]
    mail = _signed(key, signature, _covered(head, names or "", how.simple), how.simple) + mail
    seal = {"i": str(number), "a": "ed25519-sha256", "cv": "none" if number == 1 else "pass", "d": how.domain, "s": "arc"}
    return _signed(key, _field("ARC-Seal", seal | how.seal), _chain(mail, number), simple=False) + mail


def chain(*hows: How) -> bytes:
    """A mail that went through these servers."""
    mail = MAIL
    for number, how in enumerate(hows, 1):
        mail = sealed(mail, number, how)
    return mail


def through(*domains: str) -> bytes:
    """A mail that went through these servers, all of which seal well."""
    return chain(*[How(domain) for domain in domains])


def _field(name: str, tags: Mapping[str, str | None]) -> bytes:
    return f"{name}: {'; '.join(f'{tag}={text}' for tag, text in tags.items() if text is not None)}; b=".encode()


def _covered(head: bytes, names: str, simple: bool) -> list[bytes]:
    fields = fields_of(head)
    covered = []
    for name in names.encode().lower().split(b":"):
        at = next((n for n in range(len(fields) - 1, -1, -1) if relaxed_field(fields[n]).startswith(name.strip() + b":")), None)
        if at is not None and name.strip():
            found = fields.pop(at)
            covered.append(found if simple else relaxed_field(found))
    return covered


def _chain(mail: bytes, number: int) -> list[bytes]:
    """RFC 8617 §5.1.1: the sets in increasing order; of each results, signature and seal, the seal to be made missing."""
    fields = [relaxed_field(one) for one in reversed(fields_of(mail.partition(b"\r\n\r\n")[0]))]
    names = (b"arc-authentication-results:", b"arc-message-signature:", b"arc-seal:")
    by_name = [[one for one in fields if one.startswith(name)] for name in names]
    return [one for n in range(number) for named in by_name for one in named[n : n + 1]]


def _signed(key: DkimKey, own: bytes, covered: list[bytes], simple: bool) -> bytes:
    text = b"\r\n".join([*covered, own if simple else relaxed_field(own)])
    return own + base64.b64encode(key.sign(text)) + b"\r\n"
