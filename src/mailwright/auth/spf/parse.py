"""The reader of SPF records (RFC 7208 §4.6.1, §12): it goes on past every fault, so that all are told at once."""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import NamedTuple

from mailwright.auth.spf.macros import MacroText, read_domain_spec, read_macro_string
from mailwright.auth.spf.network import BITS4, BITS6, read_length, read_network
from mailwright.auth.spf.record import ASKING, MECHANISMS, QUALIFIERS, SpfFault, SpfKind, SpfRecord, SpfResult, SpfTerm
from mailwright.dns import Question, RecordType, askable, canonical
from mailwright.values import Malformed

VERSION = "v=spf1"  # RFC 7208 §4.5
_VERSIONS = (VERSION, VERSION + " ")
MAX_KEPT = 1024  # characters of a record whose tree is kept: real ones fit a UDP answer (§3.4), and memory stays bounded
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_NAME = _LETTERS | frozenset("0123456789-_.")  # RFC 7208 §4.6.1 name
_TYPES: dict[SpfKind, RecordType] = {SpfKind.INCLUDE: "TXT", SpfKind.REDIRECT: "TXT", SpfKind.MX: "MX"}  # a: by the client
_HINTS = {
    "ip": "Write ip4: or ip6: for an address.",
    "ipv4": "Write ip4: instead.",
    "ipv6": "Write ip6: instead.",
    "prt": "Write ptr, or better leave it out.",
    "redirect": "Write redirect= with an equals sign.",
    "exp": "Write exp= with an equals sign.",
}
_KNOWN = "Use all, include, a, mx, ip4, ip6, exists, redirect= or exp=."


class _Parts(NamedTuple):
    """What a term has after its name."""

    value: str = ""
    macros: MacroText | None = None
    cidr4: int = BITS4
    cidr6: int = BITS6
    network: int = -1
    shift: int = 0


def is_spf(text: str) -> bool:
    """Whether a TXT record is an SPF record: the version, ended by a blank or by the end (RFC 7208 §4.5)."""
    return text[:7].lower() in _VERSIONS


def read_spf(text: str) -> SpfRecord:
    """Read a record into its tree (RFC 7208 §4.6). Never raises: what is wrong stands in `faults`, with its place."""
    return _kept(text) if len(text) <= MAX_KEPT else _read(text)


@lru_cache(maxsize=1024)
def _kept(text: str) -> SpfRecord:
    return _read(text)


def _read(text: str) -> SpfRecord:
    terms: list[SpfTerm] = []
    faults: list[SpfFault] = []
    position = 0
    words = text.split(" ")  # blanks only, RFC 7208 §4.6.1
    if words[0].lower() == VERSION:
        position = len(words.pop(0)) + 1
    else:
        faults.append(SpfFault(0, words[0][:80], "The record does not begin with v=spf1.", "Put v=spf1 and a blank in front."))
    for word in words:
        if word:
            terms.append(_term(word, position))
        position += len(word) + 1
    redirect, explanation = _only(SpfKind.REDIRECT, terms, faults), _only(SpfKind.EXP, terms, faults)
    faults += [term.fault for term in terms if term.fault]
    faults.sort(key=lambda fault: fault.position)
    steps = _steps(terms)
    fixed = [*steps, redirect] if redirect and (not steps or steps[-1].kind is not SpfKind.ALL) else steps
    return SpfRecord(
        text,
        tuple(terms),
        tuple(faults),
        redirect,
        explanation,
        tuple([term for term in steps if term.kind is not SpfKind.IP6]),
        tuple([term for term in steps if term.kind is not SpfKind.IP4]),
        _ahead(fixed, "A"),
        _ahead(fixed, "AAAA"),
    )


def _term(text: str, position: int) -> SpfTerm:
    """Read one term; a fault in it stays with it."""
    end = min([at for at in (text.find(":"), text.find("/"), text.find("=")) if at >= 0], default=len(text))
    qualifier = text[0] if text[0] in QUALIFIERS else ""
    is_modifier = text[end : end + 1] == "="  # before any ":" or "/", RFC 7208 §4.6.1
    name = text[:end] if is_modifier else text[len(qualifier) : end]
    kind = _modifier_kind(name) if is_modifier else MECHANISMS.get(name.lower(), SpfKind.BROKEN)
    try:
        _check_characters(text)
        parts = _broken(name, is_modifier) if kind is SpfKind.BROKEN else _READERS[kind](text[end:])
    except Malformed as fault:
        found = SpfFault(position, text, str(fault), fault.remedy)
        return SpfTerm(text, position, kind, "" if is_modifier else qualifier or "+", fault=found)
    fixed = _fixed_name(parts.macros)
    return SpfTerm(
        text,
        position,
        kind,
        "" if is_modifier else qualifier or "+",
        parts.value,
        parts.cidr4,
        parts.cidr6,
        fixed,
        parts.macros,
        None,
        parts.network,
        parts.shift,
        SpfResult.NONE if is_modifier else QUALIFIERS[qualifier or "+"],
        Question(fixed, "TXT") if "." in fixed and _TYPES.get(kind) == "TXT" else None,
    )


def _modifier_kind(name: str) -> SpfKind:
    """Names are case-insensitive (RFC 7208 §4.6.1); a known one is never taken for an unknown one."""
    if name[:1] not in _LETTERS or not _NAME.issuperset(name):
        return SpfKind.BROKEN
    return {"redirect": SpfKind.REDIRECT, "exp": SpfKind.EXP}.get(name.lower(), SpfKind.MODIFIER)


