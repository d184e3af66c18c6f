"""How to add one record at a DNS host, in words for a person who never saw a DNS record; what is generic is said to be so."""

from collections.abc import Iterator
from dataclasses import dataclass

from mailwright.dns import Txt
from mailwright.domains.dnshosts.entry import Entry
from mailwright.domains.dnshosts.form import Field, Form, form
from mailwright.domains.dnshosts.provider import FormType, Provider, Source
from mailwright.values import Domain


@dataclass(frozen=True, slots=True)
class Instructions:
    """Steps in order, what to mind, and what they rest on. `generic`: which parts of them nobody checked for this host."""

    form: Form
    steps: tuple[str, ...]
    mind: tuple[str, ...]
    generic: tuple[str, ...]
    sources: tuple[Source, ...]

    def __str__(self) -> str:
        lines = [f"{number}. {step}" for number, step in enumerate(self.steps, 1)]
        lines += [f"Mind: {sentence}" for sentence in self.mind]
        lines += [f"Not checked: {sentence}" for sentence in self.generic]
        lines += [f"Read at: {source}" for source in self.sources]
        return "\n".join(lines)


def instructions(provider: Provider | None, zone: Domain, entry: Entry) -> Instructions:
    """What to do, step by step. Raises Malformed as `form` does."""
    filled = form(provider, zone, entry)
    steps = (*_way(provider, zone), *map(_step, filled.fields), "Save the record.", _wait(entry))
    return Instructions(filled, steps, tuple(_mind(filled)), tuple(_generic(filled)), _sources(provider, entry.type))


def _way(provider: Provider | None, zone: Domain) -> tuple[str, ...]:
    if provider and provider.path:
        return provider.path.steps
    where = f"at {provider.name}" if provider else "where the DNS of your domain is run, mostly where you bought the domain"
    return (
        f"Sign in {where}.",
        f"Open the list of DNS records of {zone.readable}; it may be called DNS, DNS zone, zone editor or advanced DNS.",
        "Choose to add a record.",
    )


def _step(field: Field) -> str:
    text = f"{field.label}: {field.value or ('leave it as it is preset.' if field.preset else 'leave it empty.')}"
    return f"{text}   ({field.note})" if field.note else text


def _wait(entry: Entry) -> str:
    hours = "an hour" if entry.ttl is None or entry.ttl <= 3600 else f"{entry.ttl // 3600} hours"
    return f"Wait some minutes, then let us check it again. Where an older record was changed, it may take {hours} or more."


def _mind(filled: Form) -> Iterator[str]:
    data = filled.entry.data
    if isinstance(data, Txt) and data.text.lower().startswith("v=spf1"):
        yield "There may be only one SPF record at a name (RFC 7208 §3.2). If one is there, change it; do not add a second."
    if isinstance(data, Txt) and data.text.lower().startswith("v=dmarc1"):
        yield "There may be only one DMARC record at a name (RFC 9989). If one is there, change it; do not add a second."
    if filled.entry.type == "CNAME":
        yield "Nothing else may stand at the name of a CNAME (RFC 1034 §3.6.2). Remove other records of exactly this name first."
    yield from filled.warnings


def _generic(filled: Form) -> Iterator[str]:
    host = filled.provider.name if filled.provider else "your DNS host"
    if filled.provider is None or filled.provider.path is None:
        yield f"The way through the pages of {host} is the usual one; we have no description of theirs."
    if unlabelled := [field.label for field in filled.fields if not field.label_known]:
        yield f"These fields may be called something else at {host}: {'; '.join(unlabelled)}."
    for field in (filled.name, filled.value, filled.priority):
        if field and not field.value_known:
            ways = " or ".join(repr(way) if way else "nothing at all" for way in field.instead)
            other = f" The other way to write it: {ways}." if ways else ""
            yield f"How {host} wants the field {field.label} filled in is not known to us.{other}"


def _sources(provider: Provider | None, type: FormType) -> tuple[Source, ...]:
    """What the answer rests on, each once, without how the host was recognised."""
    if provider is None:
        return ()
    facts = (provider.path, provider.names, provider.texts, provider.targets, provider.labels, provider.ttls, provider.aliases)
    advice = [advice for advice in (provider.proxy, *provider.traps) if advice and type in advice.types]
    groups = [fact.sources for fact in (*facts, *advice) if fact]
    return tuple(dict.fromkeys(source for group in groups for source in group))
