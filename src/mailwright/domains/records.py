"""The records that a sending domain needs in the DNS, and whether they are there: three answers for each."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address

from mailwright.accounts import DkimKeyInfo
from mailwright.auth import read_tags
from mailwright.auth.tags import without_space
from mailwright.dns import Asking, Failed, Found, Missing, Question, ask, together
from mailwright.values import Domain, Malformed

IN_USE = ("pending", "active")  # states of a DKIM key whose record has to be there
MX_PRIORITY = 10  # one host alone: any number will do
SPF = "v=spf1"  # RFC 7208 §4.5


class Standing(StrEnum):
    """What the DNS said of a record, or of all records of a domain; spelt as Resend does."""

    NOT_STARTED = "not_started"  # nobody asked yet
    PENDING = "pending"  # it is not there
    FAILED = "failed"  # something else is there
    UNKNOWN = "temporary_failure"  # it could not be found out
    PARTIAL = "partially_verified"  # of a domain: some are there
    VERIFIED = "verified"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A record to publish; `name` is the whole name, `priority` that of an MX."""

    purpose: str  # DKIM or SPF
    name: str
    type: str  # TXT or MX
    value: str
    priority: int | None = None

    @property
    def place(self) -> str:
        """By what it is told from the other records of its domain."""
        return f"{self.type} {self.name}"


def wanted(
    domain: Domain, keys: Sequence[DkimKeyInfo], *, bounce_domain: Domain, hostname: Domain, sources: Sequence[str]
) -> tuple[Wanted, ...]:
    """What the owner of a domain has to publish, by its DKIM keys and the operator's settings.

    The return path is the operator's own domain, whose records are not the account's, unless it lies within this domain.
    `sources` are the addresses from which mail leaves; empty: that of `hostname`.
    """
    records = [
        Wanted("DKIM", f"{key.selector}._domainkey.{domain}", "TXT", key.public_record) for key in keys if key.state in IN_USE
    ]
    if bounce_domain.within(domain):
        records.append(Wanted("SPF", bounce_domain.name, "MX", hostname.name, MX_PRIORITY))
        terms = [f"ip{ip_address(source).version}:{source}" for source in sources] or [f"a:{hostname}"]
        records.append(Wanted("SPF", bounce_domain.name, "TXT", " ".join([SPF, *terms, "-all"])))
    return tuple(records)


def stand(records: Sequence[Wanted]) -> Asking[tuple[Standing, ...]]:
    """Ask for each record, all at once."""
    return together(*[_stands(record) for record in records])


def overall(standings: Sequence[Standing]) -> Standing:
    """What holds for a domain: what is wrong goes before what is unknown, that before what is missing."""
    for worst in (Standing.NOT_STARTED, Standing.FAILED, Standing.UNKNOWN):
        if worst in standings:
            return worst
    if Standing.PENDING in standings:
        return Standing.PARTIAL if Standing.VERIFIED in standings else Standing.PENDING
    return Standing.VERIFIED if standings else Standing.NOT_STARTED


def _stands(record: Wanted) -> Asking[Standing]:
    answer = yield from ask(Question(record.name, "MX" if record.type == "MX" else "TXT"))
    match answer:
        case Failed():
            return Standing.UNKNOWN
        case Missing():
            return Standing.PENDING
        case Found():
            return _compared(record, answer)


def _compared(record: Wanted, answer: Found) -> Standing:
    if record.type == "MX":
        return Standing.VERIFIED if record.value in {mx.host for mx in answer.exchangers} else Standing.FAILED
    if record.purpose == "DKIM":
        return Standing.VERIFIED if _key(record.value) in map(_key, answer.texts) else Standing.FAILED
    published = [text.split() for text in answer.texts if text.split()[:1] == [SPF]]
    if not published:
        return Standing.PENDING
    one = len(published) == 1  # RFC 7208 §4.5: of two records none counts
    return Standing.VERIFIED if one and set(record.value.split()[1:-1]) <= set(published[0]) else Standing.FAILED


def _key(text: str) -> str | None:
    """The public key of a DKIM record (RFC 6376 §3.6.1); None where it is none."""
    try:
        return without_space(read_tags(text).get("p", "")) or None
    except Malformed:
        return None
