"""Verification of DKIM: one row a rule of RFC 6376, 8301, 8463 and 8616, with its result and its code."""

import base64
from dataclasses import replace
from functools import cache
from mmap import mmap
from typing import NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from mailwright.auth import DkimVerdict, hash_bodies, public_record, read_record, sign_dkim, verify_dkim
from mailwright.auth.dkim.head import MAX_FIELD, MAX_HEAD
from mailwright.auth.dkim.signature import MAX_NAMES
from mailwright.auth.dkim.verify import FUTURE_SECONDS, MAX_SIGNATURES
from mailwright.auth.dkim.words import WORDS
from mailwright.dns import Question, Zone, run
from tests.auth.odd_dkim import BODY, HEAD, TAGS, Mail, a_key

NOW = 1_760_000_000
NAME = "s._domainkey.example.com"
RSA = public_record(a_key("rsa-sha256"))
ED25519 = public_record(a_key("ed25519-sha256"))
P = RSA.partition("p=")[2]
M = Mail()


@cache
def rsa_record(bits: int, form: PublicFormat = PublicFormat.SubjectPublicKeyInfo) -> str:
    public = generate_private_key(65537, bits).public_key()
    return f"v=DKIM1; k=rsa; p={base64.b64encode(public.public_bytes(Encoding.DER, form)).decode()}"


# 512 bits: what `openssl genrsa 512` gave; the library makes no such key any more
RSA_512 = (
    "v=DKIM1; p=MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBALuFkhQGKKucrG/wCXLRwTgtPjjg1/4zp7N8ZJ+JGaj2MxHiPM34q7AvHPU5S2fU"
    "kUFpCtm5jfoHQ/XYiCotOeUCAwEAAQ=="
)


def verify(raw: bytes, record: str | list[str] = RSA, now: float | None = None) -> tuple[DkimVerdict, ...]:
    records = [record] if isinstance(record, str) else record
    return Zone.of({NAME: {"TXT": records}}).run(verify_dkim(raw, now=now))


class Case(NamedTuple):
    mail: Mail | bytes
    expected: str  # "result code"
    because: str
    record: str | list[str] = RSA
    now: float | None = None


def tagged(name: str, value: str | None, mail: Mail = M) -> Mail:
    return mail.with_tag(name, value)


def after(mail: Mail, was: bytes, now: bytes) -> bytes:
    """The mail as it arrives, changed on its way."""
    assert was in mail.octets()
    return mail.octets().replace(was, now, 1)


def c(value: str) -> Mail:
    return tagged("c", value)


def l_tag(length: int, body: bytes = BODY) -> Mail:
    return tagged("l", str(length), replace(M, body=body))


