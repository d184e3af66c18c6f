"""SPF verdicts, one row a rule: records as zone lines, who sends, what comes out, because of what."""

import pytest

from mailwright.auth import SpfVerdict, check_spf
from mailwright.dns import Zone

WORLD = """
    mail.example.com A 192.0.2.1
    mail.example.com AAAA 2001:db8::1
    four.example.com A 192.0.2.4
    dark.example.com FAILS
    servfail.example.com A FAILS servfail
    alias.example.com CNAME mail.example.com
    loop.example.com CNAME loop.example.com
    empty.example.com TXT NONE
    pass.example.com TXT "v=spf1 +all"
    fail.example.com TXT "v=spf1 -all"
    soft.example.com TXT "v=spf1 ~all"
    neutral.example.com TXT "v=spf1 ?all"
    none.example.com TXT "v=spf2.0/pra -all"
    broken.example.com TXT "v=spf1 moo"
"""


def check(
    zone: str, ip: str = "192.0.2.1", mail_from: str = "user@d.example", helo: str = "mail.example.com", **more: str
) -> SpfVerdict:
    return Zone.parse(f"{WORLD}\n{zone}").run(check_spf(ip=ip, helo=helo, mail_from=mail_from, **more))  # type: ignore[arg-type]


TERMS = [
    # the record of d.example, the client, result, the term that decided, because
    ("+all", "192.0.2.1", "pass", "+all", "RFC 7208 §4.6.2"),
    ("-all", "192.0.2.1", "fail", "-all", "§4.6.2"),
    ("~all", "192.0.2.1", "softfail", "~all", "§4.6.2"),
    ("?all", "192.0.2.1", "neutral", "?all", "§4.6.2"),
    ("", "192.0.2.1", "neutral", "", "the default, §4.7"),
    ("?all -all", "192.0.2.1", "neutral", "?all", "terms from left to right, §4.6.2"),
    ("-ip4:192.0.2.0/24 +all", "192.0.2.1", "fail", "-ip4:192.0.2.0/24", "the first match decides"),
    ("ip4:192.0.2.1 -all", "192.0.2.1", "pass", "ip4:192.0.2.1", "no length is equality, §5"),
    ("ip4:192.0.2.1 -all", "192.0.2.2", "fail", "-all", "§5"),
    ("ip4:192.0.2.129/25 -all", "192.0.2.200", "pass", "ip4:192.0.2.129/25", "only the high bits count, §5"),
    ("ip4:192.0.2.129/25 -all", "192.0.2.1", "fail", "-all", "§5"),
    ("ip4:203.0.113.9/0 -all", "192.0.2.1", "pass", "ip4:203.0.113.9/0", "no bits at all"),
    ("ip4:0.0.0.0/0 -all", "2001:db8::1", "fail", "-all", "ip4 is for IPv4, §5"),
    ("ip6:::/0 -all", "192.0.2.1", "fail", "-all", "ip6 is for IPv6"),
    ("ip6:2001:db8::/33 -all", "2001:db8:7fff::1", "pass", "ip6:2001:db8::/33", "§5.6"),
    ("ip6:2001:db8::/33 -all", "2001:db8:8000::1", "fail", "-all", "§5.6"),
    ("-ip6:::ffff:192.0.2.1 ip4:192.0.2.1", "::ffff:192.0.2.1", "pass", "ip4:192.0.2.1", "a mapped address is IPv4, §5"),
    ("-ip6:::ffff:0:0/96 ip4:192.0.2.1", "::FFFF:C000:0201", "pass", "ip4:192.0.2.1", "in any spelling"),
    ("ip6:::192.0.2.1 -all", "::192.0.2.1", "pass", "ip6:::192.0.2.1", "a compatible address is not a mapped one"),
    ("a:mail.example.com -all", "192.0.2.1", "pass", "a:mail.example.com", "§5.3"),
    ("a:mail.example.com -all", "2001:db8::1", "pass", "a:mail.example.com", "AAAA for IPv6, §5"),
    ("a:mail.example.com/24 -all", "192.0.2.77", "pass", "a:mail.example.com/24", "§5.3"),
    ("a:mail.example.com/24 -all", "2001:db8::2", "fail", "-all", "the length is that of the family"),
    ("a:mail.example.com//64 -all", "2001:db8::2", "pass", "a:mail.example.com//64", "§5.3"),
    ("a:mail.example.com//0 -all", "198.51.100.1", "fail", "-all", "§5.3"),
    ("a:four.example.com//0 -all", "2001:db8::1", "fail", "-all", "without an address nothing matches, not even /0"),
    ("a:MAIL.Example.Com. -all", "192.0.2.1", "pass", "a:MAIL.Example.Com.", "names in any case, with a final dot"),
    ("a:alias.example.com -all", "192.0.2.1", "pass", "a:alias.example.com", "aliases are followed, RFC 1034 §3.6.2"),
    ("a:loop.example.com -all", "192.0.2.1", "temperror", "a:loop.example.com", "a loop is an error, RFC 1034 §3.6.2"),
    ("a:dark.example.com -all", "192.0.2.1", "temperror", "a:dark.example.com", "no answer ends all, §5"),
    ("a:servfail.example.com -all", "192.0.2.1", "temperror", "a:servfail.example.com", "SERVFAIL is not NXDOMAIN, §5"),
    ("ip4:192.0.2.1 a:dark.example.com", "192.0.2.1", "pass", "ip4:192.0.2.1", "what is not reached is not asked, §4.6.2"),
    ("a:gone.example.com -all", "192.0.2.1", "fail", "-all", "NXDOMAIN is no records, §5"),
    ("a:mail..example.com -all", "192.0.2.1", "fail", "-all", "an empty label does not match, §4.8"),
    (f"a:{'x' * 64}.example.com -all", "192.0.2.1", "fail", "-all", "nor does one of 64 characters, §4.8"),
    ("a:%{h}.example.com -all", "192.0.2.1", "fail", "-all", "macros in names, §7"),
    ("a:%{h} -all", "192.0.2.1", "pass", "a:%{h}", "%{h} is the HELO name, §7.2"),
    ("exists:mail.example.com -all", "198.51.100.1", "pass", "exists:mail.example.com", "any A record, §5.7"),
    ("exists:four.example.com -all", "2001:db8::1", "pass", "exists:four.example.com", "A also for IPv6, §5.7"),
    ("exists:gone.example.com -all", "192.0.2.1", "fail", "-all", "§5.7"),
    ("exists:dark.example.com -all", "192.0.2.1", "temperror", "exists:dark.example.com", "§5"),
    ("include:pass.example.com -all", "192.0.2.1", "pass", "+all", "pass matches, §5.2"),
    ("-include:pass.example.com +all", "192.0.2.1", "fail", "+all", "with its own qualifier"),
    ("include:fail.example.com ~all", "192.0.2.1", "softfail", "~all", "fail does not match, §5.2"),
    ("include:soft.example.com -all", "192.0.2.1", "fail", "-all", "nor softfail"),
    ("include:neutral.example.com -all", "192.0.2.1", "fail", "-all", "nor neutral"),
    ("include:dark.example.com +all", "192.0.2.1", "temperror", "", "temperror goes up, §5.2"),
    ("include:broken.example.com +all", "192.0.2.1", "permerror", "", "permerror too"),
    ("include:none.example.com +all", "192.0.2.1", "permerror", "include:none.example.com", "none is a permerror"),
    ("include:gone.example.com +all", "192.0.2.1", "permerror", "include:gone.example.com", "no such name either"),
    ("include:a..example.com +all", "192.0.2.1", "permerror", "include:a..example.com", "a malformed name is none, §4.3"),
    ("include:%{d1} +all", "192.0.2.1", "permerror", "include:%{d1}", "a single label is none, §4.3"),
    ("redirect=fail.example.com", "192.0.2.1", "fail", "-all", "its result is the result, §6.1"),
    ("redirect=pass.example.com ip4:198.51.100.1", "192.0.2.1", "pass", "+all", "after all mechanisms, §4.6.3"),
    ("redirect=pass.example.com ?all", "192.0.2.1", "neutral", "?all", "void beside all, §6.1"),
    ("redirect=none.example.com", "192.0.2.1", "permerror", "redirect=none.example.com", "none is a permerror, §6.1"),
    ("redirect=gone.example.com", "192.0.2.1", "permerror", "redirect=gone.example.com", "§6.1"),
    ("redirect=%{d1}", "192.0.2.1", "permerror", "redirect=%{d1}", "a malformed target too"),
    ("redirect=dark.example.com", "192.0.2.1", "temperror", "", "§6.1"),
    ("redirect=broken.example.com", "192.0.2.1", "permerror", "", "§6.1"),
    ("ip4:192.0.2.1 moo", "192.0.2.1", "permerror", "", "a fault anywhere, even behind a match, §4.6"),
    ("all moo", "192.0.2.1", "permerror", "", "even behind all"),
    ("other=%{d} ip4:192.0.2.1 x.y=", "192.0.2.1", "pass", "ip4:192.0.2.1", "unknown modifiers are ignored, §6"),
    ("  ip4:192.0.2.1   -all  ", "192.0.2.1", "pass", "ip4:192.0.2.1", "several blanks part terms, §4.6.1"),
]


