"""Where mail for a domain goes: its mail hosts with their addresses, in the order in which to try them (RFC 5321 §5.1)."""

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from typing import TypeAlias

from mailwright.dns import Answer, Asking, Cause, Failed, Found, Missing, Mx, Question, ask, askable
from mailwright.routing import mx_words
from mailwright.routing.mx_words import Said
from mailwright.values import Domain, Finding, Reply

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
        return _unknown(domain, f"{domain.name} MX", answer)
    if isinstance(answer, Missing):
        # "If an empty list of MXs is returned, the address is treated as if it was associated with an implicit MX RR,
        # with a preference of 0, pointing to that host" (RFC 5321 §5.1)
        if not answer.name_exists:
            return _no_route(mx_words.MISSING, domain, (f"{domain.name} MX: no such name",))
        return MxSite(domain.name, (Mx(0, domain.name),), answer.ttl)
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
        return _no_route(mx_words.LOOP, domain, _records(domain, site.exchangers))
    tried = _ordered(before, shuffle)[:MAX_HOSTS]
    answers = yield tuple(chain.from_iterable(_questions(mx.host) for mx in tried))
    pairs = list(zip(tried, answers[::2], answers[1::2], strict=True))
    found = [MailHost(mx.host, _addresses(a, aaaa, ipv6_first), mx.preference) for mx, a, aaaa in pairs]
    own = min((host.preference for host in found if not frozenset(our_hosts).isdisjoint(host.addresses)), default=_BEYOND)
    hosts = tuple([host for host in found if host.addresses and host.preference < own])
    if hosts:
        return MailHosts(hosts, site.site, site.ttl, (*site.notes, *_notes(pairs)))
    if own < _BEYOND:
        return _no_route(mx_words.LOOP, domain, _records(domain, site.exchangers))
    return _without_address(domain, pairs)


_BEYOND = 1 << 16  # more than any preference, RFC 1035 §3.3.9
_HOST = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.")


def _questions(host: str) -> tuple[Question, Question]:
    return Question(host, "A"), Question(host, "AAAA")


def _from_records(domain: Domain, answer: Found) -> MxSite | NoRoute:
    records = sorted(answer.exchangers)
    if all(mx.host == "" for mx in records):
        return _no_route(mx_words.NULL, domain, (f"{domain.name} MX 0 .",))
    notes: list[Finding] = []
    usable: dict[str, Mx] = {}
    for mx in records:
        if mx.host == "":
            notes.append(mx_words.NULL_BESIDE_OTHERS.finding(_records(domain, records), domain=domain.readable))
        elif not _is_host(mx.host):
            notes.append(mx_words.NO_HOST.finding(_records(domain, [mx]), domain=domain.readable))
        else:
            usable.setdefault(mx.host, mx)  # a host named twice is tried at its better preference
    if not usable:
        return _no_route(mx_words.NO_NAMES, domain, tuple(chain.from_iterable(finding.evidence for finding in notes)))
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
            notes.append(mx_words.ALIAS.finding((f"{mx.host} CNAME {aliases[0]}",), host=mx.host))
        if not any(isinstance(answer, Found) for answer in answers):
            notes.append(_host_without_address(mx, answers))
    return notes


def _host_without_address(mx: Mx, answers: Sequence[Answer]) -> Finding:
    failed = next((answer for answer in answers if isinstance(answer, Failed)), None)
    evidence = f"{mx.host} A, AAAA: {failed.detail or failed.cause if failed else 'no such record'}"
    fails = "could not be found out" if failed else "does not exist"
    return mx_words.WITHOUT_ADDRESS.finding((evidence,), host=mx.host, fails=fails)


def _without_address(domain: Domain, pairs: _Pairs) -> NoRoute:
    """No host has an address: for good only where the DNS said so of every one of them."""
    for mx, *answers in pairs:
        for type, answer in zip(("A", "AAAA"), answers, strict=True):
            if isinstance(answer, Failed):
                return _unknown(domain, f"{mx.host} {type}", answer)
    names = tuple([mx.host for mx, *_ in pairs])
    return _no_route(mx_words.NO_ADDRESS, domain, names, hosts=", ".join(names))


def _unknown(domain: Domain, question: str, failed: Failed) -> NoRoute:
    """Not to know is never "there is none": it is tried again (RFC 5321 §5.1, RFC 3463 §3.5 X.4.3)."""
    said = mx_words.BOGUS if failed.cause is Cause.BOGUS else mx_words.SILENT
    return _no_route(said, domain, (f"{question}: {failed.detail or failed.cause}",), cause=failed.cause)


def _no_route(said: Said, domain: Domain, evidence: tuple[str, ...], **filled: str) -> NoRoute:
    return NoRoute(said.reply_for(name=domain.name, **filled), said.finding(evidence, domain=domain.readable, **filled))


def _records(domain: Domain, records: Sequence[Mx]) -> tuple[str, ...]:
    return tuple([f"{domain.name} MX {mx}" for mx in records])
