"""The tables of docs/authentication.md say what really comes out."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mailwright import auth
from mailwright.dns import Zone

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "authentication.md").read_text("utf-8")
MAIL = b"From: Jane <jane@example.com>\r\nTo: bob@example.net\r\nSubject: Your invoice\r\n\r\nHello,\r\nplease see below.\r\n"
KEY = auth.make_key("example.com", "mail2026", "ed25519-sha256")
KEYS = f'{KEY.dns_name} TXT "{auth.public_record(KEY)}"'
SIGNED = auth.sign_dkim(MAIL, KEY) + MAIL

CHANGES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "is not touched": (lambda mail: mail, KEYS),
    "is forwarded by another server": (lambda mail: mail, KEYS),
    "gets a Received line on top": (lambda mail: b"Received: from a by b; Thu, 1 Jan 2026 00:00:00 +0000\r\n" + mail, KEYS),
    "gets a footer": (lambda mail: mail + b"-- \r\nlist@example.net\r\n", KEYS),
    "gets a tag in its subject": (lambda mail: mail.replace(b"Subject: ", b"Subject: [list] "), KEYS),
    "gets a second From": (lambda mail: b"From: eve@example.org\r\n" + mail, KEYS),
    "is signed with a key that is not in the DNS": (lambda mail: mail, ""),
    "meets a name server that does not answer": (lambda mail: mail, f"{KEY.dns_name} FAILS"),
}


def zone(name: str) -> Zone:
    found = re.search(rf"^```zone {name}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert found
    return Zone.parse(found[1])


def rows(section: str) -> list[list[str]]:
    """The first table of a section, without its head."""
    text = PAGE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    lines = [line for line in text.split("\n") if line.startswith("| ")]
    return [[cell.strip().replace("`", "") for cell in line.strip("|").split("|")] for line in lines[1:]]


@pytest.mark.parametrize("ip, mail_from, result, because", rows("SPF"), ids=[row[3] for row in rows("SPF")])
def test_spf(ip: str, mail_from: str, result: str, because: str) -> None:
    assert zone("spf").run(auth.check_spf(ip=ip, helo="mx.example", mail_from=mail_from)).result == result, because


@pytest.mark.parametrize("change, result, because", rows("DKIM"), ids=[row[0] for row in rows("DKIM")])
def test_dkim(change: str, result: str, because: str) -> None:
    changed, keys = CHANGES[change]
    (verdict,) = Zone.parse(keys).run(auth.verify_dkim(changed(SIGNED)))
    assert verdict.result == result, because


@pytest.mark.parametrize("author, spf, dkim, result, policy, because", rows("DMARC"), ids=[row[5] for row in rows("DMARC")])
def test_dmarc(author: str, spf: str, dkim: str, result: str, policy: str, because: str) -> None:
    verdict = zone("dmarc").run(auth.evaluate_dmarc(author=author, spf_domain=spf or None, dkim_domains=dkim.split()))
    assert (verdict.result, verdict.policy) == (result, policy), because