@pytest.mark.parametrize("terms,ip,result,term,because", TERMS, ids=[f"{row[0]} {row[1]}"[:60] for row in TERMS])
def test_a_record(terms: str, ip: str, result: str, term: str, because: str) -> None:
    verdict = check(f'd.example TXT "v=spf1 {terms}"', ip=ip)
    assert (verdict.result, verdict.term) == (result, term), because


SELECTION = [
    # zone lines for d.example, result, because
    ("d.example A 192.0.2.1", "none", "no TXT record, RFC 7208 §4.5"),
    ("", "none", "NXDOMAIN, §4.3"),
    ("d.example TXT FAILS", "temperror", "no answer, §4.4"),
    ("d.example TXT FAILS servfail", "temperror", "SERVFAIL, §4.4"),
    ("d.example TXT FAILS bogus", "temperror", "a broken DNSSEC chain is no answer either"),
    ('d.example SPF "v=spf1 -all"', "none", "TXT only, §3.1"),
    ('d.example TXT "v=spf1 -all"\nd.example SPF "v=spf1 +all"', "fail", "the old type is not asked for"),
    ('d.example TXT "v=spf10 -all"', "none", "the version ends at a blank, §4.5"),
    ('d.example TXT "v=spf1\tall"', "none", "and a tab is none"),
    ('d.example TXT " v=spf1 all"', "none", "nothing before it"),
    ('d.example TXT "v=spf1"', "neutral", "or at the end of the record"),
    ('d.example TXT "V=SpF1 -all"', "fail", "in any case, §4.6.1"),
    ('d.example TXT "v=spf1" " -all"', "fail", "pieces are joined without blanks, §3.3"),
    ('d.example TXT "v=spf1" "-all"', "none", "§3.3"),
    ('d.example TXT "v=spf1 ip4:192.0." "2.1 -all"', "pass", "§3.3"),
    ('d.example TXT "v=spf1 -all"\nd.example TXT "v=spf1 -all"', "permerror", "two records, even alike, §4.5"),
    ('d.example TXT "v=spf1 -all"\nd.example TXT "V=SPF1"', "permerror", "in any case"),
    ('d.example TXT "v=spf1 -all"\nd.example TXT "v=spf2.0/mfrom +all"', "fail", "others are discarded, §4.5"),
    ('d.example TXT "v=spf1 -all"\nd.example TXT "\\150"\nd.example TXT ""', "fail", "whatever octets they have"),
    ('d.example TXT "v=spf1 a:\\195\\188.example -all"', "permerror", "octets beyond ASCII, §3.1"),
    ('d.example CNAME e.example\ne.example TXT "v=spf1 -all"', "fail", "aliases are followed"),
    ("d.example CNAME d.example", "temperror", "a loop is an error"),
    ("d.example CNAME gone.example", "none", "an alias that leads nowhere"),
]


