"""Where mail for a domain goes: its mail hosts with their addresses, in the order in which to try them (RFC 5321 §5.1)."""

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from typing import TypeAlias

from mailwright.dns import Answer, Asking, Cause, Failed, Found, Missing, Mx, Question, ask, askable
from mailwright.values import Domain, Finding, Reply
from mailwright.values.finding import error, note, warning

MAX_HOSTS = 10  # tried per domain; RFC 5321 §5.1 asks for at least two, the largest providers have seven
MAX_ADDRESSES = 8  # tried per host, both families together

Shuffle: TypeAlias = Callable[[Sequence[Mx]], Sequence[Mx]]  # the same records in random order


@dataclass(frozen=True, slots=True)
class MailHost:
    """One server to try, and its addresses in order."""

    name: str
    addresses: tuple[str, ...]
    preference: int


@dataclass(frozen=True, slots=True)
class MxSite:
    """What the MX records alone tell: hosts by preference and name, and the site that they are. `ttl` in seconds.

    Domains with the same hosts and the same first one share a site, whatever the preference numbers: so a limit on
    connections holds for the server, not for each of its customers.
    """

    site: str
    exchangers: tuple[Mx, ...]
    ttl: int
    notes: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class MailHosts:
    """Where to deliver, best host first. `ttl`: seconds for which the site may be remembered."""

    hosts: tuple[MailHost, ...]
    site: str
    ttl: int
    notes: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class NoRoute:
    """The mail cannot be sent: not now where `reply` is transient (4xx), not at all where it is permanent (5xx)."""

    reply: Reply
    reason: Finding


def mx_site(domain: Domain) -> Asking[MxSite | NoRoute]:
    """The mail exchangers of a domain: its MX records, or the domain itself where it has none (RFC 5321 §5.1)."""
    answer = yield from ask(Question(domain, "MX"))
    if isinstance(answer, Failed):
        return _unknown(domain, (f"{domain.name} MX", answer))
    if isinstance(answer, Missing):
        # "If an empty list of MXs is returned, the address is treated as if it was associated with an implicit MX RR,
        # with a preference of 0, pointing to that host" (RFC 5321 §5.1)
        return MxSite(domain.name, (Mx(0, domain.name),), answer.ttl) if answer.name_exists else _no_such_domain(domain)
    return _from_records(domain, answer)


def mail_hosts(
    domain: Domain, *, shuffle: Shuffle, our_hosts: Collection[str] = (), ipv6_first: bool = False
) -> Asking[MailHosts | NoRoute]:
    """The hosts to try for a domain, in two rounds of questions.

    `shuffle` spreads the load over hosts of equal preference (RFC 5321 §5.1 requires it). `our_hosts` are our own names
    and addresses: where they are among the hosts, only better ones are tried, and without any it is a loop.
    """
    site = yield from mx_site(domain)
    if not isinstance(site, MxSite):
        return site
    before = _before_ourselves(site.exchangers, our_hosts)
    if not before:
        return _loop(domain, site.exchangers)
    tried = _ordered(before, shuffle)[:MAX_HOSTS]
    answers = yield tuple(chain.from_iterable(_questions(mx.host) for mx in tried))
    pairs = list(zip(tried, answers[::2], answers[1::2], strict=True))
    found = [MailHost(mx.host, _addresses(a, aaaa, ipv6_first), mx.preference) for mx, a, aaaa in pairs]
    own = min((host.preference for host in found if not frozenset(our_hosts).isdisjoint(host.addresses)), default=_BEYOND)
    hosts = tuple([host for host in found if host.addresses and host.preference < own])
    if hosts:
        return MailHosts(hosts, site.site, site.ttl, (*site.notes, *_notes(pairs)))
    return _loop(domain, site.exchangers) if own < _BEYOND else _without_address(domain, pairs)


_BEYOND = 1 << 16  # more than any preference, RFC 1035 §3.3.9
_HOST = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.")


def _questions(host: str) -> tuple[Question, Question]:
    return Question(host, "A"), Question(host, "AAAA")


