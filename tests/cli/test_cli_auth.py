"""`mailwright auth` beside a zone file: what it says, its JSON, its exit codes; as a process where that may differ."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mailwright.auth import make_key, public_record, sign_dkim
from mailwright.cli import main
from tests.e2e.nameserver import Nameserver

ZONE = """
example.com            TXT "v=spf1 include:_spf.one.example include:_spf.two.example ip4:203.0.113.0/24 -all"
_spf.one.example       TXT "v=spf1 ip4:198.51.100.0/24 ip6:2001:db8:1::/48 ~all"
_spf.two.example       TXT "v=spf1 include:_spf.three.example ~all"
_spf.three.example     TXT "v=spf1 ip4:192.0.2.0/25 a:mail.three.example ~all"
mail.three.example     A   192.0.2.200
_dmarc.example.com     TXT "v=DMARC1; p=reject; rua=mailto:dmarc@example.com; pct=50"
over.example           TXT "v=spf1 include:example.com include:example.com include:example.com -all"
soft.example           TXT "v=spf1 ~all"
_dmarc.soft.example    TXT "v=DMARC1; p=none"
odd.example            TXT "v=spf1 ip6:2001:db8:a:b::1 \\255 -all"
lost.example           TXT "v=spf1 a:gone.example -all"
dark.example           FAILS
_dmarc.dark.example    FAILS
s._domainkey.dark.example FAILS
old._domainkey.example.com TXT "v=DKIM1; p="
"""
HEAD = "Return-Path: <bounce@example.com>\nReceived: from app.example ([192.0.2.5])\n\tby mx.example.net\n"
MAIL = 'From: "Anna" <anna@example.com>\nTo: b@example.net\nSubject: Hello\n\nGood morning\n'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zone with a key, a mail signed with it, one that was changed, one without a signature."""
    folder = tmp_path_factory.mktemp("auth")
    key = make_key("example.com", "mw1", "ed25519-sha256")
    mail = MAIL.replace("\n", "\r\n").encode()
    signed = sign_dkim(mail, key, now=1_760_000_000) + mail
    (folder / "zone").write_text(f'{ZONE}\n{key.dns_name} TXT "{public_record(key)}"\n')
    (folder / "signed.eml").write_bytes(signed)
    (folder / "changed.eml").write_bytes(signed.replace(b"morning", b"evening"))
    (folder / "plain.eml").write_text(HEAD + MAIL)
    (folder / "two.eml").write_text("From: a@example.com\nFrom: b@example.com\n\n")
    (folder / "dark.eml").write_text("Return-Path: <a@dark.example>\nFrom: a@dark.example\n\n")
    (folder / "escape.eml").write_text("From: \x1b]0;owned\x07 <a@example.com>\n\n")
    return folder


