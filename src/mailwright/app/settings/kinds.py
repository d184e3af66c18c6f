"""The kinds of values that a setting can have: how each is read, written as TOML, and put into words."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic_core import CoreSchema, core_schema

from mailwright.app.settings import units
from mailwright.values import Domain

T = TypeVar("T")
MAX_TEXT = 4096  # characters of a value: a path or URL of any system fits
_NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
SQLITE, POSTGRESQL = "sqlite", "postgresql"
_PSYCOPG = "postgresql+psycopg"  # psycopg 3, the one driver that is installed
_ENGINES = {"sqlite": "sqlite", "postgresql": _PSYCOPG, "postgres": _PSYCOPG, _PSYCOPG: _PSYCOPG}


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """One kind of value. `read` raises ValueError; `allowed` finishes the sentence "Allowed: ..."."""

    allowed: str
    read: Callable[[object], T]
    write: Callable[[T], str]
    secret: bool = False
    sample: str = ""  # how it is written, where that is not plain

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A host and a TCP or UDP port; `host` is an address literal without brackets, or a name."""

    host: str
    port: int

    @property
    def ip(self) -> IPv4Address | IPv6Address | None:
        """The address, where the host is one."""
        try:
            return ip_address(self.host)
        except ValueError:
            return None

    @property
    def loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return self.ip is not None and self.ip.is_loopback

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Database:
    """Where the database is. The URL may hold a password: it is in no repr, no str and no message."""

    url: str = field(repr=False)

    @property
    def engine(self) -> str:
        """SQLITE or POSTGRESQL."""
        return SQLITE if self.url.startswith("sqlite:") else POSTGRESQL

    def __str__(self) -> str:
        return f"{self.engine} (address hidden)"


@dataclass(frozen=True, slots=True)
class Pattern:
    """Recipient domains: a name, "*.name" for everything below it, "*" for all."""

    name: str  # in A-labels; "" is all
    below: bool  # whether it stands for the names below `name` instead of `name` itself

    def __str__(self) -> str:
        return f"*.{self.name}" if self.below and self.name else self.name or "*"


def toml(value: object) -> str:
    """A text, number or boolean as a TOML literal."""
    plain = value if isinstance(value, bool | int | float) else str(value)
    return json.dumps(plain, ensure_ascii=False).replace("\x7f", "\\u007f")


def optional(kind: Kind[T], *, unset: str) -> Kind[T | None]:
    """The same, or "" for none, which means `unset`."""
    return Kind(
        f'{kind.allowed}; or "" for {unset}',
        lambda value: None if value == "" else kind.read(value),
        lambda value: '""' if value is None else kind.write(value),
        kind.secret,
        kind.sample,
    )


def whole(low: int, high: int) -> Kind[int]:
    """A whole number between two bounds, both allowed."""

    def read(value: object) -> int:
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError("not a whole number in this range")
        return value

    return Kind(f"a whole number from {low} to {high}", read, toml)


def fraction(low: float, high: float) -> Kind[float]:
    """A number between two bounds, both allowed."""

    def read(value: object) -> float:
        try:
            number = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else -1.0
        except ValueError:
            number = -1.0
        if not low <= number <= high:
            raise ValueError("not a number in this range")
        return number

    return Kind(f"a number from {low:g} to {high:g}", read, toml)


def duration(low: timedelta, high: timedelta) -> Kind[timedelta]:
    """A time span between two bounds, both allowed."""

    def read(value: object) -> timedelta:
        span = units.duration(value)
        if not low <= span <= high:
            raise ValueError("out of range")
        return span

    bounds = f"from {units.duration_text(low)} to {units.duration_text(high)}"
    return Kind(f"a time {bounds}", read, lambda span: toml(units.duration_text(span)), sample='"90 s", "15 min" or "5 d"')


def size(low: int, high: int) -> Kind[int]:
    """A number of octets between two bounds, both allowed."""

    def read(value: object) -> int:
        octets = units.size(value)
        if not low <= octets <= high:
            raise ValueError("out of range")
        return octets

    bounds = f"from {units.size_text(low)} to {units.size_text(high)}"
    return Kind(f"a size {bounds}", read, lambda octets: toml(units.size_text(octets)), sample='"256 KiB" or "25 MB"')


def one_of(choices: type[StrEnum]) -> Kind[Any]:
    """One of some words."""
    words = {choice.value: choice for choice in choices}

    def read(value: object) -> StrEnum:
        if not isinstance(value, str) or value not in words:
            raise ValueError("not one of these words")
        return words[value]

    *most, last = map(toml, words)
    return Kind(f"{', '.join(most)} or {last}", read, toml)


def text(value: object) -> str:
    """A text of one line. Raises ValueError."""
    if not isinstance(value, str) or not value or len(value) > MAX_TEXT or not value.isprintable():
        raise ValueError("not a text of one line")
    return value


