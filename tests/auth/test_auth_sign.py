"""Signatures: dkimpy, OpenDKIM and the naive reference verify ours; what must break them breaks them."""

import base64
import hashlib
import pathlib
import shutil
import subprocess
from functools import cache

import dkim
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwright.auth import DkimKey, make_key, public_record, read_key, sign_dkim
from mailwright.auth.dkim.canonical import chunks_of
from mailwright.auth.dkim.sign import OVER_SIGNED, WHERE_PRESENT, read_mail, sign_headers
from mailwright.values import Malformed
from tests.auth import naive_dkim

NOW = 1_760_000_000
MAIL = (
    b"Received: from app.example (app.example [192.0.2.1])\r\n\tby mail.example with ESMTPSA id 1;\r\n"
    b"\tThu, 09 Oct 2025 08:53:20 +0000\r\n"
    b"From: Anna <anna@example.com>\r\nTo: b@example.net\r\nSubject: Your invoice\r\n for  October\r\n"
    b"Date: Thu, 09 Oct 2025 08:53:20 +0000\r\nMessage-ID: <1@example.com>\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/plain;\r\n\tcharset=utf-8\r\nX-Tag: a\r\n\r\nHello,  \r\n\r\nbye\t now\r\n\r\n\r\n"
)
RFC8463 = pathlib.Path(__file__).parents[3] / "shared/suites/dkim/rfc8463/001.txt"


@cache
def a_key(algorithm: str = "rsa-sha256") -> DkimKey:
    return make_key("example.com", "mail2025", algorithm)


def dkimpy_says(mail: bytes, key: DkimKey) -> bool:
    record = public_record(key).encode()
    return bool(dkim.verify(mail, dnsfunc=lambda name, timeout=5: record if name == key.dns_name.encode() + b"." else None))


@pytest.mark.parametrize("algorithm", ["rsa-sha256", "ed25519-sha256"])
def test_the_field_is_written_as_every_verifier_reads_it(algorithm: str) -> None:
    field = sign_dkim(MAIL, a_key(algorithm), now=NOW)
    assert field.startswith(
        b"DKIM-Signature: v=1; a=" + algorithm.encode() + b"; c=relaxed/relaxed;\r\n d=example.com; s=mail2025; t="
    )
    lines = field.split(b"\r\n")
    assert lines.pop() == b""
    assert max(len(line) for line in lines) <= 76
    assert all(line.startswith(b" ") and line.strip() for line in lines[1:])
    tags = naive_dkim.tags_of(field)
    assert list(tags) == [b"v", b"a", b"c", b"d", b"s", b"t", b"h", b"bh", b"b"]  # no i=, l=, q=, x=
    assert tags[b"t"] == b"%d" % NOW
    assert naive_dkim.verifies(field + MAIL, public_record(a_key(algorithm)))


def test_dkimpy_verifies() -> None:
    assert dkimpy_says(sign_dkim(MAIL, a_key(), now=NOW) + MAIL, a_key())


def test_dkimpy_verifies_ed25519() -> None:
    pytest.importorskip("nacl", reason="dkimpy reads Ed25519 with PyNaCl only: pip install pynacl")
    key = a_key("ed25519-sha256")
    assert dkimpy_says(sign_dkim(MAIL, key, now=NOW) + MAIL, key)