def _check_characters(text: str) -> None:
    """Visible ASCII (RFC 7208 §3.1, §7.1 macro-literal)."""
    if not (text.isascii() and text.isprintable()):
        raise Malformed("A character is in it that is not ASCII, or that cannot be seen.", "Type the term anew, in plain ASCII.")


def _broken(name: str, is_modifier: bool) -> _Parts:
    if is_modifier:
        raise Malformed(f"{name[:40]!r} is no name for a modifier.", "A name begins with a letter and has no qualifier.")
    raise Malformed(f"There is no mechanism {name[:40]!r}.", _HINTS.get(name.lower(), _KNOWN))


def _read_nothing(rest: str) -> _Parts:
    if rest:
        raise Malformed("It stands alone.", f"Take out {rest[:40]!r}.")
    return _Parts()


def _read_target(rest: str) -> _Parts:
    """A colon or an equals sign, and a domain-spec, which must be there."""
    if rest[:1] not in (":", "="):
        raise Malformed("It needs a domain name.", "Write a colon and the name behind it.")
    return _Parts(rest[1:], read_domain_spec(rest[1:]))


def _read_ptr(rest: str) -> _Parts:
    return _read_target(rest) if rest else _Parts()


def _read_hosts(rest: str) -> _Parts:
    """[ ":" domain-spec ] [ dual-cidr-length ]; no domain-spec can end in a slash and digits (RFC 7208 §5.3, §7.1)."""
    text, cidr6 = _cut_length(rest, "//", BITS6)
    text, cidr4 = _cut_length(text, "/", BITS4)
    if text[:1] not in ("", ":"):
        raise Malformed(f"{text[:20]!r} is no prefix length.", "Write /24, //64 or /24//64, with digits only.")
    return _Parts(text[1:], read_domain_spec(text[1:]) if text else None, cidr4, cidr6)


def _read_ip(rest: str, bits: int) -> _Parts:
    """A colon, a network, [ "/" length ] (RFC 7208 §5.6)."""
    if rest[:1] != ":":
        raise Malformed("It needs an address.", "Write ip4:192.0.2.0/24 or ip6:2001:db8::/32.")
    text, slash, length_text = rest[1:].partition("/")
    number = read_network(text, bits)
    length = read_length(length_text, bits) if slash else bits
    cidr4, cidr6 = (length, BITS6) if bits == BITS4 else (BITS4, length)
    return _Parts(text, None, cidr4, cidr6, number >> bits - length, bits - length)


def _read_modifier(rest: str) -> _Parts:
    read_macro_string(rest[1:])
    return _Parts(rest[1:])


_READERS: dict[SpfKind, Callable[[str], _Parts]] = {
    SpfKind.ALL: _read_nothing,
    SpfKind.INCLUDE: _read_target,
    SpfKind.A: _read_hosts,
    SpfKind.MX: _read_hosts,
    SpfKind.PTR: _read_ptr,
    SpfKind.IP4: partial(_read_ip, bits=BITS4),
    SpfKind.IP6: partial(_read_ip, bits=BITS6),
    SpfKind.EXISTS: _read_target,
    SpfKind.REDIRECT: _read_target,
    SpfKind.EXP: _read_target,
    SpfKind.MODIFIER: _read_modifier,
}


def _cut_length(text: str, slash: str, bits: int) -> tuple[str, int]:
    """A prefix length taken off the end, where one is there."""
    before, found, digits = text.rpartition(slash)
    if not found or not digits.isdigit():
        return text, bits
    return before, read_length(digits, bits)


def _fixed_name(macros: MacroText | None) -> str:
    """The target where it does not depend on the mail and can be asked, else ""."""
    literal = macros.literal if macros else None
    name = canonical(literal) if literal else ""
    return name if askable(name) else ""


def _only(kind: SpfKind, terms: Sequence[SpfTerm], faults: list[SpfFault]) -> SpfTerm | None:
    """The one redirect or exp; a second is a fault (RFC 7208 §6)."""
    found = [term for term in terms if term.kind is kind]
    what, do = f"{kind} is there more than once.", f"Keep one {kind}= and remove the others."
    faults += [SpfFault(term.position, term.text, what, do) for term in found[1:]]
    return found[0] if found else None


def _steps(terms: Sequence[SpfTerm]) -> list[SpfTerm]:
    """The directives, up to the first `all`: what comes after it is ignored (RFC 7208 §5.1)."""
    steps: list[SpfTerm] = []
    for term in terms:
        if not term.qualifier or term.fault:
            continue
        steps.append(term)
        if term.kind is SpfKind.ALL:
            break
    return steps


def _ahead(steps: Sequence[SpfTerm], address_type: RecordType) -> tuple[Question, ...]:
    """What may be asked before evaluation comes to it. Names made of macros are not among it: they may tell the publisher
    who wrote to whom, which only a term that was reached may.
    """
    asking = [term for term in steps if term.kind in ASKING and (term.name or not term.macros)]
    wanted = [term for term in asking if term.kind not in (SpfKind.PTR, SpfKind.EXISTS)]
    return tuple([Question(term.name, _TYPES.get(term.kind, address_type)) for term in wanted])
