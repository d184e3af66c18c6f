"""SPF against pyspf: random worlds in which both must agree, and where they do not (docs/disagreements.md)."""

import pathlib

import pytest
import spf
from hypothesis import example, given
from hypothesis import strategies as st

from mailwright.auth import SpfVerdict, check_spf
from mailwright.dns import Failed, Found, Mx, Question, RecordType, Txt, Zone

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "disagreements.md"
TYPES: dict[str, RecordType] = {"A": "A", "AAAA": "AAAA", "MX": "MX", "PTR": "PTR", "TXT": "TXT"}


def pyspf_says(zone: Zone, ip: str, mail_from: str, helo: str) -> tuple[str, str]:
    """Its result and explanation, with the answers of a zone."""

    def lookup(name: str, qtype: str, _strict: object = True, _timeout: object = 20) -> list[tuple[tuple[str, str], object]]:
        answer = zone.answer(Question(name, TYPES[qtype]))
        if isinstance(answer, Failed):
            raise spf.TempError("DNS")
        if not isinstance(answer, Found):
            return []
        links = [((owner, "CNAME"), target) for owner, target in zip((name, *answer.chain), answer.chain, strict=False)]
        owner = answer.chain[-1] if answer.chain else name
        return [*links, *[((owner, qtype), value_of(record)) for record in answer.records]]

    spf.DNSLookup = lookup
    query = spf.query(i=ip, s=mail_from, h=helo)
    query.set_default_explanation("")
    result, _, explanation = query.check()
    return result, explanation if result == "fail" else ""


def value_of(record: object) -> object:
    if isinstance(record, Txt):
        return record.pieces
    return (record.preference, record.host) if isinstance(record, Mx) else record


def we_say(zone: Zone, ip: str, mail_from: str, helo: str) -> SpfVerdict:
    return zone.run(check_spf(ip=ip, helo=helo, mail_from=mail_from))


HOSTS = """
    h1.example A 192.0.2.1
    h1.example AAAA 2001:db8::1
    h2.example A 192.0.2.66
    h2.example A 198.51.100.7
    h2.example AAAA 2001:db8:0:1::2
    m1.example MX 10 h1.example
    m2.example MX 10 h2.example
    alias.example CNAME h1.example
    dark.example FAILS
    x.h1.example A 127.0.0.2
    user.h.example A 127.0.0.2
    1.2.0.192.l.example A 127.0.0.2
    why.example TXT "%{i} %{s} %{L} %{h} %{d2r} %{o} %{v} %{c} %{r} %%."
    odd.example TXT "100% no"
    1.2.0.192.in-addr.arpa PTR h1.example
    1.2.0.192.in-addr.arpa PTR h2.example
    7.100.51.198.in-addr.arpa PTR h2.example
"""
IPV6 = ("20010db8000000000000000000000001", "20010db8000000010000000000000002")
HOSTS += "\n".join(f"{'.'.join(reversed(nibbles))}.ip6.arpa PTR h{n}.example" for n, nibbles in enumerate(IPV6, 1))

