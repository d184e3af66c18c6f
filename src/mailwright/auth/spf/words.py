"""An SPF result in plain words: what happened, what it means, who must act and how, with the records as evidence."""

from mailwright.auth.spf.record import SpfResult, SpfTerm
from mailwright.auth.spf.visit import SpfOutcome, SpfVisit
from mailwright.dns import Failed, Found
from mailwright.dns.records import quoted
from mailwright.values import Finding
from mailwright.values.finding import error, note, warning

SHOWN = 500  # octets of a record that are shown: what fits a UDP answer (RFC 7208 §3.4)
_OWNER = "Only the owner of the domain can mend it."


def reason_of(tree: SpfVisit, *, ip: str, sender: str, lookups: int, voids: int) -> Finding:
    """Why a check ended as it did."""
    decided = tree.decided
    evidence = evidence_of(tree)
    if decided.outcome in (SpfOutcome.MATCH, SpfOutcome.DEFAULT):
        return _judged(tree, ip, sender, evidence)
    if decided.outcome in (SpfOutcome.NO_RECORD, SpfOutcome.NO_DOMAIN, SpfOutcome.BAD_ADDRESS):
        return _not_checked(decided, ip, sender, evidence)
    if decided.outcome is SpfOutcome.NO_ANSWER:
        return _unanswered(decided, evidence)
    if decided.outcome in (SpfOutcome.LOOKUPS, SpfOutcome.VOIDS, SpfOutcome.HOSTS):
        return _over(tree, decided, lookups, voids, evidence)
    return _faulty(decided, evidence)


def evidence_of(tree: SpfVisit) -> tuple[str, ...]:
    """The records on the way to the decision, one a line, with the term of each that led on or decided."""
    lines: list[str] = []
    for visit in tree.way():
        if visit.domain:
            lines.append(f"{visit.domain} TXT: {_seen(visit)}")
        if visit.term:
            lines.append(f"decided by: {_shown(visit.term.text)}")
    return tuple(lines)


def _seen(visit: SpfVisit) -> str:
    if visit.record:
        return _shown(visit.record.text)
    if isinstance(visit.answer, Failed):
        return f"no answer ({visit.answer.detail or visit.answer.cause})"
    if isinstance(visit.answer, Found) and visit.outcome is SpfOutcome.SEVERAL:
        return " and ".join([_shown(text) for text in visit.answer.texts if text[:6].lower() == "v=spf1"][:3])
    return "no SPF record"


def _shown(text: str) -> str:
    """Text of others, safe for any page or log."""
    if text.isascii() and text.isprintable() and not ('"' in text or "\\" in text):
        return f'"{text[:SHOWN]}"' + (" ..." if len(text) > SHOWN else "")
    octets = text.encode("utf-8", "backslashreplace" if _has_halves(text) else "surrogateescape")
    return quoted(octets[:SHOWN]) + (" ..." if len(octets) > SHOWN else "")


def _has_halves(text: str) -> bool:
    return any("\ud800" <= char < "\udc80" or "\udcff" < char <= "\udfff" for char in text)


def _judged(tree: SpfVisit, ip: str, sender: str, evidence: tuple[str, ...]) -> Finding:
    domain, decided = tree.domain, tree.decided
    match tree.result:
        case SpfResult.PASS:
            return note(
                "spf-pass",
                f"{ip} may send mail for {domain}.",
                why=f"The owner of {domain} lists this server in the SPF record.",
                evidence=evidence,
                reference="RFC 7208 §2.6.3",
            )
        case SpfResult.FAIL:
            return error(
                "spf-fail",
                f"{ip} may not send mail for {domain}.",
                why=f"The SPF record of {domain} forbids it. Many receivers refuse such mail.",
                do=f"If mail as {sender} should leave through {ip}, the owner of {domain} must add that server to the SPF "
                "record. If it was forwarded, the forwarder must put its own domain into the return path.",
                evidence=evidence,
                reference="RFC 7208 §2.6.4",
            )
        case SpfResult.SOFTFAIL:
            return warning(
                "spf-softfail",
                f"{ip} should not send mail for {domain}.",
                why=f"It is not in the SPF record of {domain}, which ends in ~all. Receivers mistrust such mail.",
                do=f"If mail as {sender} should leave through {ip}, the owner of {domain} must add that server to the record.",
                evidence=evidence,
                reference="RFC 7208 §2.6.5",
            )
    ends = "nothing in it matches" if decided.outcome is SpfOutcome.DEFAULT else "it says so itself"
    return warning(
        "spf-neutral",
        f"The SPF record of {domain} says neither that {ip} may send, nor that it may not: {ends}.",
        why="Receivers treat the mail as if there were no SPF record.",
        do=f"The owner of {domain} should list the servers that send, and end the record in ~all or -all.",
        evidence=evidence,
        reference="RFC 7208 §2.6.2, §4.7",
    )


