"""Faults in the text of a record: what is written, what was meant, what receivers make of it."""

from collections.abc import Iterator

from mailwright.auth import SpfFault, SpfKind, SpfRecord, read_spf
from mailwright.domains.spf.facts import SpfFacts, shown
from mailwright.domains.spf.repair import Repair, rejoined, repaired
from mailwright.values import Finding
from mailwright.values.finding import error

_WHOLE = "Receivers treat the whole record as wrong, whatever else is in it."


def fault_findings(facts: SpfFacts) -> Iterator[Finding]:
    """All faults of the domain's own records: first those for which it is clear what was meant, then the others."""
    for record in facts.records:
        meant, repairs = repaired(rejoined(record))
        for repair in repairs:
            yield _repairable(facts.domain, repair)
        rest = read_spf(meant)
        for fault in rest.faults:
            yield _fault(facts.domain, rest, fault)


def _repairable(domain: str, repair: Repair) -> Finding:
    seen = (f"written: {shown(repair.written)}", f"meant: {shown(repair.meant)}")
    do = f"Write {repair.meant}" if repair.meant else f"Take {repair.written} out"
    do = f"{do}." if len(do) <= 80 else "Publish the corrected record."
    match repair.mistake:
        case "version":
            what = f"A TXT record of {domain} is meant as an SPF record, and does not begin with v=spf1 and a blank."
            why = "So no receiver takes it for one, and what is in it does nothing."
            return error("spf-version-wrong", what, why=why, do=do, evidence=seen, reference="RFC 7208 §4.5")
        case "character":
            what = f"The SPF record of {domain} has characters that only look like a dash, a blank or a quote, or like nothing."
            do = "Type the record anew in plain ASCII; pages and word processors put such characters in."
            return error("spf-character-wrong", what, why=_WHOLE, do=do, evidence=seen, reference="RFC 7208 §3.1")
        case "separator":
            what = f"Terms of the SPF record of {domain} are parted by commas, semicolons or quotes."
            return error(
                "spf-separator-wrong",
                what,
                why=f"Only blanks part terms. {_WHOLE}",
                do=do,
                evidence=seen,
                reference="RFC 7208 §4.6.1",
            )
        case _:
            return _misplaced(domain, repair, do, seen)


def _misplaced(domain: str, repair: Repair, do: str, seen: tuple[str, ...]) -> Finding:
    """Blanks, signs and names that are not where they belong."""
    match repair.mistake:
        case "space-inside":
            what = f"There is a blank inside of a term in the SPF record of {domain}."
            return error(
                "spf-space-inside",
                what,
                why=f"It makes two terms of one. {_WHOLE}",
                do=do,
                evidence=seen,
                reference="RFC 7208 §4.6.1",
            )
        case "space-missing":
            what = f"A blank is missing before all in the SPF record of {domain}."
            why = "The two terms are read as one that leads nowhere, and the record has no end."
            return error("spf-space-missing", what, why=why, do=do, evidence=seen, reference="RFC 7208 §4.6.1")
        case "modifier":
            what = f"The SPF record of {domain} has an equals sign where a colon belongs, or the other way round."
            why = "Receivers ignore include= as something that they do not know, so it lets nobody pass; redirect: is an error."
            return error("spf-modifier-mistaken", what, why=why, do=do, evidence=seen, reference="RFC 7208 §4.6.1, §6")
        case "mechanism":
            return _unknown_mechanism(domain, do, seen)
        case _:
            return _wrong_address(domain, do, seen)


def _fault(domain: str, record: SpfRecord, fault: SpfFault) -> Finding:
    """A fault for which it is not clear what was meant."""
    seen = (f"at {fault.position}: {shown(fault.text)}: {fault.what}",)
    term = next((term for term in record.terms if term.position == fault.position), None)
    kind = term.kind if term else SpfKind.BROKEN
    if term and not term.fault and kind in (SpfKind.REDIRECT, SpfKind.EXP):
        what = f"The SPF record of {domain} has more than one {kind}=."
        return error("spf-modifier-repeated", what, why=_WHOLE, do=fault.do, evidence=seen, reference="RFC 7208 §6")
    if kind is SpfKind.BROKEN and "=" in fault.text:
        what = f"The SPF record of {domain} has a modifier with a sign in front, or with a name that cannot be."
        return error("spf-modifier-qualified", what, why=_WHOLE, do=fault.do, evidence=seen, reference="RFC 7208 §4.6.1")
    if kind is SpfKind.BROKEN:
        return _unknown_mechanism(domain, fault.do, seen)
    if kind in (SpfKind.IP4, SpfKind.IP6) or "prefix length" in fault.what:
        return _wrong_address(domain, fault.do, seen)
    if "%" in fault.text:
        what = f"The SPF record of {domain} has a macro that is none: %{{c}}, %{{r}} and %{{t}} hold in explanations only."
        return error("spf-macro-wrong", what, why=_WHOLE, do=fault.do, evidence=seen, reference="RFC 7208 §7.1, §7.2")
    what = f"A term of the SPF record of {domain} cannot be read."
    return error("spf-term-malformed", what, why=_WHOLE, do=fault.do, evidence=seen, reference="RFC 7208 §4.6")


def _unknown_mechanism(domain: str, do: str, seen: tuple[str, ...]) -> Finding:
    what = f"The SPF record of {domain} has a mechanism that does not exist."
    return error("spf-mechanism-unknown", what, why=_WHOLE, do=do, evidence=seen, reference="RFC 7208 §4.6.1, §5")


def _wrong_address(domain: str, do: str, seen: tuple[str, ...]) -> Finding:
    what = f"An address or prefix length in the SPF record of {domain} is wrong."
    return error("spf-address-wrong", what, why=_WHOLE, do=do, evidence=seen, reference="RFC 7208 §5.6")