CASES = [
    Case(M, "pass dkim-pass", "the usual"),
    Case(replace(tagged("a", "ed25519-sha256"), algorithm="ed25519-sha256"), "pass dkim-pass", "RFC 8463 §3", ED25519),
    Case(replace(M, last=";"), "pass dkim-pass", "a semicolon may end the list (§3.2)"),
    Case(replace(M, last="; t=1"), "pass dkim-pass", "b= need not be last: it alone is emptied (§3.7)"),
    Case(replace(M, tags=TAGS.replace("d=", "b2=x; d=")), "pass dkim-pass", "unknown tags count for nothing (§3.5)"),
    # canonical forms (§3.4)
    Case(c("simple/simple"), "pass dkim-pass", "both simple"),
    Case(c("simple/relaxed"), "pass dkim-pass", "a pair"),
    Case(c("relaxed/simple"), "pass dkim-pass", "the other pair"),
    Case(c("relaxed"), "pass dkim-pass", "one name alone is the header's; the body is simple (§3.5)"),
    Case(c("simple"), "pass dkim-pass", "the same"),
    Case(tagged("c", None), "pass dkim-pass", "no c= means simple/simple (§3.5)"),
    Case(after(c("simple/simple"), b"Subject: Your  ", b"Subject: Your "), "fail dkim-header-changed", "simple keeps blanks"),
    Case(after(c("simple/simple"), b"Subject:", b"subject:"), "fail dkim-header-changed", "simple keeps case"),
    Case(after(M, b"Subject: Your  ", b"SUBJECT:\tYour\r\n "), "pass dkim-pass", "relaxed keeps neither (§3.4.2)"),
    Case(after(c("relaxed/simple"), b"Hello,  ", b"Hello, "), "fail dkim-body-changed", "nor do bodies (§3.4.3)"),
    Case(after(M, b"Hello,  ", b"Hello, "), "pass dkim-pass", "relaxed bodies lose blanks (§3.4.4)"),
    Case(after(c("simple/simple"), b"\r\n\r\n\r\n", b"\r\n"), "pass dkim-pass", "empty lines at the end go (§3.4.3)"),
    Case(replace(M, body=b""), "pass dkim-pass", "no body, relaxed (§3.4.4)"),
    Case(replace(c("simple/simple"), body=b""), "pass dkim-pass", "no body, simple: one CRLF (§3.4.3)"),
    Case(replace(M, body=b"a\rb\nc\r\n"), "pass dkim-pass", "a bare CR or LF is text"),
    Case(c("relaxed/nofws"), "permerror dkim-form-unknown", "§3.4: ignored"),
    Case(c("Relaxed/relaxed"), "permerror dkim-form-unknown", "values keep their case (§3.2)"),
    Case(c("relaxed/ relaxed"), "permerror dkim-form-unknown", "no blank stands there (§3.5)"),
    # version and tags (§3.2, §6.1.1)
    Case(tagged("v", None), "permerror dkim-tag-missing", "§6.1.1"),
    Case(tagged("v", "2"), "permerror dkim-version", "§6.1.1"),
    Case(tagged("v", "1.0"), "permerror dkim-version", "a text, not a number"),
    Case(tagged("a", None), "permerror dkim-tag-missing", "§6.1.1"),
    Case(tagged("d", None), "permerror dkim-tag-missing", "§6.1.1"),
    Case(tagged("s", None), "permerror dkim-tag-missing", "§6.1.1"),
    Case(tagged("h", None), "permerror dkim-tag-missing", "§6.1.1"),
    Case(tagged("h", ""), "permerror dkim-tag-missing", "h= MUST NOT be empty (§3.5)"),
    Case(after(M, b"bh=", b"bx="), "permerror dkim-tag-missing", "§6.1.1"),
    Case(after(M, b" b=", b" y="), "permerror dkim-tag-missing", "§6.1.1"),
    Case(replace(M, tags=TAGS + "; d=example.com"), "permerror dkim-tag-repeated", "§3.2, even where both say the same"),
    Case(replace(M, tags=TAGS + "; nothing"), "permerror dkim-tags-malformed", "no name=value"),
    Case(replace(M, tags=TAGS + ";; t=1"), "permerror dkim-tags-malformed", "an empty tag in the middle"),
    Case(replace(M, tags=TAGS + "; 1a=x"), "permerror dkim-tags-malformed", "a name begins with a letter"),
    Case(replace(M, tags=TAGS + "; z=a\x01b"), "permerror dkim-tags-malformed", "a control character"),
    Case(replace(M, tags=TAGS.replace("; ", " ;\r\n\t")), "pass dkim-pass", "folds between tags (§3.2)"),
    Case(replace(M, tags=TAGS.replace("=", " =\r\n ")), "pass dkim-pass", "folds around ="),
    Case(tagged("z", "From:x@example.org|Subject:=20y"), "pass dkim-pass", "z= is for people"),
    Case(tagged("z", "x" * MAX_FIELD), "policy dkim-signature-too-long", "a limit of ours (§8.4)"),
    # algorithm
    Case(tagged("a", "rsa-sha1"), "permerror dkim-sha1", "RFC 8301 §3.1"),
    Case(tagged("a", "rsa-md5"), "permerror dkim-algorithm-unknown", "§3.3: ignored"),
    Case(tagged("a", "RSA-SHA256"), "permerror dkim-algorithm-unknown", "values keep their case (§3.2)"),
    Case(M, "permerror dkim-key-type", "a= says RSA, k= Ed25519 (§6.1.2)", ED25519),
    Case(tagged("a", "ed25519-sha256"), "permerror dkim-key-type", "and the reverse"),
    # h=
    Case(tagged("h", "to:subject"), "permerror dkim-from-unsigned", "§5.4"),
    Case(tagged("h", "FROM:Subject"), "pass dkim-pass", "names have no case"),
    Case(tagged("h", "from : \r\n to"), "pass dkim-pass", "folds around the colon (§3.5)"),
    Case(tagged("h", "from::to"), "permerror dkim-names-malformed", "an empty name"),
    Case(tagged("h", "from:to:"), "permerror dkim-names-malformed", "at the end too"),
    Case(tagged("h", "from:a b"), "permerror dkim-names-malformed", "a blank within"),
    Case(tagged("h", "from:ü"), "permerror dkim-names-malformed", "RFC 5322 §3.6.8"),
    Case(tagged("h", "from:x-absent:from:from"), "pass dkim-pass", "more than there are count for nothing (§3.5)"),
    Case(after(tagged("h", "from:subject:subject"), b"To:", b"Subject: x\r\nTo:"), "fail dkim-header-changed", "§8.15"),
    Case(after(M, b"From:", b"Subject: x\r\nFrom:"), "pass dkim-pass", "the lowest Subject is the signed one (§5.4.2)"),
    Case(after(M, b"Date:", b"Subject: x\r\nDate:"), "fail dkim-header-changed", "and one below takes its place"),
    Case(after(M, b"From:", b"From: c@example.org\r\nFrom:"), "policy dkim-from-repeated", "one of two is signed (§8.15)"),
    Case(replace(tagged("h", "from:from"), head=b"From: c@example.org\r\n" + HEAD), "pass dkim-pass", "both are signed"),
    Case(tagged("h", "from:dkim-signature"), "pass dkim-pass", "a signature does not cover itself (§3.5 h=)"),
    Case(tagged("h", "from:subject:" + "a:" * MAX_NAMES + "b"), "policy dkim-names-too-many", "a limit of ours (§8.4)"),
    Case(replace(M, head=HEAD.replace(b"Subject:", b"Subject \t:")), "pass dkim-pass", "blanks before the colon (§3.4.2)"),
    # d= s= i=
    Case(tagged("d", "EXAMPLE.com"), "pass dkim-pass", "domains have no case"),
    Case(tagged("d", "com"), "permerror dkim-domain-malformed", "two labels at least (§3.5)"),
    Case(tagged("d", "example.com."), "permerror dkim-domain-malformed", "no final dot (RFC 5321 §4.1.2)"),
    Case(tagged("d", "exam_ple.com"), "permerror dkim-domain-malformed", "no host name"),
    Case(tagged("d", "[192.0.2.1]"), "permerror dkim-domain-malformed", "no address"),
    Case(tagged("d", "a..example.com"), "permerror dkim-domain-malformed", "an empty label"),
    Case(tagged("d", "exam ple.com"), "permerror dkim-domain-malformed", "a blank"),
    Case(tagged("s", "s_1"), "permerror dkim-key-no-name", "signers use underscores, though §3.1 has none: the key is asked for"),
    Case(tagged("s", "s_\u00e4"), "permerror dkim-selector-malformed", "an underscore beside U-labels"),
    Case(tagged("s", "s."), "permerror dkim-selector-malformed", "§3.1"),
    Case(tagged("s", "a.b"), "permerror dkim-key-no-name", "dots are allowed; there is no key"),
    Case(tagged("i", "@example.com"), "pass dkim-pass", "the default, written"),
    Case(tagged("i", "anna@sub.example.com"), "pass dkim-pass", "a sub-domain (§3.5)"),
    Case(tagged("i", "anna=40Sub.Example.COM"), "pass dkim-pass", "dkim-quoted-printable (§2.11)"),
    Case(tagged("i", "=22a=40b=22@example.com"), "pass dkim-pass", "a quoted local part"),
    Case(tagged("i", "ännä@example.com"), "pass dkim-pass", "RFC 8616 §5"),
    Case(tagged("i", "anna@example.org"), "permerror dkim-identity-outside", "§6.1.1"),
    Case(tagged("i", "anna@badexample.com"), "permerror dkim-identity-outside", "no dot between"),
    Case(tagged("i", "anna@com"), "permerror dkim-identity-outside", "above d="),
    Case(tagged("i", "anna"), "permerror dkim-identity-malformed", "no @"),
    Case(tagged("i", ""), "permerror dkim-identity-malformed", "nothing"),
    Case(tagged("i", "a@"), "permerror dkim-identity-malformed", "no domain"),
    Case(tagged("i", "a@b@example.com"), "permerror dkim-identity-malformed", "two @"),
    Case(tagged("i", "=4@example.com"), "permerror dkim-identity-malformed", "half an octet (§2.11)"),
    # q= t= x= l=
    Case(tagged("q", "dns/txt"), "pass dkim-pass", "the default, written"),
    Case(tagged("q", "http/x : dns/txt"), "pass dkim-pass", "one that is known (§3.5)"),
    Case(tagged("q", "http"), "permerror dkim-query-unknown", "none that is known"),
    Case(tagged("q", "dns"), "permerror dkim-query-unknown", "txt MUST be there (§3.5)"),
    Case(tagged("t", str(NOW)), "pass dkim-pass", "now", now=NOW),
    Case(tagged("t", str(NOW + FUTURE_SECONDS)), "pass dkim-pass", "a fast clock", now=NOW),
    Case(tagged("t", str(NOW + FUTURE_SECONDS + 1)), "policy dkim-signed-in-future", "too fast (§3.5)", now=NOW),
    Case(tagged("t", "999999999999"), "pass dkim-pass", "nobody knows the time"),
    Case(tagged("t", "-1"), "permerror dkim-time-malformed", "§3.5"),
    Case(tagged("t", "1" * 13), "permerror dkim-time-malformed", "12 digits at most (§3.5)"),
    Case(tagged("t", "٣"), "permerror dkim-time-malformed", "a digit, but not of ASCII"),
    Case(tagged("x", ""), "permerror dkim-time-malformed", "nothing"),
    Case(tagged("x", str(NOW)), "pass dkim-pass", "the last second", now=NOW),
    Case(tagged("x", str(NOW)), "permerror dkim-expired", "past (§6.1.1)", now=NOW + 1),
    Case(tagged("x", "1"), "pass dkim-pass", "nobody knows the time"),
    Case(tagged("t", "9", tagged("x", "10")), "pass dkim-pass", "x= after t="),
    Case(tagged("t", "10", tagged("x", "10")), "permerror dkim-expires-before-signed", "MUST be greater (§3.5)"),
    Case(tagged("t", "11", tagged("x", "10")), "permerror dkim-expires-before-signed", "whatever the time is"),
    Case(l_tag(10), "pass dkim-part-unsigned", "octets follow that nobody signed (§8.2)"),
    Case(l_tag(19), "pass dkim-pass", "l= is the whole canonical body"),
    Case(l_tag(20), "permerror dkim-length-beyond-body", "MUST NOT be larger (§3.5)"),
    Case(l_tag(0), "pass dkim-part-unsigned", "nothing is signed"),
    Case(l_tag(0, b""), "pass dkim-pass", "there is nothing"),
    Case(tagged("l", "all"), "permerror dkim-length-malformed", "§3.5"),
    Case(tagged("l", "9" * 76), "permerror dkim-length-beyond-body", "as many digits as may be"),
    Case(tagged("l", "9" * 77), "permerror dkim-length-malformed", "§3.5: 76 digits"),
    # base64
    Case(after(M, b"bh=", b"bh=!"), "permerror dkim-base64", "no base64"),
    Case(after(M, b" b=", b" b=A"), "permerror dkim-base64", "a letter too many"),
    Case(after(M, b"bh=", b"bh= \r\n\t "), "fail dkim-header-changed", "white space means nothing, but bh= is signed"),
    Case(after(M, b" b=", b" b=\r\n  "), "pass dkim-pass", "and b= is not (§3.5)"),
    # the key record (§3.6.1, §6.1.2)
    Case(M, "pass dkim-pass", "p= alone is enough", f"p={P}"),
    Case(M, "pass dkim-pass", "unknown tags and notes", f"v=DKIM1; zz=1; n=note; p={P}; g=*"),
    Case(M, "pass dkim-pass", "blanks in p=", f"v=DKIM1; p={P[:50]} \t {P[50:]}"),
    Case(M, "permerror dkim-key-malformed", "v= not first", f"p={P}; v=DKIM1"),
    Case(M, "permerror dkim-key-malformed", "another version", f"v=DKIM1.0; p={P}"),
    Case(M, "permerror dkim-key-malformed", "a tag twice (§3.2)", f"v=DKIM1; p={P}; p={P}"),
    Case(M, "permerror dkim-key-malformed", "no p=", "v=DKIM1; k=rsa"),
    Case(M, "permerror dkim-key-malformed", "no base64", "v=DKIM1; p=***"),
    Case(M, "permerror dkim-key-malformed", "cut at 255", RSA[:255]),
    Case(M, "permerror dkim-key-malformed", "octets that are no key", "v=DKIM1; p=AAAA"),
    Case(M, "permerror dkim-key-malformed", "an Ed25519 key has 32 octets", "v=DKIM1; k=ed25519; p=AAAA"),
    Case(M, "permerror dkim-key-malformed", "too long to be one", "v=DKIM1; n=" + "x" * 20_000 + f"; p={P}"),
    Case(M, "permerror dkim-key-malformed", "another thing", "v=spf1 -all"),
    Case(M, "permerror dkim-key-revoked", "p= is empty (§3.6.1)", "v=DKIM1; p="),
    Case(M, "permerror dkim-key-type-unknown", "§3.6.1 k=", f"v=DKIM1; k=dsa; p={P}"),
    Case(M, "permerror dkim-key-hash", "§6.1.2", f"v=DKIM1; h=sha1; p={P}"),
    Case(M, "pass dkim-pass", "one of two", f"v=DKIM1; h=sha1 : sha256; p={P}"),
    Case(M, "permerror dkim-key-service", "§3.6.1 s=", f"v=DKIM1; s=tlsrpt; p={P}"),
    Case(M, "pass dkim-pass", "one of two", f"v=DKIM1; s=other:email; p={P}"),
    Case(M, "pass dkim-pass", "all", f"v=DKIM1; s=*; p={P}"),
    Case(M, "pass dkim-pass", "t=s, and i= is d=", f"v=DKIM1; t=y:s; p={P}"),
    Case(tagged("i", "@sub.example.com"), "permerror dkim-identity-strict", "§3.6.1 t=s", f"v=DKIM1; t=s; p={P}"),
    Case(M, "policy dkim-key-short", "RFC 8301 §3.2", RSA_512),
    Case(M, "policy dkim-key-long", "RFC 8301 §3.2", "v=DKIM1; p=" + "@5120"),
    Case(M, "fail dkim-signature-wrong", "another key", "@1024"),
    Case(M, "permerror dkim-key-several", "undefined (§3.6.2.2): nobody should rely on luck", [RSA, "@1024"]),
    Case(M, "pass dkim-pass", "other TXT records are no keys (§6.1.2)", ["v=spf1 -all", RSA, "hello"]),
    Case(M, "pass dkim-pass", "the same record twice", [RSA, RSA]),
    Case(M, "permerror dkim-key-revoked", "the one key among others", ["hello", "v=DKIM1; p="]),
    # what was changed on the way (§6.1.3)
    Case(after(M, b"bye", b"by"), "fail dkim-body-changed", "a footer, for instance"),
    Case(after(M, b"invoice", b"Invoice"), "fail dkim-header-changed", "RSA shows that the key is right"),
    Case(after(M, b"d=example.com; s", b"d=example.com;  s").replace(b"bye", b"by"), "fail dkim-body-changed", "still relaxed"),
    Case(after(M, b"invoice", b"Invoice").replace(b"bye", b"by"), "fail dkim-all-changed", "both"),
    Case(
        after(replace(tagged("a", "ed25519-sha256"), algorithm="ed25519-sha256"), b"invoice", b"I"),
        "fail dkim-signature-wrong",
        "Ed25519 does not show it",
        ED25519,
    ),
    Case(b"DKIM-Signature: \r\n" + HEAD + b"\r\n", "permerror dkim-tag-missing", "nothing in it"),
    Case(M.field() + HEAD, "fail dkim-body-changed", "a header without a body"),
    Case(replace(M, body=b"").field() + HEAD, "pass dkim-pass", "where there was none"),
]  # fmt: skip


