"""SPF records read into their tree: one row a rule; all faults with their places; work that grows with the text and no faster."""

import sys
from types import FrameType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwright.auth import SpfKind, SpfTerm, read_spf
from mailwright.auth.spf.macros import expand_name, expand_text, read_domain_spec, read_explain_string
from mailwright.values import Malformed

SOUND = [
    # term, kind, qualifier, value, cidr4, cidr6, because
    ("all", "all", "+", "", 32, 128, "a qualifier is optional and defaults to +, RFC 7208 §4.6.2"),
    ("-ALL", "all", "-", "", 32, 128, "names are case-insensitive, §4.6.1"),
    ("~aLl", "all", "~", "", 32, 128, "softfail"),
    ("?all", "all", "?", "", 32, 128, "neutral"),
    ("include:_spf.example.com", "include", "+", "_spf.example.com", 32, 128, "§5.2"),
    ("-include:%{d2}", "include", "-", "%{d2}", 32, 128, "a domain-spec may end in a macro, §7.1"),
    ("a", "a", "+", "", 32, 128, "§5.3"),
    ("a/24", "a", "+", "", 24, 128, "ip4-cidr-length alone"),
    ("a//64", "a", "+", "", 32, 64, "ip6-cidr-length alone"),
    ("a/0//0", "a", "+", "", 0, 0, "both, and zero is a length"),
    ("a:mail.example.com/24//64", "a", "+", "mail.example.com", 24, 64, "with a domain-spec"),
    ("a:foo:bar/baz.example.com", "a", "+", "foo:bar/baz.example.com", 32, 128, "any visible character but %, §7.1"),
    ("a:x//y.example.com/1", "a", "+", "x//y.example.com", 1, 128, "slashes inside a name are not lengths"),
    ("a:%{l/}.example.com/8", "a", "+", "%{l/}.example.com", 8, 128, "a slash may be a delimiter"),
    ("a:mail.example.com.", "a", "+", "mail.example.com.", 32, 128, "a trailing dot, §7.3"),
    ("a:mail.example.xn--zckzah", "a", "+", "mail.example.xn--zckzah", 32, 128, "hyphens in a toplabel"),
    ("a:1.2.3.4.5d", "a", "+", "1.2.3.4.5d", 32, 128, "a toplabel is not digits alone"),
    ("a:1-2.1-2", "a", "+", "1-2.1-2", 32, 128, "a hyphen is enough, §7.1"),
    ("a:.com", "a", "+", ".com", 32, 128, "an empty macro-string before the dot is allowed"),
    ("a:%%.example.%-%_%%", "a", "+", "%%.example.%-%_%%", 32, 128, "%% %_ and %- are macro-expands"),
    ("mx", "mx", "+", "", 32, 128, "§5.4"),
    ("MX:Example.COM/30", "mx", "+", "Example.COM", 30, 128, "the text stays as it is"),
    ("ptr", "ptr", "+", "", 32, 128, "§5.5"),
    ("ptr:example.com", "ptr", "+", "example.com", 32, 128, "§5.5"),
    ("ip4:192.0.2.0", "ip4", "+", "192.0.2.0", 32, 128, "§5.6"),
    ("ip4:192.0.2.9/24", "ip4", "+", "192.0.2.9", 24, 128, "host bits may be set"),
    ("ip6:2001:DB8::/32", "ip6", "+", "2001:DB8::", 32, 32, "§5.6"),
    ("ip6:::192.0.2.1", "ip6", "+", "::192.0.2.1", 32, 128, "RFC 4291 §2.2 allows a dotted end"),
    ("exists:%{ir}.%{v}._spf.%{d}", "exists", "+", "%{ir}.%{v}._spf.%{d}", 32, 128, "§5.7"),
    ("redirect=_spf.example.com", "redirect", "", "_spf.example.com", 32, 128, "§6.1"),
    ("EXP=%{d}.example.com", "exp", "", "%{d}.example.com", 32, 128, "§6.2"),
    ("moo.cow-far_out=man:dog/cat", "modifier", "", "man:dog/cat", 32, 128, "unknown modifiers are ignored, §6"),
    ("default=", "modifier", "", "", 32, 128, "a macro-string may be empty"),
    ("v=spf1", "modifier", "", "spf1", 32, 128, "the version in the middle is an unknown modifier"),
    ("include=example.com", "modifier", "", "example.com", 32, 128, "an equals sign makes a modifier, §4.6.1"),
]