def endpoint(value: object, *, default_port: int | None = None, lowest: int = 1) -> Endpoint:
    """A "host:port", IPv6 in brackets. Raises ValueError."""
    host, colon, digits = text(value).rpartition(":")
    if default_port is None and not colon:
        raise ValueError("the port is missing or out of range")
    if default_port is not None and (not colon or host.endswith(":") or digits.endswith("]") or (":" in host and host[0] != "[")):
        host, digits = text(value), str(default_port)
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 5 and lowest <= int(digits) <= 65535):
        raise ValueError("the port is missing or out of range")
    return Endpoint(_host(host), int(digits))


def _host(host: str) -> str:
    if host.startswith("[") and host.endswith("]"):
        return str(IPv6Address(host[1:-1]))
    if ":" in host:
        return str(IPv6Address(host))
    if host.replace(".", "").isdigit():
        return str(IPv4Address(host))
    return Domain.parse(host).name


def _listening(value: object) -> Endpoint:
    bare = text(value)
    if ":" in bare.rpartition(":")[0] and not bare.startswith("["):
        raise ValueError("an IPv6 address stands in brackets")
    point = endpoint(bare, lowest=0)
    if point.ip is None:
        raise ValueError("a listener needs an IP address, not a name")
    return point


def _nameserver(value: object) -> Endpoint:
    point = endpoint(value, default_port=53)
    if point.ip is None:
        raise ValueError("a name server is given by its IP address")
    return point


def _boolean(value: object) -> bool:
    if value in ("true", "false"):
        return value == "true"
    if not isinstance(value, bool):
        raise ValueError("neither true nor false")
    return value


def _three_ways(value: object) -> bool | None:
    return None if value == "auto" else _boolean(value)


def _database(value: object) -> Database:
    scheme, mark, rest = text(value).partition("://")
    if not mark or not rest or scheme not in _ENGINES:
        raise ValueError("not the URL of a database that Mailwright knows")
    return Database(f"{_ENGINES[scheme]}://{rest}")


def _network(value: object) -> IPv4Network | IPv6Network:
    """A range; host bits are refused, because they show that another range was meant."""
    given = text(value)
    try:
        return ip_network(given)
    except ValueError as fault:
        try:
            wider = ip_network(given, strict=False)
        except ValueError:
            raise ValueError("not an address range") from fault
        raise ValueError(f'the range that holds this address is "{wider}"') from fault


def _name(value: object) -> str:
    name = text(value)
    if len(name) > 63 or not _NAME.issuperset(name):
        raise ValueError("not a plain name")
    return name


def _file_name(value: object) -> str:
    name = text(value)
    if "/" in name or name in (".", ".."):
        raise ValueError("not a plain file name")
    return name


def _pattern(value: object) -> Pattern:
    name = text(value)
    if name == "*":
        return Pattern("", below=True)
    return Pattern(Domain.parse(name.removeprefix("*.")).name, below=name.startswith("*."))


def _patterns(value: object) -> tuple[Pattern, ...]:
    names: Sequence[object] = value if isinstance(value, list | tuple) else (value,)
    if not names:
        raise ValueError("an empty list")
    return tuple(_pattern(name) for name in names)


def _each(values: Sequence[object]) -> str:
    return toml(values[0]) if len(values) == 1 else f"[{', '.join(map(toml, values))}]"


BOOLEAN: Kind[bool] = Kind("true or false", _boolean, toml)
THREE_WAYS: Kind[bool | None] = Kind(
    '"auto", true or false', _three_ways, lambda value: '"auto"' if value is None else toml(value)
)
DOMAIN: Kind[Domain] = Kind('a domain name such as "mail.example.com"', lambda value: Domain.parse(text(value)), toml)
NAME: Kind[str] = Kind("a name of small letters, digits and hyphens, at most 63", _name, toml)
FILE: Kind[Path] = Kind(
    "a path, from the folder of this file where it is relative", lambda value: Path(text(value)).expanduser(), toml
)
FILE_NAME: Kind[str] = Kind("a file name without a folder", _file_name, toml)
ADDRESS: Kind[IPv4Address | IPv6Address] = Kind(
    'an IP address such as "192.0.2.1" or "2001:db8::1"', lambda value: ip_address(text(value)), toml
)
NETWORK: Kind[IPv4Network | IPv6Network] = Kind('an address range such as "127.0.0.1/32" or "2001:db8::/64"', _network, toml)
LISTENING: Kind[Endpoint] = Kind(
    'an IP address and a port, such as "127.0.0.1:2587" or "[::1]:2587"; port 0 takes a free one', _listening, toml
)
NAMESERVER: Kind[Endpoint] = Kind(
    'an IP address, with a port where it is not 53, such as "127.0.0.1:53" or "[::1]:53"', _nameserver, toml
)
TARGET: Kind[Endpoint] = Kind('a host and a port, such as "mx.example.com:25" or "10.0.0.5:2525"', endpoint, toml)
DATABASE: Kind[Database] = Kind(
    '"sqlite:///file" or "postgresql://user:password@host/name"', _database, lambda value: toml(value.url), secret=True
)
PATTERNS: Kind[tuple[Pattern, ...]] = Kind(
    'a domain, "*.example.com" for all below it, "*" for all, or a list of these', _patterns, _each
)