@pytest.mark.parametrize(
    "change, verdict",
    [(lambda mail: mail, "succeeded"), (lambda mail: mail.replace(b"bye", b"by"), "failed")],
    ids=["as signed", "changed"],
)
def test_opendkim_verifies(tmp_path: pathlib.Path, change: object, verdict: str) -> None:
    program = shutil.which("opendkim", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if program is None:
        pytest.skip("opendkim is not installed: apt-get install opendkim")
    assert callable(change)
    (tmp_path / "mail.eml").write_bytes(change(sign_dkim(MAIL, a_key(), now=NOW) + MAIL))
    (tmp_path / "records").write_text(f"{a_key().dns_name} {public_record(a_key())}\n")
    (tmp_path / "opendkim.conf").write_text(f"TestDNSData file:{tmp_path}/records\nMode v\n")
    done = subprocess.run(
        [program, "-x", "opendkim.conf", "-t", "mail.eml"], cwd=tmp_path, capture_output=True, text=True, timeout=20, check=False
    )
    assert verdict in done.stdout + done.stderr


def test_the_mail_of_rfc_8463_verifies_in_our_reference_and_is_signed_with_its_key() -> None:
    if not RFC8463.exists():
        pytest.skip("the example of RFC 8463 A.3 is not here: ../shared/suites/dkim/rfc8463")
    zone, _, mail = RFC8463.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n").partition(b"\r\n\r\n")
    ed25519, rsa = (line.partition(" ")[2] for line in zone.decode().split("\r\n"))
    assert naive_dkim.verifies(mail, ed25519, at=0)
    assert naive_dkim.verifies(mail, rsa, at=1)
    key = read_key("football.example.com", "brisbane", "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")  # RFC 8463 A.2
    assert public_record(key) == ed25519
    assert b"bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;" in sign_dkim(mail, key, now=1528637909)
    assert naive_dkim.verifies(sign_dkim(mail, key, now=1528637909) + mail, ed25519)


def listed(mail: bytes) -> list[bytes]:
    return naive_dkim.tags_of(sign_dkim(mail, a_key("ed25519-sha256"), now=NOW))[b"h"].split(b":")


def test_every_name_is_listed_once_more_than_it_occurs() -> None:
    assert listed(MAIL) == (
        b"From:From:To:To:Cc:Subject:Subject:Date:Date:Reply-To:Message-ID:Message-ID:In-Reply-To:References"
        b":MIME-Version:MIME-Version:Content-Type:Content-Type:Content-Transfer-Encoding"
    ).split(b":")
    assert listed(b"from: a@example.com\r\nTO: b\r\nTo: c\r\n\r\n").count(b"To") == 3
    bulk = b"".join(name + b": x\r\n" for name in WHERE_PRESENT) + MAIL
    assert [listed(bulk).count(name) for name in WHERE_PRESENT] == [2, 2, 2]


@pytest.mark.parametrize("name", OVER_SIGNED)
@pytest.mark.parametrize("where", ["above", "below"])
def test_a_second_field_breaks_the_signature(name: bytes, where: str) -> None:
    key = a_key("ed25519-sha256")
    added = name + b": forged@example.org\r\n"
    signed = sign_dkim(MAIL, key, now=NOW) + MAIL
    assert naive_dkim.verifies(signed, public_record(key))
    forged = added + signed if where == "above" else signed.replace(b"\r\n\r\n", b"\r\n" + added + b"\r\n", 1)
    assert not naive_dkim.verifies(forged, public_record(key))


def test_dkimpy_sees_a_second_from() -> None:
    assert not dkimpy_says(b"From: b@example.org\r\n" + sign_dkim(MAIL, a_key(), now=NOW) + MAIL, a_key())


@pytest.mark.parametrize(
    "was, now, because",
    [
        (b"Hello,", b"Hallo,", "a changed body"),
        (b"bye\t now", b"bye now", None),
        (b"Hello,  \r\n", b"Hello,\r\n", None),
        (b"invoice", b"Invoice", "a changed Subject"),
        (b"invoice\r\n for  October", b"invoice for\r\n\tOctober", None),
        (b"\r\nSubject:", b"\r\nSUBJECT:", None),
        (b"X-Tag: a", b"X-Tag: b", None),
        (b"t=1760000000", b"t=1760000001", "a changed tag of the signature"),
        (b"; s=mail2025;", b";\r\n\ts=mail2025;", None),
        (b"charset=utf-8", b"charset=utf-7", "a changed Content-Type"),
    ],
)
def test_what_breaks_a_signature_and_what_does_not(was: bytes, now: bytes, because: str | None) -> None:
    signed = sign_dkim(MAIL, a_key(), now=NOW) + MAIL
    assert was in signed
    changed = signed.replace(was, now, 1)
    assert naive_dkim.verifies(changed, public_record(a_key())) is (because is None), because
    assert dkimpy_says(changed, a_key()) is (because is None), because


value = st.text(st.sampled_from("abC012 \t:;=<>@é"), max_size=60).map(lambda text: text.encode())
folded = st.lists(value, min_size=1, max_size=4).map(
    lambda parts: b"\r\n ".join([b" " + parts[0], *(b"x" + part for part in parts[1:])])
)
names = st.sampled_from([*OVER_SIGNED, *WHERE_PRESENT, b"X-Other", b"received", b"SUBJECT", b"to"])
headers = st.lists(st.tuples(names.filter(lambda name: name != b"From"), folded), max_size=12).map(
    lambda fields: b"".join(name + b":" + text + b"\r\n" for name, text in fields)
)
bodies = st.lists(st.sampled_from([b"word", b" ", b"\t", b"\r\n", b".", b"  ", b"\xc3\xa9"]), max_size=40).map(b"".join)


@given(headers, bodies, st.integers(0, 2**33))
def test_any_mail_that_is_signed_verifies(head: bytes, body: bytes, now: int) -> None:
    mail = head + b"From: a@example.com\r\n\r\n" + body
    for algorithm in ("rsa-sha256", "ed25519-sha256"):
        assert naive_dkim.verifies(sign_dkim(mail, a_key(algorithm), now=now) + mail, public_record(a_key(algorithm)))


@given(headers, bodies)
def test_dkimpy_agrees(head: bytes, body: bytes) -> None:
    """Where the body ends in CRLF: without one, dkimpy keeps the blanks that end it (against RFC 6376 §3.4.4 a)."""
    mail = head + b"From: a@example.com\r\n\r\n" + body + b"\r\n"
    assert dkimpy_says(sign_dkim(mail, a_key(), now=NOW) + mail, a_key())


@given(headers, bodies, st.integers(1, 50))
def test_pieces_and_buffers_sign_alike(head: bytes, body: bytes, step: int) -> None:
    mail = head + b"From: a@example.com\r\n\r\n" + body
    key = a_key("ed25519-sha256")  # Ed25519 signs the same thing alike
    whole = sign_dkim(mail, key, now=NOW)
    pieces = [mail[start : start + step] for start in range(0, len(mail), step)]
    assert sign_headers(*read_mail(pieces), key, NOW) == whole
    assert sign_dkim(memoryview(mail), key, now=NOW) == whole
    assert sign_dkim(bytearray(mail), key, now=NOW) == whole


def test_a_large_mail_in_chunks() -> None:
    mail = MAIL + b"A line of an attachment that goes on.\r\n" * 200_000
    field = sign_headers(*read_mail(chunks_of(mail)), a_key(), NOW)
    assert field == sign_dkim(mail, a_key(), now=NOW)
    assert base64.b64encode(dkim_body_hash(mail)) in field


def dkim_body_hash(mail: bytes) -> bytes:
    return hashlib.sha256(naive_dkim.relaxed_body(mail.partition(b"\r\n\r\n")[2])).digest()


def test_many_fields_are_signed_and_folded() -> None:
    mail = b"To: x@example.net\r\n" * 10_000 + MAIL
    field = sign_dkim(mail, a_key("ed25519-sha256"), now=NOW)
    assert max(map(len, field.split(b"\r\n"))) <= 76
    assert field.count(b"To:") == 10_002 + 2  # and Reply-To, In-Reply-To


def test_a_mail_without_from_is_not_signed() -> None:
    with pytest.raises(Malformed, match="no From"):
        sign_dkim(b"To: b@example.net\r\n\r\nFrom: in the body\r\n", a_key())


@pytest.mark.parametrize("blank", [b" ", b"\t"])
def test_a_mail_that_would_continue_its_signature_is_not_signed(blank: bytes) -> None:
    with pytest.raises(Malformed, match="continuation line"):
        sign_dkim(blank + b"x=y\r\n" + MAIL, a_key())


def test_without_a_time_there_is_no_t() -> None:
    assert b"t" not in naive_dkim.tags_of(sign_dkim(MAIL, a_key()))


def test_domains_and_selectors_are_a_labels() -> None:
    field = sign_dkim(MAIL, make_key("bücher.example", "grün", "ed25519-sha256"), now=NOW)
    assert b"d=xn--bcher-kva.example; s=xn--grn-ioa;" in field  # RFC 8616 §4


@given(st.binary(max_size=400))
def test_any_octets_are_signed_or_refused(octets: bytes) -> None:
    for mail in (octets, b"From: a@example.com\r\n" + octets):
        try:
            field = sign_dkim(mail, a_key("ed25519-sha256"), now=NOW)
        except Malformed:
            continue
        assert field.endswith(b"\r\n")