@pytest.mark.parametrize("row", SOUND, ids=[row[0] for row in SOUND])
def test_a_sound_term(row: tuple[str, str, str, str, int, int, str]) -> None:
    text, kind, qualifier, value, cidr4, cidr6, because = row
    record = read_spf(f"v=spf1 {text}")
    (term,) = record.terms
    assert not record.faults, because
    assert (term.text, term.position) == (text, 7)
    assert (term.kind, term.qualifier, term.value, term.cidr4, term.cidr6) == (kind, qualifier, value, cidr4, cidr6), because


FAULTY = [
    # term, what is said of it, because
    ("moo", "no mechanism 'moo'", "unknown mechanism, RFC 7208 §4.6.1"),
    ("all.", "no mechanism 'all.'", "all has nothing behind it, §5.1"),
    ("all:foobar", "stands alone", "§5.1"),
    ("all/8", "stands alone", "§5.1"),
    ("include", "needs a domain", "§5.2"),
    ("include:", "missing", "§5.2"),
    ("include/24", "needs a domain", "§5.2"),
    ("include:example.com/24", "no full domain name", "an include has no length"),
    ("a:", "missing", "§5.3"),
    ("a:museum", "no full domain name", "a toplabel alone is no domain-spec, §7.1"),
    ("a:museum.", "no full domain name", "nor with a dot behind it"),
    ("a:111.222.33.44", "no full domain name", "a toplabel is not digits alone"),
    ("a:example.-com", "no full domain name", "nor does it begin with a hyphen"),
    ("a:example.com-", "no full domain name", "nor end with one"),
    ("a:example.com:8080", "no full domain name", "a port is in the toplabel"),
    ("a:example.c_m", "no full domain name", "an underscore is no letter"),
    ("a:%{d}com", "no full domain name", "behind a macro comes a dot"),
    ("a:%{d}.", "no full domain name", "a dot alone is no toplabel"),
    ("a:foo.%{d}x", "no full domain name", "the last dot must be behind the last macro"),
    ("a:foo.%%com", "no full domain name", "%% is no letter of a toplabel"),
    ("a/33", "no prefix length", "0 to 32, §5.6"),
    ("a/032", "no prefix length", "no leading zero"),
    ("a/", "no prefix length", "digits are needed"),
    ("a//129", "no prefix length", "0 to 128"),
    ("a/24/64", "no prefix length", "two slashes before the second"),
    ("a//64/24", "no prefix length", "IPv4 comes first"),
    ("mx:example.com//", "no full domain name", "digits are needed"),
    ("ptr/0", "needs a domain", "ptr has no length, §5.5"),
    ("ptr:", "missing", "§5.5"),
    ("ip4", "needs an address", "§5.6"),
    ("ip4:", "not an IPv4", "§5.6"),
    ("ip4:1.2.3", "not an IPv4", "all four numbers"),
    ("ip4:1.2.3.256", "not an IPv4", "0 to 255"),
    ("ip4:1.2.3.04", "not an IPv4", "qnum has no leading zero"),
    ("ip4:1.2.3.4:8080", "not an IPv4", "no port"),
    ("ip4:1.2.3.4/33", "no prefix length", "§5.6"),
    ("ip4:1.2.3.4//32", "no prefix length", "no dual-cidr-length"),
    ("ip4:1.2.3.4/", "no prefix length", "digits are needed"),
    ("ip4:2001:db8::", "not an IPv4", "the other family"),
    ("ip4/24:1.2.3.4", "needs an address", "the address comes first"),
    ("ip6", "needs an address", "§5.6"),
    ("ip6::CAFE::BABE", "not an IPv6", "one double colon"),
    ("ip6:fe80::1%eth0", "not an IPv6", "no name of an interface"),
    ("ip6:::1.1.1.1//33", "no prefix length", "one slash"),
    ("ip6:::/129", "no prefix length", "0 to 128"),
    ("exists", "needs a domain", "§5.7"),
    ("exists:", "missing", "§5.7"),
    ("exists:example.com/24", "no full domain name", "no length"),
    ("redirect=", "missing", "§6.1"),
    ("redirect=-all", "no full domain name", "§6.1"),
    ("redirect:example.com", "no mechanism 'redirect'", "a modifier has an equals sign, §4.6.1"),
    ("exp=", "missing", "§6.2"),
    ("exp=%{r}.example.com", "no macro here", "c, r and t are for the explanation itself, §7.2"),
    ("=all", "no name for a modifier", "a name begins with a letter, §4.6.1"),
    ("1up=foo", "no name for a modifier", "§4.6.1"),
    ("-foo=bar", "no name for a modifier", "a modifier has no qualifier"),
    ("a.b/c=d", "no mechanism 'a.b'", "the equals sign comes before any : or /, §4.6.1"),
    ("foo=%abc", "no macro here", "unknown modifiers have valid macros, §4.6.1"),
    ("exists:%(ir).sbl.example.org", "no macro here", "§7.3"),
    ("exists:foo%.example.org", "no macro here", "a % stands alone, §7.3"),
    ("exists:%{}.example.org", "no macro here", "a letter is needed"),
    ("exists:%{x}.example.org", "no macro here", "no such letter, §7.2"),
    ("exists:%{d.example.org", "no macro", "no end"),
    ("exists:%{d0}.example.org", "keeps no part", "the number is not zero, §7.3"),
    ("exists:%{d00r}.example.org", "keeps no part", "nor is it in disguise"),
    ("exists:%{dr2}.example.org", "is no macro", "the number comes before the r"),
    ("exists:%{d;}.example.org", "is no macro", "no such delimiter, §7.1"),
    ("a:\u00fcber.example.org", "not ASCII", "§3.1"),
    ("\ufeffa", "not ASCII", "a byte order mark, §3.1"),
    ("a:ctrl.example.com\rptr", "not ASCII", "blanks part terms, nothing else does, §4.6.1"),
    ("a\tmx", "not ASCII", "nor a tab"),
    ("a:foo.example.com\0", "not ASCII", "§7.1"),
    ("a:\udcff.example.com", "not ASCII", "an octet that is no character"),
    ("ip:192.0.2.1", "no mechanism 'ip'", "a frequent mistake"),
    ("-", "no mechanism ''", "a qualifier alone"),
    ("--all", "no mechanism '-all'", "one qualifier"),
    (":", "no mechanism ''", "no name"),
]