@pytest.mark.parametrize("zone,result,because", SELECTION, ids=[row[-1] for row in SELECTION])
def test_which_record_is_taken(zone: str, result: str, because: str) -> None:
    assert check(zone).result == result


LABEL = "x" * 63
SENDERS = [
    # sender, HELO, result, sender that is checked, because
    ("user@d.example", "h.example", "pass", "user@d.example", "RFC 7208 §2.4"),
    ("<user@d.example>", "h.example", "pass", "user@d.example", "with its brackets"),
    ("user@D.EXAMPLE", "h.example", "pass", "user@D.EXAMPLE", "domains in any case"),
    ("user@d.example.", "h.example", "pass", "user@d.example", "a final dot, §4.3"),
    ("", "h.example", "softfail", "postmaster@h.example", "the null sender is postmaster at the HELO name, §2.4"),
    ("<>", "H.example.", "softfail", "postmaster@H.example", "with its brackets"),
    ("@d.example", "h.example", "pass", "postmaster@d.example", "without a local part, §4.3"),
    ("d.example", "h.example", "pass", "postmaster@d.example", "without an @"),
    (
        "@relay.example:user@d.example",
        "h.example",
        "pass",
        "@relay.example:user@d.example",
        "a source route misleads nobody, §2.2",
    ),
    ('"a@h.example"@d.example', "h.example", "pass", '"a@h.example"@d.example', "nor does a quoted @"),
    ("user%h.example@d.example", "h.example", "pass", "user%h.example@d.example", "nor the %-hack"),
    ("user@b\u00fccher.example", "h.example", "neutral", "user@xn--bcher-kva.example", "U-labels become A-labels, RFC 8616 §4"),
    ("\u00fcser@d.example", "h.example", "pass", "\u00fcser@d.example", "an international local part"),
    (f"user@{LABEL}.example", "h.example", "none", f"user@{LABEL}.example", "63 characters are a label"),
    (f"user@{LABEL}x.example", "h.example", "none", f"user@{LABEL}x.example", "64 are malformed, §4.3"),
    ("user@a..example", "h.example", "none", "user@a..example", "an empty label, §4.3"),
    ("user@.example", "h.example", "none", "user@.example", "at the beginning too"),
    ("user@localhost", "h.example", "none", "user@localhost", "a single label, §4.3"),
    ("user@", "h.example", "none", "user@", "no domain at all"),
    ("user@[192.0.2.1]", "h.example", "none", "user@[192.0.2.1]", "an address literal, §4.3"),
    ("", "[192.0.2.1]", "none", "postmaster@[192.0.2.1]", "in the HELO too"),
    ("", "OEMCOMPUTER", "none", "postmaster@OEMCOMPUTER", "a HELO of one label, §2.3"),
    ("", "", "none", "postmaster@", "nothing at all"),
    ("", "a b.example", "none", "postmaster@a b.example", "a HELO with a blank"),
    ("user@\u2603..example", "h.example", "none", "user@", "no international name"),
    ("user@\udcff.example", "h.example", "none", "user@", "half a character"),
    ("x" * 2000 + "@d.example", "h.example", "none", "postmaster@", "longer than any SMTP command"),
]
SENDING = """
    d.example TXT "v=spf1 +all"
    h.example TXT "v=spf1 ~all"
    xn--bcher-kva.example TXT "v=spf1 ?all"
"""