def process(folder: Path, *args: str, stdin: bytes = b"", zone: bool = True) -> tuple[int, str, str]:
    """Exit code, standard output, standard error. No settings of this machine are read, and no machine is asked."""
    command = [sys.executable, "-m", "mailwright", "auth", *args, *(["--zone", "zone"] if zone else [])]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "COLUMNS": "80"}
    done = subprocess.run(command, cwd=folder, input=stdin, capture_output=True, env=environment, timeout=50, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """The same without a process of its own."""

    def run(*args: str) -> tuple[int, str, str]:
        with contextlib.chdir(folder), pytest.raises(SystemExit) as ended:
            main(["auth", *args, "--zone", "zone"])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


RUNS: list[tuple[str, int, list[str], str]] = [
    # arguments, exit code, what must be said, because
    (
        "message signed.eml --ip 192.0.2.5 --mail-from b@example.com",
        0,
        ["DMARC  pass", "SPF    pass", "DKIM   pass"],
        "all is well",
    ),
    ("message signed.eml --ip 198.18.0.1 --mail-from b@other.example", 0, ["DMARC  pass", "SPF    none"], "DKIM alone suffices"),
    ("message plain.eml --ip 192.0.2.5", 0, ["read as CRLF", "taken from Return-Path", "The mail is not signed"], "notes"),
    (
        "message changed.eml --ip 198.18.0.1 --mail-from b@example.com",
        1,
        ["DMARC  fail", "SPF    fail", "DKIM   fail", "dkim-body-changed", "-all  matches: fail", "4 of 10 lookups used"],
        "forged: who must act, and the tree",
    ),
    ("message signed.eml --ip 192.0.2.5 --mail-from b@example.com --with example.com TXT NONE", 2, [], "a word too many"),
    ("message signed.eml", 2, ["--ip is missing", "Received"], "the address is explained"),
    ("message plain.eml", 2, ["add --ip 192.0.2.5"], "with what the file says of it"),
    ("message none.eml --ip 192.0.2.5", 2, ["none.eml cannot be read"], "no such file"),
    ("message signed.eml --ip 192.0.2.5 --at yesterday", 2, ["'yesterday' is not a time", "2026-03-01"], "a time has a form"),
    ("message two.eml --ip 192.0.2.5 --mail-from a@example.com", 1, ["permerror", "2 From fields"], "two authors"),
    ("message dark.eml --ip 192.0.2.5", 3, ["temperror"], "no answer is not fail"),
    ("message plain.eml --ip 192.0.2.5 --evidence", 0, ["Asked the zone file zone", "_dmarc.com TXT: no such name"], "evidence"),
    ("spf example.com", 0, ["SPF of example.com: 4 lookups, 10 are allowed", "a:mail.three.example  1 lookup"], "the tree"),
    ("spf over.example", 1, ["15 lookups", "(as above)", "spf-too-many-lookups"], "too many"),
    (
        "spf lost.example",
        0,
        ["1 (IPv4) and 1 (IPv6) of them find nothing, 2 may", "a:gone.example 1 lookup (finds nothing)"],
        "a host that is gone",
    ),
    ("spf nobody.example", 1, ["there is no SPF record", "spf-no-record"], "missing"),
    ("spf dark.example", 3, ["spf-no-answer"], "silent"),
    (
        "spf --ip 192.0.2.5 --mail-from a@example.com",
        0,
        ["SPF  pass", "ip4:192.0.2.0/25  matches: pass", "not reached"],
        "a check",
    ),
    ("spf example.com --ip 192.0.2.200", 0, ["a:mail.three.example  matches: pass"], "the domain alone is a sender"),
    ("spf --ip 192.0.2.5 --mail-from <> --helo soft.example", 1, ["SPF  softfail"], "the null sender: HELO"),
    ("spf --ip 1.2.3 --mail-from a@example.com", 2, ["is not an IP address"], "no address"),
    ("spf --ip 192.0.2.5 --mail-from a@dark.example", 3, ["temperror"], "silent"),
    ("spf", 2, ["No domain is named"], "nothing to judge"),
    ("spf not_a_domain", 2, ["is not a domain name"], "no domain"),
    (
        "dmarc www.example.com",
        0,
        ["example.com asks receivers to refuse", "dmarc-tag-outdated"],
        "found above, with its fault",
    ),
    ("dmarc nobody.example", 1, ["dmarc-no-record"], "missing"),
    ("dmarc dark.example", 3, ["temperror"], "silent"),
    ("dkim example.com mw1", 0, ["has a key that receivers take", "ed25519, 256 bits"], "sound"),
    ("dkim example.com old", 1, ["dkim-key-revoked"], "revoked"),
    ("dkim example.com none", 1, ["dkim-key-no-name", "mw1._domainkey".replace("mw1", "none")], "missing"),
    ("dkim dark.example s", 3, ["temperror"], "silent"),
]


@pytest.mark.parametrize("arguments,code,words,because", RUNS, ids=[row[0] for row in RUNS])
def test_what_it_says(run: Run, arguments: str, code: int, words: list[str], because: str) -> None:
    ended, said, faults = run(*arguments.split())
    assert ended == code, because + said + faults
    one_line = " ".join((said + faults).split())
    assert [word for word in words if " ".join(word.split()) not in one_line] == [], one_line
    assert "Traceback" not in faults


def test_what_if_it_were_published(run: Run) -> None:
    before = run("message", "changed.eml", "--ip", "198.18.0.1", "--mail-from", "b@example.com")
    after = run(
        "message", "changed.eml", "--ip", "198.18.0.1", "--mail-from", "b@example.com", "--evidence",
        "--with", "example.com TXT v=spf1 ip4:198.18.0.0/15 -all",
    )  # fmt: skip
    assert (before[0], after[0]) == (1, 0)
    assert "Asked the zone file zone, as if these were published: example.com TXT" in after[1]


def test_a_mail_from_a_pipe_is_judged_like_the_file(folder: Path) -> None:
    octets = (folder / "signed.eml").read_bytes()
    options = ("--ip", "192.0.2.5", "--mail-from", "b@example.com", "--json")
    by_pipe, by_file = process(folder, "message", "-", *options, stdin=octets), process(folder, "message", "signed.eml", *options)
    assert by_pipe == by_file
    lines = process(folder, "message", "-", *options, stdin=octets.replace(b"\r\n", b"\n"))
    first, second = json.loads(by_file[1]), json.loads(lines[1])
    assert (second.pop("notes"), first.pop("notes")) == ([second_note], [])
    assert first == second


second_note = "The lines end in LF, as files on this system do; they were read as CRLF, as mail is sent."


def shape(value: Any) -> Any:
    """Names and kinds, of a list those of its first entry."""
    match value:
        case dict():
            return {name: shape(inner) for name, inner in value.items()}
        case list():
            return [shape(value[0])] if value else []
        case _:
            return type(value).__name__


FINDING = dict.fromkeys(("code", "level", "what", "why", "do"), "str") | {"evidence": ["str"], "reference": "str"}
BRANCH = {"domain": "str", "via": "str", "record": "str", "outcome": "str"}


def test_the_json_of_a_mail_keeps_its_shape(run: Run) -> None:
    code, said, _ = run("message", "changed.eml", "--ip", "198.51.100.7", "--mail-from", "b@example.com", "--json")
    data = json.loads(said)
    assert code == 0
    assert data["result"] == "pass"
    visit = {**BRANCH, "result": "str", "term": "str"}
    assert shape(data) == {
        "result": "str",
        "dmarc": {
            "result": "str", "author": "str", "organizational": "str", "domain": "str", "record": "str", "policy": "str",
            "testing": "bool", "aligned": ["str"], "reason": FINDING,
        },
        "spf": {
            "result": "str", "domain": "str", "identity": "str", "sender": "str", "ip": "str", "helo": "str", "term": "str",
            "path": ["str"], "lookups": "int", "void_lookups": "int", "explanation": "str",
            "tree": {**visit, "inner": [{**visit, "inner": []}]}, "reason": FINDING,
        },
        "dkim": [
            {
                "result": "str", "domain": "str", "selector": "str", "identity": "str", "algorithm": "str", "key_bits": "int",
                "testing": "bool", "covers_all": "bool", "aligns": "bool", "reason": FINDING,
            }
        ],
        "arc": {"result": "str", "sealers": [], "oldest_pass": "NoneType", "reason": {**FINDING, "evidence": []}},
        "header": "str",
        "findings": [FINDING],
        "dns": "str",
        "evidence": ["str"],
        "notes": [],
    }  # fmt: skip
    assert data["header"].startswith("Authentication-Results: localhost;\r\n")


def test_the_json_of_records_keeps_its_shape(run: Run) -> None:
    branch: dict[str, Any] = {**BRANCH, "lookups": "int"}
    asked: dict[str, Any] = {"dns": "str", "evidence": ["str"]}
    spf = json.loads(run("spf", "over.example", "--json")[1])
    inner = {**branch, "inner": [{**branch, "inner": []}]}
    assert shape(spf) == {
        "domain": "str", "lookups": "int", "void_lookups": {"ipv4": "int", "ipv6": "int"}, "complete": "bool",
        "tree": {**branch, "inner": [inner]}, "findings": [FINDING],
        **asked,
    }  # fmt: skip
    dmarc = json.loads(run("dmarc", "example.com", "--json")[1])
    assert shape(dmarc) == {
        "author": "str", "organizational": "str", "domain": "str", "record": "str", "policy": "str", "testing": "bool",
        "findings": [FINDING], **asked,
    }  # fmt: skip
    dkim = json.loads(run("dkim", "example.com", "mw1", "--json")[1])
    assert shape(dkim) == {
        "domain": "str", "selector": "str", "records": ["str"], "key_type": "str", "key_bits": "int", "testing": "bool",
        "findings": [], **asked,
    }  # fmt: skip


def test_odd_octets_and_addresses_reach_json_as_they_are(run: Run) -> None:
    code, said, _ = run("spf", "odd.example", "--json")
    assert code == 1
    assert json.loads(said)["tree"]["record"] == "v=spf1 ip6:2001:db8:a:b::1 \udcff -all"


def test_nothing_in_a_mail_moves_the_cursor(run: Run) -> None:
    _, said, faults = run("message", "escape.eml", "--ip", "192.0.2.5", "--mail-from", "a@example.com", "--evidence")
    assert not [char for char in said + faults if not char.isprintable() and char != "\n"]


def test_without_any_name_server_it_could_not_be_found_out(tmp_path: Path) -> None:
    (tmp_path / "mailwright.toml").write_text('[dns]\nservers = ["127.0.0.1:9"]\ntimeout = "1 s"\n')
    code, said, faults = process(tmp_path, "dmarc", "example.com", zone=False)
    assert code == 3, said + faults
    assert "temperror" in said


def test_a_process_ends_with_the_verdict(folder: Path) -> None:
    command = ("message", "changed.eml", "--mail-from", "b@example.com", "--ip")
    assert [process(folder, *command, ip)[0] for ip in ("198.51.100.7", "198.18.0.1")] == [0, 1]


async def test_the_live_dns_is_asked_and_what_is_not_published_yet_is_laid_over_it(tmp_path: Path) -> None:
    async with Nameserver('example.com TXT "v=spf1 ip4:192.0.2.1 -all"') as server:
        (tmp_path / "mailwright.toml").write_text(server.settings)
        question = ("spf", "example.com", "--ip", "192.0.2.9", "--evidence")
        now = await asyncio.to_thread(process, tmp_path, *question, zone=False)
        then = await asyncio.to_thread(process, tmp_path, *question, "--with", "example.com TXT v=spf1 ip4:192.0.2.9", zone=False)
    assert (now[0], then[0]) == (1, 0), now[2] + then[2]
    assert "Asked the live DNS\n" in now[1]
    assert "as if these were published: example.com TXT" in then[1]
    assert server.asked == {"example.com": 1}, "what is laid over need not be asked"
