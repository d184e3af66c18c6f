"""--zone, --overlay and --with: where a command's answers come from, and what is said of a file or record that cannot be read."""

from pathlib import Path

import pytest

from mailwright.app.settings import Settings
from mailwright.cli.dns_source import read_source
from mailwright.cli.mail_file import read_mail_file
from mailwright.dns import Answer, Cause, Failed, Found, Missing, Question, RecordType, ask
from mailwright.values import Malformed

ZONE = 'a.example TXT "old"\na.example A 192.0.2.1\nw.example CNAME a.example\n'


def no_settings() -> Settings:
    raise AssertionError("a zone needs no settings")


def seen(answer: Answer) -> object:
    match answer:
        case Found():
            return answer.texts or answer.names
        case Failed():
            return answer.cause
        case Missing():
            return answer.name_exists


OVERLAID: list[tuple[str, list[str], str, RecordType, object, str]] = [
    # overlay file, --with, name, type, what is seen, because
    ("", [], "a.example", "TXT", ("old",), "the zone alone"),
    ('a.example TXT "new"', [], "a.example", "TXT", ("new",), "a file replaces a set"),
    ('a.example TXT "new"', [], "w.example", "TXT", ("new",), "also behind an alias"),
    ('a.example TXT "new"', [], "a.example", "A", ("192.0.2.1",), "other types stay"),
    ("", ["a.example TXT v=DMARC1; p=reject"], "a.example", "TXT", ("v=DMARC1; p=reject",), "no quotes are needed in --with"),
    ("", ['a.example TXT "v=1" "x"'], "a.example", "TXT", ("v=1x",), "pieces in quotes are joined"),
    ("", ["a.example txt ( say ) \\ it"], "a.example", "TXT", None, "a parenthesis begins a zone text"),
    ("", ["a.example TXT C:\\x"], "a.example", "TXT", ("C:\\x",), "without quotes nothing is an escape"),
    ("", ["a.example TXT NONE"], "a.example", "TXT", True, "a set is taken away"),
    ("", ["a.example TXT FAILS servfail"], "a.example", "TXT", Cause.SERVFAIL, "a fault is tried out"),
    ("", ["a.example FAILS"], "a.example", "MX", Cause.TIMEOUT, "of a whole name"),
    ("", ["b.example MX 10 a.example", "b.example A 192.0.2.2"], "b.example", "A", ("192.0.2.2",), "several records"),
    ("", ["b.example A 192.0.2.2", "b.example A 192.0.2.3"], "b.example", "A", ("192.0.2.2", "192.0.2.3"), "of one name: a set"),
    ("a.example A 192.0.2.7", ["a.example A 192.0.2.8"], "a.example", "A", ("192.0.2.8",), "--with comes before the file"),
]


@pytest.mark.parametrize("overlay,records,name,type,expected,because", OVERLAID, ids=[row[-1] for row in OVERLAID])
def test_answers(
    tmp_path: Path, overlay: str, records: list[str], name: str, type: RecordType, expected: object, because: str
) -> None:
    (tmp_path / "zone").write_text(ZONE)
    (tmp_path / "overlay").write_text(overlay)
    file = tmp_path / "overlay" if overlay else None
    if expected is None:
        with pytest.raises(Malformed):
            read_source(tmp_path / "zone", file, records)
        return
    source = read_source(tmp_path / "zone", file, records)
    assert seen(source.run(ask(Question(name, type)), no_settings)) == expected
    assert ("as if these were published" in source.words) is bool(overlay or records)


MISTAKES = [
    # zone file, --with, what is said, remedy, because
    ("a.example TXT v=spf1 -all", [], "zone: Line 1:", "in quotes", "a TXT without quotes in a file"),
    (None, [], "cannot be read: No such file", "Name a file", "no such file"),
    ("", ["a.example"], "--with 'a.example':", "type", "a name alone"),
    ("", ["a.example A 1.2.3"], "--with 'a.example A 1.2.3': '1.2.3' is not an IPv4 address", "192.0.2.1", "no address"),
    ("", ["a.example SRV x"], "is not a record type", "Known are", "an unknown type"),
]


@pytest.mark.parametrize("zone,records,what,remedy,because", MISTAKES, ids=[row[-1] for row in MISTAKES])
def test_mistakes(tmp_path: Path, zone: str | None, records: list[str], what: str, remedy: str, because: str) -> None:
    if zone is not None:
        (tmp_path / "zone").write_text(zone)
    with pytest.raises(Malformed) as caught:
        read_source(tmp_path / "zone", None, records)
    assert what in str(caught.value)
    assert remedy in caught.value.remedy


MAILS = [
    # file, octets that are judged, words of a note, because
    (b"From: a@b.example\r\n\r\nx\r\n", b"From: a@b.example\r\n\r\nx\r\n", "", "a mail as it was sent"),
    (b"From: a@b.example\n\nx\n", b"From: a@b.example\r\n\r\nx\r\n", "read as CRLF", "a file of this system"),
    (b"From a@b Mon Nov\nFrom: a@b.example\n\n", b"From: a@b.example\r\n\r\n", "mbox separator", "a mailbox file"),
    (b"From: a@b.example\r\n\r\nx\ny\r\n", b"From: a@b.example\r\n\r\nx\ny\r\n", "1 of 4 lines end in LF alone", "a mixture"),
    (b"From: a@b.example", b"From: a@b.example", "", "no line end at all"),
]


@pytest.mark.parametrize("octets,raw,words,because", MAILS, ids=[row[-1] for row in MAILS])
def test_mail_files(tmp_path: Path, octets: bytes, raw: bytes, words: str, because: str) -> None:
    (tmp_path / "a.eml").write_bytes(octets)
    mail = read_mail_file(tmp_path / "a.eml")
    assert mail.raw == raw
    assert words in " ".join(mail.notes)
    assert bool(mail.notes) is bool(words)


@pytest.mark.parametrize("octets", [b"", b"\r\n\r\n  "])
def test_an_empty_file_is_no_mail(tmp_path: Path, octets: bytes) -> None:
    (tmp_path / "a.eml").write_bytes(octets)
    with pytest.raises(Malformed, match="is empty"):
        read_mail_file(tmp_path / "a.eml")


HOPS = [
    ("from mx.example (mx.example [192.0.2.5]) by me", "192.0.2.5", "the usual form"),
    ("from x ([IPv6:2001:DB8::1]) by [127.0.0.1]", "2001:db8::1", "IPv6, the first one"),
    ("from [not an address] (unknown [192.0.2.6])", "192.0.2.6", "what is no address is passed over"),
    ("from x by y", None, "none"),
]


@pytest.mark.parametrize("received,ip,because", HOPS, ids=[row[-1] for row in HOPS])
def test_the_last_hop_is_read_from_the_topmost_received(tmp_path: Path, received: str, ip: str | None, because: str) -> None:
    (tmp_path / "a.eml").write_text(f"Return-Path: <b@c.example>\r\nReceived: {received}\r\nReceived: from [203.0.113.1]\r\n\r\n")
    mail = read_mail_file(tmp_path / "a.eml")
    assert (mail.last_hop, mail.return_path) == (ip, "b@c.example")
