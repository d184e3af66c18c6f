"""A whole mail judged at once: one row a situation, and the same verdicts as each check gives alone."""

import mmap
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailwright import auth
from mailwright.auth.authenticate import _from_fields
from mailwright.auth.dkim.head import open_mail
from mailwright.auth.results.read import read_results
from mailwright.dns import Answer, Asking, Question, Zone, run
from mailwright.message.author import author_domain
from mailwright.message.headers import fields, split
from mailwright.values import Level

T = TypeVar("T")
NOW = 1_760_000_000
KEY = auth.make_key("example.com", "mw1", "ed25519-sha256")
OTHER = auth.make_key("service.example", "s1", "ed25519-sha256")
DARK = auth.make_key("dark.example.com", "d1", "ed25519-sha256")
ZONE = Zone.parse(f"""
    example.com                TXT "v=spf1 ip4:192.0.2.1 include:_spf.service.example -all"
    _spf.service.example       TXT "v=spf1 ip4:198.51.100.1 -all"
    service.example            TXT "v=spf1 ip4:198.51.100.1 -all"
    mx.example.com             TXT "v=spf1 ip4:192.0.2.1 -all"
    _dmarc.example.com         TXT "v=DMARC1; p=reject"
    {KEY.dns_name}             TXT "{auth.public_record(KEY)}"
    {OTHER.dns_name}           TXT "{auth.public_record(OTHER)}"
    {DARK.dns_name}            FAILS
    dark.example.com           FAILS servfail
    silent.example             TXT "v=spf1 ip4:192.0.2.1 -all"
    _dmarc.silent.example      FAILS
""")


def mail(author: str = "Anna <anna@example.com>", *more: str) -> bytes:
    return "\r\n".join([f"From: {author}", "To: b@example.net", "Subject: Hello", *more, "", "Good morning", ""]).encode()


def signed(*keys: auth.DkimKey, by: bytes | None = None) -> bytes:
    raw = by or mail()
    for key in keys:
        raw = auth.sign_dkim(raw, key, now=NOW) + raw
    return raw


def judge(
    raw: bytes, *, ip: str = "203.0.113.9", mail_from: str = "b@example.com", helo: str = "x.example"
) -> auth.Authenticated:
    return ZONE.run(auth.authenticate(raw, ip=ip, helo=helo, mail_from=mail_from, now=NOW + 60))


CHANGED = signed(KEY).replace(b"morning", b"evening")
ROWS = [
    # mail, arguments, SPF, DKIM, DMARC, aligned, codes of the findings, because
    (mail(), {"ip": "192.0.2.1"}, "pass", [], "pass", ("spf=example.com",), ["dmarc-pass", "spf-pass"], "SPF alone"),
    (
        signed(KEY),
        {},
        "fail",
        ["pass"],
        "pass",
        ("dkim=example.com",),
        ["spf-fail", "dmarc-pass", "dkim-pass"],
        "forwarded: DKIM alone",
    ),
    (
        signed(KEY),
        {"ip": "192.0.2.1"},
        "pass",
        ["pass"],
        "pass",
        ("spf=example.com", "dkim=example.com"),
        ["dmarc-pass", "spf-pass", "dkim-pass"],
        "both",
    ),
    (CHANGED, {}, "fail", ["fail"], "fail", (), ["dmarc-nothing-passed", "spf-fail", "dkim-body-changed"], "forged"),
    (
        signed(OTHER),
        {"ip": "198.51.100.1", "mail_from": "b@service.example"},
        "pass",
        ["pass"],
        "fail",
        (),
        ["dmarc-not-aligned", "spf-pass", "dkim-pass"],
        "a service in its own name",
    ),
    (
        signed(OTHER, KEY),
        {},
        "fail",
        ["pass", "pass"],
        "pass",
        ("dkim=example.com",),
        ["spf-fail", "dmarc-pass", "dkim-pass", "dkim-pass"],
        "one of two signatures is enough",
    ),
    (
        mail(),
        {"ip": "192.0.2.1", "mail_from": "", "helo": "mx.example.com"},
        "pass",
        [],
        "pass",
        ("spf=mx.example.com",),
        ["dmarc-pass", "spf-pass"],
        "the null sender is postmaster@HELO, RFC 7208 §2.4",
    ),
    (
        signed(DARK),
        {},
        "fail",
        ["temperror"],
        "temperror",
        (),
        ["spf-fail", "dmarc-undecided", "dkim-key-unanswered"],
        "a key that nobody could ask for might have passed",
    ),
    (
        mail(),
        {"mail_from": "b@dark.example.com"},
        "temperror",
        [],
        "temperror",
        (),
        ["dmarc-undecided", "spf-no-answer"],
        "so might an SPF record",
    ),
    (
        mail(),
        {"mail_from": "b@dark.example.com", "ip": "192.0.2.1", "helo": "mx.example.com"},
        "temperror",
        [],
        "temperror",
        (),
        ["dmarc-undecided", "spf-no-answer"],
        "HELO alone never aligns",
    ),
    (
        mail("a@silent.example"),
        {"mail_from": "a@silent.example", "ip": "192.0.2.1"},
        "pass",
        [],
        "temperror",
        (),
        None,
        "no DMARC answer",
    ),
    (mail("a@none.example"), {"mail_from": "a@none.example"}, "none", [], "none", (), None, "nothing is published"),
    (mail("a@example.com", "From: b@example.net"), {"ip": "192.0.2.1"}, "pass", [], "permerror", (), None, "two authors"),
    (b"Subject: x\r\n\r\n", {"ip": "192.0.2.1"}, "pass", [], "permerror", (), None, "no author"),
    (mail(), {"ip": "nonsense"}, "permerror", [], "fail", (), None, "no address"),
]