def record_of(text: str) -> str:
    bits = text.rpartition("@")[2]
    return rsa_record(int(bits)) if bits.isdigit() else text


@pytest.mark.parametrize("case", CASES, ids=[f"{n}-{case.because}" for n, case in enumerate(CASES)])
def test_rules(case: Case) -> None:
    raw = case.mail if isinstance(case.mail, bytes) else case.mail.octets()
    records = [case.record] if isinstance(case.record, str) else case.record
    verdict, *others = verify(raw, [record_of(text) for text in records], case.now)
    assert f"{verdict.result} {verdict.code}" == case.expected, f"{case.because}: {verdict}"
    assert others == []
    assert verdict.reason.code == verdict.code
    assert "{" not in verdict.reason.what + verdict.reason.why + verdict.reason.do
    assert verdict.aligns == (case.expected == "pass dkim-pass")


def test_every_code_has_a_row() -> None:
    elsewhere = {
        "dkim-key-unanswered",
        "dkim-key-no-record",
        "dkim-too-many-signatures",
        "dkim-too-many-forms",
        "dkim-header-too-large",
    }
    assert {case.expected.split()[1] for case in CASES} | elsewhere == set(WORDS)


def test_a_verdict_tells_what_was_signed() -> None:
    (verdict,) = verify(tagged("i", "Anna=40Sub.example.COM", tagged("d", "Example.com")).octets(), f"v=DKIM1; t=y; p={P}")
    assert (verdict.domain, verdict.selector, verdict.algorithm) == ("example.com", "s", "rsa-sha256")
    assert (verdict.identity, verdict.key_bits, verdict.testing) == ("Anna@sub.example.com", 2048, True)
    assert len(verdict.signature) == 344
    assert verdict.covers_all
    assert "t=y" in " ".join(verdict.reason.evidence)


