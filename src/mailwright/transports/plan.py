"""What every transport kind answers: where to connect, how, and with which envelope sender."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Tls(StrEnum):
    """How a connection is encrypted."""

    NONE = "none"
    OPPORTUNISTIC = "opportunistic"  # STARTTLS where offered; plain otherwise, and that is recorded
    STARTTLS = "starttls"  # required, certificate checked
    IMPLICIT = "implicit"  # TLS from the first byte, certificate checked (RFC 8314 §3)


@dataclass(frozen=True, slots=True)
class ServerLogin:
    """Who logs in; the password stays sealed in the vault until a connection needs it."""

    username: str


@dataclass(frozen=True, slots=True)
class Plan:
    """How mail leaves by one transport.

    `server` is (host, port), None is the recipient's own MX. `own_return_path`: mail_from is a tokened address of the
    bounce domain, so that a bounce finds its delivery; otherwise the author's address. `must_sign`: never without DKIM.
    """

    server: tuple[str, int] | None
    tls: Tls
    login: ServerLogin | None
    own_return_path: bool
    must_sign: bool
    connections: int = 20  # at once to one site


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of transport: `read` turns stored settings into a Plan and raises Malformed, naming the setting."""

    name: str
    title: str
    read: Callable[[Mapping[str, Any]], Plan]
    takes_password: bool
