"""The authentication core, one core each: us beside the bare operation, dkimpy, pyspf and mailauth (npm), with the same mails."""

import hashlib
import os
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

import dkim
import spf
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bench.context import Context
from bench.peers.mailauth import MailAuth
from bench.peers.program import Absent
from bench.rounds import Figure, figure, shot
from bench.sign import BASE64, HEAD, HEADER_OCTETS, LINE, bare_sign
from bench.table import Row, Table
from mailwright.auth import DkimKey, SpfVerdict, authenticate, check_spf, make_key, public_record, sign_dkim, verify_dkim
from mailwright.dns import Zone

BARE, OURS, DKIMPY, PYSPF, MAILAUTH = "bare RSA + SHA-256", "Mailwright", "dkimpy", "pyspf", "mailauth"
SYSTEMS = (BARE, OURS, DKIMPY, PYSPF, MAILAUTH)
NOW = 1_760_000_100
ENVELOPE = {"ip": "192.0.2.1", "helo": "app.example.com", "sender": "bounce@example.com"}
BY_ADDRESS = "bounce@example.org"
NETWORKS = {  # three includes, and the last term of the last one decides
    "example.com": "v=spf1 include:_spf.one.example include:_spf.two.example ip4:203.0.113.0/24 -all",
    "_spf.one.example": "v=spf1 ip4:198.51.100.0/24 ip4:203.0.113.64/26 ip6:2001:db8:1::/48 ~all",
    "_spf.two.example": "v=spf1 ip4:198.18.0.0/15 include:_spf.three.example ~all",
    "_spf.three.example": "v=spf1 ip4:192.0.0.0/24 ip4:192.0.2.0/25 ~all",
}
ADDRESSES = {  # the same without networks, which mailauth reads four times as slowly
    "example.org": "v=spf1 include:_a.one.example include:_a.two.example include:_a.three.example -all",
    "_a.one.example": "v=spf1 ip4:198.51.100.1 -all",
    "_a.two.example": "v=spf1 ip4:203.0.113.2 -all",
    "_a.three.example": "v=spf1 ip4:192.0.2.1 -all",
}
SPF_RECORDS = {**NETWORKS, **ADDRESSES}
DMARC = {"_dmarc.example.com": "v=DMARC1; p=reject; rua=mailto:dmarc@example.com"}
NOTES = (
    "One core each, DNS answered from a dictionary. The bare operation: SHA-256 over the mail, and one RSA-2048 operation.",
    "SPF: ours with its evidence, the tree of records as evaluated; in words, its finding too. mailauth does not ask for BIMI.",
)

Work = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Case:
    """One row: the works of this process by system, and what mailauth calls it."""

    name: str
    theirs: str
    works: Mapping[str, Work]