def _from_records(domain: Domain, answer: Found) -> MxSite | NoRoute:
    records = sorted(answer.exchangers)
    if all(mx.host == "" for mx in records):
        return _null_mx(domain)
    notes: list[Finding] = []
    usable: dict[str, Mx] = {}
    for mx in records:
        if mx.host == "":
            notes.append(_null_beside_others(domain, records))
        elif not _is_host(mx.host):
            notes.append(_no_host(domain, mx))
        else:
            usable.setdefault(mx.host, mx)  # a host named twice is tried at its better preference
    if not usable:
        return _no_hosts(domain, notes)
    exchangers = tuple(usable.values())
    return MxSite(_site(exchangers), exchangers, answer.ttl, tuple(notes))


def _site(exchangers: Sequence[Mx]) -> str:
    first = exchangers[0].host
    if len(exchangers) == 1:
        return first
    names = "\n".join(sorted(mx.host for mx in exchangers))
    return f"{first}+{hashlib.sha256(names.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"


def _before_ourselves(exchangers: Sequence[Mx], our_hosts: Collection[str]) -> list[Mx]:
    """Only hosts that are better than ourselves: the others would send it back to us (RFC 5321 §5.1)."""
    own = min((mx.preference for mx in exchangers if mx.host in our_hosts), default=_BEYOND)
    return [mx for mx in exchangers if mx.preference < own]


def _ordered(exchangers: Sequence[Mx], shuffle: Shuffle) -> list[Mx]:
    """By preference, equal ones at random (RFC 5321 §5.1)."""
    groups = groupby(exchangers, key=lambda mx: mx.preference)
    return list(chain.from_iterable(shuffle(list(equal)) for _, equal in groups))


def _addresses(a: Answer, aaaa: Answer, ipv6_first: bool) -> tuple[str, ...]:
    """A host's addresses in the order in which the DNS gave them (RFC 5321 §5.1), one family before the other."""
    ipv4, ipv6 = [answer.names if isinstance(answer, Found) else () for answer in (a, aaaa)]
    return ((*ipv6, *ipv4) if ipv6_first else (*ipv4, *ipv6))[:MAX_ADDRESSES]


def _is_host(name: str) -> bool:
    """Letters, digits, hyphens (RFC 1123 §2.1), and underscores, which some use; not an IP address (RFC 5321 §5.1)."""
    return _HOST.issuperset(name) and askable(name) and not name.replace(".", "").isdigit()


_Pairs: TypeAlias = Sequence[tuple[Mx, Answer, Answer]]


def _notes(pairs: _Pairs) -> list[Finding]:
    """What is wrong with some hosts, although mail can be delivered."""
    notes = []
    for mx, *answers in pairs:
        aliases = next((answer.chain for answer in answers if isinstance(answer, Found) and answer.chain), ())
        if aliases:
            notes.append(_alias_as_host(mx, aliases))
        if not any(isinstance(answer, Found) for answer in answers):
            notes.append(_host_without_address(mx, answers))
    return notes


def _without_address(domain: Domain, pairs: _Pairs) -> NoRoute:
    """No host has an address: for good only where the DNS said so of every one of them."""
    for mx, *answers in pairs:
        for type, answer in zip(("A", "AAAA"), answers, strict=True):
            if isinstance(answer, Failed):
                return _unknown(domain, (f"{mx.host} {type}", answer))
    names = tuple([mx.host for mx, *_ in pairs])
    reason = error(
        "no-mail-host",
        f"The domain {domain.readable} exists, but has no server that takes mail.",
        why="Its mail servers have no address: " + ", ".join(names) + ".",
        do="Check the part after the @. If it is right, the owner of the domain must correct its MX records.",
        evidence=names,
        reference="RFC 5321 §5.1",
    )
    return NoRoute(Reply.of(550, "5.4.4", f"{domain.name} has no mail server with an address"), reason)


def _unknown(domain: Domain, failed: tuple[str, Failed]) -> NoRoute:
    """Not to know is never "there is none": it is tried again (RFC 5321 §5.1, RFC 3463 §3.5 X.4.3)."""
    question, failure = failed
    bogus = failure.cause is Cause.BOGUS
    reason = warning(
        "dns-no-answer",
        f"It could not be found out where mail for {domain.readable} goes.",
        why="The signatures (DNSSEC) of its DNS records are wrong." if bogus else "The DNS servers of the domain gave no answer.",
        do="Nothing for now: it is tried again. If it lasts, the owner of the domain must mend its DNS.",
        evidence=(f"{question}: {failure.detail or failure.cause}",),
        reference="RFC 5321 §5.1",
    )
    return NoRoute(Reply.of(451, "4.4.3", f"DNS lookup for {domain.name} failed ({failure.cause})"), reason)