@pytest.mark.parametrize("raw,arguments,spf,dkim,dmarc,aligned,codes,because", ROWS, ids=[row[-1] for row in ROWS])
def test_a_situation(
    raw: bytes,
    arguments: dict[str, str],
    spf: str,
    dkim: list[str],
    dmarc: str,
    aligned: tuple[str, ...],
    codes: list[str] | None,
    because: str,
) -> None:
    found = judge(raw, **arguments)
    assert (found.spf.result, [one.result for one in found.dkim], found.dmarc.result) == (spf, dkim, dmarc), because
    assert found.dmarc.aligned == aligned
    if codes is not None:
        assert [finding.code for finding in found.findings] == codes
    told = read_results(found.header)
    assert told.authserv_id == "localhost"
    assert [one.result for one in told.of("spf")] == [spf]
    assert [one.result for one in told.of("dkim")] == (dkim or ["none"])
    assert [one.result for one in told.of("dmarc")] == [dmarc]


def test_once_dmarc_passes_no_other_failure_breaks_the_mail() -> None:
    passed, failed = judge(signed(KEY)), judge(CHANGED)
    assert {finding.level for finding in passed.findings} == {Level.WARNING, Level.NOTE}
    assert [finding.level for finding in failed.findings] == [Level.ERROR] * 3


def test_the_evidence_is_all_that_was_asked() -> None:
    assert judge(signed(KEY)).evidence[:4] == (
        'example.com TXT: "v=spf1 ip4:192.0.2.1 include:_spf.service.example -all"',
        f'mw1._domainkey.example.com TXT: "{auth.public_record(KEY)}"',
        '_dmarc.example.com TXT: "v=DMARC1; p=reject"',
        "_dmarc.com TXT: no such name",
    )


def test_dns_is_asked_side_by_side_and_nothing_twice() -> None:
    rounds: list[tuple[Question, ...]] = []

    def counted(asking: Asking[T]) -> Asking[T]:
        questions = next(asking)
        try:
            while True:
                rounds.append(questions)
                questions = asking.send((yield questions))
        except StopIteration as end:
            result: T = end.value
            return result

    ZONE.run(counted(auth.authenticate(signed(OTHER, KEY), ip="198.51.100.1", helo="x.example", mail_from="b@example.com")))
    assert len(rounds) == 2, "the record and its include; keys and DMARC go with them"
    asked = [question for questions in rounds for question in questions]
    assert len(asked) == len(set(asked))


