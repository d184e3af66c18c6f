"""The reasons of DMARC verdicts, in words for who sent the mail and for who got it."""

from collections.abc import Sequence
from typing import NamedTuple

from mailwright.auth.dmarc.record import DmarcRecord, read_dmarc
from mailwright.values.finding import Finding, error, note, warning

MAX_NAMED = 5  # identifiers that a sentence names
_ASKS = {
    "none": "only watches: its policy asks for no action",
    "quarantine": "asks receivers to treat such mail with suspicion",
    "reject": "asks receivers to refuse such mail",
}


class Asks(NamedTuple):
    """Who asks for what: the domain in From, its organizational domain, the policy, where the record is, its text."""

    author: str
    organizational: str
    policy: str
    domain: str
    record: str


def passed(author: str, aligned: Sequence[str], domain: str, record: str) -> Finding:
    """An identifier that passed belongs to the author domain."""
    return note(
        "dmarc-pass",
        f"{_vouched(aligned)}, so the mail is authorized by {author}, the domain in From.",
        why="DMARC proves the domain after the @ in From. It proves neither the name before it nor that the mail is welcome.",
        evidence=(evidence(domain, record),),
        reference="RFC 9989 §5.3.5",
    )


def not_aligned(asks: Asks, identifiers: Sequence[str]) -> Finding:
    """SPF or DKIM passed, but for other domains."""
    return error(
        "dmarc-not-aligned",
        f"{_vouched(identifiers)}. That does not count for {asks.author}, the domain in From.",
        why=f"DMARC asks that SPF or DKIM passes {_wanted(asks)}. {_owner(asks)}",
        do=f"If the mail is yours: {_remedy(asks)} If it is not, somebody uses your domain, and DMARC did what it is for.",
        evidence=(evidence(asks.domain, asks.record),),
        reference="RFC 9989 §4.4",
    )


def nothing_passed(asks: Asks) -> Finding:
    """Neither SPF nor DKIM passed for any domain."""
    return error(
        "dmarc-nothing-passed",
        f"Neither SPF nor DKIM passed, so nothing shows that the mail comes from {asks.author}, the domain in From.",
        why=f"DMARC asks that at least one of them passes {_wanted(asks)}. {_owner(asks)}",
        do=f"If the mail is yours: see the findings of SPF and DKIM for what stopped them, and {_remedy(asks)}"
        " If it is not, somebody uses your domain, and DMARC did what it is for.",
        evidence=(evidence(asks.domain, asks.record),),
        reference="RFC 9989 §5.3.5",
    )


def no_record(author: str) -> Finding:
    """Nobody published a record that applies."""
    return warning(
        "dmarc-no-record",
        f"There is no DMARC record for {author}, nor for any domain above it.",
        why="Anybody can write this domain into From, and receivers have no word from its owner. Large receivers treat such mail"
        " with more suspicion.",
        do=f"The owner of {author} publishes one. To begin with, it only asks for reports: a TXT record at _dmarc.{author} with"
        f" the text v=DMARC1; p=none; rua=mailto:dmarc@{author}",
        reference="RFC 9989 §4.10.1",
    )


def several_records(domain: str, records: Sequence[str]) -> Finding:
    """Several records at one name void each other."""
    return error(
        "dmarc-several-records",
        f"{domain} has {len(records)} DMARC records. Where there are several, none of them counts.",
        why="Receivers act as if the domain had no DMARC record.",
        do=f"The owner of {domain} leaves one TXT record that begins with v=DMARC1 at _dmarc.{domain} and deletes the others.",
        evidence=tuple(evidence(domain, record) for record in records[:MAX_NAMED]),
        reference="RFC 9989 §4.10",
    )


def no_author(fault: Finding) -> Finding:
    """From names no domain, or more than one."""
    return error(
        "dmarc-no-author",
        f"DMARC cannot judge this mail. {fault.what}",
        why="DMARC judges a mail by the one domain in From, as people see it there.",
        do=f"Whoever sends the mail: {fault.do[:1].lower()}{fault.do[1:]}",
        evidence=fault.evidence,
        reference="RFC 9989 §5.3.1",
    )


def no_answer(author: str, question: str) -> Finding:
    """A DNS question that mattered was not answered."""
    return warning(
        "dmarc-dns-no-answer",
        f"It could not be found out what {author} asks for: the DNS gave no answer to {question}.",
        why="No answer is not the same as no record. The mail counts neither as passed nor as failed.",
        do=f"Receivers: try again later. If it lasts, the owner of {author} checks the name servers of the domain.",
        evidence=(f"{question}: no answer",),
        reference="RFC 9989 §5.3.6",
    )


def undecided(author: str, identifiers: Sequence[str]) -> Finding:
    """SPF or DKIM might have passed, but could not be checked."""
    named = ", ".join(identifiers[:MAX_NAMED])
    return warning(
        "dmarc-undecided",
        f"Whether the mail is authorized by {author} is open: a check that could have shown it was not completed ({named}).",
        why="A DNS server gave no answer to SPF or DKIM. The mail counts neither as passed nor as failed.",
        do="Receivers: try again later. See the findings of SPF and DKIM for the name that gave no answer.",
        reference="RFC 9989 §5.3.6",
    )


def evidence(domain: str, record: str) -> str:
    """A record as it is found in the DNS, all printable."""
    return f"_dmarc.{domain} TXT {ascii(record)[1:-1]}"


def _vouched(identifiers: Sequence[str]) -> str:
    """ "SPF passed for a.example, DKIM for b.example" """
    named = [identifier.partition("=") for identifier in identifiers[:MAX_NAMED]]
    told = ", ".join(f"{method.upper()} passed for {name}" for method, _, name in named)
    return told if len(identifiers) <= MAX_NAMED else f"{told} and {len(identifiers) - MAX_NAMED} more"


def _wanted(asks: Asks) -> str:
    """The domains that would align, by the alignment modes of the record (RFC 9989 §4.7 adkim=, aspf=)."""
    record = read_dmarc(asks.record)
    whole = asks.organizational or asks.author
    related = f"for {asks.author} or " + ("a domain below it" if whole == asks.author else f"another domain of {whole}")
    exactly = f"for exactly {asks.author}"
    if record is None or (record.adkim, record.aspf) == ("r", "r"):
        return related
    if record.adkim == record.aspf:
        return exactly
    return f"(SPF {exactly}, DKIM {related})" if record.aspf == "s" else f"(DKIM {exactly}, SPF {related})"


def _owner(asks: Asks) -> str:
    return f"The owner of {asks.domain} {_ASKS.get(asks.policy, 'has published a DMARC record')}."


def _remedy(asks: Asks) -> str:
    """The strict mode of a method decides what its domain must be."""
    record = read_dmarc(asks.record)
    signed = f"d={asks.author}" if _strict(record, "adkim") or not asks.organizational else f"d={asks.organizational}"
    path = asks.author if _strict(record, "aspf") or not asks.organizational else asks.organizational
    return (
        f"let the service that sends it sign with DKIM and {signed} (it tells you the records to publish), or let its return path"
        f" be in {path} with an SPF record that names its servers."
    )


def _strict(record: DmarcRecord | None, tag: str) -> bool:
    return record is not None and (record.adkim if tag == "adkim" else record.aspf) == "s"