@pytest.mark.parametrize("mail_from,helo,result,sender,because", SENDERS, ids=[row[-1] for row in SENDERS])
def test_who_is_checked(mail_from: str, helo: str, result: str, sender: str, because: str) -> None:
    verdict = check(SENDING, mail_from=mail_from, helo=helo)
    assert (verdict.result, verdict.sender, verdict.identity) == (result, sender, "mailfrom")
    asked = check(SENDING, mail_from=mail_from, helo=helo).answers
    assert len(asked) == (1 if verdict.domain else 0)  # a malformed domain is not asked for


def test_the_helo_name_is_an_identity_of_its_own() -> None:
    verdict = check(SENDING, mail_from="user@d.example", helo="h.example", identity="helo")
    assert (verdict.result, verdict.sender, verdict.identity) == ("softfail", "postmaster@h.example", "helo")  # RFC 7208 §2.3
    assert verdict.domain == "h.example"


@pytest.mark.parametrize(
    "ip", ["", "192.0.2", "192.0.2.1.5", "mail.example.com", "[192.0.2.1]", "1::2::3", "192.0.2.01", "\udcff"]
)
def test_what_is_no_address_is_told(ip: str) -> None:
    verdict = check('d.example TXT "v=spf1 +all"', ip=ip)
    assert (verdict.result, verdict.reason.code) == ("permerror", "spf-bad-address")  # RFC 7208 §8.7
    assert verdict.ip == ip


