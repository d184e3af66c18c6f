"""What harms in the terms of the domain's own record, though receivers can read it."""

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network

from mailwright.auth import SpfKind, SpfRecord, SpfTerm, read_spf
from mailwright.auth.spf.network import BITS4, BITS6
from mailwright.auth.spf.parse import is_spf
from mailwright.domains.spf.facts import SpfFacts, shown
from mailwright.domains.spf.redundant import redundant_terms
from mailwright.domains.spf.repair import rejoined, repaired
from mailwright.values import Finding
from mailwright.values.finding import note, warning

WIDE4 = 8  # an ip4 wider than a /8 is more than anybody has
WIDE6 = 16  # the registries hand out at most a /16 of IPv6, to the very largest


def own_findings(facts: SpfFacts, *, signs: bool | None) -> Iterator[Finding]:
    """Of each record of the domain; `signs` is whether its mail is signed by DKIM, None where that is not known."""
    for one in facts.records:
        record = read_spf(repaired(rejoined(one))[0])
        yield from _open_end(facts.domain, record)
        yield from _strict_end(facts.domain, record, signs=signs)
        yield from _behind_end(facts.domain, record)
        yield from _networks(facts.domain, record)
        yield from _redundant(facts.domain, record)
        yield from _modifiers(facts.domain, record, is_read=is_spf(one.text))


def _open_end(domain: str, record: SpfRecord) -> Iterator[Finding]:
    """A record that keeps nobody from sending in the domain's name."""
    end = record.all
    if end is None and record.redirect is None:
        yield warning(
            "spf-end-missing",
            f"The SPF record of {domain} does not say what holds for other servers.",
            why="It is read as if it ended in ?all: nobody is kept from sending in your name.",
            do="End it in ~all, or in -all when every server is listed and your mail is signed by DKIM.",
            evidence=(shown(record.text),),
            reference="RFC 7208 §4.7, §5.1",
        )
    if end and end.qualifier == "+":
        yield warning(
            "spf-all-passes",
            f"The SPF record of {domain} lets every server in the world send in its name ({end.text}).",
            why="Whoever forges your mail passes SPF and, with it, DMARC.",
            do="List the servers that send, and end the record in ~all.",
            evidence=(shown(record.text),),
            reference="RFC 7208 §5.1, §11.4",
        )
    if end and end.qualifier == "?":
        yield warning(
            "spf-all-neutral",
            f"The SPF record of {domain} ends in ?all, which says nothing about other servers.",
            why="Receivers must treat their mail as if there were no record. It makes no mail more welcome than ~all does.",
            do="End it in ~all.",
            evidence=(shown(record.text),),
            reference="RFC 7208 §2.6.2, §8.2",
        )


def _strict_end(domain: str, record: SpfRecord, *, signs: bool | None) -> Iterator[Finding]:
    end = record.all
    if end and end.qualifier == "-" and signs is False:
        yield warning(
            "spf-strict-without-dkim",
            f"The SPF record of {domain} ends in -all, and its mail is not signed by DKIM.",
            why="Mail that somebody forwards comes from a server that is not listed, and nothing else proves it to be yours: "
            "many receivers refuse it.",
            do="Sign with DKIM, or end the record in ~all until you do.",
            evidence=(shown(record.text),),
            reference="RFC 7208 §2.4, §8.4; RFC 9989",
        )


def _behind_end(domain: str, record: SpfRecord) -> Iterator[Finding]:
    """What an `all` switches off."""
    end, redirect = record.all, record.redirect
    if end is None:
        return
    behind = [term for term in record.terms[record.terms.index(end) + 1 :] if term.qualifier]
    if behind:
        yield warning(
            "spf-terms-after-all",
            f"Terms behind {end.text} in the SPF record of {domain} are never read.",
            why=f"{end.text} matches everybody, so who is only listed behind it is not listed.",
            do=f"Put {' '.join([term.text for term in behind])} before {end.text} if those servers shall pass, else take it out.",
            evidence=(shown(record.text),),
            reference="RFC 7208 §5.1",
        )
    if redirect:
        yield warning(
            "spf-redirect-ignored",
            f"{redirect.text} in the SPF record of {domain} is ignored, because there is an all.",
            why="A redirect holds only where no all is. Who passes by that record alone does not pass.",
            do=f"Take one of the two out; if both are meant, write include:{redirect.value} before {end.text}.",
            evidence=(shown(record.text),),
            reference="RFC 7208 §6.1",
        )