qualifiers = st.sampled_from(["", "", "+", "-", "~", "?"])
networks = st.sampled_from(
    [
        "ip4:192.0.2.1",
        "ip4:192.0.2.0/24",
        "ip4:198.51.100.64/26",
        "ip4:10.0.0.0/8",
        "ip4:0.0.0.0/0",
        "ip6:2001:db8::/32",
        "ip6:2001:db8::1",
        "ip6:::/0",
        "IP4:192.0.2.0/25",
        "ip6:2001:DB8:0:1::/64",
        "ip6:::ffff:192.0.2.1",
    ]
)
asking = st.sampled_from(
    [
        "a",
        "mx",
        "ptr",
        "a:h1.example",
        "a:h2.example/24",
        "a:h2.example//64",
        "a/16//32",
        "a:alias.example",
        "a:gone.example",
        "a:dark.example",
        "A:H1.Example.",
        "mx:m1.example",
        "mx:m2.example/24//48",
        "mx:gone.example",
        "ptr:h1.example",
        "ptr:h2.example",
        "ptr:other.example",
        "exists:x.h1.example",
        "exists:%{l}.h.example",
        "exists:%{ir}.l.example",
        "exists:%{p}.x",
        "exists:x.%{p}",
        "exists:gone.example",
        "exists:dark.example",
        "a:%{h}",
        "a:%{o}",
        "a:a..b.example",
        "mx:%{d2}",
        "exists:%{i}.%{v}.%{lr-}.%{d1}.x",
    ]
)
faulty = st.sampled_from(
    [
        "moo",
        "ip4:192.0.2",
        "a:museum",
        "a/33",
        "all:x",
        "include:",
        "%{d}",
        "a:%{x}.example",
        "a:%d.example",
        "ptr/24",
        "exp=",
        "=x",
        "ip6:1::2::3",
    ]
)
modifiers = st.sampled_from(
    ["moo=cow", "x-y.z=%{d}", "exp=why.example", "exp=odd.example", "exp=gone.example", "exp=dark.example"]
)
free = st.one_of(st.builds("{}{}".format, qualifiers, networks), st.builds("{}{}".format, qualifiers, networks), faulty)
ends = st.sampled_from(["-all", "~all", "?all", "all", "", "-ALL"])


@st.composite
def records(draw: st.DrawFn) -> dict[str, str]:
    """d.example leads to a.example, that to b.example. So few terms ask that the limits of lookups and of voids stay away:
    what counts there is told below.
    """
    written: dict[str, str] = {}
    for name, following in (("d.example", "a.example"), ("a.example", "b.example"), ("b.example", "gone.example")):
        terms = draw(
            st.lists(free if draw(st.integers(0, 9)) == 0 else st.builds("{}{}".format, qualifiers, networks), max_size=3)
        )
        leads = st.sampled_from([f"include:{following}", f"-include:{following}", f"redirect={following}", ""])
        terms += [draw(st.builds("{}{}".format, qualifiers, asking)) if draw(st.booleans()) else "", draw(leads)]
        terms += [draw(modifiers) if draw(st.booleans()) else ""]
        terms = draw(st.permutations(terms))
        written[name] = " ".join(["v=spf1", *[term for term in terms if term], draw(ends)])
    return written


clients = st.sampled_from(["192.0.2.1", "198.51.100.7", "2001:db8::1", "2001:db8:0:1::2", "::ffff:192.0.2.1"])
senders = st.sampled_from(["user@d.example", "", "a-b.c+d@d.example", "user@b.example", "user@gone.example", "user@x"])
helos = st.sampled_from(["h1.example", "d.example", "a.example", "odd helo", "[192.0.2.1]", "x"])


@given(records(), clients, senders, helos)
@example({"d.example": "v=spf1 include:a.example -all", "a.example": "v=spf1 a:dark.example"}, "192.0.2.1", "user@d.example", "x")
def test_both_agree(world: dict[str, str], ip: str, mail_from: str, helo: str) -> None:
    zone = Zone.parse(HOSTS + "\n" + "\n".join(f'{name} TXT "{text}"' for name, text in world.items()))
    verdict = we_say(zone, ip, mail_from, helo)
    assert (verdict.result, verdict.explanation) == pyspf_says(zone, ip, mail_from, helo)


