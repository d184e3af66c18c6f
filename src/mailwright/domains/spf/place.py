"""What is wrong with how a record stands in the DNS: beside what, how long, how cut."""

from collections.abc import Iterator

from mailwright.auth import read_spf
from mailwright.auth.spf.parse import is_spf
from mailwright.dns import Found, Txt
from mailwright.dns.records import MAX_PIECE
from mailwright.domains.spf.facts import SpfFacts, shown
from mailwright.domains.spf.repair import lost_blanks
from mailwright.domains.spf.strings import ADVISED, EDNS, UDP, answer_size
from mailwright.values import Finding
from mailwright.values.finding import error, note, warning

DAY = 86_400  # seconds


def place_findings(facts: SpfFacts) -> Iterator[Finding]:
    """Of all TXT records at the domain together, and of each SPF record."""
    yield from _aliased(facts)
    yield from _old_forms(facts)
    yield from _sizes(facts)
    for record in facts.records:
        yield from _cuts(facts, record)


def _aliased(facts: SpfFacts) -> Iterator[Finding]:
    domain, alias = facts.domain, facts.alias
    if not isinstance(alias, Found) or not alias.names:
        return
    target = alias.names[0]
    if facts.owner == domain and facts.texts:
        yield error(
            "spf-beside-alias",
            f"{domain} is an alias (CNAME) of {target}, and has TXT records beside it.",
            why="Nothing may stand beside a CNAME. Some receivers see your record, others that of the target, others none.",
            do=f"Take the CNAME away (use A and AAAA, or an ALIAS), or the TXT records, and publish SPF at {target}.",
            evidence=(f"{domain} CNAME {target}", *facts.evidence),
            reference="RFC 1034 §3.6.2; RFC 2181 §10.1",
        )
    elif facts.owner != domain:
        yield note(
            "spf-behind-alias",
            f"{domain} is an alias (CNAME); its SPF record is that of {facts.owner}.",
            why="A TXT record cannot be put beside the alias: what is changed must be changed there.",
            do=f"Whoever runs {facts.owner} must publish the record.",
            evidence=(f"{domain} CNAME {target}",),
            reference="RFC 1034 §3.6.2",
        )


def _old_forms(facts: SpfFacts) -> Iterator[Finding]:
    domain, outdated = facts.domain, facts.outdated
    if isinstance(outdated, Found) and outdated.texts:
        yield warning(
            "spf-type-outdated",
            f"{domain} has a record of the old type SPF (99).",
            why="No receiver asks for it any more; somebody may change it and wonder why nothing happens.",
            do="Take it away. Only the TXT record holds.",
            evidence=tuple([f"{domain} SPF: {shown(text)}" for text in outdated.texts]),
            reference="RFC 7208 §3.1",
        )
    sender_id = [record.text for record in facts.texts if record.text.lower().startswith("spf2.0")]
    if sender_id:
        yield warning(
            "spf-sender-id",
            f"{domain} has a Sender ID record (spf2.0).",
            why="Sender ID was given up; receivers do not read it, and it is no SPF record.",
            do="Take it away.",
            evidence=tuple([f"{domain} TXT: {shown(text)}" for text in sender_id]),
            reference="RFC 6686; RFC 4406",
        )


def _sizes(facts: SpfFacts) -> Iterator[Finding]:
    domain, answer = facts.domain, facts.answer
    if not isinstance(answer, Found):
        return
    if facts.records and answer.ttl > DAY:
        yield warning(
            "spf-ttl-long",
            f"The SPF record of {domain} may be kept for {answer.ttl // 3600} hours (TTL {answer.ttl}).",
            why="For so long after a change receivers go by the old record: a new server's mail fails meanwhile.",
            do="Set the TTL to 3600 seconds, at least a day before you change the record.",
            evidence=(f"TTL {answer.ttl}",),
            reference="RFC 1035 §3.2.1",
        )
    yield from _lengths(facts)


def _lengths(facts: SpfFacts) -> Iterator[Finding]:
    domain = facts.domain
    size = answer_size(domain, facts.texts)
    longest = max([len(domain) + len(record.text) for record in facts.records], default=0)
    if facts.is_huge:
        yield error(
            "spf-record-long",
            f"The SPF record of {domain} has {longest} octets and is not read any further.",
            why="No record that receivers can use is nearly so long.",
            do=f"The owner of {domain} must write it anew.",
            reference="RFC 7208 §3.4",
        )
    elif longest > ADVISED:
        what = f"With its name, the SPF record of {domain} has {longest} octets, more than the {ADVISED} that are advised"
        yield warning(
            "spf-record-long",
            what + (f" and than the {UDP} of a plain DNS answer." if longest > UDP else "."),
            why="Its answer does not fit a plain DNS packet. Some DNS servers and firewalls let longer ones get lost.",
            do="Take out what is needless, or move a group of terms into a record of its own and include that.",
            evidence=facts.evidence,
            reference="RFC 7208 §3.4",
        )
    if facts.records and size > EDNS:
        yield warning(
            "spf-answer-large",
            f"The TXT records of {domain} make an answer of {size} octets, SPF among them.",
            why=f"Above {EDNS} octets an answer is cut up, or asked for again by TCP; both fail behind some firewalls.",
            do="Take away TXT records that nobody needs any more, such as proofs of ownership that were checked long ago.",
            evidence=(f"{len(facts.texts)} TXT records, {size} octets",),
            reference="RFC 7208 §3.4; DNS Flag Day 2020",
        )


def _cuts(facts: SpfFacts, record: Txt) -> Iterator[Finding]:
    """Strings are joined with nothing between: a blank that was lost where they meet makes one term of two."""
    for _, left, right in lost_blanks(record):
        yield error(
            "spf-space-lost",
            f"In the SPF record of {facts.domain} the blank between {shown(left)} and {shown(right)} is lost.",
            why="It is cut into strings, which are joined with nothing between, so the two terms are read as one.",
            do=f"Put a blank behind {left}, at the end of that string; or cut the record in the middle of a term.",
            evidence=(str(record),),
            reference="RFC 7208 §3.3",
        )
    octets = record.text.encode("utf-8", "surrogateescape")
    spf = read_spf(record.text)
    is_ended = spf.all or spf.redirect
    if is_spf(record.text) and len(octets) in (MAX_PIECE - 1, MAX_PIECE) and not is_ended:
        yield error(
            "spf-cut-off",
            f"The SPF record of {facts.domain} is exactly {len(octets)} octets long and has no end: it was cut off.",
            why="One string holds 255 octets. Some DNS hosts drop the rest without a word, so terms are missing.",
            do="Enter the record anew, in several strings of at most 255 octets.",
            evidence=(str(record),),
            reference="RFC 7208 §3.3; RFC 1035 §3.3",
        )
