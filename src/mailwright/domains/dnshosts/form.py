"""A record in the fields of a DNS host's own form, each value as it has to be typed, and what nobody knows said as unknown."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from mailwright.dns import Mx, Txt
from mailwright.dns.question import name_text
from mailwright.dns.records import MAX_PIECE, quoted
from mailwright.domains.dnshosts.entry import Entry, dotted
from mailwright.domains.dnshosts.provider import Apex, By, FormType, Labels, Long, Naming, Preference, Provider
from mailwright.values import Domain
from mailwright.values.errors import Malformed

_VALUES: dict[FormType, str] = {"TXT": "txt", "CNAME": "cname", "MX": "mx"}  # the label of the value, by type
# What most hosts call the fields.
GENERIC = Labels((), "Type", "Name (or Host)", "Value (or Content)", "Target (or Points to)", "Mail server", "Priority", "TTL")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the form. `value` is what to type, "" to leave it empty; a `preset` field stays as the form shows it.

    `label_known` and `value_known` say whether both rest on a checked description of this host. `instead` are other ways of
    writing the value, for the case that what is usual does not hold here; `note` says how to tell.
    """

    label: str
    value: str
    label_known: bool
    value_known: bool
    instead: tuple[str, ...] = ()
    note: str = ""
    preset: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """A record as a host's form wants it; `warnings` are sentences for a person."""

    provider: Provider | None
    zone: Domain
    entry: Entry
    type: Field
    name: Field
    value: Field
    priority: Field | None
    ttl: Field
    warnings: tuple[str, ...]

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields, in the order in which most forms have them."""
        return tuple(field for field in (self.type, self.name, self.value, self.priority, self.ttl) if field)

    @property
    def known(self) -> bool:
        """Whether every value rests on a checked description of this host."""
        return all(field.value_known for field in (self.name, self.value, self.priority) if field)


def form(provider: Provider | None, zone: Domain, entry: Entry) -> Form:
    """The record in the host's fields; without a provider, or where a fact is missing, in those that most hosts have.

    Raises Malformed where the record is not of this zone, or holds what no form can take.
    """
    if not entry.within(zone):
        raise Malformed(f"{entry.name} does not lie in {zone}.", "Choose the zone that the record's name ends in.")
    value = _text(provider, _plain(entry.data)) if isinstance(entry.data, Txt) else _target(provider, entry.data)
    return Form(
        provider,
        zone,
        entry,
        type=_labelled(provider, "type", Field("", entry.type, False, True)),
        name=_labelled(provider, "name", _name(provider, zone, entry)),
        value=_labelled(provider, _VALUES[entry.type], value),
        priority=_labelled(provider, "priority", _priority(provider, entry.data)) if _has_priority(provider, entry) else None,
        ttl=_labelled(provider, "ttl", _ttl(provider, entry)),
        warnings=tuple(_warnings(provider, zone, entry)),
    )


def _labelled(provider: Provider | None, key: str, field: Field) -> Field:
    own = str(getattr(provider.labels, key)) if provider and provider.labels else ""
    return replace(field, label=own or str(getattr(GENERIC, key)), label_known=bool(own))


def _name(provider: Provider | None, zone: Domain, entry: Entry) -> Field:
    names = provider.names if provider else None
    ways = {Naming.RELATIVE: "", Naming.FULL: name_text(entry.name), Naming.FULL_DOT: dotted(entry.name)}
    if entry.name == zone.name:
        return _apex(names.apex if names else None, names.style if names else None, ways)
    ways[Naming.RELATIVE] = name_text(entry.name.removesuffix(f".{zone.name}"))
    if names is None:
        note = "If the list of records there shows names in full, with the domain at the end, type the full name."
        return _unlabelled(ways[Naming.RELATIVE], known=False, instead=(ways[Naming.FULL],), note=note)
    note = f"Without the domain: this host adds .{zone.readable} by itself." if names.style is Naming.RELATIVE else ""
    if names.appends and names.style is Naming.RELATIVE:
        note += f" With it the record would stand at {entry.name}.{zone.name}, where nobody looks."
    return _unlabelled(ways[names.style], known=True, note=note)


def _apex(apex: Apex | None, style: Naming | None, ways: dict[Naming, str]) -> Field:
    match apex:
        case Apex.AT:
            return _unlabelled("@", known=True, note="The @ stands for the domain itself.")
        case Apex.EMPTY:
            return _unlabelled("", known=True, note="Empty stands for the domain itself.")
        case Apex.FULL | Apex.FULL_DOT:
            return _unlabelled(ways[Naming(apex)], known=True)
        case None if style in (Naming.FULL, Naming.FULL_DOT):
            return _unlabelled(ways[style], known=True)
    note = "At most hosts the @ stands for the domain itself. If it is refused, leave the field empty, or type the domain's name."
    return _unlabelled("@", known=False, instead=("", ways[Naming.FULL]), note=note)


def _text(provider: Provider | None, text: str) -> Field:
    """The value of a TXT record. Quotes and backslashes within it mean something else at each host, so that nothing is known."""
    texts = provider.texts if provider else None
    plain_enough = not set(text) & set('"\\')
    quotes = texts.quotes if texts and plain_enough else None
    long = texts.long if texts and plain_enough else None
    whole, pieces = quoted(text.encode()), str(Txt.of([text.encode()]))
    if len(text) > MAX_PIECE and long is Long.PERSON:
        return _unlabelled(pieces, known=True, note="In pieces of at most 255 characters, each in its own quotes, as shown.")
    if len(text) > MAX_PIECE and long is Long.REFUSED:
        return _unlabelled(text, known=False, note="This host takes no more than 255 characters.")
    if len(text) > MAX_PIECE and long is None:
        note = "In one piece first. If more than 255 characters are refused, type it in pieces, each in its own quotes."
        return _unlabelled(whole if quotes is By.PERSON else text, known=False, instead=(pieces,), note=note)
    match quotes:
        case By.PERSON:
            return _unlabelled(whole, known=True, note="With the quotes.")
        case By.HOST:
            return _unlabelled(text, known=True, note="Without quotes around it: this host adds them.")
    note = "Without quotes around it first. If the host's own list shows its other texts in quotes that somebody typed, add them."
    return _unlabelled(text, known=False, instead=(whole,), note=note)


def _target(provider: Provider | None, data: Mx | str) -> Field:
    targets = provider.targets if provider else None
    host, dot = (data.host, targets and targets.mx_dot) if isinstance(data, Mx) else (data, targets and targets.cname_dot)
    bare, ended = name_text(host), dotted(host)
    before = f"{data.preference} " if isinstance(data, Mx) and targets and targets.preference is Preference.VALUE else ""
    match dot:
        case True:
            return _unlabelled(before + ended, known=True, note="With the dot at the end.")
        case False:
            return _unlabelled(before + bare, known=True)
    note = "Look at the saved record: if your own domain was put behind the target, add a dot at its end."
    return _unlabelled(before + bare, known=False, instead=(before + ended,), note=note)


def _has_priority(provider: Provider | None, entry: Entry) -> bool:
    targets = provider.targets if provider else None
    return entry.type == "MX" and (targets is None or targets.preference is not Preference.VALUE)


def _priority(provider: Provider | None, data: Txt | Mx | str) -> Field:
    preference = str(data.preference) if isinstance(data, Mx) else ""
    if provider and provider.targets and provider.targets.preference is Preference.FIELD:
        return _unlabelled(preference, known=True)
    note = "If there is no such field, type it in front of the mail server, with a blank between."
    return _unlabelled(preference, known=False, note=note)


def _ttl(provider: Provider | None, entry: Entry) -> Field:
    ttls = provider.ttls if provider else None
    if entry.ttl is None:
        seconds = f"{ttls.default} seconds." if ttls and ttls.default else ""
        return Field("", "", False, True, note=seconds, preset=True)
    least = ttls.least if ttls and ttls.least else 0
    if entry.ttl < least:
        return _unlabelled(str(least), known=True, note=f"This host takes no less than {least} seconds.")
    return _unlabelled(str(entry.ttl), known=bool(least), note="Seconds. Where there is a list, choose the nearest.")


def _warnings(provider: Provider | None, zone: Domain, entry: Entry) -> Iterator[str]:
    if entry.type == "CNAME" and entry.name == zone.name:
        yield "A CNAME cannot stand at the domain itself, beside its other records (RFC 1034 §3.6.2)."
    if provider is None:
        return
    if isinstance(entry.data, Txt):
        yield from _too_long(provider, len(entry.data.text))
    if entry.type == "CNAME" and "_" in entry.name and provider.aliases and not provider.aliases.underscore:
        yield f"{provider.name} takes no CNAME at a name with an underscore. Publish the key itself, as a TXT record."
    for advice in filter(None, (provider.proxy, *provider.traps)):
        if entry.type in advice.types:
            yield advice.text


def _too_long(provider: Provider, length: int) -> Iterator[str]:
    texts = provider.texts
    if texts and texts.longest and length > texts.longest:
        yield f"{provider.name} takes at most {texts.longest} characters in one TXT record; this one has {length}."
    elif texts and texts.long is Long.REFUSED and length > MAX_PIECE:
        yield f"{provider.name} takes at most {MAX_PIECE} characters in a TXT record; this one has {length}. Use a CNAME instead."


def _unlabelled(value: str, *, known: bool, instead: tuple[str, ...] = (), note: str = "") -> Field:
    return Field("", value, False, known, instead, note)


def _plain(data: Txt) -> str:
    """The text, where a person can type it: printable ASCII. SPF, DKIM and DMARC hold nothing else."""
    if not data.text.isascii() or not data.text.isprintable():
        raise Malformed("The text holds characters that cannot be typed into a form.", "Use the zone-file lines instead.")
    return data.text