MX = [
    # zone lines, client, result, because
    ("d.example MX 10 mail.example.com", "192.0.2.1", "pass", "one of the mail servers, RFC 7208 §5.4"),
    ("d.example MX 10 mail.example.com", "2001:db8::1", "pass", "AAAA for IPv6"),
    ("d.example MX 10 four.example.com", "192.0.2.1", "fail", "none of them"),
    ("d.example A 192.0.2.1", "192.0.2.1", "fail", "never the implicit MX, §5.4"),
    ("d.example MX 0 .", "192.0.2.1", "fail", "a null MX names nobody, RFC 7505 §3"),
    ("d.example MX FAILS", "192.0.2.1", "temperror", "no answer, §5"),
    ("d.example MX 10 dark.example.com", "192.0.2.1", "temperror", "no answer for a host"),
    ("d.example MX 10 mail.example.com\nd.example MX 20 dark.example.com", "192.0.2.1", "pass", "one that is not reached"),
    ("d.example MX 20 mail.example.com\nd.example MX 10 dark.example.com", "192.0.2.1", "temperror", "in order of preference"),
    ("d.example MX 10 192.0.2.1", "192.0.2.1", "fail", "an address is no name of a host"),
    ("d.example MX 10 gone.example.com\nd.example MX 20 mail.example.com", "192.0.2.1", "pass", "a host that is gone"),
    ("d.example MX 10 alias.example.com", "192.0.2.1", "pass", "an alias"),
    (
        "\n".join(f"d.example MX {n} h{n}.example" for n in range(9)) + "\nd.example MX 9 mail.example.com",
        "192.0.2.1",
        "pass",
        "10",
    ),
    ("\n".join(f"d.example MX {n} four.example.com" for n in range(11)), "192.0.2.1", "permerror", "11 are too many, §4.6.4"),
    (
        "d.example MX 0 mail.example.com\n" + "\n".join(f"d.example MX {n} four.example.com" for n in range(1, 12)),
        "192.0.2.1",
        "pass",
        "a match before the eleventh",
    ),
    (
        "\n".join(f"d.example MX {n} gone.example" for n in range(10)),
        "192.0.2.1",
        "fail",
        "a term counts one void at most, §4.6.4",
    ),
]


@pytest.mark.parametrize("zone,ip,result,because", MX, ids=[row[-1] for row in MX])
def test_mx(zone: str, ip: str, result: str, because: str) -> None:
    assert check(f'd.example TXT "v=spf1 mx -all"\n{zone}', ip=ip).result == result


