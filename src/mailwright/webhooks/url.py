"""The address of a webhook: read once, and refused where it could mean two things."""

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import quote, urlsplit

from mailwright.values import Domain, Finding, Malformed
from mailwright.values.finding import warning

LONGEST = 2000  # characters: about what every server takes (RFC 9110 §4.1 asks for 8000 octets, few keep to it)
_PORTS = {"https": 443, "http": 80}
_KEPT = "%/:?#[]@!$&'()*+,;=-._~"  # RFC 3986 §2: what stands in a URL as it is


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where a call goes. `host` is a name in A-labels or an IP address without brackets; `target` is path and query."""

    secure: bool
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """The Host field (RFC 9110 §7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS["https" if self.secure else "http"] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """As it is kept."""
        return f"{'https' if self.secure else 'http'}://{self.authority}{self.target}"


def receiver(text: str) -> Receiver:
    """Read an address. Raises Malformed."""
    if len(text) > LONGEST or not text.isprintable() or " " in text:
        raise _malformed(f"It has more than {LONGEST} characters, a blank, or some that cannot be printed.")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as fault:
        raise _malformed("It cannot be read.") from fault
    if parts.scheme not in _PORTS or not parts.hostname:
        raise _malformed("It does not begin with https:// and a host.")
    if parts.username is not None or parts.password is not None:
        raise _malformed("It has a user name in it; every call is signed, so it needs none.")
    if port == 0:
        raise _malformed("Its port is 0.")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Receiver(parts.scheme == "https", _host(parts.hostname), port or _PORTS[parts.scheme], quote(target, safe=_KEPT))


def concerns(to: Receiver) -> tuple[Finding, ...]:
    """What could be better about an address."""
    if to.secure:
        return ()
    return (
        warning(
            "webhook-unencrypted",
            f"Calls to {to.host} go over the network without encryption.",
            why="Whoever is on the way reads addresses and subjects; the signature only keeps them from changing anything.",
            do="Write https:// where the receiver can be reached so.",
        ),
    )


def _host(name: str) -> str:
    try:
        return str(ip_address(name))
    except ValueError:
        pass
    try:
        return Domain.parse(name).name
    except Malformed as fault:
        raise _malformed("Its host is no name and no IP address.") from fault


def _malformed(why: str) -> Malformed:
    return Malformed(f"This cannot be the address of a webhook. {why}", "Write it as https://app.example.com/mail/events")