def _no_such_domain(domain: Domain) -> NoRoute:
    reason = error(
        "domain-missing",
        f"The domain {domain.readable} does not exist.",
        why="No mail can be sent to a domain that is not in the DNS.",
        do="Check the spelling of the part after the @.",
        evidence=(f"{domain.name} MX: no such name",),
        reference="RFC 3463 §3.2",
    )
    return NoRoute(Reply.of(550, "5.1.2", f"{domain.name} does not exist"), reason)


def _null_mx(domain: Domain) -> NoRoute:
    reason = error(
        "null-mx",
        f"The domain {domain.readable} takes no mail at all.",
        why="Its owner says so in the DNS, with a null MX record.",
        do="Check the part after the @, or ask the recipient for another address.",
        evidence=(f"{domain.name} MX 0 .",),
        reference="RFC 7505 §4.1",
    )
    return NoRoute(Reply.of(556, "5.1.10", f"{domain.name} accepts no mail (null MX)"), reason)


def _loop(domain: Domain, exchangers: Sequence[Mx]) -> NoRoute:
    reason = error(
        "mail-loop",
        f"Mail for {domain.readable} would come back to this server.",
        why="The MX records of the domain name this server, and no better one.",
        do="The operator must set a route for the domain, or its owner must correct the MX records.",
        evidence=tuple([f"{domain.name} MX {mx}" for mx in exchangers]),
        reference="RFC 5321 §5.1",
    )
    return NoRoute(Reply.of(554, "5.4.6", f"mail for {domain.name} loops back to this server"), reason)


def _no_hosts(domain: Domain, notes: Sequence[Finding]) -> NoRoute:
    reason = error(
        "no-mail-host",
        f"The domain {domain.readable} has no server that takes mail.",
        why="Its MX records have IP addresses or other text where the name of a server must stand.",
        do="The owner of the domain must put the names of its mail servers there.",
        evidence=tuple(chain.from_iterable(finding.evidence for finding in notes)),
        reference="RFC 5321 §5.1",
    )
    return NoRoute(Reply.of(550, "5.4.4", f"the MX records of {domain.name} name no host"), reason)


def _null_beside_others(domain: Domain, records: Sequence[Mx]) -> Finding:
    return note(
        "null-mx-beside-others",
        f"{domain.readable} has a null MX beside other MX records.",
        why="The one says that the domain takes no mail, the others that it does. The null MX is passed over.",
        do="The owner of the domain should remove one or the other.",
        evidence=tuple([f"{domain.name} MX {mx}" for mx in records]),
        reference="RFC 7505 §3",
    )


def _no_host(domain: Domain, mx: Mx) -> Finding:
    return warning(
        "mx-names-no-host",
        f"An MX record of {domain.readable} does not name a server. It is passed over.",
        why="An MX record must have a host name, not an IP address or other text.",
        do="The owner of the domain must put the name of the mail server there.",
        evidence=(f"{domain.name} MX {mx}",),
        reference="RFC 5321 §5.1",
    )


def _alias_as_host(mx: Mx, aliases: tuple[str, ...]) -> Finding:
    return note(
        "mx-is-alias",
        f"The mail server {mx.host} is an alias.",
        why="An MX record should name a host with an address of its own. Some senders refuse an alias.",
        do="The owner of the domain should put the real name into the MX record.",
        evidence=(f"{mx.host} CNAME {aliases[0]}",),
        reference="RFC 2181 §10.3, RFC 5321 §5.1",
    )


def _host_without_address(mx: Mx, answers: Sequence[Answer]) -> Finding:
    failed = [answer for answer in answers if isinstance(answer, Failed)]
    return warning(
        "mx-without-address",
        f"The address of the mail server {mx.host} {'could not be found out' if failed else 'does not exist'}.",
        why="It cannot be tried; the other mail servers of the domain can.",
        do="The owner of the domain should correct the MX record or the name.",
        evidence=(f"{mx.host} A, AAAA: {failed[0].detail or failed[0].cause if failed else 'no such record'}",),
        reference="RFC 5321 §5.1",
    )