REVERSE = "1.2.0.192.in-addr.arpa"
TEN = "\n".join(f"{REVERSE} PTR n{n}.x.example" for n in range(10))
PTR = [
    # the mechanism, zone lines, result, because
    ("ptr", f"{REVERSE} PTR d.example\nd.example A 192.0.2.1", "pass", "the domain itself, RFC 7208 §5.5"),
    ("ptr", f"{REVERSE} PTR m.d.example\nm.d.example A 192.0.2.1", "pass", "a name within it"),
    ("ptr", f"{REVERSE} PTR m.bad-d.example\nm.bad-d.example A 192.0.2.1", "fail", "not one that only ends alike"),
    ("ptr", f"{REVERSE} PTR d.example\nd.example A 192.0.2.2", "fail", "a name that is not validated"),
    ("ptr", f"{REVERSE} PTR d.example\nd.example A FAILS", "fail", "one that fails is passed over"),
    ("ptr", f"{REVERSE} FAILS", "fail", "no answer does not match"),
    ("ptr", "", "fail", "no names"),
    ("ptr", f"{REVERSE} PTR D.Example.\nd.example A 192.0.2.1", "pass", "names in any case"),
    ("ptr:x.example", f"{REVERSE} PTR m.x.example\nm.x.example A 192.0.2.1", "pass", "with a domain-spec"),
    ("ptr:X.Example", f"{REVERSE} PTR m.x.example\nm.x.example A 192.0.2.1", "pass", "in any case"),
    ("ptr:x.example", f"{REVERSE} PTR x.example\nx.example CNAME mail.example.com", "pass", "an alias validates"),
    ("ptr:x.example", f"{TEN}\n*.x.example A 192.0.2.1", "pass", "the first ten are looked at"),
    ("ptr:y.example", f"{TEN}\n{REVERSE} PTR y.example\ny.example A 192.0.2.1", "fail", "the eleventh is ignored, §4.6.4"),
    ("ptr:a..b.example", f"{REVERSE} PTR b.example\nb.example A 192.0.2.1", "fail", "a malformed target, §4.8"),
]


@pytest.mark.parametrize("term,zone,result,because", PTR, ids=[row[-1] for row in PTR])
def test_ptr(term: str, zone: str, result: str, because: str) -> None:
    assert check(f'd.example TXT "v=spf1 {term} -all"\n{zone}').result == result


def test_ptr_for_an_ipv6_client() -> None:
    name = ".".join(reversed("20010db8000000000000000000000001")) + ".ip6.arpa"
    assert (
        check(f'd.example TXT "v=spf1 ptr -all"\n{name} PTR d.example\nd.example AAAA 2001:db8::1', ip="2001:DB8::1").result
        == "pass"
    )


NAMES = f"""
    d.example TXT "v=spf1 -all exp=why.example"
    why.example TXT "%{{p}}"
    {REVERSE} PTR far.example
    {REVERSE} PTR m.d.example
    {REVERSE} PTR false.d.example
    far.example A 192.0.2.1
    false.d.example A 192.0.2.9
"""
VALIDATED = [
    ("m.d.example A 192.0.2.1", "m.d.example", "a name within the domain goes first, RFC 7208 §7.3"),
    (f"m.d.example A 192.0.2.1\nd.example A 192.0.2.1\n{REVERSE} PTR d.example", "d.example", "the domain itself before it"),
    ("", "far.example", "any other where there is none"),
    ("m.d.example FAILS", "far.example", "one that fails is passed over"),
    ("far.example A FAILS", "unknown", "none that is validated"),
    (f"{REVERSE} PTR FAILS", "unknown", "no answer"),
]


@pytest.mark.parametrize("zone,name,because", VALIDATED, ids=[row[-1] for row in VALIDATED])
def test_the_validated_name(zone: str, name: str, because: str) -> None:
    world = NAMES if "far.example A FAILS" not in zone else NAMES.replace("far.example A 192.0.2.1", "")
    assert check(f"{world}\n{zone}").explanation == name


INTERNATIONAL = [
    ("exists:%{l}.mail.example.com -all", "fail", "terms with %{l} do not match, RFC 8616 §4"),
    ("a:%{s1}.x +all", "pass", "nor those with %{s}"),
    ("include:%{l}.pass.example.com -all", "fail", "an include neither"),
    ("redirect=%{l}.pass.example.com", "permerror", "a redirect leads nowhere"),
    ("exists:%{o2}.x exists:mail.example.com -all", "pass", "other terms do"),
]


@pytest.mark.parametrize("terms,result,because", INTERNATIONAL, ids=[row[-1] for row in INTERNATIONAL])
def test_an_international_local_part(terms: str, result: str, because: str) -> None:
    assert check(f'd.example TXT "v=spf1 {terms}"', mail_from="\u00fcser@d.example").result == result
