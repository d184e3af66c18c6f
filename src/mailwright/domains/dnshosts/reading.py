"""From the parsed TOML file of a DNS host to its value; a wrong file is told by its name, its key and what belongs there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, NoReturn, TypeVar, cast

from mailwright.dns import askable
from mailwright.domains.dnshosts.provider import (
    FORM_TYPES,
    Advice,
    Aliases,
    Apex,
    By,
    FormType,
    Labels,
    Long,
    Names,
    Naming,
    Path,
    Preference,
    Provider,
    Source,
    Targets,
    Texts,
    Ttls,
)
from mailwright.values.errors import Malformed

_LABELS = ("type", "name", "txt", "cname", "mx", "priority", "ttl")
_A_TEXT = "text in quotes that is not empty"
_WHOLE_SECONDS = "a whole number above 0"

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


def read_provider(key: str, data: Mapping[str, Any]) -> Provider:
    """A DNS host from its parsed file `key`.toml. Raises Malformed, which names the file and the key."""
    top = _Table(f"{key}.toml", "", dict(data))
    top.sources.update({name: _source(table) for name, table in top.tables("sources")})
    found = top.table("recognised")
    provider = Provider(
        key=key,
        name=top.text("name"),
        servers=_servers(found, "name_servers") if found else (),
        beside=_servers(found, "beside") if found and "beside" in found.data else (),
        sources=found.cited() if found else (),
        names=_names(top.table("names")),
        texts=_texts(top.table("text")),
        targets=_targets(top.table("target")),
        labels=_labels(top.table("fields")),
        ttls=_ttls(top.table("ttl")),
        aliases=_aliases(top.table("alias")),
        proxy=_advice(top.table("proxy")),
        traps=tuple(filter(None, map(_advice, top.list_of_tables("traps")))),
        path=_path(top.table("path")),
    )
    top.refuse_the_rest()
    for name in top.sources.keys() - top.used:
        top.wrong(f"sources.{name}", "a fact that cites it")
    return provider


@dataclass(slots=True)
class _Table:
    """A table of the file, taken key by key; what is left over at the end is a mistake."""

    file: str
    place: str
    data: dict[str, Any]
    sources: dict[str, Source] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    below: list["_Table"] = field(default_factory=list)

    def wrong(self, key: str, wanted: str) -> NoReturn:
        """Raises Malformed, always."""
        raise Malformed(f"{self.file}: {self.place}{key} cannot be used.", f"Give it {wanted}, or leave it out where it may be.")

    def take(self, key: str, kind: type[T], wanted: str) -> T | None:
        value = self.data.pop(key, None)
        if value is None:
            return None
        if type(value) is not kind or value == "":  # True is an int to isinstance
            self.wrong(key, wanted)
        return value

    def text(self, key: str) -> str:
        return self.take(key, str, _A_TEXT) or self.wrong(key, _A_TEXT)

    def number(self, key: str, wanted: str) -> int | None:
        value = self.take(key, int, wanted)
        if value is not None and value < 1:
            self.wrong(key, wanted)
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        values = self.take(key, list, "a list of texts") or []
        if not values or not all(isinstance(value, str) and value for value in values):
            self.wrong(key, "a list of texts with at least one")
        return tuple(values)

    def one_of(self, key: str, kind: type[E]) -> E | None:
        value = self.take(key, str, _A_TEXT)
        if value is not None and value not in list(kind):
            self.wrong(key, _words(kind))
        return None if value is None else kind(value)

    def table(self, key: str) -> "_Table | None":
        data = self.take(key, dict, "a table")
        return None if data is None else self._below(key, data)

    def tables(self, key: str) -> Iterator[tuple[str, "_Table"]]:
        """The tables in a table, by name; none where there is no such table."""
        if outer := self.table(key):
            for name in list(outer.data):
                yield name, outer.table(name) or outer.wrong(name, "a table with url and read")

    def list_of_tables(self, key: str) -> list["_Table"]:
        entries = self.take(key, list, "a list of tables") or []
        if not all(isinstance(entry, dict) for entry in entries):
            self.wrong(key, "a list of tables")
        return [self._below(f"{key}[{number}]", entry) for number, entry in enumerate(entries)]

    def cited(self) -> tuple[Source, ...]:
        """The sources that this table's `source` names: one, or a list. A fact without one is refused."""
        names = self.data.pop("source", None)
        names = [names] if isinstance(names, str) else names
        if not isinstance(names, list) or not names or any(name not in self.sources for name in names):
            self.wrong("source", "the name of a table under [sources], or a list of such names")
        self.used.update(names)
        return tuple(self.sources[name] for name in names)

    def refuse_the_rest(self) -> None:
        for key in self.data:
            raise Malformed(f"{self.file}: {self.place}{key} is not known.", "Take it out, or correct its spelling.")
        for table in self.below:
            table.refuse_the_rest()

    def _below(self, key: str, data: dict[str, Any]) -> "_Table":
        table = _Table(self.file, f"{self.place}{key}.", dict(data), self.sources, self.used)
        self.below.append(table)
        return table


