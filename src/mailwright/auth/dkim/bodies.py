"""The body hashes that a mail's signatures need, in one pass and without DNS: it may run in a thread (RFC 6376 §3.7)."""

from collections.abc import Iterable
from typing import NamedTuple

from mailwright.auth.dkim.canonical import BodyHasher, Form, Raw
from mailwright.auth.dkim.fault import Fault
from mailwright.auth.dkim.forms import BodyForm, body_form
from mailwright.auth.dkim.head import SignedHead, open_mail
from mailwright.values import Malformed

MAX_FORMS = 8  # hashed at once: two forms are usual, and each l= of its own costs another pass of SHA-256
MAX_ASKING = 64  # signatures looked at: those that are verified, and the 50 of an ARC chain (RFC 8617 §4.2.1)
_SIGNATURES = (b"dkim-signature", b"arc-message-signature")  # ARC signs alike, RFC 8617 §4.1.2


class BodyHash(NamedTuple):
    """SHA-256 over that, and the length of the whole canonical body: beyond l= there are octets that nobody signed."""

    digest: bytes
    length: int


def hash_bodies(raw: Raw) -> dict[BodyForm, BodyHash]:
    """The body of a mail under every form that its signatures ask for, at most MAX_FORMS of them.

    Always with the whole of it relaxed. A signature whose tags cannot be read asks for nothing.
    """
    head, body = open_mail(raw)
    return hash_forms(body, asked_forms(head))


def hash_forms(body: Iterable[bytes], forms: Iterable[BodyForm]) -> dict[BodyForm, BodyHash]:
    """The same for a body in pieces, under these forms."""
    hashers = {form: BodyHasher(form.form, form.limit) for form in forms}
    for piece in body if hashers else ():
        for hasher in hashers.values():
            hasher.update(piece)
    return {form: BodyHash(hasher.digest(), hasher.length) for form, hasher in hashers.items()}


def asked_forms(head: SignedHead) -> list[BodyForm]:
    """What the signatures in a header block ask for, DKIM before ARC."""
    asked = [BodyForm(Form.RELAXED)]
    for name in _SIGNATURES:
        for at in range(min(head.count(name), MAX_ASKING)):
            try:
                form = body_form(head.tags(name, at))
            except (Fault, Malformed):
                continue  # whoever verifies the signature says why it is bad
            if form not in asked:
                asked.append(form)
    return asked[:MAX_FORMS]
