"""Body hashes of a mail: what its signatures ask for, in one pass."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwright.auth import BodyForm, Form, hash_bodies
from mailwright.auth.dkim.bodies import MAX_FORMS
from mailwright.auth.dkim.forms import body_form
from mailwright.auth.tags import read_tags
from mailwright.values import Malformed
from tests.auth import naive_dkim

BODY = b"Hello  you \r\n\r\n" * 5 + b"\r\n"
RELAXED = BodyForm(Form.RELAXED)


def asked(*signatures: str) -> list[BodyForm]:
    head = "".join(f"DKIM-Signature: {tags}\r\n" for tags in signatures)
    return list(hash_bodies(head.encode() + b"From: a@example.com\r\n\r\n" + BODY))


CASES = [  # signature, what it asks for beside the whole relaxed body, because
    ("v=1; c=relaxed/relaxed", [], "the usual"),
    ("v=1; c=simple/simple", [BodyForm(Form.SIMPLE)], "the other one"),
    ("v=1", [BodyForm(Form.SIMPLE)], "simple is what no c= means (RFC 6376 §3.5)"),
    ("v=1; c=relaxed", [BodyForm(Form.SIMPLE)], "and what a c= without a slash means for the body"),
    ("v=1; c=relaxed/relaxed; l=20", [BodyForm(Form.RELAXED, 20)], "a length is a hash of its own"),
    ("v=1; c=\r\n relaxed/relaxed; l=0", [BodyForm(Form.RELAXED, 0)], "folds; and nothing at all is signed"),
    ("v=1; c=simple\r\n /simple", [], "no blank stands inside c= (RFC 6376 §3.5)"),
    ("v=1; c=relaxed/strict", [], "an unknown form is not hashed"),
    ("v=1; c=relaxed/relaxed; l=-1", [], "nor is a bad length"),
    ("v=1; c=relaxed/relaxed; l=" + "9" * 77, [], "nor one beyond 76 digits"),
    ("v=1; v=1; c=simple/simple", [], "nor anything of a void tag list"),
]


@pytest.mark.parametrize("signature, beside, because", CASES, ids=[row[2] for row in CASES])
def test_what_a_signature_asks_for(signature: str, beside: list[BodyForm], because: str) -> None:
    assert asked(signature) == [RELAXED, *beside], because


def test_all_signatures_are_served_in_one_pass() -> None:
    mail = b"DKIM-Signature: v=1\r\narc-message-signature: i=1; c=relaxed/relaxed; l=7\r\nFrom: a@example.com\r\n\r\n" + BODY
    for raw in (mail, memoryview(mail), bytearray(mail)):
        found = hash_bodies(raw)
        assert found[RELAXED].digest == hashlib.sha256(naive_dkim.relaxed_body(BODY)).digest()
        assert found[BodyForm(Form.SIMPLE)].digest == hashlib.sha256(naive_dkim.simple_body(BODY)).digest()
        assert found[BodyForm(Form.RELAXED, 7)].digest == hashlib.sha256(naive_dkim.relaxed_body(BODY)[:7]).digest()
        assert found[BodyForm(Form.RELAXED, 7)].length == len(naive_dkim.relaxed_body(BODY))


def test_a_thousand_lengths_are_not_a_thousand_hashes() -> None:
    assert len(asked(*(f"v=1; c=relaxed/relaxed; l={n}" for n in range(1_000)))) == MAX_FORMS


@given(st.binary(max_size=300))
def test_any_octets(octets: bytes) -> None:
    assert RELAXED in hash_bodies(octets)
    assert RELAXED in hash_bodies(b"DKIM-Signature:" + octets)


def test_bad_tags_say_what_is_wrong() -> None:
    with pytest.raises(Malformed, match="canonicalisation"):
        body_form(read_tags("c=relaxed/nofws"))
    with pytest.raises(Malformed, match="no length"):
        body_form(read_tags("c=relaxed/relaxed; l=1x"))
