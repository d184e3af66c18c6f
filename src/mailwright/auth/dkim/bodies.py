"""The body hashes that a mail's signatures need, in one pass and without DNS: it may run in a thread (RFC 6376 §3.7)."""

from typing import NamedTuple

from mailwright.auth.dkim.canonical import BodyHasher, Form, Raw, chunks_of, relaxed_fields, split_head
from mailwright.auth.tags import read_tags
from mailwright.values import Malformed

MAX_FORMS = 8  # hashed at once: two forms are usual, and each l= of its own costs another pass of SHA-256
MAX_LIMIT_DIGITS = 76  # RFC 6376 §3.5 l=
_FORMS = {f"{head}/{body}": (head, body) for head in Form for body in Form} | {str(head): (head, Form.SIMPLE) for head in Form}
_SIGNATURES = frozenset({b"dkim-signature", b"arc-message-signature"})  # ARC signs alike, RFC 8617 §4.1.2


class BodyForm(NamedTuple):
    """What of a body a signature covers: its canonical form, and how many octets of it (l=; None: all)."""

    form: Form
    limit: int | None = None


class BodyHash(NamedTuple):
    """SHA-256 over that, and the length of the whole canonical body: beyond l= there are octets that nobody signed."""

    digest: bytes
    length: int


def hash_bodies(raw: Raw) -> dict[BodyForm, BodyHash]:
    """The body of a mail under every form that its signatures ask for, at most MAX_FORMS of them.

    Always with the whole of it relaxed. A signature whose tags cannot be read asks for nothing.
    """
    chunks = chunks_of(raw)
    head, start = split_head(chunks)
    hashers = {asked: BodyHasher(asked.form, asked.limit) for asked in _asked(head)}
    for hasher in hashers.values():
        hasher.update(start)
    for chunk in chunks:
        for hasher in hashers.values():
            hasher.update(chunk)
    return {asked: BodyHash(hasher.digest(), hasher.length) for asked, hasher in hashers.items()}


def body_form(tags: dict[str, str]) -> BodyForm:
    """What of the body the tags of a signature cover. Raises Malformed."""
    return BodyForm(canonical_forms(tags.get("c", "simple"))[1], body_limit(tags.get("l")))


def canonical_forms(name: str) -> tuple[Form, Form]:
    """What c= says of header and body; one name alone is the header's (RFC 6376 §3.5). Raises Malformed."""
    if forms := _FORMS.get(name):
        return forms
    raise Malformed(f"{name[:40]!r} is no canonicalisation.", "Signers use simple or relaxed.")


def body_limit(text: str | None) -> int | None:
    """l=, how many octets of the canonical body are covered; None: all (RFC 6376 §3.5). Raises Malformed."""
    if text is None:
        return None
    if text.isascii() and text.isdigit() and len(text) <= MAX_LIMIT_DIGITS:
        return int(text)
    raise Malformed(f"l={text[:40]} is no length.", "Signers leave l= out.")


def _asked(head: bytes) -> list[BodyForm]:
    asked = [BodyForm(Form.RELAXED)]
    for name, value in relaxed_fields(head):
        if name not in _SIGNATURES:
            continue
        try:
            form = body_form(read_tags(value.decode("utf-8", "replace")))
        except Malformed:
            continue  # whoever verifies the signature says why it is bad
        if form not in asked:
            asked.append(form)
        if len(asked) == MAX_FORMS:
            break
    return asked