def _not_checked(decided: SpfVisit, ip: str, sender: str, evidence: tuple[str, ...]) -> Finding:
    if decided.outcome is SpfOutcome.BAD_ADDRESS:
        return error(
            "spf-bad-address",
            f"{ip[:60]!r} is not an IP address, so SPF cannot be checked.",
            why="SPF asks whether one address may send.",
            do="Give the address of the server that handed the mail in, such as 192.0.2.1.",
            reference="RFC 7208 §4.1",
        )
    if decided.outcome is SpfOutcome.NO_DOMAIN:
        return note(
            "spf-no-domain",
            f"{sender[:120]!r} has no domain that can have an SPF record.",
            why="A full domain name is needed, with at least one dot and labels of 1 to 63 characters.",
            do="Whoever runs the sending server must let it give its full host name and a full return path.",
            reference="RFC 7208 §4.3",
        )
    return warning(
        "spf-no-record",
        f"{decided.domain} has no SPF record.",
        why="So nobody can tell which servers may send. Receivers mistrust such mail.",
        do=f"The owner of {decided.domain} should publish one TXT record: v=spf1 and the servers that send.",
        evidence=evidence,
        reference="RFC 7208 §4.5",
    )


def _unanswered(decided: SpfVisit, evidence: tuple[str, ...]) -> Finding:
    where = (
        f"of {decided.domain}" if decided.term is None else f"for {_shown(decided.term.text)} in the record of {decided.domain}"
    )
    return warning(
        "spf-no-answer",
        f"The DNS servers {where} did not answer, so SPF could not be checked.",
        why="It may be over in a minute. Until then receivers may ask for the mail to be sent again later.",
        do="Nothing for now: try again. If it lasts, the owner of that domain must mend its DNS.",
        evidence=evidence,
        reference="RFC 7208 §4.4, §5",
    )


def _over(tree: SpfVisit, decided: SpfVisit, lookups: int, voids: int, evidence: tuple[str, ...]) -> Finding:
    if decided.outcome is SpfOutcome.LOOKUPS:
        return error(
            "spf-too-many-lookups",
            f"The SPF record of {tree.domain} needs more than 10 lookups in the DNS ({lookups} so far).",
            why="Receivers stop at 10 and treat the whole record as wrong. Each include, a, mx, exists, ptr and redirect counts.",
            do=f"The owner of {tree.domain} must remove includes that are not needed, or write their addresses as ip4: and ip6:.",
            evidence=evidence,
            reference="RFC 7208 §4.6.4",
        )
    if decided.outcome is SpfOutcome.VOIDS:
        return error(
            "spf-too-many-voids",
            f"The SPF record of {tree.domain} names more than 2 hosts that do not exist ({voids} so far).",
            why="Receivers stop there and treat the whole record as wrong.",
            do=f"The owner of {tree.domain} must remove the names that are gone.",
            evidence=evidence,
            reference="RFC 7208 §4.6.4",
        )
    return error(
        "spf-too-many-hosts",
        f"An mx in the SPF record of {decided.domain} leads to more than 10 mail servers.",
        why="Receivers stop at 10 and treat the whole record as wrong.",
        do="The owner of the domain must write the addresses as ip4: and ip6: instead of that mx.",
        evidence=evidence,
        reference="RFC 7208 §4.6.4",
    )


def _faulty(decided: SpfVisit, evidence: tuple[str, ...]) -> Finding:
    if decided.outcome is SpfOutcome.SEVERAL:
        return error(
            "spf-several-records",
            f"{decided.domain} has more than one SPF record.",
            why="Receivers cannot tell which one holds, and treat both as wrong.",
            do=f"The owner of {decided.domain} must merge them into one record and remove the others.",
            evidence=evidence,
            reference="RFC 7208 §4.5",
        )
    if decided.outcome is SpfOutcome.SYNTAX:
        faults = decided.record.faults if decided.record else ()
        return error(
            "spf-syntax",
            f"The SPF record of {decided.domain} has {'a fault' if len(faults) == 1 else f'{len(faults)} faults'} in it.",
            why="Receivers treat the whole record as wrong, whatever else is in it.",
            do=" ".join(dict.fromkeys([fault.do for fault in faults[:5]])) + f" {_OWNER}",
            evidence=(*evidence, *[f"at {fault.position}: {_shown(fault.text)}: {fault.what}" for fault in faults[:20]]),
            reference="RFC 7208 §4.6",
        )
    return error(
        "spf-include-without-record",
        f"The SPF record of {decided.domain} leads to a domain without an SPF record: {_target(decided.term)}.",
        why="Receivers treat the whole record as wrong.",
        do=f"The owner of {decided.domain} must correct or remove that part.",
        evidence=evidence,
        reference="RFC 7208 §5.2, §6.1",
    )


def _target(term: SpfTerm | None) -> str:
    return _shown(term.text) if term else ""