def test_a_part_that_nobody_signed_never_aligns() -> None:
    (verdict,) = verify(after(l_tag(19), BODY, BODY.rstrip() + b"\r\nBuy here\r\n"))
    assert (verdict.result, verdict.covers_all, verdict.aligns) == ("pass", False, False)
    assert "10 octets" in verdict.reason.what


def test_names_beyond_ascii_are_asked_in_a_labels() -> None:
    """RFC 8616 §5: the signer's spelling is signed, A-labels are asked."""
    asking = verify_dkim(tagged("d", "bücher.example", tagged("s", "schlüssel")).octets())
    assert next(asking) == (Question("xn--schlssel-95a._domainkey.xn--bcher-kva.example", "TXT"),)
    asking.close()


@pytest.mark.parametrize(
    "zone, expected, because",
    [
        (f"{NAME} FAILS", "temperror dkim-key-unanswered", "who does not answer has not said that there is no key (§6.1.2)"),
        (f"{NAME} FAILS servfail", "temperror dkim-key-unanswered", "the same"),
        (f"{NAME} A 192.0.2.1", "permerror dkim-key-no-record", "the name exists"),
        ("example.com A 192.0.2.1", "permerror dkim-key-no-name", "there is no such name"),
        (f'{NAME} CNAME k.example.net\nk.example.net TXT "v=DKIM1; p="', "permerror dkim-key-revoked", "an alias is followed"),
    ],
)
def test_what_the_dns_says(zone: str, expected: str, because: str) -> None:
    (verdict,) = Zone.parse(zone).run(verify_dkim(M.octets()))
    assert f"{verdict.result} {verdict.code}" == expected, because


