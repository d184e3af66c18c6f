"""Logging in to another server: SASL PLAIN and LOGIN as the client speaks them (RFC 4954, RFC 4616)."""

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field

from mailwright.values import Malformed, Reply


@dataclass(frozen=True, slots=True)
class Login:
    """Credentials for one server; never shown."""

    username: str
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        if "\0" in self.username + self.password or not self.username:  # NUL parts the fields (RFC 4616 §2)
            raise Malformed(
                "These credentials cannot be used.", "Give a user name, and no NUL character in it or in the password."
            )


@dataclass(frozen=True, slots=True)
class Dialogue:
    """What we say in one mechanism: `first` goes with the AUTH command, `answers` one by one on each 334."""

    mechanism: str
    first: str = field(default="", repr=False)
    answers: tuple[str, ...] = field(default=(), repr=False)

    @property
    def command(self) -> bytes:
        """The AUTH command with its initial response (RFC 4954 §4)."""
        return f"AUTH {self.mechanism}{' ' + self.first if self.first else ''}\r\n".encode("ascii")


def dialogue(login: Login, offered: Iterable[str]) -> Dialogue | None:
    """The best mechanism of those offered that we speak; None where there is none."""
    names = {name.upper() for name in offered}
    if "PLAIN" in names:  # RFC 4616 §2: authorization identity (empty), NUL, user, NUL, password
        return Dialogue("PLAIN", first=_base64(f"\0{login.username}\0{login.password}"))
    if "LOGIN" in names:  # never an RFC, but what many hosted servers speak: asks for the user, then for the password
        return Dialogue("LOGIN", answers=(_base64(login.username), _base64(login.password)))
    return None


def without_secrets(reply: Reply, login: Login) -> Reply:
    """A reply in which a server that echoes credentials does not carry them into logs and stories."""
    secrets = (_base64(f"\0{login.username}\0{login.password}"), _base64(login.password), login.password)
    lines = reply.text
    for secret in secrets:
        lines = tuple(line.replace(secret, "***") for line in lines) if secret else lines
    return Reply(reply.code, reply.enhanced, lines)


def _base64(text: str) -> str:
    return b64encode(text.encode("utf-8")).decode("ascii")
