"""What of a body a signature covers: c= and l= (RFC 6376 §3.5)."""

from typing import NamedTuple

from mailwright.auth.dkim.canonical import Form
from mailwright.values import Malformed

MAX_LIMIT_DIGITS = 76  # RFC 6376 §3.5 l=
_FORMS = {f"{head}/{body}": (head, body) for head in Form for body in Form} | {str(head): (head, Form.SIMPLE) for head in Form}


class BodyForm(NamedTuple):
    """Its canonical form, and how many octets of that (l=; None: all)."""

    form: Form
    limit: int | None = None


def body_form(tags: dict[str, str]) -> BodyForm:
    """What the tags of a signature cover; without c= it is simple. Raises Malformed."""
    return BodyForm(canonical_forms(tags.get("c", "simple"))[1], body_limit(tags.get("l")))


def canonical_forms(name: str) -> tuple[Form, Form]:
    """c=, for header and body; one name alone is the header's. Raises Malformed."""
    if forms := _FORMS.get(name):
        return forms
    raise Malformed(f"{name[:40]!r} is no canonicalisation.", "Signers use simple or relaxed.")


def body_limit(text: str | None) -> int | None:
    """l=, in octets; None: there is none, all is covered. Raises Malformed."""
    if text is None:
        return None
    if text.isascii() and text.isdigit() and len(text) <= MAX_LIMIT_DIGITS:
        return int(text)
    raise Malformed(f"l={text[:40]} is no length.", "Signers leave l= out.")
