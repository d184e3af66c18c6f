"""DKIM both ways against dkimpy: what one signs the other verifies, changed on the way or not (docs/disagreements.md)."""

import pathlib
from functools import cache

import dkim
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import assume, given
from hypothesis import strategies as st

from mailwright.auth import public_record, sign_dkim, verify_dkim
from mailwright.dns import Zone
from tests.auth.odd_dkim import TAGS, Mail, a_key

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "disagreements.md"
RECORD = public_record(a_key("rsa-sha256"))
ZONE = Zone.of({"s._domainkey.example.com": {"TXT": RECORD}})


@cache
def pem() -> bytes:
    return a_key("rsa-sha256").private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def dkimpy_says(mail: bytes) -> bool:
    try:
        return bool(dkim.verify(mail, dnsfunc=lambda name, timeout=5: RECORD.encode()))
    except (IndexError, ValueError):  # it means to refuse, and stumbles
        return False


def we_say(mail: bytes) -> bool:
    return any(verdict.result == "pass" for verdict in ZONE.run(verify_dkim(mail))[:1])


def comparable(mail: bytes) -> bool:
    """Octets that dkimpy reads as they stand: it makes CRLF of a bare LF, and will not look at odd lines of a header."""
    try:
        dkim.rfc822_parse(mail)
    except (dkim.MessageFormatError, IndexError):
        return False
    if mail.endswith((b" ", b"\t")):  # a blank at the end of a last line without CRLF: we take it off, dkimpy keeps it
        return False
    return mail.count(b"\r\n") == mail.count(b"\r") == mail.count(b"\n")


words = st.sampled_from([b"a", b"word", b" ", b"  ", b"\t", b"\r\n ", b"\r\n\t", b":", b";", b"=", b"\xc3\xa9", b"<b@c>"])
values = st.lists(words, max_size=6).map(lambda parts: b"".join([b" x", *parts]).rstrip() + b"x")
names = st.sampled_from([b"To", b"Cc", b"Subject", b"SUBJECT", b"Date", b"X-Tag", b"Received"])
fields = st.lists(st.tuples(names, values), max_size=6).map(lambda rows: [name + b":" + value + b"\r\n" for name, value in rows])
bodies = st.lists(st.sampled_from([b"word", b" ", b"\t", b"\r\n", b".", b"  ", b"\xc3\xa9"]), max_size=20).map(
    lambda parts: b"".join([*parts, b"\r\n"])
)
forms = st.sampled_from([b"simple", b"relaxed"])
# A change: where (a share of the mail), how many octets go, what comes in their place.
changes = st.none() | st.tuples(
    st.floats(0, 1), st.integers(0, 3), st.sampled_from([b"", b" ", b"\t", b"x", b"\r\n ", b"\r\n", b"S"])
)
Change = tuple[float, int, bytes] | None


def changed(mail: bytes, change: Change) -> bytes:
    if change is None:
        return mail
    share, gone, new = change
    place = int(share * len(mail))
    return mail[:place] + new + mail[place + gone :]


@given(fields, bodies, forms, forms, st.booleans(), changes)
def test_what_dkimpy_signs(
    head: list[bytes], body: bytes, header_form: bytes, body_form: bytes, length: bool, change: Change
) -> None:
    mail = b"".join([*head, b"From: a@example.com\r\n"]) + b"\r\n" + body
    signed = dkim.sign(mail, b"s", b"example.com", pem(), canonicalize=(header_form, body_form), length=length) + mail
    assert we_say(signed)
    arrived = changed(signed, change)
    assume(comparable(arrived))
    assert we_say(arrived) == dkimpy_says(arrived)


@given(fields, bodies, changes)
def test_what_we_sign(head: list[bytes], body: bytes, change: Change) -> None:
    mail = b"".join([*head, b"From: a@example.com\r\n"]) + b"\r\n" + body
    signed = sign_dkim(mail, a_key("rsa-sha256"), now=1) + mail
    assert we_say(signed)
    arrived = changed(signed, change)
    assume(comparable(arrived))
    assert we_say(arrived) == dkimpy_says(arrived)


DISAGREEMENTS = [  # the mail, whether we pass it, because; dkimpy says the contrary; each is a row of docs/disagreements.md
    (Mail().with_tag("h", "to:subject"), False, "From is not signed"),
    (Mail().with_tag("h", ""), False, "h= is empty"),
    (Mail().with_tag("h", "from::to"), False, "a name of h= is empty"),
    (Mail().with_tag("h", "from:a b"), False, "a name of h= has a blank"),
    (Mail().with_tag("h", "from:dkim-signature"), True, "h= names the signature itself"),
    (Mail(TAGS + "; z=a\x01b"), False, "a control character"),
    (Mail().with_tag("i", "a@b@example.com"), False, "i= with two @"),
    (Mail().with_tag("i", "=4@example.com"), False, "i= with half an octet"),
    (Mail().with_tag("q", "http/x : dns/txt"), True, "q= with a second, unknown way"),
    (Mail().with_tag("a", "ed25519-sha256"), False, "a= is Ed25519, signature and key are RSA"),
    (Mail().with_tag("l", "1000"), False, "l= beyond the body"),
    (Mail(body=b"a\nb\r\n"), True, "a bare LF in the body"),
]


@pytest.mark.parametrize("mail, ours, because", DISAGREEMENTS, ids=[row[2] for row in DISAGREEMENTS])
def test_where_we_differ(mail: Mail, ours: bool, because: str) -> None:
    assert we_say(mail.octets()) is ours, because
    assert dkimpy_says(mail.octets()) is not ours, because
    assert f"| {because} |" in PAGE.read_text("utf-8")


RECORDS = [  # the same for key records
    ("v=DKIM1; h=sha1; p={}", "the key allows sha1 only"),
    ("p={}; v=DKIM1", "v= is not the first tag of the key"),
]


@pytest.mark.parametrize("text, because", RECORDS, ids=[row[1] for row in RECORDS])
def test_where_we_differ_on_a_key(text: str, because: str) -> None:
    record, mail = text.format(RECORD.partition("p=")[2]), Mail().octets()
    zone = Zone.of({"s._domainkey.example.com": {"TXT": record}})
    assert zone.run(verify_dkim(mail))[0].result == "permerror"
    assert dkim.verify(mail, dnsfunc=lambda name, timeout=5: record.encode())
    assert f"| {because} |" in PAGE.read_text("utf-8")