def test_all_keys_are_asked_in_one_round_and_each_once() -> None:
    two = tagged("s", "t").field() + M.field() + M.octets()
    rounds = []
    asking = verify_dkim(two)
    rounds.append(next(asking))
    zone = Zone.of({NAME: {"TXT": RSA}})
    with pytest.raises(StopIteration) as end:
        asking.send(tuple(zone.answer(question) for question in rounds[0]))
    assert [question.name for question in rounds[0]] == ["t._domainkey.example.com", NAME]
    assert [verdict.result for verdict in end.value.value] == ["permerror", "pass", "pass"]


def test_nothing_is_asked_without_a_sound_signature() -> None:
    assert run(verify_dkim(HEAD + b"\r\n" + BODY), lambda _: pytest.fail("asked")) == ()
    (verdict,) = run(verify_dkim(tagged("v", "2").octets()), lambda _: pytest.fail("asked"))
    assert verdict.domain == "example.com"
    assert run(verify_dkim(b""), lambda _: pytest.fail("asked")) == ()
    assert run(verify_dkim(b"\r\nDKIM-Signature: v=1\r\n"), lambda _: pytest.fail("asked")) == ()  # all body


@pytest.mark.parametrize("c", ["relaxed/relaxed", "simple/simple"])
def test_one_signature_may_cover_another(c: str) -> None:
    """RFC 6376 §3.5: others are fields like any other, b= and all."""
    inner = M.octets()
    outer = replace(M, head=M.field() + HEAD, tags=TAGS.replace("h=from", "h=from:dkim-signature")).with_tag("c", c)
    assert [verdict.result for verdict in verify(outer.octets())] == ["pass", "pass"]
    assert outer.octets().endswith(inner)
    moved = after(outer, M.field(), M.field().replace(b" b=", b" b=\r\n  "))  # a change within b=
    assert [verdict.code for verdict in verify(moved)] == ["dkim-header-changed", "dkim-pass"]


