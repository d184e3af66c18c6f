"""One zone for each thing that can be wrong with SPF (CHECKS.md): the finding, and the record that makes it go away."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from mailwright.auth import check_spf
from mailwright.dns import Found, Question, Txt, Zone
from mailwright.dns.zonetext import RecordSet
from mailwright.domains.spf.advise import SpfAdvice, advise_spf
from mailwright.domains.spf.review import SpfSetting
from mailwright.domains.spf.wish import SpfWish
from mailwright.values import Domain

WORLD = """
a.example A 8.8.4.4
a.example MX 1 m.example
m.example A 9.9.9.9
m.example AAAA 2a00::9
i.example TXT "v=spf1 ip4:5.5.5.0/24 -all"
ours.example TXT "v=spf1 ip4:6.6.6.0/24 -all"
deep.example TXT "v=spf1 include:ours.example -all"
alias.example TXT "v=spf1 ip4:5.5.5.0/24 -all"
round.example TXT "v=spf1 include:turn.example -all"
turn.example TXT "v=spf1 include:round.example -all"
google.example MX 1 smtp.google.com
smtp.google.com A 7.7.7.7
smtp.google.com AAAA 2a00::7
broken.example TXT "v=spf1 foo -all"
many.example TXT "v=spf1 a:m.example a:m.example/31 a:m.example/30 a:m.example/29 a:m.example/28 -all"
full.example TXT "v=spf1 a:m.example/27 a:m.example/26 a:m.example/25 a:m.example/24 include:ours.example -all"
dark.example FAILS
""" + "\n".join(f"wide.example MX {n} m.example\nwide.example MX 1{n} m{n}.example" for n in range(6))
NOTHING, UNKNOWN = SpfWish(), SpfSetting()
OURS = SpfSetting(ours="ours.example")


@dataclass(frozen=True)
class Case:
    record: str  # the record of a.example; lines of a zone where it has a line break
    codes: str  # of errors and warnings, in order
    wish: SpfWish = NOTHING
    mended: str = ""  # the record handed out; "" where none is; "=" where it is the same
    left: str = ""  # codes that stay
    setting: SpfSetting = UNKNOWN


def _drop(*texts: str) -> SpfWish:
    return SpfWish.read(drop=texts)


def _ours(*drop: str) -> SpfWish:
    return SpfWish.read(add=["include:ours.example"], drop=drop)


SIZE = " ".join(f"ip4:5.5.{n}.0/27" for n in range(28))
CASES = {
    # E
    "no record": Case("x.a.example A 1.1.1.1\n", "spf-no-record", _ours(), "v=spf1 include:ours.example ~all"),
    "two records": Case(
        'a.example TXT "v=spf1 mx ~all"\na.example TXT "v=spf1 a mx include:i.example -all"',
        "spf-several-records",
        mended="v=spf1 mx a include:i.example ~all",
    ),
    "two records, one of them not even readable": Case(
        'a.example TXT "v=spf1 mx ~all"\na.example TXT "spf1 include:i.example"',
        "spf-several-records spf-version-wrong spf-end-missing",
        mended="v=spf1 mx include:i.example ~all",
    ),
    "two records, the second by redirect": Case(
        'a.example TXT "v=spf1 mx -all"\na.example TXT "v=spf1 redirect=i.example"',
        "spf-several-records",
        mended="v=spf1 mx include:i.example -all",
    ),
    "two records, the first by redirect": Case(
        'a.example TXT "v=spf1 redirect=i.example"\na.example TXT "v=spf1 mx ?all"',
        "spf-several-records spf-all-neutral",
        mended="v=spf1 include:i.example mx ?all",
        left="spf-all-neutral",
    ),
    "two redirects, in two records": Case(
        'a.example TXT "v=spf1 mx redirect=i.example"\na.example TXT "v=spf1 redirect=ours.example"',
        "spf-several-records",
        mended="v=spf1 mx include:ours.example redirect=i.example",
    ),
    "two explanations, in two records": Case(
        'a.example TXT "v=spf1 mx -all exp=i.example"\na.example TXT "v=spf1 a -all exp=x.%{d}"',
        "spf-several-records",
    ),
    "the same explanation twice": Case(
        'a.example TXT "v=spf1 mx -all exp=x.%{d}"\na.example TXT "v=spf1 a -all exp=x.%{d}"',
        "spf-several-records",
        mended="v=spf1 mx a -all exp=x.%{d}",
    ),
    "version 2": Case("v=spf2 mx -all", "spf-version-wrong", mended="v=spf1 mx -all"),
    "no version": Case("spf1 mx -all", "spf-version-wrong", mended="v=spf1 mx -all"),
    "a blank in front": Case(" v=spf1 mx -all", "spf-version-wrong", mended="v=spf1 mx -all"),
    "quotes within": Case('\\"v=spf1 mx -all\\"', "spf-version-wrong", mended="v=spf1 mx -all"),
    "v=spf1;": Case("v=spf1; mx -all", "spf-version-wrong", mended="v=spf1 mx -all"),
    "ipv4:": Case("v=spf1 ipv4:5.5.5.5 -all", "spf-mechanism-unknown", mended="v=spf1 ip4:5.5.5.5 -all"),
    "ip:": Case("v=spf1 ip:5.5.5.5 -all", "spf-mechanism-unknown", mended="v=spf1 ip4:5.5.5.5 -all"),
    "include=": Case("v=spf1 include=i.example -all", "spf-modifier-mistaken", mended="v=spf1 include:i.example -all"),
    "a=": Case("v=spf1 a=m.example -all", "spf-modifier-mistaken", mended="v=spf1 a:m.example -all"),
    "redirect:": Case("v=spf1 redirect:i.example", "spf-modifier-mistaken", mended="v=spf1 redirect=i.example"),
    "nonsense": Case("v=spf1 mx foo:bar -all", "spf-mechanism-unknown", _drop("foo:bar"), "v=spf1 mx -all"),
    "nonsense stays": Case("v=spf1 mx foo:bar -all", "spf-mechanism-unknown"),
    "bad IP": Case("v=spf1 ip4:5.5.5.500 -all", "spf-address-wrong", _drop("ip4:5.5.5.500"), "v=spf1 -all"),
    "CIDR over 32": Case("v=spf1 ip4:5.5.5.0/33 -all", "spf-address-wrong"),
    "CIDR over 128": Case("v=spf1 ip6:2a00::/129 -all", "spf-address-wrong"),
    "CIDR of an a": Case("v=spf1 a/33 -all", "spf-address-wrong"),
    "leading zero": Case("v=spf1 ip4:5.5.5.0/024 -all", "spf-address-wrong", mended="v=spf1 ip4:5.5.5.0/24 -all"),
    "families mixed up": Case(
        "v=spf1 ip4:2a00::1 ip6:5.5.5.5 -all", "spf-address-wrong spf-address-wrong", mended="v=spf1 ip6:2a00::1 ip4:5.5.5.5 -all"
    ),
    "blank inside": Case("v=spf1 ip4: 5.5.5.5 -all", "spf-space-inside", mended="v=spf1 ip4:5.5.5.5 -all"),
    "comma": Case("v=spf1 mx, -all", "spf-separator-wrong", mended="v=spf1 mx -all"),
    "semicolon, as OVH's help had it": Case(
        "v=spf1 include:i.example -all\\;", "spf-separator-wrong", mended="v=spf1 include:i.example -all"
    ),
    "typographic dash": Case("v=spf1 mx \\226\\128\\147all", "spf-character-wrong", mended="v=spf1 mx -all"),
    "no width": Case("v=spf1 m\\226\\128\\139x -all", "spf-character-wrong", mended="v=spf1 mx -all"),
    "not ASCII": Case("v=spf1 a:m\\195\\188.example -all", "spf-term-malformed"),
    "no blank before all": Case(
        "v=spf1 include:i.example-all", "spf-include-without-record spf-space-missing", mended="v=spf1 include:i.example -all"
    ),
    "no blank before ~all": Case("v=spf1 mx~all", "spf-space-missing", mended="v=spf1 mx ~all"),
    "11 lookups": Case(
        "v=spf1 mx include:many.example include:i.example include:full.example -all",
        "spf-too-many-lookups",
        _drop("include:i.example", "mx", "include:full.example"),
        "v=spf1 include:many.example -all",
    ),
    "11 lookups stay": Case("v=spf1 mx include:many.example include:i.example include:full.example -all", "spf-too-many-lookups"),
    "3 voids": Case(
        "v=spf1 a:g1.example a:g2.example a:g3.example -all",
        "spf-too-many-voids",
        _drop("a:g1.example", "a:g2.example", "a:g3.example"),
        "v=spf1 -all",
    ),
    "3 voids stay": Case("v=spf1 a:g1.example a:g2.example a:g3.example -all", "spf-too-many-voids"),
    "mx with more than 10 hosts": Case("v=spf1 mx:wide.example -all", "spf-too-many-hosts spf-host-missing"),
    "include of nothing": Case(
        "v=spf1 mx include:gone.example -all", "spf-include-without-record", _drop("include:gone.example"), "v=spf1 mx -all"
    ),
    "include of nothing stays": Case("v=spf1 mx include:gone.example -all", "spf-include-without-record"),
    "include of a name without SPF": Case("v=spf1 include:m.example -all", "spf-include-without-record"),
    "redirect to nothing": Case("v=spf1 redirect=gone.example", "spf-include-without-record"),
    "include of a faulty record": Case("v=spf1 include:broken.example -all", "spf-syntax"),
    "loop": Case("v=spf1 include:round.example -all", "spf-loop"),
    "two redirects": Case("v=spf1 redirect=i.example redirect=ours.example", "spf-modifier-repeated"),
    "two explanations": Case("v=spf1 -all exp=i.example exp=m.example", "spf-modifier-repeated"),
    "a sign before a modifier": Case("v=spf1 mx -redirect=i.example", "spf-modifier-qualified spf-end-missing"),
    "macro letter of explanations": Case("v=spf1 exists:%{c}.x.example -all", "spf-macro-wrong"),
    "ours absent": Case("v=spf1 mx -all", "spf-ours-missing", _ours(), "v=spf1 mx include:ours.example -all", setting=OURS),
    "ours behind all": Case(
        "v=spf1 mx -all include:ours.example",
        "spf-ours-unreachable spf-terms-after-all",
        _ours(),
        "v=spf1 mx include:ours.example -all",
        setting=OURS,
    ),
    "ours behind a sign": Case(
        "v=spf1 ~include:ours.example -all",
        "spf-ours-not-passed",
        _ours(),
        "v=spf1 include:ours.example ~include:ours.example -all",
        "spf-terms-contradict",
        setting=OURS,
    ),
    "ours behind a sign, which may go": Case(
        "v=spf1 ?include:ours.example -all",
        "spf-ours-not-passed",
        _ours("?include:ours.example"),
        "v=spf1 include:ours.example -all",
        setting=OURS,
    ),
    "ours in a nested include": Case("v=spf1 include:deep.example -all", "", mended="=", setting=OURS),
    "ours in a nested include, over the limit": Case(
        "v=spf1 include:many.example include:full.example -all", "spf-too-many-lookups spf-ours-unreachable", setting=OURS
    ),
    "ours in an include that hands no pass on": Case(
        "v=spf1 -include:deep.example -all",
        "spf-ours-unreachable",
        _ours(),
        "v=spf1 -include:deep.example include:ours.example -all",
        "spf-ours-unreachable",
        setting=OURS,
    ),
    "CNAME beside TXT": Case(
        'a.example TXT "v=spf1 a:m.example -all"\na.example CNAME alias.example',
        "spf-beside-alias",
        mended="=",
        left="spf-beside-alias",
    ),
    "lost blank": Case(
        'a.example TXT "v=spf1 include:i.example" "ip4:5.5.5.5 -all"\n',
        "spf-space-lost",
        mended="v=spf1 include:i.example ip4:5.5.5.5 -all",
    ),
    "cut off": Case(
        ("v=spf1 " + " ".join(f"ip4:5.5.{n}.{n}" for n in range(10, 30)))[:255], "spf-address-wrong spf-cut-off spf-end-missing"
    ),
    # W
    "+all": Case("v=spf1 mx +all", "spf-all-passes", SpfWish.read(all="~all"), "v=spf1 mx ~all"),
    "?all": Case("v=spf1 mx ?all", "spf-all-neutral", SpfWish.read(all="~all"), "v=spf1 mx ~all"),
    "no end": Case("v=spf1 mx", "spf-end-missing", SpfWish.read(all="~all"), "v=spf1 mx ~all"),
    "-all without DKIM": Case(
        "v=spf1 mx -all", "spf-strict-without-dkim", SpfWish.read(all="~all"), "v=spf1 mx ~all", setting=SpfSetting(signs=False)
    ),
    "ptr": Case("v=spf1 ptr mx -all", "spf-ptr", _drop("ptr"), "v=spf1 mx -all"),
    "wide network": Case("v=spf1 ip4:5.0.0.0/7 -all", "spf-network-wide", _drop("ip4:5.0.0.0/7"), "v=spf1 -all"),
    "everything": Case("v=spf1 ip4:0.0.0.0/0 -all", "spf-network-wide", mended="=", left="spf-network-wide"),
    "private network": Case(
        "v=spf1 mx ip4:192.168.1.0/24 -all", "spf-network-private", _drop("ip4:192.168.1.0/24"), "v=spf1 mx -all"
    ),
    "unique local": Case("v=spf1 mx ip6:fd00::/48 -all", "spf-network-private", _drop("ip6:fd00::/48"), "v=spf1 mx -all"),
    "terms after all": Case("v=spf1 mx -all a", "spf-terms-after-all", _drop("a"), "v=spf1 mx -all"),
    "redirect with all": Case(
        "v=spf1 mx -all redirect=i.example", "spf-redirect-ignored", _drop("redirect=i.example"), "v=spf1 mx -all"
    ),
    "duplicate term": Case("v=spf1 mx A a:a.example. +mx -all", "spf-term-repeated spf-term-repeated", mended="v=spf1 mx A -all"),
    "overlap": Case("v=spf1 ip4:5.5.0.0/16 ip4:5.5.5.0/24 -all", "spf-networks-overlap", mended="v=spf1 ip4:5.5.0.0/16 -all"),
    "overlap, the small one first": Case(
        "v=spf1 ip4:5.5.5.0/24 ip4:5.5.0.0/16 -all", "spf-networks-overlap", mended="v=spf1 ip4:5.5.0.0/16 -all"
    ),
    "overlap, but something between could end it": Case("v=spf1 ip4:5.5.5.5 mx ip4:5.5.0.0/16 -all", "", mended="="),
    "contradiction": Case(
        "v=spf1 ip4:5.5.0.0/16 -ip4:5.5.5.5 -all", "spf-terms-contradict", mended="=", left="spf-terms-contradict"
    ),
    "an exception is none": Case("v=spf1 -ip4:5.5.5.5 ip4:5.5.0.0/16 -all", "", mended="="),
    "a without addresses": Case("v=spf1 mx a:g.example -all", "spf-host-missing", _drop("a:g.example"), "v=spf1 mx -all"),
    "mx without mail servers": Case("v=spf1 mx:m.example -all", "spf-host-missing", _drop("mx:m.example"), "v=spf1 -all"),
    "more than 450 octets": Case(f"v=spf1 {SIZE} -all", "spf-record-long", mended="=", left="spf-record-long"),
    "large answer": Case(
        'a.example TXT "v=spf1 mx -all"\n' + "\n".join(f'a.example TXT "proof-{n}={"x" * 200}"' for n in range(6)),
        "spf-answer-large",
        mended="=",
        left="spf-answer-large",
    ),
    "unknown modifier": Case("v=spf1 mx p=none -all", "spf-modifier-unknown", _drop("p=none"), "v=spf1 mx -all"),
    "type 99": Case(
        'a.example TXT "v=spf1 mx -all"\na.example SPF "v=spf1 mx -all"',
        "spf-type-outdated",
        mended="=",
        left="spf-type-outdated",
    ),
    "Sender ID": Case(
        'a.example TXT "v=spf1 mx -all"\na.example TXT "spf2.0/pra mx -all"', "spf-sender-id", mended="=", left="spf-sender-id"
    ),
    "TTL": Case('a.example 172800 TXT "v=spf1 mx -all"\n', "spf-ttl-long", mended="="),
    "mail servers that never send": Case(
        "v=spf1 mx:google.example -all", "spf-mx-never-sends", _drop("mx:google.example"), "v=spf1 -all"
    ),
    "HELO without SPF": Case("v=spf1 mx -all", "spf-helo-missing", mended="=", setting=SpfSetting(helo=Domain("m.example"))),
    "return path without SPF": Case(
        "v=spf1 mx -all", "spf-return-path-missing", mended="=", setting=SpfSetting(return_path=Domain("bounce.a.example"))
    ),
    "no answer for HELO": Case("v=spf1 mx -all", "spf-no-answer", mended="=", setting=SpfSetting(helo=Domain("dark.example"))),
    "no answer": Case("v=spf1 include:dark.example -all", "spf-no-answer"),
    "no answer at all": Case("a.example FAILS\n", "spf-no-answer", _ours()),
    # I, and what is well
    "macro": Case("v=spf1 include:%{i}.x.example -all", "", mended="="),
    "an alias": Case("a.example CNAME alias.example\n", "", mended="="),
    "an include within another": Case("v=spf1 include:deep.example include:ours.example -all", "", mended="="),
    "a tick for nothing": Case("v=spf1 mx -all", "", _drop("a"), "=", "spf-drop-absent"),
    "an end beside a redirect": Case("v=spf1 redirect=i.example", "", SpfWish.read(all="-all")),
    "all is well": Case("v=spf1 mx include:i.example -all", "", mended="="),
}


def zone_of(case: Case) -> Zone:
    lines = case.record if "\n" in case.record else f'a.example TXT "{case.record}"'
    own = {line.split()[0] + line.split()[1] for line in lines.splitlines() if line.strip()}
    kept = [
        line for line in WORLD.splitlines() if line.strip() and not ("a.exampleCNAME" in own and line.startswith("a.example"))
    ]
    if "a.exampleFAILS" in own:
        kept = [line for line in kept if not line.startswith("a.example")]
    return Zone.parse("\n".join(kept) + "\n" + _split(lines))


def _split(lines: str) -> str:
    """A text of more than 255 octets in pieces."""
    if "\n" in lines or len(lines) < 270:
        return lines
    text = lines.split('"')[1]
    return "a.example TXT " + " ".join(f'"{text[n : n + 255]}"' for n in range(0, len(text), 255))


def codes(findings: object) -> list[str]:
    return [one.code for one in findings if one.level != "note"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", CASES)
def test_each_fault_has_its_finding_and_its_cure(name: str) -> None:
    case = CASES[name]
    zone = zone_of(case)
    advice = zone.run(advise_spf(Domain("a.example"), case.wish, case.setting))
    assert codes(advice.review.findings) == case.codes.split()
    answer = zone.answer(Question("a.example", "TXT"))
    before = [text for text in answer.texts if text.startswith("v=spf1")] if isinstance(answer, Found) else []
    expected = before[0] if case.mended == "=" else case.mended
    assert (advice.replacement.text if advice.replacement else "") == expected
    if advice.replacement:
        assert codes(advice.after) == case.left.split()
        assert advice.is_changed == (case.mended != "=")
    else:
        assert bool(advice.stops) == bool(advice.merge)


def test_what_is_known_but_not_wrong_is_noted() -> None:
    noted = {
        name: [one.code for one in zone_of(CASES[name]).run(advise_spf(Domain("a.example"))).review.findings]
        for name in ("macro", "an alias")
    }
    assert noted == {"macro": ["spf-macro-unfollowed"], "an alias": ["spf-behind-alias"]}


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not case.wish.drop])
def test_the_doctor_agrees_with_the_evaluator(name: str) -> None:
    """An error of the record itself is a permerror for somebody, and the other way round."""
    case = CASES[name]
    zone = zone_of(case)
    advice = zone.run(advise_spf(Domain("a.example"), SpfWish(), SpfSetting()))
    verdict = zone.run(check_spf(ip="203.0.113.77", helo="h.example", mail_from="x@a.example"))
    broken = not advice.review.is_sound
    assert (verdict.result in ("permerror", "none")) == broken or name in UNSEEN
    assert (verdict.result == "temperror") == (not advice.review.is_known)


UNSEEN = {  # what breaks mail though the record can be evaluated; what only a mail tells
    "include=", "a=", "CNAME beside TXT", "two records, one of them not even readable", "macro",
}  # fmt: skip


def published(zone: Zone, advice: SpfAdvice) -> Zone:
    """The zone with the replacement in it, as a DNS host would have it."""
    assert advice.replacement
    kept = {key: value for key, value in zone.sets.items() if key != ("a.example", "TXT")}
    return Zone({**kept, ("a.example", "TXT"): RecordSet((Txt.of(advice.replacement.pieces),), 3600)}, zone.failing)


def test_every_code_of_the_doctor_is_shown_by_a_case() -> None:
    sources = (Path(__file__).resolve().parents[2] / "src" / "mailwright" / "domains" / "spf").glob("*.py")
    made = {
        code for file in sources for code in re.findall(r'(?:error|warning|note)\(\s*"(spf-[a-z-]+)"', file.read_text("utf-8"))
    }
    shown = set()
    for case in CASES.values():
        advice = zone_of(case).run(advise_spf(Domain("a.example"), case.wish, case.setting))
        shown |= {one.code for one in (*advice.review.findings, *advice.stops, *advice.after)}
    elsewhere = {"spf-merge-loses"}  # the last guard: nothing is known that leads to it
    assert sorted(made - shown - elsewhere) == []
    assert len(made) > 45


def test_34_lookups_are_told_by_the_term() -> None:
    """As in kiwix/operations#87: which include costs what, what would be enough, and what flattening risks."""
    services = "\n".join(
        f'_spf.s{n}.example TXT "v=spf1 {" ".join(f"include:n{m}.s{n}.example" for m in range(n))} ip4:5.5.{n}.0/24 -all"\n'
        + "\n".join(f'n{m}.s{n}.example TXT "v=spf1 ip4:6.{n}.{m}.0/24 -all"' for m in range(n))
        for n in range(1, 8)
    )
    zone = Zone.parse(f'{services}\na.example TXT "v=spf1 {" ".join(f"include:_spf.s{n}.example" for n in range(1, 8))} -all"\n')
    advice = zone.run(advise_spf(Domain("a.example"), SpfWish.read(add=["ip4:7.7.7.7"])))
    (stop,) = advice.stops
    assert stop.code == "spf-merge-over"
    assert "35 lookups" in stop.what
    assert stop.evidence[0] == "include:_spf.s7.example costs 8 lookups; it stands for 4 networks today"
    assert "25 less" in stop.do
    assert "is a risk" in stop.do
    drop = [f"include:_spf.s{n}.example" for n in range(3, 8)]
    then = zone.run(advise_spf(Domain("a.example"), SpfWish.read(add=["ip4:7.7.7.7"], drop=drop)))
    assert then.replacement
    assert then.preview
    assert then.preview.new.lookups == 5
    assert then.preview.losses[0]


def test_addresses_of_ones_own_can_be_written_out() -> None:
    zone = Zone.parse(f'{WORLD}\na.example TXT "v=spf1 mx a:m.example include:many.example include:full.example -all"')
    (stop,) = zone.run(advise_spf(Domain("a.example"))).stops
    assert "mx is ip4:9.9.9.9 ip6:2a00::9" in stop.do