def _source(table: _Table) -> Source:
    url = table.text("url")
    if not url.startswith("https://"):
        table.wrong("url", "an address that begins with https://")
    read = table.take("read", date, "a date such as 2026-11-27") or table.wrong("read", "the date on which it was read")
    return Source(url, read, table.take("dated", date, "a date such as 2026-11-27"))


def _words(kind: type[StrEnum]) -> str:
    return "one of " + ", ".join(repr(str(known)) for known in kind)


def _servers(table: _Table, key: str) -> tuple[str, ...]:
    ends = table.texts(key)
    for end in ends:
        labels = end.split(".")
        if (
            len(labels) < 2
            or end != end.lower()
            or not askable(end)
            or any("*" in label[:-1] or label == "*" for label in labels)
        ):
            table.wrong(key, f"names of at least two labels in lower case, a * only at the end of a label (not {end!r})")
    return ends


def _names(table: _Table | None) -> Names | None:
    if table is None:
        return None
    style = table.one_of("style", Naming) or table.wrong("style", _words(Naming))
    appends = table.take("appends", bool, "true or false")
    return Names(style, table.cited(), table.one_of("apex", Apex), appends)


def _texts(table: _Table | None) -> Texts | None:
    if table is None:
        return None
    longest = table.number("longest", "a number of characters above 0")
    return Texts(table.cited(), table.one_of("quotes", By), table.one_of("long", Long), longest)


def _targets(table: _Table | None) -> Targets | None:
    if table is None:
        return None
    cname_dot, mx_dot = table.take("cname_dot", bool, "true or false"), table.take("mx_dot", bool, "true or false")
    return Targets(table.cited(), cname_dot, mx_dot, table.one_of("preference", Preference))


def _labels(table: _Table | None) -> Labels | None:
    if table is None:
        return None
    labels = {key: table.take(key, str, _A_TEXT) or "" for key in _LABELS}
    return Labels(table.cited(), **labels)


def _ttls(table: _Table | None) -> Ttls | None:
    if table is None:
        return None
    return Ttls(table.cited(), table.number("default", _WHOLE_SECONDS), table.number("least", _WHOLE_SECONDS))


def _aliases(table: _Table | None) -> Aliases | None:
    if table is None:
        return None
    underscore = table.take("underscore", bool, "true or false")
    if underscore is None:
        table.wrong("underscore", "true or false")
    return Aliases(underscore, table.cited())


def _advice(table: _Table | None) -> Advice | None:
    if table is None:
        return None
    types = table.texts("types") if "types" in table.data else FORM_TYPES
    if not set(types) <= set(FORM_TYPES):
        table.wrong("types", "a list of " + ", ".join(FORM_TYPES))
    return Advice(table.text("text"), cast(tuple[FormType, ...], types), table.cited())


def _path(table: _Table | None) -> Path | None:
    return None if table is None else Path(table.texts("steps"), table.cited())