def test_more_signatures_than_are_tried_are_told_in_one_verdict() -> None:
    verdicts = verify(M.field() * MAX_SIGNATURES + M.octets())
    assert [verdict.result for verdict in verdicts] == ["pass"] * MAX_SIGNATURES + ["policy"]
    assert (verdicts[-1].code, verdicts[-1].seen) == ("dkim-too-many-signatures", "1")


def test_more_lengths_than_are_hashed() -> None:
    raw = b"".join(l_tag(n).field() for n in range(1, 11)) + HEAD + b"\r\n" + BODY
    own = [verdict.code for verdict in verify(raw)]
    assert own == ["dkim-part-unsigned"] * 8 + ["dkim-too-many-forms"] * 2
    zone = Zone.of({NAME: {"TXT": RSA}})
    assert [one.code for one in zone.run(verify_dkim(raw, hashes=hash_bodies(raw)))].count("dkim-too-many-forms") == 3


def test_a_header_too_large_is_told() -> None:
    raw = M.field() + b"X: " + b"x" * MAX_HEAD + b"\r\n" + HEAD + b"\r\n" + BODY
    (verdict,) = verify(raw)
    assert verdict.code == "dkim-header-too-large"
    assert verify(raw.replace(b"DKIM-Signature", b"X-Signature")) == ()


