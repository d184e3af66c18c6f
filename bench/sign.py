"""DKIM signing of one mail: us beside the bare RSA operation, which nobody can beat, and beside dkimpy."""

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Thread

import dkim
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bench.context import Context
from bench.rounds import Figure, Shot, figure, shot
from bench.table import Row, Table
from mailwright.auth import DkimKey, make_key, sign_dkim

BARE, OURS, DKIMPY = "bare RSA + SHA-256", "Mailwright", "dkimpy"
SYSTEMS = (BARE, OURS, DKIMPY)
NOW = 1_760_000_000
MOST_SECONDS = 1.0  # of a round: one signature is like the next
HEADER_OCTETS = 1_000  # about what is signed of a header
LINE = b"Dear Mrs Miller, your invoice of October is ready; please find it in your account.\r\n"
HEAD = (
    b"Received: from app.example ([192.0.2.1])\r\n\tby mail.example with ESMTPSA id 05cg7x2k4m9pq;\r\n"
    b"\tThu, 09 Oct 2025 08:53:20 +0000\r\nFrom: Anna <anna@example.com>\r\nTo: b@example.net\r\n"
    b"Subject: Your invoice of October\r\nDate: Thu, 09 Oct 2025 08:53:20 +0000\r\nMessage-ID: <1@example.com>\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: text/plain;\r\n\tcharset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
)
BASE64 = b"JVBERi0xLjcKJeLjz9MKMSAwIG9iago8PC9UeXBlL0NhdGFsb2cvUGFnZXMgMiAwIFI+PgplbmRv\r\n"


@dataclass(frozen=True, slots=True)
class Case:
    """One row: a mail of about that many octets, its body made of one line again and again."""

    name: str
    octets: int
    line: bytes = LINE
    threads: int = 1


CASES = (
    Case("5 KB", 5 * 1024),
    Case("5 KB, two threads", 5 * 1024, threads=2),
    Case("100 KB of text", 100 * 1024),
    Case("100 KB, base64", 100 * 1024, BASE64),
    Case("1 MB, base64", 1024 * 1024, BASE64),
)
NOTES = (
    "RSA-2048. The bare operation hashes the mail as it is and signs 1,000 octets: no reading, no canonical form, no field.",
    "ours/bare is what reading the mail, its canonical form and the field leave of the limit.",
    "Two threads: what the first row does, twice at once; twice the rate is the limit on two free cores.",
)


def run(context: Context) -> Table:
    """Measure every case with every signer."""
    key, rows = make_key("example.com", "mw1"), []
    for case in CASES:
        mail = HEAD + case.line * ((case.octets - len(HEAD)) // len(case.line))
        works = {BARE: bare_sign(key, mail), OURS: _ours(key, mail), DKIMPY: _dkimpy(key, mail)}
        figures = {name: _measured(work, case.threads, context) for name, work in works.items() if context.wants(name)}
        rows.append(Row(case.name, figures))
        print(f"  {case.name}: {', '.join(f'{name} {found.rate:,.0f}/s' for name, found in figures.items())}", flush=True)
    return Table("sign: one DKIM signature", "signatures/s", SYSTEMS, rows, OURS, [*NOTES, *context.notes()])


def bare_sign(key: DkimKey, mail: bytes) -> Callable[[], object]:
    """What nobody can beat: SHA-256 over the mail and one RSA operation."""
    private, padding, algorithm, header = key.private, PKCS1v15(), SHA256(), mail[:HEADER_OCTETS]
    assert isinstance(private, RSAPrivateKey)

    def work() -> object:
        hashlib.sha256(mail).digest()
        return private.sign(header, padding, algorithm)

    return work


def _ours(key: DkimKey, mail: bytes) -> Callable[[], object]:
    return lambda: sign_dkim(mail, key, now=NOW)


def _dkimpy(key: DkimKey, mail: bytes) -> Callable[[], object]:
    pem = key.private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    selector, domain = key.selector.encode(), key.domain.name.encode()
    return lambda: dkim.sign(mail, selector, domain, pem, canonicalize=(b"relaxed", b"relaxed"))


def _measured(work: Callable[[], object], threads: int, context: Context) -> Figure:
    began = time.perf_counter()
    for _ in range(5):  # the warm-up: the first RSA operation of a key prepares its blinding
        work()
    each = max(5, int(min(context.seconds, MOST_SECONDS) / ((time.perf_counter() - began) / 5)))
    return figure(lambda: _round(work, each, threads), rounds=context.rounds)


def _round(work: Callable[[], object], each: int, threads: int) -> Shot:
    def repeat() -> None:
        for _ in range(each):
            work()

    def timed() -> tuple[float, float]:
        others = [Thread(target=repeat) for _ in range(threads - 1)]
        began = time.monotonic()
        for other in others:
            other.start()
        repeat()
        for other in others:
            other.join()
        return began, time.monotonic()

    return shot(timed, units=each * threads, roots=[os.getpid()])
