"""Where mailauth and we differ, by rows of docs/disagreements.md: what we say always, what it says where it is installed."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.peers.mailauth import MailAuth
from bench.peers.program import Absent
from mailwright.auth import check_spf, evaluate_dmarc, public_record, verify_arc, verify_dkim
from mailwright.dns import Zone
from tests.auth import naive_arc
from tests.auth.odd_dkim import TAGS, Mail, a_key

PAGE = (Path(__file__).parents[2] / "docs" / "disagreements.md").read_text("utf-8")


@pytest.fixture(scope="module")
def mailauth() -> Iterator[MailAuth]:
    try:
        with MailAuth() as peer:
            yield peer
    except Absent as absent:
        pytest.skip(str(absent))


def in_page(because: str, ours: str, theirs: str) -> bool:
    return f"| {because} | {ours} | {theirs} |" in PAGE


HOSTS = """
    h1.example A 192.0.2.1
    1.2.0.192.in-addr.arpa PTR h1.example
    x.h1.example A 127.0.0.2
    t.example TXT "why"
"""
SPF = [  # the record of d.example, client, what we say, what mailauth says, because
    ("-all ip6", "192.0.2.1", "permerror", "fail", "a fault after the term that matches"),
    ("-all exp=%{r}.example.com", "192.0.2.1", "permerror", "fail", "a macro that only explanations have, in exp="),
    ("exp=-all", "192.0.2.1", "permerror", "neutral", "exp= without a name"),
    ("exp=t.example -all exp=t.example", "192.0.2.1", "permerror", "fail", "exp= twice"),
    ("a:%{h} -all", "192.0.2.1", "fail", "permerror", "a name made of macros is no name"),
    ("a:a..b.example -all", "192.0.2.1", "fail", "permerror", "a name with an empty label"),
    ("a:h1.example. -all", "192.0.2.1", "pass", "permerror", "a name with its final full stop"),
    ("exists:x.%{p} -all", "192.0.2.1", "pass", "fail", "%{p}"),
    ("ip6:::/0 -all", "2001:db8::1", "pass", "fail", "ip6:::/0"),
]


def spf_zone(terms: str) -> Zone:
    return Zone.parse(f'{HOSTS}\nd.example TXT "v=spf1 {terms}"')


@pytest.mark.parametrize("terms,ip,ours,theirs,because", SPF, ids=[row[-1] for row in SPF])
def test_our_spf(terms: str, ip: str, ours: str, theirs: str, because: str) -> None:
    assert spf_zone(terms).run(check_spf(ip=ip, helo="odd helo", mail_from="u@d.example")).result == ours
    assert in_page(because, ours, theirs)


@pytest.mark.parametrize("terms,ip,ours,theirs,because", SPF, ids=[row[-1] for row in SPF])
def test_their_spf(mailauth: MailAuth, terms: str, ip: str, ours: str, theirs: str, because: str) -> None:
    found = mailauth.judge("spf", spf_zone(terms).answer, ip=ip, helo="odd helo", sender="u@d.example")
    assert found["status"]["result"] == theirs


M = Mail()
RSA = public_record(a_key("rsa-sha256"))
P = RSA.partition("p=")[2]
SIGNED = M.octets()
DKIM: list[tuple[bytes, str, str, str, str]] = [  # the mail, its key record, what we say, what mailauth says, because
    (M.with_tag("h", "to:subject").octets(), RSA, "permerror", "pass", "h= does not name From"),
    (Mail(TAGS + "; s=s").octets(), RSA, "permerror", "pass", "a tag twice"),
    (M.with_tag("v", None).octets(), RSA, "permerror", "pass", "v= is missing"),
    (M.with_tag("v", "2").octets(), RSA, "permerror", "pass", "v=2"),
    (M.with_tag("q", "http/x").octets(), RSA, "permerror", "pass", "q= names unknown ways only"),
    (M.with_tag("t", "20").with_tag("x", "10").octets(), RSA, "permerror", "neutral", "x= is before t="),
    (SIGNED, public_record(a_key("ed25519-sha256")), "permerror", "neutral", "a= and k= differ"),
    (SIGNED, f"v=DKIM1; h=sha1; p={P}", "permerror", "pass", "h= of the key has sha1 only"),
    (SIGNED, f"v=DKIM1; s=other; p={P}", "permerror", "pass", "s= of the key has no email"),
    (M.with_tag("i", "@a.example.com").octets(), f"t=s; p={P}", "permerror", "pass", "t=s in the key, and i= is below d="),
    (SIGNED, f"p={P}; v=DKIM1", "permerror", "pass", "v= of the key is not its first tag"),
    (SIGNED, "", "permerror", "neutral", "there is no key"),
    (SIGNED.replace(b"bye", b"by"), RSA, "fail", "neutral", "the body was changed"),
    (SIGNED.replace(b"==\r\n", b"=\r\n", 1), RSA, "permerror", "pass", "b= lacks its padding"),
    (b"\r\n" + SIGNED, RSA, "none", "pass", "the mail begins with an empty line"),
    (Mail(body=b"").octets().removesuffix(b"\r\n"), RSA, "pass", "none", "no empty line ends the header"),
]


def dkim_zone(record: str) -> Zone:
    return Zone.of({"s._domainkey.example.com": {"TXT": record}} if record else {})


@pytest.mark.parametrize("mail,record,ours,theirs,because", DKIM, ids=[row[-1] for row in DKIM])
def test_our_dkim(mail: bytes, record: str, ours: str, theirs: str, because: str) -> None:
    verdicts = dkim_zone(record).run(verify_dkim(mail))
    assert [str(verdict.result) for verdict in verdicts] == ([] if ours == "none" else [ours])
    assert in_page(because, ours, theirs)


@pytest.mark.parametrize("mail,record,ours,theirs,because", DKIM, ids=[row[-1] for row in DKIM])
def test_their_dkim(mailauth: MailAuth, mail: bytes, record: str, ours: str, theirs: str, because: str) -> None:
    found = mailauth.judge("dkim", dkim_zone(record).answer, mail=base64.b64encode(mail).decode())
    assert [one["status"]["result"] for one in found] == [theirs]


SEALED = naive_arc.through("list.example")  # by Ed25519
SEALED_ROW = ("a seal by Ed25519", "pass", "fail")


def test_our_arc() -> None:
    assert naive_arc.ZONE.run(verify_arc(SEALED)).result == "pass"
    assert in_page(*SEALED_ROW)


def test_their_arc(mailauth: MailAuth) -> None:
    found = mailauth.judge("arc", naive_arc.ZONE.answer, mail=base64.b64encode(SEALED).decode())
    assert found["status"]["result"] == "fail"


DMARC = [  # records, author, what passed, what we say, what mailauth says (result policy), because
    (
        "b.example.com p=reject; psd=n\nexample.com p=none", "a.b.example.com", "",
        "fail reject", "fail none", "psd=n below example.com",
    ),
    (
        "bank.example p=reject; psd=y\na.bank.example p=quarantine", "a.bank.example", "b.bank.example",
        "fail quarantine", "pass quarantine", "psd=y, and d= is another's below it",
    ),
    (
        "example.com p=reject; sp=none; np=quarantine", "gone.example.com", "",
        "fail quarantine", "fail none", "np=, and no such name",
    ),
    ("example.com adkim=s", "example.com", "", "none -", "fail -", "neither p= nor rua="),
    (
        "example.com p=reject; adkim=s", "mail.example.com", "example.com",
        "fail reject", "pass reject", "adkim=s, and d= is above",
    ),
]  # fmt: skip


def dmarc_zone(records: str) -> Zone:
    lines = [line.partition(" ") for line in records.splitlines()]
    return Zone.of({f"_dmarc.{name}": {"TXT": f"v=DMARC1; {tags}"} for name, _, tags in lines})


@pytest.mark.parametrize("records,author,passed,ours,theirs,because", DMARC, ids=[row[-1] for row in DMARC])
def test_our_dmarc(records: str, author: str, passed: str, ours: str, theirs: str, because: str) -> None:
    verdict = dmarc_zone(records).run(evaluate_dmarc(author=author, dkim_domains=passed.split()))
    assert f"{verdict.result} {verdict.policy or '-'}" == ours
    assert in_page(because, ours, theirs)


@pytest.mark.parametrize("records,author,passed,ours,theirs,because", DMARC, ids=[row[-1] for row in DMARC])
def test_their_dmarc(mailauth: MailAuth, records: str, author: str, passed: str, ours: str, theirs: str, because: str) -> None:
    found: dict[str, Any] = mailauth.judge(
        "dmarc", dmarc_zone(records).answer, headerFrom=f"u@{author}", dkimDomains=passed.split(), spfDomains=[]
    )
    assert f"{found['status']['result']} {found.get('policy') or '-'}" == theirs
