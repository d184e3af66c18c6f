"""A small set of records that answers like the DNS: aliases, wildcards, names without records, names that do not answer."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeVar

from mailwright.dns.answer import Answer, Cause, Failed, Found, Missing
from mailwright.dns.asking import Asking, run
from mailwright.dns.question import Question, RecordType, askable, canonical, name_text
from mailwright.dns.rdata import read_values, record_type
from mailwright.dns.records import record_text
from mailwright.dns.zonetext import DEFAULT_TTL, EVERY_TYPE, RecordSet, cause_named, read_zone

MAX_CHAIN = 8  # aliases followed; BIND stops at 11, Unbound at 12, real chains have at most 5

_DOES_NOT_ANSWER = "the zone says that this does not answer"

T = TypeVar("T")


class Alias(NamedTuple):
    """One CNAME on the way to the records."""

    target: str
    ttl: int


@dataclass(frozen=True, slots=True)
class Zone:
    """Records by name and type, and what does not answer. Whatever is not in it does not exist.

    An empty record set says "this name exists, but has no such record"; so it does in an overlay, where it takes records away.
    """

    sets: Mapping[tuple[str, str], RecordSet]
    failing: Mapping[tuple[str, str], Cause] = field(default_factory=dict)  # type "*": all that is not listed
    authenticated: bool = False  # every answer carries the AD bit
    _nodes: frozenset[str] = field(init=False, repr=False, compare=False)
    _ready: dict[tuple[str, str], Found] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        ready = {
            key: Found(kept.records, kept.ttl, self.authenticated)
            for key, kept in self.sets.items()
            if kept.records and key not in self.failing and askable(key[0])
        }
        object.__setattr__(self, "_ready", ready)
        object.__setattr__(self, "_nodes", _nodes(name for name, _ in (*self.sets, *self.failing)))

    @staticmethod
    def parse(text: str, *, authenticated: bool = False) -> "Zone":
        """Read zone-file lines (RFC 1035 §5.1): `name [ttl] [IN] TYPE rdata`, and three lines of our own: `name FAILS`,
        `name TYPE FAILS` (with a cause if you like: timeout, servfail, refused, bogus), `name TYPE NONE`.

        Without $ORIGIN all names are absolute. Raises Malformed, which names the line and what to change.
        """
        lines = read_zone(text)
        return Zone(lines.sets, lines.failing, authenticated)

    @staticmethod
    def of(
        records: Mapping[str, Mapping[str, object]],
        *,
        failing: Mapping[str, str | Iterable[str] | Mapping[str, str]] | None = None,
        authenticated: bool = False,
    ) -> "Zone":
        """A zone from `{name: {type: values}}`; values are one or a list of texts, tuples of fields, or (TXT) lists of pieces.

        `failing` says what does not answer: `{name: "*"}` is all of a name that is not listed, else a type, several types,
        or `{type: cause}`. An empty list of values makes the name exist without them. Raises Malformed.
        """
        sets: dict[tuple[str, str], RecordSet] = {
            (canonical(name), record_type(type)): RecordSet(read_values(record_type(type), values), DEFAULT_TTL)
            for name, types in records.items()
            for type, values in types.items()
        }
        for name, types in records.items():
            if not types:  # a name alone exists
                sets[canonical(name), "TXT"] = RecordSet((), DEFAULT_TTL)
        causes = {(canonical(name), type): cause for name, wanted in (failing or {}).items() for type, cause in _causes(wanted)}
        return Zone(sets, causes, authenticated)

    def answer(self, question: Question) -> Answer:
        """The answer, as a resolver gives it: aliases followed, wildcards applied."""
        return self._ready.get(question) or self._followed(question)

    def run(self, asking: Asking[T]) -> T:
        """Drive an asking with the answers of this zone."""
        return run(asking, self.answer)

    def step(self, name: str, type: RecordType) -> Answer | Alias:
        """What stands at a canonical name itself: the alias to go on with, or the answer."""
        node = self._node(name) if askable(name) else None
        if node is None:
            return Missing(False, DEFAULT_TTL, self.authenticated)
        if cause := self.failing.get((node, type)):
            return Failed(cause, _DOES_NOT_ANSWER)
        kept = self.sets.get((node, type))
        alias = self.sets.get((node, "CNAME"))
        if kept is None and alias and alias.records:
            return Alias(str(alias.records[0]), alias.ttl)
        if kept is None and (cause := self.failing.get((node, EVERY_TYPE))):
            return Failed(cause, _DOES_NOT_ANSWER)
        if kept is None or not kept.records:
            return Missing(True, DEFAULT_TTL, self.authenticated)
        return Found(kept.records, kept.ttl, self.authenticated)

    def holds(self, name: str, type: RecordType) -> bool:
        """Whether the zone itself says something of that canonical name and type (no wildcards): an overlay answers for it."""
        keys = ((name, type), (name, "CNAME"), (name, EVERY_TYPE))
        return any(key in self.sets or key in self.failing for key in keys)

    def exists(self, name: str) -> bool:
        """Whether a canonical name exists: with records, as the parent of such a name (RFC 8020 §2), or by a wildcard."""
        return self._node(name) is not None

    def text(self) -> str:
        """The zone as `parse` reads it (authenticated is not part of it)."""
        lines = []
        for (name, type), kept in self.sets.items():
            values = [record_text(record) for record in kept.records] or ["NONE"]
            lines += [f"{name_text(name)} {kept.ttl} {type} {value}" for value in values]
        for (name, type), cause in self.failing.items():
            lines.append(f"{name_text(name)} {'' if type == EVERY_TYPE else type + ' '}FAILS {cause}")
        return "\n".join(lines) + "\n"

    def _followed(self, question: Question) -> Answer:
        """Aliases are followed to their end (RFC 1034 §3.6.2); a loop is a failure, never "there is none"."""
        name, type = question
        links: list[Alias] = []
        while len(links) <= MAX_CHAIN:
            step = self.step(name, type)
            if not isinstance(step, Alias):
                return after(links, step)
            links.append(step)
            name = step.target
        return Failed(Cause.SERVFAIL, f"the aliases of {question.name} go round in a loop, or are more than {MAX_CHAIN}")

    def _node(self, name: str) -> str | None:
        """The name itself, or the wildcard at its closest encloser that stands for it (RFC 4592 §3.3.1), or None."""
        if name in self._nodes:
            return name
        encloser = name
        while encloser:
            encloser = encloser.partition(".")[2]
            if encloser in self._nodes:
                break
        wildcard = f"*.{encloser}" if encloser else "*"
        return wildcard if wildcard in self._nodes else None


def after(links: Sequence[Alias], answer: Answer) -> Answer:
    """An answer with the aliases that led to it in front; its TTL is the shortest of all."""
    if not links or isinstance(answer, Failed):
        return answer
    ttl = min(answer.ttl, *[link.ttl for link in links])
    return replace(answer, ttl=ttl, chain=(*[link.target for link in links], *answer.chain))


def _nodes(names: Iterable[str]) -> frozenset[str]:
    """All names that exist, with the empty ones between them and the root (RFC 4592 §2.2.2)."""
    nodes = {""}
    for name in names:
        while name not in nodes and askable(name):
            nodes.add(name)
            name = name.partition(".")[2]
    return frozenset(nodes)


def _causes(wanted: str | Iterable[str] | Mapping[str, str]) -> list[tuple[str, Cause]]:
    if isinstance(wanted, str):
        wanted = (wanted,)
    pairs = wanted.items() if isinstance(wanted, Mapping) else [(type, Cause.TIMEOUT) for type in wanted]
    return [(type if type == EVERY_TYPE else record_type(type), cause_named(cause)) for type, cause in pairs]