def _networks(domain: str, record: SpfRecord) -> Iterator[Finding]:
    for term in record.terms:
        if term.network < 0 or term.qualifier != "+":
            continue
        bits = BITS4 if term.kind is SpfKind.IP4 else BITS6
        if bits - term.shift < (WIDE4 if bits == BITS4 else WIDE6):
            yield warning(
                "spf-network-wide",
                f"{term.text} in the SPF record of {domain} lets {'most of ' if term.shift == bits else ''}the Internet send.",
                why="So large a network is nobody's own. Whoever has an address in it can forge your mail and pass.",
                do="Write the network of your servers. A single address needs no slash.",
                evidence=(shown(record.text),),
                reference="RFC 7208 §5.6",
            )
        elif not _is_public(term, bits):
            yield warning(
                "spf-network-private",
                f"{term.text} in the SPF record of {domain} is a private or reserved network.",
                why="No receiver ever sees mail from such an address; your server is seen by the public address of your line.",
                do="Write the public address by which your server sends, and take this one out.",
                evidence=(shown(record.text),),
                reference="RFC 6890; RFC 1918",
            )


def _is_public(term: SpfTerm, bits: int) -> bool:
    """Whether it is out of the networks that nobody is seen by (RFC 6890)."""
    number, length = term.network << term.shift, bits - term.shift
    network = IPv4Network((number, length)) if bits == BITS4 else IPv6Network((number, length))
    return not (network.is_private or network.is_reserved or network.is_multicast or network.is_link_local)


def _redundant(domain: str, record: SpfRecord) -> Iterator[Finding]:
    end = record.all
    steps = record.terms[: record.terms.index(end)] if end else record.terms
    for one in redundant_terms(domain, steps):
        if not one.is_same:
            yield warning(
                "spf-terms-contradict",
                f"{one.term.text} in the SPF record of {domain} is never reached: {one.by.text} has decided before.",
                why="The first term that matches decides. The two say different things of the same servers.",
                do="Keep the one that is meant.",
                evidence=(shown(record.text),),
                reference="RFC 7208 §4.6.2",
            )
        elif one.term.shift != one.by.shift:
            yield warning(
                "spf-networks-overlap",
                f"{one.term.text} in the SPF record of {domain} lies within {one.by.text}.",
                why="It does no harm but takes room, and somebody may believe that taking it out changes something.",
                do=f"Take {one.term.text} out.",
                evidence=(shown(record.text),),
                reference="RFC 7208 §3.4",
            )
        else:
            yield warning(
                "spf-term-repeated",
                f"{one.term.text} in the SPF record of {domain} says again what {one.by.text} says.",
                why="If it asks the DNS, it costs its lookups twice, of 10 that are allowed.",
                do=f"Keep one of them; behind the other nothing can match any more ({one.by.text}).",
                evidence=(shown(record.text),),
                reference="RFC 7208 §4.6.4",
            )


def _modifiers(domain: str, record: SpfRecord, *, is_read: bool) -> Iterator[Finding]:
    for term in record.terms:
        if term.kind is SpfKind.MODIFIER and is_read:
            yield warning(
                "spf-modifier-unknown",
                f"{term.text} in the SPF record of {domain} is not known to SPF, so receivers ignore it.",
                why="It has no effect. Mostly it is a slip, or belongs into another record, such as that of DMARC.",
                do="Take it out, or correct it.",
                evidence=(shown(record.text),),
                reference="RFC 7208 §6",
            )
        if term.kind is SpfKind.PTR:
            yield warning(
                "spf-ptr",
                f"The SPF record of {domain} uses ptr.",
                why="It is slow, it fails with the sender's reverse DNS, and some receivers skip it. The standard says not to.",
                do="Write the servers as a:, ip4: or ip6:, then take ptr out.",
                evidence=(shown(record.text),),
                reference="RFC 7208 §5.5",
            )
        if term.macros and not term.macros.letters <= {"d", "o"} and term.asks and not term.fault:
            yield note(
                "spf-macro-unfollowed",
                f"{term.text} in the SPF record of {domain} asks for a name that depends on each mail.",
                why="Whom it lets pass, and what is behind it, cannot be known beforehand: the count of lookups is the least "
                "that it can be.",
                do="Nothing, if a service told you to publish it; its makers answer for it.",
                evidence=(shown(record.text),),
                reference="RFC 7208 §7",
            )