@pytest.mark.parametrize("text,said,because", FAULTY, ids=[repr(row[0]) for row in FAULTY])
def test_a_faulty_term(text: str, said: str, because: str) -> None:
    record = read_spf(f"v=spf1 a {text} -all")
    (fault,) = record.faults
    assert (fault.position, fault.text) == (9, text)
    assert said in fault.what, because
    assert fault.do
    assert [term.text for term in record.terms] == ["a", text, "-all"]  # and reading went on


def test_all_faults_are_told_with_their_places() -> None:
    record = read_spf("v=spf1  ip4:1.2.3 a redirect=a.example moo redirect=b.example exp=x")
    assert [(fault.position, fault.text) for fault in record.faults] == [
        (8, "ip4:1.2.3"),
        (39, "moo"),
        (43, "redirect=b.example"),
        (62, "exp=x"),
    ]


@pytest.mark.parametrize("name", ["redirect", "exp", "ReDirect"])
def test_redirect_and_exp_stand_once(name: str) -> None:
    assert read_spf(f"v=spf1 {name}=a.example {name}=b.example").faults  # RFC 7208 §6
    assert not read_spf("v=spf1 other=a other=b").faults


def test_a_text_without_a_version_is_read_all_the_same() -> None:
    record = read_spf("a -all")
    assert [term.kind for term in record.terms] == [SpfKind.A, SpfKind.ALL]
    assert record.faults[0].position == 0


EVALUATED = (
    "v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 a mx:m.example exists:%{i}.x include:%{d}.x include:b.example redirect=c.example"
)


