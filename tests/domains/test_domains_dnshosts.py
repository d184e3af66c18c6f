"""DNS hosts: every file by its own facts, recognition by rows, forms and snippets by rows and by properties."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwright.app.knowledge import dns_host, dns_hosts
from mailwright.dns import Mx, Txt, Zone
from mailwright.domains.dnshosts import Entry, Provider, Source, form, instructions, provider_of, recognise, zone_snippet
from mailwright.domains.dnshosts.provider import Naming
from mailwright.values import Domain, Level, Malformed

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "dns_provider_nameservers.json"
HOSTS = {host.key: host for host in dns_hosts()}
EXAMPLE = Domain("example.com")
KEY = "v=DKIM1; k=rsa; p=" + "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A" * 12  # 402 octets, as a key of 2048 bits needs
DKIM = Entry.txt("mw1._domainkey.example.com", KEY)

# Of these nothing is known but their name, or their name and servers: their instructions are wholly generic. A host leaves this
# list when somebody has read its pages.
GENERIC = {
    "all-inkl",
    "desec",
    "dynadot",
    "hostnet",
    "netlify",
    "ns1",
    "register-it",
    "shopify",
    "simply",
    "united-domains",
    "vultr",
}
BY_HAND = {"cpanel", "hostnet", "netlify", "shopify"}  # they have no name servers of their own, or none that could be cited


def facts(host: Provider) -> list[tuple[Source, ...]]:
    tables = (host.names, host.texts, host.targets, host.labels, host.ttls, host.aliases, host.proxy, host.path, *host.traps)
    return [table.sources for table in tables if table]


def test_there_are_at_least_forty() -> None:
    assert len(HOSTS) >= 40
    assert len({host.name for host in HOSTS.values()}) == len(HOSTS)


def test_every_fact_has_a_source_with_a_date() -> None:
    without = [key for key, host in HOSTS.items() if not all(facts(host)) or (host.servers and not host.sources)]
    assert without == []
    sources = {source for host in HOSTS.values() for group in (host.sources, *facts(host)) for source in group}
    assert all(source.url.startswith("https://") and source.read >= date(2026, 11, 27) for source in sources)
    assert all(source.dated is None or source.dated <= source.read for source in sources)


def test_hosts_without_a_source_are_listed() -> None:
    assert {key for key, host in HOSTS.items() if not facts(host)} == GENERIC
    assert {key for key, host in HOSTS.items() if not host.servers} == BY_HAND


def test_what_is_said_to_a_person_is_a_sentence() -> None:
    texts = [advice.text for host in HOSTS.values() for advice in (*host.traps, host.proxy) if advice]
    texts += [step for host in HOSTS.values() if host.path for step in host.path.steps]
    assert [text for text in texts if not text.endswith(".") or len(text) > 260] == []


# --- recognition --------------------------------------------------------------------------------------------------------

RECOGNISED = [
    (["ns01.domaincontrol.com", "ns02.domaincontrol.com"], "godaddy", "a suffix"),
    (["NS01.DomainControl.com."], "godaddy", "letter case and final dot do not count"),
    (["ns-1234.awsdns-56.co.uk", "ns-1.awsdns-01.org"], "route53", "a label that varies"),
    (["ana.ns.cloudflare.com", "bob.ns.cloudflare.com"], "cloudflare", "two servers of one host"),
    (["docks14.rzone.de", "shades09.rzone.de"], "strato", "a name that does not say its host"),
    (["ns01.one.com"], "one-com", "a short suffix"),
    (["ns1.someone.com"], None, "whole labels only: someone.com is not one.com"),
    (["ns1.myname.com"], None, "nor is myname.com name.com"),
    (["awsdns-5.example.com"], None, "a varying label counts in its place only"),
    (["dns1.p05.nsone.net", "dns2.p05.nsone.net"], "ns1", "NS1 alone"),
    (["dns1.p05.nsone.net", "ns01.squarespacedns.com"], "squarespace", "the servers of NS1 that Squarespace uses beside its own"),
    (["ns.inwx.de", "ns2.inwx.de", "ns3.inwx.eu"], "inwx", "several top-level domains"),
    (["hydrogen.ns.hetzner.com", "helium.ns.hetzner.de"], "hetzner", "the same"),
    (["ns1.example.net"], None, "nobody knows it"),
    ([], None, "nothing to go by"),
]


@pytest.mark.parametrize("servers,key,because", RECOGNISED, ids=[row[-1] for row in RECOGNISED])
def test_recognition(servers: list[str], key: str | None, because: str) -> None:
    host = provider_of(servers, dns_hosts())
    assert (host.key if host else None) == key, because
    assert recognise(servers, dns_hosts()).finding() is None


def test_several_hosts_at_once_are_told() -> None:
    found = recognise(["ns01.domaincontrol.com", "ana.ns.cloudflare.com", "ns02.domaincontrol.com"], dns_hosts())
    finding = found.finding()
    assert [host.key for host in found.providers] == ["godaddy", "cloudflare"]
    assert found.provider is None
    assert finding is not None
    assert (finding.code, finding.level) == ("dns-hosts-several", Level.WARNING)
    assert "GoDaddy and Cloudflare at once" in finding.what
    assert finding.evidence == ("ns01.domaincontrol.com", "ana.ns.cloudflare.com", "ns02.domaincontrol.com")


def test_a_stranger_beside_a_known_host_is_told_and_the_known_one_is_shown() -> None:
    found = recognise(["ns1.digitalocean.com", "ns1.example.net"], dns_hosts())
    finding = found.finding()
    assert found.provider is HOSTS["digitalocean"]
    assert finding is not None
    assert "DigitalOcean and a host that we do not know" in finding.what


def test_the_longest_match_counts() -> None:
    short, long = (dns_host(key, host_text(servers=end)) for key, end in (("short", "example.net"), ("long", "dns.example.net")))
    assert provider_of(["a.dns.example.net"], (short, long)) == long
    assert provider_of(["a.dns.example.net"], (long, short)) == long
    assert provider_of(["a.example.net"], (short, long)) == short


# The key of each host of ours in the shared list, where the two call it differently.
IN_THE_LIST = {"google-cloud": "googleclouddns", "name-com": "namecom", "ns1": "nsone"}


@pytest.mark.parametrize("key", sorted(HOSTS))
def test_the_shared_list_of_name_servers_agrees(key: str) -> None:
    if not SHARED.exists():
        pytest.skip("the list of name servers (../shared/data/dns_provider_nameservers.json) is not here")
    listed = json.loads(SHARED.read_text("utf-8")).get(IN_THE_LIST.get(key, key)) or []
    servers = ["ns-1.awsdns-2.com"] if key == "route53" else [f"ns1.{end}" for end in listed]  # the list has a pattern there
    found = {server: provider_of([server], dns_hosts()) for server in servers}
    assert {server: host.key if host else None for server, host in found.items()} == dict.fromkeys(servers, key)


# --- forms --------------------------------------------------------------------------------------------------------------

SPF = Entry.txt("example.com", "v=spf1 -all")
DMARC = Entry.txt("_dmarc.example.com", "v=DMARC1; p=none")
ALIAS = Entry.cname("mw1._domainkey.example.com", "mw1.t0k.mail.example.net")
MAIL = Entry.mx("bounce.example.com", 10, "mx.example.net")

FORMS = [
    # host, record, the fields as they are filled in, because
    ("godaddy", DMARC, {"Type": "TXT", "Name": "_dmarc", "Value": "v=DMARC1; p=none", "TTL": ""}, "the zone is left out"),
    ("godaddy", SPF, {"Type": "TXT", "Name": "@", "Value": "v=spf1 -all", "TTL": ""}, "the domain itself is an @"),
    ("ionos", SPF, {"Type": "TXT", "Host name": "", "Value": "v=spf1 -all", "TTL": ""}, "the domain itself is nothing"),
    ("aruba", DMARC, {"Host": "_dmarc.example.com"}, "the full name"),
    ("cpanel", DMARC, {"Name": "_dmarc.example.com."}, "the full name with its dot"),
    ("cpanel", SPF, {"Name": "example.com."}, "the domain itself in full, with its dot"),
    ("loopia", SPF, {"Data": '"v=spf1 -all"'}, "quotes by the person"),
    ("ovh", ALIAS, {"Sub-domain": "mw1._domainkey", "Target": "mw1.t0k.mail.example.net."}, "a target with its dot"),
    ("cloudflare", ALIAS, {"Name": "mw1._domainkey", "Target": "mw1.t0k.mail.example.net"}, "a target without"),
    (
        "easydns",
        MAIL,
        {"Host": "bounce", "Mail server": "mx.example.net", "Pref": "10"},
        "a dot for aliases, none for mail servers",
    ),
    ("easydns", ALIAS, {"Address": "mw1.t0k.mail.example.net."}, "the same host, the other type"),
    ("route53", MAIL, {"Record name": "bounce", "Value": "10 mx.example.net"}, "the preference within the value"),
    ("dreamhost", MAIL, {"Name": "bounce", "MX Record": "10 mx.example.net."}, "the preference within the value, and a dot"),
    ("azure", DKIM, {"Name": "mw1._domainkey", "Value": KEY}, "a long text in one piece"),
    ("route53", DKIM, {"Value": f'"{KEY[:255]}" "{KEY[255:]}"'}, "a long text in quoted pieces"),
]


@pytest.mark.parametrize("key,entry,filled,because", FORMS, ids=[f"{row[0]}: {row[-1]}" for row in FORMS])
def test_forms(key: str, entry: Entry, filled: dict[str, str], because: str) -> None:
    fields = {field.label: field for field in form(HOSTS[key], EXAMPLE, entry).fields}
    assert {label: fields[label].value for label in filled} == filled, because
    assert all(fields[label].label_known and fields[label].value_known for label in filled), because


def test_a_preference_within_the_value_has_no_field_of_its_own() -> None:
    assert form(HOSTS["route53"], EXAMPLE, MAIL).priority is None
    assert form(HOSTS["azure"], EXAMPLE, MAIL).priority is not None


def test_what_is_unknown_is_offered_in_both_ways() -> None:
    filled = form(HOSTS["vultr"], EXAMPLE, DKIM)
    assert not filled.known
    assert (filled.name.value, filled.name.instead) == ("mw1._domainkey", ("mw1._domainkey.example.com",))
    assert (filled.value.value, filled.value.instead) == (KEY, (f'"{KEY[:255]}" "{KEY[255:]}"',))
    assert form(None, EXAMPLE, SPF).name.instead == ("", "example.com")
    assert form(None, EXAMPLE, SPF).value.instead == ('"v=spf1 -all"',)
    assert form(HOSTS["namecheap"], EXAMPLE, ALIAS).value.instead == ("mw1.t0k.mail.example.net.",)


def test_a_text_with_quotes_in_it_is_never_said_to_be_known() -> None:
    assert form(HOSTS["azure"], EXAMPLE, DMARC).value.value_known
    assert not form(HOSTS["azure"], EXAMPLE, Entry.txt("a.example.com", 'say "hello"')).value.value_known


def test_ttls() -> None:
    hour, second = (Entry.txt("a.example.com", "x", ttl) for ttl in (3600, 1))
    assert form(HOSTS["cloudflare"], EXAMPLE, hour).ttl.value == "3600"
    assert form(HOSTS["cloudflare"], EXAMPLE, second).ttl.value == "60"
    assert not form(HOSTS["vultr"], EXAMPLE, second).ttl.value_known
    assert form(HOSTS["name-com"], EXAMPLE, SPF).ttl.preset


WARNED = [
    ("cloudflare", ALIAS, "DNS only", "behind the proxy the record is not seen"),
    ("ovh", DMARC, "semicolon", "what the host does to the text"),
    ("dnsimple", Entry.txt("a.example.com", "x" * 1001), "at most 1000 characters", "too long for the host"),
    ("vultr", Entry.cname("example.com", "a.example.net"), "CNAME cannot stand at the domain itself", "an alias at the apex"),
]


@pytest.mark.parametrize("key,entry,words,because", WARNED, ids=[row[-1] for row in WARNED])
def test_warnings(key: str, entry: Entry, words: str, because: str) -> None:
    assert any(words in warning for warning in form(HOSTS[key] if key != "vultr" else None, EXAMPLE, entry).warnings), because


def test_a_host_may_refuse_what_is_long_and_aliases_at_underscores() -> None:
    host = dns_host("strict", host_text(text='long = "refused"', alias="underscore = false"))
    assert any("at most 255 characters" in warning for warning in form(host, EXAMPLE, DKIM).warnings)
    assert not form(host, EXAMPLE, DKIM).value.value_known
    assert any("underscore" in warning for warning in form(host, EXAMPLE, ALIAS).warnings)
    assert form(host, EXAMPLE, DMARC).warnings == ()


def test_a_proxy_is_nothing_to_a_text() -> None:
    assert not any("DNS only" in warning for warning in form(HOSTS["cloudflare"], EXAMPLE, DMARC).warnings)


REFUSED = [
    (Domain("example.org"), DMARC, "does not lie in example.org", "another zone"),
    (Domain("ple.com"), DMARC, "does not lie in ple.com", "whole labels only"),
    (EXAMPLE, Entry.txt("a.example.com", "grüße"), "cannot be typed", "no form is known to take it"),
    (EXAMPLE, Entry.txt("a.example.com", "a\nb"), "cannot be typed", "a line break"),
]


@pytest.mark.parametrize("zone,entry,words,because", REFUSED, ids=[row[-1] for row in REFUSED])
def test_refused(zone: Domain, entry: Entry, words: str, because: str) -> None:
    with pytest.raises(Malformed, match=words):
        form(HOSTS["godaddy"], zone, entry)


NONSENSE = [
    (Entry.txt, ("a..example.com", "x"), "an empty label"),
    (Entry.txt, ("", "x"), "no name"),
    (Entry.txt, ("a.example.com", "x" * 70_000), "more than a record holds"),
    (Entry.cname, ("a.example.com", ""), "no target"),
    (Entry.cname, ("a" * 64 + ".example.com", "b.example"), "a long label"),
    (Entry.mx, ("a.example.com", 65_536, "b.example"), "a large preference"),
]


@pytest.mark.parametrize("make,values,because", NONSENSE, ids=[row[-1] for row in NONSENSE])
def test_no_record_is_made_of_nonsense(make: Callable[..., Entry], values: tuple[Any, ...], because: str) -> None:
    with pytest.raises(Malformed):
        make(*values)


# --- properties ---------------------------------------------------------------------------------------------------------

labels = st.text("ab9_-", min_size=1, max_size=20)
names = st.lists(labels, min_size=0, max_size=3).map(lambda parts: ".".join([*parts, "example.com"]))
typed = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=900)  # what a form takes
any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
ttls = st.none() | st.integers(0, 2**31 - 1)
entries = st.one_of(
    st.builds(Entry.txt, names, any_text, ttls),
    st.builds(Entry.cname, names, names, ttls),
    st.builds(Entry.mx, names, st.integers(0, 65_535), names | st.just(""), ttls),
)


@given(st.sampled_from(sorted(HOSTS)), typed)
def test_a_text_that_was_typed_as_told_is_stored_whole(key: str, text: str) -> None:
    value = form(HOSTS[key], EXAMPLE, Entry.txt("a.example.com", text)).value
    if not value.value_known:
        return
    if not value.value.startswith('"'):  # nothing is known of a text that holds quotes itself, so these would be ours
        assert value.value == text
        return
    record = Zone.parse(f"a.example TXT {value.value}").sets["a.example", "TXT"].records[0]
    assert record == Txt.of([text.encode()])
    assert all(len(piece) <= 255 for piece in Txt.of([text.encode()]).pieces)


@given(st.sampled_from([*sorted(HOSTS), ""]), names)
def test_a_name_that_was_typed_as_told_is_the_name(key: str, name: str) -> None:
    host = HOSTS.get(key)
    field = form(host, EXAMPLE, Entry.txt(name, "x")).name
    style = host.names.style if host and host.names else Naming.RELATIVE
    meant = {"": "example.com", "@": "example.com"}.get(field.value) or (
        f"{field.value}.example.com" if style is Naming.RELATIVE else field.value.removesuffix(".")
    )
    assert meant == name


@given(st.lists(entries, max_size=4))
def test_a_snippet_is_read_back_as_what_it_was_made_of(records: list[Entry]) -> None:
    zone = Zone.parse(zone_snippet(records))
    assert {(name, type) for name, type in zone.sets} == {(record.name, record.type) for record in records}
    for (name, type), kept in zone.sets.items():
        mine = [record for record in records if (record.name, record.type) == (name, type)]
        assert list(kept.records) == [record.data for record in mine]
        assert kept.ttl == min(3600 if record.ttl is None else record.ttl for record in mine)


@given(st.lists(entries, min_size=1, max_size=3))
def test_a_snippet_means_the_same_under_any_origin(records: list[Entry]) -> None:
    snippet = zone_snippet(records)
    assert Zone.parse(f"$ORIGIN other.example.\n{snippet}") == Zone.parse(snippet)


@given(st.sampled_from([*sorted(HOSTS), ""]), st.one_of(st.builds(Entry.txt, names, typed), entries))
def test_every_record_has_instructions_or_a_reason_why_not(key: str, entry: Entry) -> None:
    if isinstance(entry.data, Txt) and not (entry.data.text.isascii() and entry.data.text.isprintable()):
        with pytest.raises(Malformed, match="typed"):
            instructions(HOSTS.get(key), EXAMPLE, entry)
        return
    told = instructions(HOSTS.get(key), EXAMPLE, entry)
    assert len(told.steps) >= 6
    assert told.form.known or told.generic


def test_the_snippet_as_a_text() -> None:
    records = [DMARC, Entry.mx("example.com", 0, "", 300), ALIAS, Entry.txt("k.example.com", KEY)]
    assert zone_snippet(records) == (
        '_dmarc.example.com.         3600 IN TXT   "v=DMARC1; p=none"\n'
        "example.com.                 300 IN MX    0 .\n"
        "mw1._domainkey.example.com. 3600 IN CNAME mw1.t0k.mail.example.net.\n"
        f'k.example.com.              3600 IN TXT   "{KEY[:255]}" "{KEY[255:]}"\n'
    )
    assert Mx(0, "") in Zone.parse(zone_snippet(records)).sets["example.com", "MX"].records


# --- words --------------------------------------------------------------------------------------------------------------

GODADDY = """\
1. Sign in at GoDaddy and open the Domain Portfolio.
2. Choose your domain, then DNS.
3. Choose Add New Record.
4. Type: TXT
5. Name: @   (The @ stands for the domain itself.)
6. Value: v=spf1 -all   (Without quotes around it: this host adds them.)
7. TTL: leave it as it is preset.   (3600 seconds.)
8. Save the record.
9. Wait some minutes, then let us check it again. Where an older record was changed, it may take an hour or more.
Mind: There may be only one SPF record at a name (RFC 7208 §3.2). If one is there, change it; do not add a second.
"""

NOBODY = """\
1. Sign in where the DNS of your domain is run, mostly where you bought the domain.
2. Open the list of DNS records of example.com; it may be called DNS, DNS zone, zone editor or advanced DNS.
3. Choose to add a record.
4. Type: CNAME
5. Name (or Host): mw1._domainkey   (If the list of records there shows names in full, with the domain at the end, type the full name.)
6. Target (or Points to): mw1.t0k.mail.example.net   (Look at the saved record: if your own domain was put behind the target, add a dot at its end.)
7. TTL: leave it as it is preset.
8. Save the record.
9. Wait some minutes, then let us check it again. Where an older record was changed, it may take an hour or more.
Mind: Nothing else may stand at the name of a CNAME (RFC 1034 §3.6.2). Remove other records of exactly this name first.
Not checked: The way through the pages of your DNS host is the usual one; we have no description of theirs.
Not checked: These fields may be called something else at your DNS host: Type; Name (or Host); Target (or Points to); TTL.
Not checked: How your DNS host wants the field Name (or Host) filled in is not known to us. The other way to write it: 'mw1._domainkey.example.com'.
Not checked: How your DNS host wants the field Target (or Points to) filled in is not known to us. The other way to write it: 'mw1.t0k.mail.example.net.'.
"""  # noqa: E501


def test_instructions_for_a_known_host() -> None:
    text = str(instructions(HOSTS["godaddy"], EXAMPLE, SPF))
    assert text.startswith(GODADDY)
    rest = text.removeprefix(GODADDY).splitlines()
    assert [line for line in rest if not line.startswith("Read at: https://")] == [f"Mind: {HOSTS['godaddy'].traps[0].text}"]


def test_instructions_for_nobody_knows_which_host() -> None:
    assert str(instructions(None, EXAMPLE, ALIAS)) + "\n" == NOBODY


@pytest.mark.parametrize("key", sorted(GENERIC))
def test_generic_instructions_say_so(key: str) -> None:
    told = instructions(HOSTS[key], EXAMPLE, DMARC)
    assert told.sources == ()
    assert any("we have no description of theirs" in sentence for sentence in told.generic)
    assert not told.form.known


# --- files --------------------------------------------------------------------------------------------------------------


def host_text(*, servers: str = "example.net", **tables: str) -> str:
    """A file that is right, and what is put into it."""
    sound = f'name = "A host {servers}"\n[sources]\nx = {{ url = "https://example.net/help", read = 2026-11-27 }}\n'
    found = f'[recognised]\nname_servers = ["{servers}"]\nsource = "x"\n'
    return sound + found + "".join(f'[{table}]\n{text}\nsource = "x"\n' for table, text in tables.items())


WRONG = [
    ("name = 3", "h.toml: name cannot be used", "no text"),
    ('name = "H"\n[recognised]\nname_servers = []', "h.toml: recognised.name_servers", "no server"),
    ('name = "H"\nnames = "x"', "h.toml: names", "no table"),
    ('name = "H', "h.toml is no TOML", "not TOML at all"),
    (host_text(servers="com"), "h.toml: recognised.name_servers", "a server of one label would be everybody"),
    (host_text(servers="Example.net"), "h.toml: recognised.name_servers", "letter case"),
    (host_text(servers="*.net"), "h.toml: recognised.name_servers", "a star alone would be everybody"),
    (host_text(names='style = "sideways"'), "h.toml: names.style", "no such style"),
    (host_text(names='apex = "@"'), "h.toml: names.style", "a style is needed"),
    (host_text(names='style = "full"\napex = "root"'), "h.toml: names.apex", "no such apex"),
    (host_text(names='style = "full"\nappends = "yes"'), "h.toml: names.appends", "no boolean"),
    (host_text(text="longest = true"), "h.toml: text.longest", "true is no number"),
    (host_text(text="longest = 0"), "h.toml: text.longest", "nothing could be stored"),
    (host_text(text='quote = "host"'), "h.toml: text.quote is not known", "a key misspelt"),
    (host_text(target="cname_dot = 1"), "h.toml: target.cname_dot", "1 is no boolean"),
    (host_text(alias="note = 1"), "h.toml: alias.underscore", "the one fact is missing"),
    (host_text(ttl="default = -1"), "h.toml: ttl.default", "no time"),
    (host_text(path="steps = []"), "h.toml: path.steps", "no step"),
    (host_text() + '[text]\nquotes = "host"\n', "h.toml: text.source", "a fact without a source"),
    (host_text() + '[text]\nquotes = "host"\nsource = "y"\n', "h.toml: text.source", "a source that is not there"),
    (host_text() + '[[traps]]\ntext = "T."\ntypes = ["A"]\nsource = "x"\n', r"h.toml: traps\[0\].types", "a type without a form"),
    (host_text() + "[[traps]]\nsource = 'x'\n", r"h.toml: traps\[0\].text", "no text"),
    (host_text().replace("2026-11-27", '"today"'), "h.toml: sources.x.read", "no date"),
    (host_text().replace("https", "http"), "h.toml: sources.x.url", "no safe address"),
    (host_text().replace(", read = 2026-11-27", ""), "h.toml: sources.x.read", "read when?"),
    (
        host_text().replace("[recog", 'y = { url = "https://y", read = 2026-11-27 }\n[recog'),
        "h.toml: sources.y",
        "cited by nothing",
    ),
]


@pytest.mark.parametrize("text,where,because", WRONG, ids=[row[-1] for row in WRONG])
def test_a_wrong_file_is_told_by_its_name_and_its_key(text: str, where: str, because: str) -> None:
    with pytest.raises(Malformed, match=where) as caught:
        dns_host("h", text)
    assert caught.value.remedy, because


def test_the_file_in_the_docs_is_read_as_it_stands() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "domains" / "dns-hosts.md").read_text("utf-8")
    host = dns_host("a-host", page.partition("```toml\n")[2].partition("```")[0])
    assert all((host.names, host.texts, host.targets, host.labels, host.ttls, host.aliases, host.proxy, host.path, host.traps))


def test_the_sound_file_is_sound() -> None:
    host = dns_host("h", host_text(names='style = "full"', text='quotes = "person"\nlongest = 9', ttl="least = 60"))
    assert host.names is not None
    assert host.names.style is Naming.FULL
    assert host.sources == (Source("https://example.net/help", date(2026, 11, 27)),)
