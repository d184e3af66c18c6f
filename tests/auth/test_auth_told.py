"""Our own Authentication-Results and Received-SPF: what the verdicts say, in the field's words."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwright.auth import (
    ArcResult,
    ArcVerdict,
    DkimResult,
    DkimVerdict,
    DmarcResult,
    DmarcVerdict,
    SpfVerdict,
    check_spf,
    read_received_spf,
    read_results,
    told_received_spf,
    verify_arc,
)
from mailwright.auth.results.told import told_field
from mailwright.dns import Zone
from mailwright.message import headers
from tests.auth.naive_arc import ZONE, through

RECORDS = Zone.parse(
    """
    shop.example TXT "v=spf1 ip4:192.0.2.1 include:far.example -all"
    far.example TXT "v=spf1 ip6:2001:db8::/32 ?all"
    dark.example TXT FAILS
    """
)


def spf(ip: str = "192.0.2.1", mail_from: str = "ann@shop.example", helo: str = "out.shop.example") -> SpfVerdict:
    return RECORDS.run(check_spf(ip=ip, helo=helo, mail_from=mail_from))


SIGNED = DkimVerdict(
    DkimResult.PASS, "dkim-pass", "", "shop.example", "mail2026", "@shop.example", "rsa-sha256", 2048, "oINEO8hgAAAA"
)
DMARC = DmarcVerdict(DmarcResult.PASS, "reject", "shop.example", "shop.example", "shop.example", "v=DMARC1; p=reject")
SEALED = ZONE.run(verify_arc(through("list.example")))
NO_ARC = ArcVerdict(ArcResult.NONE, "arc-none")


def field(
    *dkim: DkimVerdict,
    of: SpfVerdict | None = None,
    dmarc: DmarcVerdict = DMARC,
    arc: ArcVerdict = NO_ARC,
    mail_from: str = "ann@shop.example",
    us: str = "mx.ours.example",
) -> str:
    return told_field(us, spf=of or spf(), dkim=dkim, dmarc=dmarc, arc=arc, mail_from=mail_from)


def test_a_usual_mail() -> None:
    assert field(SIGNED) == (
        "Authentication-Results: mx.ours.example;\r\n"
        " spf=pass smtp.mailfrom=ann@shop.example;\r\n"
        " dkim=pass header.d=shop.example header.i=@shop.example header.s=mail2026\r\n"
        " header.a=rsa-sha256 header.b=oINEO8hg;\r\n"
        " dmarc=pass header.from=shop.example policy.dmarc=reject;\r\n"
        " arc=none\r\n"
    )


SAID = [  # field, what it has, because
    (field(), " dkim=none;", "RFC 8601 §2.7.1: the mail is not signed"),
    (field(of=spf(mail_from=""), mail_from=""), " spf=none smtp.helo=out.shop.example;", "the null sender"),
    (field(of=spf(ip="198.51.100.1")), ' spf=fail reason="', "what did not pass has its reason"),
    (field(SIGNED, replace(SIGNED, signature="EToRSuvU")), "header.b=EToRSuvU;", "RFC 6008: the signatures can be told apart"),
    (field(replace(SIGNED, covers_all=False)), " dkim=pass (a part of the body is not signed) header.d", "a caution with a pass"),
    (field(replace(SIGNED, testing=True)), " dkim=pass (the domain only tests DKIM) header.d", "and with a key under test"),
    (field(dmarc=DmarcVerdict(DmarcResult.NONE, author="a.example")), " dmarc=none header.from=a.example;", "no policy"),
    (field(arc=SEALED), " arc=pass smtp.remote-ip=192.0.2.1 header.oldest-pass=0", "RFC 8617 §6"),
    (field(of=spf(ip="2001:db8::25"), arc=SEALED), 'smtp.remote-ip="2001:db8::25"', "a colon is no token character"),
]  # fmt: skip


@pytest.mark.parametrize("text, has, because", SAID, ids=[row[2] for row in SAID])
def test_said(text: str, has: str, because: str) -> None:
    assert has in text, (because, text)


SHOWN = [  # b= of the signatures, how many characters are shown, because
    (["oINEO8hgAAAA"], 8, "eight"),
    (["oINEO8", "EToRSuvU"], 8, "a short one whole"),
    (["oINEO8hgAAAA", "oINEO8hgBBBB"], 16, "RFC 6008 §4: more where eight are the same"),
    (["oINEO8hgAAAA", "oINEO8hgAAAA"], 8, "the same signature twice"),
    (["oINEO8hg", "oINEO8hgBBBB"], 16, "one is the beginning of the other"),
    (["A" * 344 + "B", "A" * 344 + "C"], 512, "the same nearly to the end"),
]


@pytest.mark.parametrize("signatures, shown, because", SHOWN, ids=[row[2] for row in SHOWN])
def test_signatures_are_told_apart(signatures: list[str], shown: int, because: str) -> None:
    read = read_results(field(*[replace(SIGNED, signature=one) for one in signatures]))
    assert [result.value("header", "b") for result in read.of("dkim")] == [one[:shown] for one in signatures], because


TEXT = st.text(max_size=600)


@given(TEXT, TEXT, TEXT, TEXT, TEXT)
def test_whatever_the_verdicts_hold_it_is_one_field(us: str, mail_from: str, domain: str, identity: str, signature: str) -> None:
    signed = replace(SIGNED, domain=domain, identity=identity, signature=signature, selector=identity)
    octets = field(signed, us=us, mail_from=mail_from, dmarc=replace(DMARC, author=domain)).encode()
    (only,) = headers.fields(octets)
    assert headers.faults(octets, (only,)) == []
    assert [(one.method, one.result) for one in read_results(octets).results] == [
        ("spf", "pass"), ("dkim", "pass"), ("dmarc", "pass"), ("arc", "none")
    ]  # fmt: skip


RECEIVED = [  # verdict, result, pairs, because
    (
        spf(),
        "pass",
        {"client-ip": "192.0.2.1", "envelope-from": "ann@shop.example", "helo": "out.shop.example", "identity": "mailfrom",
         "receiver": "mx.ours.example", "mechanism": "ip4:192.0.2.1"},
        "RFC 7208 §9.1: all by which it can be checked again",
    ),
    (spf(ip="198.51.100.1"), "fail", {"mechanism": "-all"}, "the term that decided"),
    (spf(mail_from="a@nothing.example"), "none", {"mechanism": "default"}, "no term decided"),
    (spf(mail_from="a@dark.example"), "temperror", {"mechanism": "default"}, "an error"),
]  # fmt: skip


@pytest.mark.parametrize("verdict, result, pairs, because", RECEIVED, ids=[row[3] for row in RECEIVED])
def test_received_spf(verdict: SpfVerdict, result: str, pairs: dict[str, str], because: str) -> None:
    text = told_received_spf(verdict, "mx.ours.example")
    read = read_received_spf(text)
    assert read.result == result, because
    assert {key: read.value(key) for key in pairs} == pairs, text
    assert bool(read.value("problem")) == (result in {"temperror", "permerror"})
    assert all(len(line) <= 78 for line in text.split("\r\n"))