def texts(terms: tuple[SpfTerm, ...]) -> str:
    return " ".join([term.text for term in terms])


def test_what_is_evaluated_for_either_family() -> None:
    record = read_spf(EVALUATED)
    asking = "a mx:m.example exists:%{i}.x include:%{d}.x include:b.example"
    assert texts(record.steps4) == f"ip4:192.0.2.1 {asking}"
    assert texts(record.steps6) == f"ip6:2001:db8::1 {asking}"
    assert texts(record.asking) == f"{asking} redirect=c.example"  # each counts, RFC 7208 §4.6.4
    assert record.all is None


def test_all_ends_the_record_and_makes_a_redirect_void() -> None:
    record = read_spf("v=spf1 a redirect=c.example ~all mx -all")
    assert (texts(record.steps4), texts(record.asking)) == ("a ~all", "a")  # RFC 7208 §5.1
    assert record.all
    assert record.all.text == "~all"
    assert not record.faults


def test_what_may_be_asked_ahead() -> None:
    """Fixed names and the domain itself, for which the empty name stands; nothing that tells who wrote to whom."""
    record = read_spf(EVALUATED)
    wanted = [("", "A"), ("m.example", "MX"), ("b.example", "TXT"), ("c.example", "TXT")]
    assert list(record.ahead4) == wanted
    assert [type for _, type in record.ahead6] == ["AAAA", "MX", "TXT", "TXT"]