@pytest.mark.parametrize("size", [0, 3_000, 200_000])
def test_any_kind_of_buffer_and_hashes_made_elsewhere(size: int) -> None:
    raw = replace(M, body=b"Hello  you \r\n" * (size // 13)).octets()
    expected = verify(raw)
    zone = Zone.of({NAME: {"TXT": RSA}})
    with mmap(-1, len(raw)) as mapped:
        mapped.write(raw)
        for kind in (raw, bytearray(raw), memoryview(raw), mapped):
            assert zone.run(verify_dkim(kind)) == expected
            assert zone.run(verify_dkim(kind, hashes=hash_bodies(kind))) == expected
    assert expected[0].result == "pass"


def test_a_bare_rsa_key_is_read() -> None:
    """RFC 6376 §3.6.1 says RSAPublicKey, and everybody publishes SubjectPublicKeyInfo (erratum 3017)."""
    bare = rsa_record(1024, PublicFormat.PKCS1)
    assert len(read_record(bare).public) == 140
    assert verify(M.octets(), bare)[0].code == "dkim-signature-wrong"


@pytest.mark.parametrize("algorithm", ["rsa-sha256", "ed25519-sha256"])
def test_what_we_sign_we_verify(algorithm: str) -> None:
    key = a_key(algorithm)
    raw = sign_dkim(HEAD + b"\r\n" + BODY, key, now=NOW) + HEAD + b"\r\n" + BODY
    assert verify(raw, public_record(key), now=NOW)[0].aligns


RECORDS = st.one_of(
    st.sampled_from([RSA, ED25519, RSA_512, "v=DKIM1; p=", f"v=DKIM1; t=s; s=x; p={P}"]),
    st.text(st.characters(max_codepoint=0x2FF, exclude_categories=["Cs"]), max_size=60).map(lambda text: f"v=DKIM1; {text}"),
)
TAG = st.tuples(st.sampled_from("vabcdhilqstxz"), st.text(max_size=20))


@given(st.lists(TAG, max_size=4), RECORDS, st.binary(max_size=40), st.none() | st.floats(0, 2e9))
def test_no_octets_raise(changes: list[tuple[str, str]], record: str, octets: bytes, now: float | None) -> None:
    tags = {"v": "1", "a": "rsa-sha256", "d": "example.com", "s": "s", "h": "from", "bh": "AAAA", "b": "AAAA"} | dict(changes)
    field = "DKIM-Signature: " + "; ".join(f"{name}={value}" for name, value in tags.items()) + "\r\n"
    for raw in (field.encode("utf-8", "surrogateescape") + HEAD + b"\r\n" + octets, octets, b"DKIM-Signature:" + octets):
        for verdict in verify(raw, record, now):
            assert verdict.result in ("fail", "policy", "permerror")
            assert verdict.reason.what
