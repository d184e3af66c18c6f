"""Every fault of settings is told at once: the key, its place, its value, what is allowed, and never a secret."""

from pathlib import Path

import pytest

from mailwright.app.settings import SettingsError, findings, load


def faults(tmp_path: Path, text: str, **environ: str) -> list[str]:
    path = tmp_path / "mailwright.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load(path, environ, name=lambda: "host.example.org")
    assert caught.value.remedy
    assert str(caught.value) == "\n".join(map(str, caught.value.faults))
    return [str(fault) for fault in caught.value.faults]


CASES = [
    # file, the whole sentence, because
    ('hostnme = "a.example"', "mailwright.toml:1: There is no key hostnme. Did you mean hostname?", "a mistyped key"),
    (
        "[queue]\nlifetme = 5",
        "mailwright.toml:2: There is no key queue.lifetme. Did you mean queue.lifetime?",
        "a mistyped key in a table",
    ),
    (
        '[http]\nhostname = "a.example"',
        "mailwright.toml:2: There is no key http.hostname. Did you mean hostname, above the first table?",
        "a key that slipped into a table",
    ),
    (
        'size = "5 MB"',
        "mailwright.toml:1: There is no key size. Did you mean limits.size?",
        "a key outside its table",
    ),
    (
        'delivery = "lve"',
        'mailwright.toml:1: delivery = "lve" cannot be used: not one of these words. Allowed: "capture" or "live".',
        "one of some words",
    ),
    (
        '\n[queue]\nlifetime = "5 dayz"',
        (
            'mailwright.toml:3: queue.lifetime = "5 dayz" cannot be used: dayz is not a unit of time. '
            'Allowed: a time from 1 ms to 365 d, such as "90 s", "15 min" or "5 d".'
        ),
        "no unit of time",
    ),
    (
        "[limits]\nrecipients = 10",
        (
            "mailwright.toml:2: limits.recipients = 10 cannot be used: not a whole number in this range. "
            "Allowed: a whole number from 100 to 50000."
        ),
        "RFC 5321 §4.5.3.1.8",
    ),
    (
        '[[listen]]\naddress = "localhost:25"',
        (
            'mailwright.toml:2: listen[1].address = "localhost:25" cannot be used: a listener needs an IP address, not a name. '
            'Allowed: an IP address and a port, such as "127.0.0.1:2587" or "[::1]:2587"; port 0 takes a free one.'
        ),
        "a name where an address must stand",
    ),
    (
        '[[listen]]\naddress = "127.0.0.1:25"\ntrusted = { "10.0.0.7/8" = "acme" }',
        (
            'mailwright.toml:3: listen[1].trusted."10.0.0.7/8" cannot be used: '
            'the range that holds this address is "10.0.0.0/8". '
            'Allowed: an address range such as "127.0.0.1/32" or "2001:db8::/64".'
        ),
        "host bits show that another range was meant",
    ),
    (
        '[[listen]]\ntls = "none"',
        (
            "mailwright.toml:1: listen[1].address is missing. "
            'Allowed: an IP address and a port, such as "127.0.0.1:2587" or "[::1]:2587"; port 0 takes a free one.'
        ),
        "what must be set",
    ),
    (
        '[[listen]]\naddress = "2587"',
        (
            'mailwright.toml:2: listen[1].address = "2587" cannot be used: the port is missing or out of range. '
            'Allowed: an IP address and a port, such as "127.0.0.1:2587" or "[::1]:2587"; port 0 takes a free one.'
        ),
        "a port alone",
    ),
    (
        '[route]\ndomain = "b.example"\nto = "10.0.0.5:25"',
        (
            "mailwright.toml:1: route cannot be used: it is of the wrong kind. "
            "Allowed: tables, each under its own header in double brackets."
        ),
        "single brackets",
    ),
    ("limits = 5", "mailwright.toml:1: limits = 5 cannot be used: it is of the wrong kind. Allowed: a table.", "no table"),
    (
        'database = "mysql://u:s3cret@host/db"',
        (
            "mailwright.toml:1: database cannot be used: its value, which is not shown here, does not fit. "
            'Allowed: "sqlite:///file" or "postgresql://user:password@host/name".'
        ),
        "a secret is never shown",
    ),
    (
        '[subsystems."No Good"]\npriority = 1',
        (
            'mailwright.toml:1: subsystems."No Good" cannot be used: not a plain name. '
            "Allowed: a name of small letters, digits and hyphens, at most 63."
        ),
        "the name of a subsystem",
    ),
    (
        '[[listen]]\naddress = "0.0.0.0:25"\ntls = "none"\ntrusted = { "0.0.0.0/0" = "acme" }',
        (
            "mailwright.toml:4: listen[1].trusted lets 0.0.0.0/0 send without a login: strangers could send through this server. "
            "Name the machines of your application."
        ),
        "an open relay",
    ),
    (
        '[[listen]]\naddress = "127.0.0.1:8025"',
        "mailwright.toml:2: listen[1].address is 127.0.0.1:8025, which http.address has already. Give it another port.",
        "two listeners on one port",
    ),
    (
        '[tls]\ncertificate = "cert.pem"',
        "mailwright.toml:1: tls.certificate and tls.key belong together: set both, or neither.",
        "half a pair",
    ),
    (
        '[queue]\nlifetime = "5 min"',
        "mailwright.toml:1: queue.delayed_after is not shorter than queue.lifetime: nobody would be told in time.",
        "the two times exclude each other",
    ),
    (
        "[queue]\nretries = []",
        "mailwright.toml:2: queue.retries is empty. Name at least one wait between tries.",
        "no wait at all",
    ),
    (
        'ipv6 = false\n[[outbound]]\nip = "2001:db8::1"',
        "mailwright.toml:1: ipv6 is false, but every address in outbound is an IPv6 address: nothing could leave.",
        "no way out",
    ),
    (
        '[[outbound]]\nip = "192.0.2.1"\n[[outbound]]\nip = "192.0.2.1"',
        "mailwright.toml:4: outbound[2].ip is 192.0.2.1, which stands there already.",
        "an address twice",
    ),
    (
        '[[route]]\ndomain = "a.example"\nto = "10.0.0.1:25"\n[[route]]\ndomain = ["b.example", "a.example"]\nto = "10.0.0.2:25"',
        "mailwright.toml:5: route[2].domain names a.example a second time: only one route can hold.",
        "a domain with two routes",
    ),
]