ODD = """
    percent.example TXT "100%%"
    sender.example TXT "%{s}"
    self.example TXT "v=spf1 ?all"
    three.example MX 1 six.example
    three.example MX 2 six2.example
    three.example MX 3 six3.example
    *.w.example A 192.0.2.1
    example.d.rev.example A 192.0.2.1
    stop.example TXT "v=spf1 -all"
    99.2.0.192.in-addr.arpa FAILS
    98.2.0.192.in-addr.arpa PTR dark.example
"""
ODD += "\n".join(f"eleven.example MX {n} h{1 if n == 0 else 2}.example" for n in range(11))
ELEVEN = " ".join(["a:h2.example"] * 10)
DIFFERENT = [
    # the record of d.example, client, what we say, what pyspf says, because
    ("a:x.%{d0} -all", "192.0.2.1", "permerror", "fail", "a macro keeps zero parts, %{d0}"),
    ("a:x.%{d-r} -all", "192.0.2.1", "permerror", "fail", "transformers stand behind the delimiters, %{d-r}"),
    ("a:%{i%{d} -all", "192.0.2.1", "permerror", "fail", "a macro inside a macro"),
    ("a:%% -all", "192.0.2.1", "fail", "permerror", "a domain-spec ends in %%"),
    ("exists:%{dR}.rev.example -all", "192.0.2.1", "pass", "fail", "a capital R, %{dR}"),
    ("Redirect=stop.example", "192.0.2.1", "fail", "neutral", "redirect= in capitals"),
    ("redirect=self.example Redirect=self.example", "192.0.2.1", "permerror", "neutral", "two redirects, one in capitals"),
    ("x=1 x=2 -all", "192.0.2.1", "fail", "permerror", "an unknown modifier twice"),
    ("all include:d.example", "192.0.2.1", "pass", "permerror", "an include of itself that is not reached"),
    (f"{ELEVEN} -all redirect=self.example", "192.0.2.1", "fail", "permerror", "a redirect beside all, as eleventh lookup"),
    ("mx:three.example -all", "192.0.2.1", "fail", "permerror", "an mx with three hosts that have no address"),
    ("?a -exists:x.%{p} -all", "203.0.113.1", "fail", "permerror", "%{p} and its term find nothing, after another void"),
    (f"{ELEVEN[13:]} exists:x.%{{p}} -all", "192.0.2.1", "permerror", "pass", "%{p} in the tenth lookup"),
    ("mx:eleven.example -all", "192.0.2.1", "pass", "permerror", "eleven mail servers, of which the first matches"),
    ("ptr -all", "192.0.2.99", "fail", "temperror", "ptr, and the reverse zone does not answer"),
    ("ptr:dark.example -all", "192.0.2.98", "fail", "temperror", "ptr, and the name does not answer"),
    ("a:%{l}.%{l}.w.example -all", "192.0.2.1", "pass", "fail", "a name more than one label too long"),
]
LONG = ".".join("a" * 71)


@pytest.mark.parametrize("terms,ip,ours,theirs,because", DIFFERENT, ids=[row[-1] for row in DIFFERENT])
def test_where_we_differ(terms: str, ip: str, ours: str, theirs: str, because: str) -> None:
    zone = Zone.parse(f'{HOSTS}\n{ODD}\nd.example TXT "v=spf1 {terms}"')
    assert we_say(zone, ip, f"{LONG}@d.example", "h1.example").result == ours
    assert pyspf_says(zone, ip, f"{LONG}@d.example", "h1.example")[0] == theirs
    assert f"| {because} | {ours} | {theirs} |" in PAGE.read_text("utf-8")


EXPLAINED = [
    ("exp=percent.example", "user@d.example", "100%", "", "an explanation ends in %%"),
    ("exp=sender.example", "@d.example", "postmaster@d.example", "@d.example", "%{s} of a sender without a local part"),
    ("EXP=sender.example", "user@d.example", "user@d.example", "", "exp= in capitals"),
]


@pytest.mark.parametrize("exp,mail_from,ours,theirs,because", EXPLAINED, ids=[row[-1] for row in EXPLAINED])
def test_where_we_explain_otherwise(exp: str, mail_from: str, ours: str, theirs: str, because: str) -> None:
    zone = Zone.parse(f'{HOSTS}\n{ODD}\nd.example TXT "v=spf1 -all {exp}"')
    assert we_say(zone, "192.0.2.1", mail_from, "h1.example").explanation == ours
    assert pyspf_says(zone, "192.0.2.1", mail_from, "h1.example") == ("fail", theirs)
    assert f"| {because} | {ours} | {theirs or 'none'} |" in PAGE.read_text("utf-8")
