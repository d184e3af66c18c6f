"""An SPF result in plain words: what happened, what it means, who must act and how, with the records as evidence."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from mailwright.auth.spf.parse import is_spf
from mailwright.auth.spf.record import SpfResult
from mailwright.auth.spf.visit import SpfOutcome, SpfVisit
from mailwright.dns import Failed, Found
from mailwright.dns.question import name_text
from mailwright.dns.records import quoted
from mailwright.values import Finding
from mailwright.values.finding import error, note, warning

SHOWN = 500  # characters of a record that are shown: more than fits a UDP answer (RFC 7208 §3.4)
LONGEST = 254  # characters of an address that are shown (RFC 5321 §4.5.3.1.3)


@dataclass(slots=True)
class Story:
    """What the words are made of: the domain, the visit that decided with its own, and the facts of the check."""

    domain: str
    where: str
    result: SpfResult
    decided: SpfVisit
    ip: str
    sender: str
    lookups: int
    voids: int
    evidence: tuple[str, ...]


def reason_of(tree: SpfVisit, *, ip: str, sender: str, lookups: int, voids: int) -> Finding:
    """Why a check ended as it did."""
    decided = tree.decided
    domain = _plain(tree.domain)
    where = domain if decided is tree else _plain(decided.domain)
    story = Story(domain, where, tree.result, decided, ip, sender, lookups, voids, evidence_of(tree))
    return _WORDS[decided.outcome](story)


def evidence_of(tree: SpfVisit) -> tuple[str, ...]:
    """The records on the way to the decision, one a line, and the term that decided."""
    visit: SpfVisit | None = tree
    term, lines = None, []
    while visit:
        if record := visit.record:
            lines.append(_record_line(visit.domain, record.text[: SHOWN + 1]))
        elif visit.domain:
            lines.append(f"{_plain(visit.domain)} TXT: {_seen(visit)}")
        term, visit = visit.term, visit.onward
    if term:
        lines.append(_decided_line(term.text[: SHOWN + 1]))
    return tuple(lines)


@lru_cache(maxsize=2048)  # the same records come again and again
def _record_line(domain: str, text: str) -> str:
    return f"{_plain(domain)} TXT: {_shown(text)}"


@lru_cache(maxsize=2048)
def _decided_line(text: str) -> str:
    return f"decided by: {_shown(text)}"


def _seen(visit: SpfVisit) -> str:
    """What was there instead of a record."""
    if isinstance(visit.answer, Failed):
        return f"no answer ({visit.answer.detail or visit.answer.cause})"
    if isinstance(visit.answer, Found) and visit.outcome is SpfOutcome.SEVERAL:
        return " and ".join([_shown(text) for text in visit.answer.texts if is_spf(text)][:3])
    return "no SPF record"


def _plain(domain: str) -> str:
    """A name as zone files write it, where it is not plain already."""
    return domain if domain.isascii() and domain.isprintable() else name_text(domain)


def _shown(text: str) -> str:
    """Text of others, safe for any page or log."""
    more = " ..." if len(text) > SHOWN else ""
    text = text[:SHOWN]
    octets = text.encode("utf-8", "backslashreplace" if _has_halves(text) else "surrogateescape")
    return quoted(octets) + more


def _has_halves(text: str) -> bool:
    """Whether there are surrogates in it that stand for no octet."""
    return any("\ud800" <= char < "\udc80" or "\udcff" < char <= "\udfff" for char in text)


def _named(text: str) -> str:
    """What the client says of itself, short and safe."""
    return text if text.isprintable() and len(text) <= LONGEST else _shown(text[:LONGEST])


def _judged(story: Story) -> Finding:
    """A term matched, or none did."""
    domain, result = story.domain, story.result
    if result is _PASS:
        return note(
            "spf-pass",
            f"{story.ip} may send mail for {domain}.",
            why=f"The owner of {domain} lists this server in the SPF record.",
            evidence=story.evidence,
            reference="RFC 7208 §2.6.3",
        )
    if result is SpfResult.FAIL:
        return error(
            "spf-fail",
            f"{story.ip} may not send mail for {domain}.",
            why=f"The SPF record of {domain} forbids it. Many receivers refuse such mail.",
            do=f"If mail as {_named(story.sender)} should leave through {story.ip}, the owner of {domain} must add that server. "
            "If the mail was forwarded, the forwarder must put its own domain into the return path.",
            evidence=story.evidence,
            reference="RFC 7208 §2.6.4",
        )
    if result is SpfResult.SOFTFAIL:
        return warning(
            "spf-softfail",
            f"{story.ip} should not send mail for {domain}.",
            why=f"The SPF record of {domain} says that it is probably not allowed (~). Receivers mistrust such mail.",
            do=f"If mail as {_named(story.sender)} should leave through {story.ip}, the owner of {domain} must add that server.",
            evidence=story.evidence,
            reference="RFC 7208 §2.6.5",
        )
    return warning(
        "spf-neutral",
        f"The SPF record of {domain} says neither that {story.ip} may send, nor that it may not.",
        why="Receivers treat the mail as if there were no SPF record.",
        do=f"The owner of {domain} should list the servers that send, and end the record in ~all or -all.",
        evidence=story.evidence,
        reference="RFC 7208 §2.6.2, §4.7",
    )


def _no_record(story: Story) -> Finding:
    domain = story.where
    return warning(
        "spf-no-record",
        f"{domain} has no SPF record.",
        why="So nobody can tell which servers may send. Receivers mistrust such mail.",
        do=f"The owner of {domain} should publish one TXT record: v=spf1, the servers that send, and -all or ~all.",
        evidence=story.evidence,
        reference="RFC 7208 §4.5",
    )


def _no_domain(story: Story) -> Finding:
    return note(
        "spf-no-domain",
        f"{_named(story.sender)} has no domain that can have an SPF record.",
        why="A full domain name is needed, with at least one dot and labels of 1 to 63 characters.",
        do="Whoever runs the sending server must let it give its full host name and a full return path.",
        reference="RFC 7208 §4.3",
    )


def _bad_address(story: Story) -> Finding:
    return error(
        "spf-bad-address",
        f"{_named(story.ip)} is not an IP address, so SPF cannot be checked.",
        why="SPF asks whether one address may send.",
        do="Give the address of the server that handed the mail in, such as 192.0.2.1.",
        reference="RFC 7208 §4.1",
    )


def _no_answer(story: Story) -> Finding:
    term, domain = story.decided.term, story.where
    where = f"for {_shown(term.text)} in the SPF record of {domain}" if term else f"for the SPF record of {domain}"
    return warning(
        "spf-no-answer",
        f"The DNS gave no answer {where}, so SPF could not be checked.",
        why="It may be over in a minute. Until then receivers may ask for the mail to be sent again later.",
        do="Nothing for now: try again. If it lasts, the owner of that name must mend its DNS.",
        evidence=story.evidence,
        reference="RFC 7208 §4.4, §5",
    )


def _too_many_lookups(story: Story) -> Finding:
    domain = story.domain
    return error(
        "spf-too-many-lookups",
        f"The SPF record of {domain} needs more than 10 lookups in the DNS.",
        why="Receivers stop at 10 and treat the whole record as wrong. Each include, a, mx, exists, ptr and redirect counts.",
        do=f"The owner of {domain} must remove includes that are not needed, or write addresses as ip4: and ip6: instead.",
        evidence=story.evidence,
        reference="RFC 7208 §4.6.4",
    )


def _too_many_voids(story: Story) -> Finding:
    domain = story.domain
    return error(
        "spf-too-many-voids",
        f"The SPF record of {domain} has more than 2 terms that lead nowhere ({story.voids} of {story.lookups} lookups).",
        why="Receivers stop there and treat the whole record as wrong.",
        do=f"The owner of {domain} must remove the names that are gone.",
        evidence=story.evidence,
        reference="RFC 7208 §4.6.4",
    )


def _too_many_hosts(story: Story) -> Finding:
    return error(
        "spf-too-many-hosts",
        f"An mx in the SPF record of {story.where} leads to more than 10 mail servers.",
        why="Receivers stop at 10 and treat the whole record as wrong.",
        do=f"The owner of {story.where} must write the addresses as ip4: and ip6: instead of that mx.",
        evidence=story.evidence,
        reference="RFC 7208 §4.6.4",
    )


def _several(story: Story) -> Finding:
    domain = story.where
    return error(
        "spf-several-records",
        f"{domain} has more than one SPF record.",
        why="Receivers cannot tell which one holds, and treat both as wrong.",
        do=f"The owner of {domain} must merge them into one record and remove the others.",
        evidence=story.evidence,
        reference="RFC 7208 §4.5",
    )


def _syntax(story: Story) -> Finding:
    domain = story.where
    faults = story.decided.record.faults if story.decided.record else ()
    mends = " ".join(dict.fromkeys([fault.do for fault in faults[:5]]))
    return error(
        "spf-syntax",
        f"The SPF record of {domain} has {'a fault' if len(faults) == 1 else f'{len(faults)} faults'} in it.",
        why="Receivers treat the whole record as wrong, whatever else is in it.",
        do=f"The owner of {domain} must correct it. {mends}",
        evidence=(*story.evidence, *[f"at {fault.position}: {_shown(fault.text)}: {fault.what}" for fault in faults[:20]]),
        reference="RFC 7208 §4.6",
    )


def _leads_nowhere(story: Story) -> Finding:
    domain, term = story.where, story.decided.term
    return error(
        "spf-include-without-record",
        f"The SPF record of {domain} leads to a domain without an SPF record: {_shown(term.text if term else '')}.",
        why="Receivers treat the whole record as wrong.",
        do=f"The owner of {domain} must correct or remove that part.",
        evidence=story.evidence,
        reference="RFC 7208 §5.2, §6.1",
    )


_WORDS: dict[SpfOutcome, Callable[[Story], Finding]] = {
    SpfOutcome.MATCH: _judged,
    SpfOutcome.DEFAULT: _judged,
    SpfOutcome.ONWARD: _judged,
    SpfOutcome.NO_RECORD: _no_record,
    SpfOutcome.NO_DOMAIN: _no_domain,
    SpfOutcome.NO_ANSWER: _no_answer,
    SpfOutcome.SEVERAL: _several,
    SpfOutcome.SYNTAX: _syntax,
    SpfOutcome.LOOKUPS: _too_many_lookups,
    SpfOutcome.VOIDS: _too_many_voids,
    SpfOutcome.HOSTS: _too_many_hosts,
    SpfOutcome.INCLUDED_NONE: _leads_nowhere,
    SpfOutcome.REDIRECTED_NONE: _leads_nowhere,
    SpfOutcome.BAD_ADDRESS: _bad_address,
}
_PASS = SpfResult.PASS