@pytest.mark.parametrize("text,sentence,because", CASES, ids=[case[-1] for case in CASES])
def test_fault(tmp_path: Path, text: str, sentence: str, because: str) -> None:
    assert faults(tmp_path, text) == [sentence], because


def test_all_at_once_in_the_order_of_the_file_then_the_environment(tmp_path: Path) -> None:
    text = 'hostnme = "x"\ndelivery = "lve"\n[queue]\njitter = 3\n[limits]\nsize = "1 B"\n'
    told = faults(
        tmp_path, text, MAILWRIGHT_DNS__SERVERS="192.0.2.1", MAILWRIGHT_LIMITS__SIZ="5", MAILWRIGHT_LIMITS__RECIPIENTS="x"
    )
    assert [line.partition(": ")[0] for line in told] == [
        "mailwright.toml:1",
        "mailwright.toml:2",
        "mailwright.toml:4",
        "mailwright.toml:6",
        "MAILWRIGHT_LIMITS__RECIPIENTS",
        "MAILWRIGHT_LIMITS__SIZ",
        "MAILWRIGHT_DNS__SERVERS",
    ]


def test_a_fault_that_only_follows_from_another_is_not_told(tmp_path: Path) -> None:
    (only,) = faults(tmp_path, 'hostname = "not_a_name"')  # bounce_domain and ehlo are made of it
    assert only.startswith('mailwright.toml:1: hostname = "not_a_name" cannot be used')


@pytest.mark.parametrize(
    "given", ['databse = "postgresql://u:s3cret@h/d"', "database = 5", 'database = "postgresql:///s3cret\\nx"']
)
def test_no_secret_in_any_fault(tmp_path: Path, given: str) -> None:
    path = tmp_path / "mailwright.toml"
    path.write_text(given)
    with pytest.raises(SettingsError) as caught:
        load(path, {}, name=lambda: "a.example")
    seen = caught.value.__cause__
    assert "s3cret" not in f"{caught.value} {caught.value.remedy} {seen} {caught.value.faults!r}"


def test_a_long_or_hostile_value_is_cut_and_cannot_break_the_line(tmp_path: Path) -> None:
    (told,) = faults(tmp_path, f'delivery = "a\\n\\u001b[31m{"x" * 500}"')
    assert "\n" not in told
    assert "\x1b" not in told
    assert len(told) < 250


def test_no_toml(tmp_path: Path) -> None:
    (told,) = faults(tmp_path, "hostname = mail.example.com")
    assert told.startswith("mailwright.toml is not valid TOML: ")
    assert "line 1" in told


def test_no_text(tmp_path: Path) -> None:
    path = tmp_path / "mailwright.toml"
    path.write_bytes(b"hostname = '\xff'")
    with pytest.raises(SettingsError, match="not UTF-8 text"):
        load(path, {})


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read: No such file") as caught:
        load(tmp_path / "missing.toml", {})
    assert "mailwright init" in caught.value.remedy


LIVE = 'delivery = "live"\n'
HARMFUL = [
    (LIVE + 'hostname = "localhost"', ["hostname-not-public"], "receivers look the name up"),
    (LIVE + 'hostname = "box.local"', ["hostname-not-public"], "a name of the local net"),
    ('hostname = "localhost"', [], "captured mail meets no receiver"),
    (LIVE + 'hostname = "mail.example.com"', [], "as it should be"),
    ('[[listen]]\naddress = "127.0.0.1:25"\ntls = "none"', ["listener-without-login"], "no TLS, no login (RFC 4954 §4)"),
    ('[[listen]]\naddress = "0.0.0.0:587"', ["certificate-self-signed"], "strangers meet our own certificate"),
    ('[http]\naddress = "0.0.0.0:80"', ["web-port-open"], "figures for everybody"),
    ("listen = []", ["no-listener"], "nobody can hand in"),
    ('[[route]]\ndomain = "*"\nto = "8.8.8.8:25"', [], "a smart host is a fine thing"),
]


@pytest.mark.parametrize("text,codes,because", HARMFUL, ids=[case[-1] for case in HARMFUL])
def test_findings(tmp_path: Path, text: str, codes: list[str], because: str) -> None:
    path = tmp_path / "mailwright.toml"
    path.write_text(text, encoding="utf-8")
    found = findings(load(path, {}, name=lambda: "host.example.org"))
    assert [finding.code for finding in found] == codes, because
    assert all(finding.what and finding.why and finding.do for finding in found)