def test_what_was_hashed_elsewhere_gives_the_same() -> None:
    raw = signed(KEY)
    hashes = auth.hash_bodies(raw)
    here, there = [
        ZONE.run(auth.authenticate(raw, ip="192.0.2.1", helo="x.example", mail_from="b@example.com", hashes=given))
        for given in (None, hashes)
    ]
    assert there == here


def test_any_buffer_will_do(tmp_path: Path) -> None:
    raw = signed(KEY)
    (tmp_path / "mail").write_bytes(raw)
    with (tmp_path / "mail").open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        for buffer in (memoryview(raw), bytearray(raw), mapped):
            found = ZONE.run(auth.authenticate(buffer, ip="192.0.2.1", helo="x.example", mail_from="b@example.com"))
            assert found == judge(raw, ip="192.0.2.1")


def test_a_hostile_mail_asks_for_little() -> None:
    names = [f"s{n}._domainkey.d{n}.example.org" for n in range(1000)]
    field = "DKIM-Signature: v=1; a=rsa-sha256; d={1}; s={0}; h=from; bh=AAAA; b=AAAA"
    many = [field.format(*name.split("._domainkey.")) for name in names]
    asked: list[Question] = []

    def answer(question: Question) -> Answer:
        asked.append(question)
        return ZONE.answer(question)

    found = run(auth.authenticate(mail("a@" + "x." * 100 + "example.com", *many), ip="192.0.2.1", helo="x", mail_from=""), answer)
    assert found.dmarc.result == "fail"
    assert len(asked) < 40


HEADS = st.one_of(
    st.binary(max_size=300),
    st.lists(
        st.sampled_from(
            [
                b"From: a@example.com", b"From:", b"FROM : b@example.com", b"From:\r\n c@example.com", b"\tx", b" ", b"From",
                b"X: y", b"\r", b"\n", b"", b"From: \"a  b\"@example.com", b"From: a@example.com\r\n\t (x)",
                b"from:d@e.example \t",
            ]
        ),
        max_size=6,
    ).map(b"\r\n".join),
)  # fmt: skip


@given(HEADS)
@example(b"From: a@b.example\r\n \r\nFrom: c@d.example\r\n\r\n")
def test_the_author_is_read_as_everywhere_else(raw: bytes) -> None:
    ours = author_domain(_from_fields(open_mail(raw)[0]))
    theirs = author_domain(fields(split(raw)[0]))
    assert getattr(ours, "code", ours) == getattr(theirs, "code", theirs)


WORDS = st.one_of(
    st.text(max_size=40), st.sampled_from(["", "<>", "a@example.com", "@", "mx.example.com", "192.0.2.1", "::1", '"\r\n"@x'])
)


@given(raw=HEADS.map(lambda head: head + b"\r\n\r\nbody"), ip=WORDS, helo=WORDS, mail_from=WORDS, authserv_id=WORDS)
def test_nothing_escapes_and_the_field_is_one_field(raw: bytes, ip: str, helo: str, mail_from: str, authserv_id: str) -> None:
    found = ZONE.run(auth.authenticate(raw, ip=ip, helo=helo, mail_from=mail_from, authserv_id=authserv_id))
    assert found.findings
    assert all(line.isprintable() for line in found.evidence)
    assert len(fields(found.header.encode())) == 1
    assert found.header.endswith("\r\n")
    assert [one.result for one in read_results(found.header).of("dmarc")] == [found.dmarc.result]


ALONE: list[Callable[[bytes], tuple[object, object]]] = [
    lambda raw: (
        judge(raw).spf,
        ZONE.run(auth.check_spf(ip="203.0.113.9", helo="x.example", mail_from="b@example.com", now=NOW + 60)),
    ),
    lambda raw: (judge(raw).dkim, ZONE.run(auth.verify_dkim(raw, now=NOW + 60))),
    lambda raw: (judge(raw).arc, ZONE.run(auth.verify_arc(raw, now=NOW + 60))),
]


@pytest.mark.parametrize("raw", [mail(), signed(KEY), CHANGED, signed(OTHER, KEY), signed(DARK)])
def test_each_verdict_is_what_its_check_gives_alone(raw: bytes) -> None:
    for both in ALONE:
        together, alone = both(raw)
        assert repr(together) == repr(alone)