EXPANSIONS = [  # RFC 7208 §7.4, and the rules of §7.3
    ("%{s}", "strong-bad@email.example.com"),
    ("%{o}", "email.example.com"),
    ("%{d}", "email.example.com"),
    ("%{d4}", "email.example.com"),
    ("%{d3}", "email.example.com"),
    ("%{d2}", "example.com"),
    ("%{d1}", "com"),
    ("%{dr}", "com.example.email"),
    ("%{d2r}", "example.email"),
    ("%{l}", "strong-bad"),
    ("%{l-}", "strong.bad"),
    ("%{lr}", "strong-bad"),
    ("%{lr-}", "bad.strong"),
    ("%{l1r-}", "strong"),
    ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
    ("%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"),
    ("%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"),
    ("%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "3.2.0.192.in-addr.strong.lp._spf.example.com"),
    ("%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"),
    ("%{s-@}.x", None),
    ("%{D}", "email.example.com"),
    ("%{S}", "strong-bad%40email.example.com"),
    ("%{DR}", "com.example.email"),
    ("%{d127}", "email.example.com"),
    ("%{d99999999999999999999}", "email.example.com"),
    ("%{d02}", "example.com"),
    ("%{h-.}", "a.b.c..d.example"),
    ("%{h2-.}", "d.example"),
    ("%{hr.-.-}", "example.d..c.b.a"),
    ("%%%_%-.x", "% %20.x"),
    ("%{h}.x.", "a-b.c--d.example.x"),
]
VALUES = {
    "s": "strong-bad@email.example.com",
    "l": "strong-bad",
    "o": "email.example.com",
    "d": "email.example.com",
    "i": "192.0.2.3",
    "v": "in-addr",
    "h": "a-b.c--d.example",
    "c": "192.0.2.3",
    "r": "mx.receiver.example",
    "t": "1700000000",
}


@pytest.mark.parametrize("text,expected", EXPANSIONS, ids=[row[0] for row in EXPANSIONS])
def test_an_expansion(text: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(Malformed):
            read_domain_spec(text)
    else:
        assert expand_name(read_domain_spec(text), VALUES) == expected


LONG = [
    # the value of %{l}, what is left of it, because
    ("a." * 121 + "b", "a." * 121 + "b", "253 characters with what follows are allowed"),
    ("xy." + "a." * 120 + "b", "a." * 120 + "b", "left labels go until it fits, RFC 7208 §7.3"),
    ("x" * 300 + ".a", "a", "a label that is too long goes with them"),
    ("a." * 5000 + "b", "a." * 121 + "b", "however long it is"),
]


@pytest.mark.parametrize("value,left,because", LONG, ids=[row[-1] for row in LONG])
def test_a_name_that_is_too_long_loses_labels_on_its_left(value: str, left: str, because: str) -> None:
    name = expand_name(read_domain_spec("%{l}.12345.example."), VALUES | {"l": value})
    wanted = f"{left}.12345.example"
    assert name == (wanted if len(wanted) <= 253 else wanted[wanted.index(".", len(wanted) - 254) + 1 :])
    assert len(name) <= 253


def test_a_single_label_that_is_too_long_leaves_nothing() -> None:
    assert expand_name(read_domain_spec("%{l}"), VALUES | {"l": "x" * 300}) == ""


EXPLANATIONS = [
    (
        "%{i} is not one of %{d}'s designated mail servers.",
        "192.0.2.3 is not one of email.example.com's designated mail servers.",
    ),
    (
        "See http://%{d}/why.html?s=%{S}&i=%{I}",
        "See http://email.example.com/why.html?s=strong-bad%40email.example.com&i=192.0.2.3",
    ),
    ("%{c} %{r} %{t}.", "192.0.2.3 mx.receiver.example 1700000000."),
    ("", ""),
    ("%%%_%-", "% %20"),
]


@pytest.mark.parametrize("text,expected", EXPLANATIONS)
def test_an_explanation(text: str, expected: str) -> None:
    assert expand_text(read_explain_string(text), VALUES) == expected


@pytest.mark.parametrize("text", ["%{x}", "%", "100%", "caf\u00e9", "a\r\nb", "a\tb", "%{d0}"])
def test_a_faulty_explanation(text: str) -> None:
    with pytest.raises(Malformed):
        read_explain_string(text)


TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(
        st.sampled_from(
            [*[row[0] for row in SOUND], *[row[0] for row in FAULTY], "", "%{", "%{d", "%%", "}", "//", "=", ":", "\udc80"]
        ),
        max_size=8,
    ).map(" ".join),
)


@given(TEXTS)
def test_any_text_is_read_and_no_character_of_it_is_lost(text: str) -> None:
    record = read_spf("v=spf1 " + text)
    assert record.text == "v=spf1 " + text
    assert [term.text for term in record.terms] == [word for word in text.split(" ") if word]
    for term in record.terms:
        assert record.text.startswith(term.text, term.position)
    for fault in record.faults:
        assert record.text.startswith(fault.text, fault.position)
        assert fault.what
        assert fault.do
    assert [term.fault for term in record.terms if term.fault] == [
        f for f in record.faults if f in [t.fault for t in record.terms]
    ]


GROWING = [
    ("terms", lambda size: "a " * size),
    ("faults", lambda size: "x " * size),
    ("networks", lambda size: "ip4:192.0.2.1 " * size),
    ("one long name", lambda size: "a:" + "a." * size + "example"),
    ("macros", lambda size: "exists:" + "%{d}." * size + "example"),
    ("an open macro", lambda size: "exists:%{d" + "{" * size),
    ("many open macros", lambda size: "exists:" + "%{" * size),
    ("delimiters", lambda size: "exists:%{d" + "." * size + "}"),
    ("digits", lambda size: "exists:%{d" + "9" * size + "}"),
    ("slashes", lambda size: "a" + "/" * size),
    ("colons", lambda size: "ip6:" + ":" * size),
    ("a length", lambda size: "a/" + "1" * size),
    ("redirects", lambda size: "redirect=a.example " * size),
    ("blanks", lambda size: " " * size),
]


@pytest.mark.parametrize("because,make", GROWING, ids=[row[0] for row in GROWING])
def test_work_grows_with_the_text_and_no_faster(because: str, make: object) -> None:
    assert callable(make)
    one, four = calls(make(5_000)), calls(make(20_000))
    assert four <= 4.4 * one + 100


def calls(text: str) -> int:
    """How many functions, of Python and of C, reading a record takes; each C call reads one term once."""
    seen = 0

    def counted(_frame: FrameType, event: str, _what: object) -> None:
        nonlocal seen
        seen += event in {"call", "c_call"}

    sys.setprofile(counted)
    try:
        read_spf("v=spf1 " + text)
    finally:
        sys.setprofile(None)
    return seen