def run(context: Context) -> Table:
    """Measure every case with every system that does it."""
    key = make_key("example.com", "mw1")
    small = HEAD + LINE * ((5 * 1024 - len(HEAD)) // len(LINE))
    large = HEAD + BASE64 * ((1024 * 1024 - len(HEAD)) // len(BASE64))
    mails = {"small": small, "signed": sign_dkim(small, key, now=NOW) + small, "large": sign_dkim(large, key, now=NOW) + large}
    rows = []
    with ExitStack() as stack:
        peer = _mailauth(context, stack, key, mails)
        for case in _cases(key, mails):
            figures = {name: _ours(work, context) for name, work in case.works.items() if context.wants(name)}
            if peer is not None:
                figures[MAILAUTH] = _theirs(peer, case.theirs, context)
            rows.append(Row(case.name, figures))
            print(f"  {case.name}: {', '.join(f'{name} {found.rate:,.0f}/s' for name, found in figures.items())}", flush=True)
    return Table("auth: the authentication core", "a second", SYSTEMS, rows, OURS, [*NOTES, *context.notes()])


def _cases(key: DkimKey, mails: Mapping[str, bytes]) -> list[Case]:
    texts = {**SPF_RECORDS, **DMARC, key.dns_name: public_record(key)}
    zone = Zone.of({name: {"TXT": text} for name, text in texts.items()})
    small, signed, large = mails["small"], mails["signed"], mails["large"]
    pem = key.private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    selector, domain = key.selector.encode(), key.domain.name.encode()
    record = public_record(key).encode()

    def stub(name: bytes, timeout: float = 0) -> bytes:
        del name, timeout
        return record

    def whole() -> object:
        found = zone.run(authenticate(signed, ip=ENVELOPE["ip"], helo=ENVELOPE["helo"], mail_from=ENVELOPE["sender"], now=NOW))
        assert (found.dmarc.result, found.spf.result) == ("pass", "pass")
        return found.header

    return [
        Case("sign 5 KB", "sign", {
            BARE: bare_sign(key, small),
            OURS: lambda: sign_dkim(small, key, now=NOW),
            DKIMPY: lambda: dkim.sign(small, selector, domain, pem, canonicalize=(b"relaxed", b"relaxed")),
        }),
        Case("verify 5 KB", "verify", {
            BARE: _bare_verify(key, signed),
            OURS: lambda: _passed(zone, signed),
            DKIMPY: lambda: dkim.verify(signed, dnsfunc=stub) or _wrong(DKIMPY),
        }),
        Case("verify 1 MB", "verify_large", {
            BARE: _bare_verify(key, large),
            OURS: lambda: _passed(zone, large),
            DKIMPY: lambda: dkim.verify(large, dnsfunc=stub) or _wrong(DKIMPY),
        }),
        Case("SPF, three includes, networks", "spf", {
            OURS: lambda: _spf(zone, ENVELOPE["sender"]), PYSPF: lambda: _pyspf(ENVELOPE["sender"]),
        }),
        Case("SPF, three includes, addresses", "spf_addresses", {
            OURS: lambda: _spf(zone, BY_ADDRESS), PYSPF: lambda: _pyspf(BY_ADDRESS),
        }),
        Case("the same, told in words", "spf_addresses", {OURS: lambda: _spf(zone, BY_ADDRESS).reason}),
        Case("authenticate 5 KB", "authenticate", {OURS: whole}),
    ]  # fmt: skip


def _passed(zone: Zone, mail: bytes) -> object:
    (verdict,) = zone.run(verify_dkim(mail, now=NOW))
    assert verdict.result == "pass", verdict
    return verdict


def _spf(zone: Zone, sender: str) -> SpfVerdict:
    verdict = zone.run(check_spf(ip=ENVELOPE["ip"], helo=ENVELOPE["helo"], mail_from=sender))
    assert verdict.result == "pass", verdict
    return verdict


def _pyspf(sender: str) -> object:
    spf.DNSLookup = _lookup
    result, *rest = spf.check2(i=ENVELOPE["ip"], s=sender, h=ENVELOPE["helo"])
    return rest if result == "pass" else _wrong(PYSPF)


def _lookup(name: str, qtype: str, *_: object) -> list[tuple[tuple[str, str], object]]:
    """What pyspf calls for every question: an answer is ((name, type), value)."""
    text = SPF_RECORDS.get(name.lower())
    return [((name, "TXT"), (text.encode(),))] if qtype == "TXT" and text else []


def _wrong(system: str) -> object:
    raise RuntimeError(f"{system} did not pass what is right")


def _bare_verify(key: DkimKey, mail: bytes) -> Work:
    private, padding, algorithm, header = key.private, PKCS1v15(), SHA256(), mail[:HEADER_OCTETS]
    assert isinstance(private, RSAPrivateKey)
    public, signature = private.public_key(), private.sign(header, padding, algorithm)

    def work() -> object:
        hashlib.sha256(mail).digest()
        return public.verify(signature, header, padding, algorithm)

    return work


def _mailauth(context: Context, stack: ExitStack, key: DkimKey, mails: Mapping[str, bytes]) -> MailAuth | None:
    if not context.wants(MAILAUTH):
        return None
    texts = {**SPF_RECORDS, **DMARC, key.dns_name: public_record(key)}
    pem = key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    answers = {f"{name} TXT": [[text]] for name, text in texts.items()}
    try:
        return stack.enter_context(
            MailAuth(mails=mails, key=pem, domain=key.domain.name, selector=key.selector, envelope=ENVELOPE, dns=answers)
        )
    except Absent as absent:
        context.skipped[MAILAUTH] = str(absent)
        return None


def _ours(work: Work, context: Context) -> Figure:
    def repeated(times: int) -> None:
        for _ in range(times):
            work()

    return _measured(repeated, os.getpid(), context)


def _theirs(peer: MailAuth, what: str, context: Context) -> Figure:
    return _measured(lambda times: peer.seconds(what, times), peer.pid, context)


def _measured(repeated: Callable[[int], object], pid: int, context: Context) -> Figure:
    """The warm-up says how many fit a round; Node needs some hundreds before its compiler is done."""
    repeated(5)
    began = time.perf_counter()
    repeated(20)
    each = max(20, int(20 * min(context.seconds, 1.0) / (time.perf_counter() - began)))
    repeated(each)

    def timed() -> tuple[float, float]:
        began = time.monotonic()
        repeated(each)
        return began, time.monotonic()

    return figure(lambda: shot(timed, units=each, roots=[pid]), rounds=context.rounds)
