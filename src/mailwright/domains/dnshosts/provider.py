"""A DNS host as a value: how it is recognised, and what its form for a record wants. `None` everywhere means: nobody checked.

What stands here comes from one TOML file for each host (domains/providers/). Every fact carries where it was read and when,
for hosts rebuild their pages, and an instruction that was true two years ago does harm today.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Literal, TypeAlias

FormType: TypeAlias = Literal["TXT", "CNAME", "MX"]  # what a sending domain has to publish
FORM_TYPES: tuple[FormType, ...] = ("TXT", "CNAME", "MX")


class Naming(StrEnum):
    """What the field for the name wants."""

    RELATIVE = "relative"  # _dmarc: the host adds the zone
    FULL = "full"  # _dmarc.example.com
    FULL_DOT = "full-dot"  # _dmarc.example.com. with the dot that ends a name in zone files (RFC 1035 §5.1)


class Apex(StrEnum):
    """What stands for the domain itself in the field for the name."""

    AT = "@"
    EMPTY = "empty"
    FULL = "full"
    FULL_DOT = "full-dot"


class By(StrEnum):
    """Who does it: the host by itself, or the person who fills in the form."""

    HOST = "host"
    PERSON = "person"


class Long(StrEnum):
    """What becomes of a text of more than 255 octets (RFC 1035 §3.3 gives one string no more)."""

    HOST = "host"  # pasted in one piece, cut by the host
    PERSON = "person"  # has to be cut by the person, into quoted strings
    REFUSED = "refused"  # cannot be stored at all


class Preference(StrEnum):
    """Where the preference of an MX record goes."""

    FIELD = "field"
    VALUE = "value"  # in front of the target, in the same field


@dataclass(frozen=True, slots=True)
class Source:
    """Where a fact was read. `read` is the day on which we read it, `dated` the day that the page gives itself."""

    url: str
    read: date
    dated: date | None = None

    def __str__(self) -> str:
        return f"{self.url} ({f'of {self.dated}, ' if self.dated else ''}read on {self.read})"


@dataclass(frozen=True, slots=True)
class Names:
    """The field for the name. `appends`: a full name typed there gets the zone a second time."""

    style: Naming
    sources: tuple[Source, ...]
    apex: Apex | None = None
    appends: bool | None = None


@dataclass(frozen=True, slots=True)
class Texts:
    """The value of a TXT record. `longest` is the most characters that the host takes in one record."""

    sources: tuple[Source, ...]
    quotes: By | None = None
    long: Long | None = None
    longest: int | None = None


@dataclass(frozen=True, slots=True)
class Targets:
    """The targets of CNAME and MX records: whether they have to end in a dot, and where an MX's preference goes."""

    sources: tuple[Source, ...]
    cname_dot: bool | None = None
    mx_dot: bool | None = None
    preference: Preference | None = None


@dataclass(frozen=True, slots=True)
class Labels:
    """What the host calls the fields of its form; "" where nobody checked."""

    sources: tuple[Source, ...]
    type: str = ""
    name: str = ""
    txt: str = ""
    cname: str = ""
    mx: str = ""
    priority: str = ""
    ttl: str = ""


@dataclass(frozen=True, slots=True)
class Ttls:
    """How long an answer may be kept, seconds: what the host presets, and the least that it takes."""

    sources: tuple[Source, ...]
    default: int | None = None
    least: int | None = None


@dataclass(frozen=True, slots=True)
class Aliases:
    """Whether a CNAME is taken at a name with an underscore, as DKIM needs it (RFC 6376 §3.6.2.1)."""

    underscore: bool
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Advice:
    """Sentences for a person about records of some types: a trap, or a switch that has to be off."""

    text: str
    types: tuple[FormType, ...]
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Path:
    """The way through the host's pages to the form, a step each."""

    steps: tuple[str, ...]
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Provider:
    """A DNS host. `servers` are the ends of its name servers' names, in whole labels; a `*` ends a label that varies.

    A host without servers of its own is chosen by a person. `beside` are servers of another host that this one uses beside
    its own: together with them they are no second host.
    """

    key: str
    name: str
    servers: tuple[str, ...]
    beside: tuple[str, ...]
    sources: tuple[Source, ...]
    names: Names | None = None
    texts: Texts | None = None
    targets: Targets | None = None
    labels: Labels | None = None
    ttls: Ttls | None = None
    aliases: Aliases | None = None
    proxy: Advice | None = None
    traps: tuple[Advice, ...] = ()
    path: Path | None = None
