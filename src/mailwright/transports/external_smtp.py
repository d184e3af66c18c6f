"""external_smtp: the customer's own SMTP server takes the mail and delivers it."""

import ipaddress
from collections.abc import Mapping
from typing import Any

from mailwright.transports.plan import Kind, Plan, ServerLogin, Tls
from mailwright.values import Domain, Malformed

DEFAULT_PORT = {Tls.IMPLICIT: 465, Tls.STARTTLS: 587, Tls.OPPORTUNISTIC: 25, Tls.NONE: 25}  # RFC 8314 §3.3, RFC 6409 §3.1
DEFAULT_CONNECTIONS = 5  # many hosted servers refuse more from one login
MAX_CONNECTIONS = 100
_KNOWN = {"host", "port", "tls", "username", "connections"}


def read(settings: Mapping[str, Any]) -> Plan:
    """The plan from `host` (see split_host), `port`, `tls`, `username` and `connections`. Raises Malformed."""
    unknown = sorted(set(settings) - _KNOWN)
    if unknown:
        raise Malformed(f"external_smtp has no setting {unknown[0]!r}.", f"Its settings are: {', '.join(sorted(_KNOWN))}.")
    host, port_in_host = split_host(str(settings.get("host", "")))
    tls = _tls(str(settings.get("tls", Tls.STARTTLS)))
    port = _whole(settings.get("port", port_in_host or DEFAULT_PORT[tls]), "port", 65535)
    connections = _whole(settings.get("connections", DEFAULT_CONNECTIONS), "connections", MAX_CONNECTIONS)
    username = str(settings.get("username", ""))
    login = ServerLogin(username) if username else None
    if login and tls in (Tls.NONE, Tls.OPPORTUNISTIC):
        raise Malformed(
            f"tls = {tls.value!r} with a login would show the password to the network.",
            "Use tls = starttls or implicit (RFC 4954 §4).",
        )
    return Plan((host, port), tls, login, own_return_path=False, must_sign=False, connections=connections)


def split_host(text: str) -> tuple[str, int | None]:
    """Host and port of a name or an address: `name`, `name:587`, `[192.0.2.1]:587`, `[2001:db8::1]:25`. Raises Malformed."""
    text = text.strip()
    if text.startswith("["):
        inner, closed, rest = text[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")):
            raise _bad_host(text)
        return _host(inner, text), _port(rest[1:], text) if rest else None
    if text.count(":") == 1:
        name, _, port = text.partition(":")
        return _host(name, text), _port(port, text)
    return _host(text, text), None


def _host(name: str, text: str) -> str:
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        pass
    try:
        return Domain.parse(name).name
    except Malformed as fault:
        raise _bad_host(text) from fault


def _port(digits: str, text: str) -> int:
    if not (digits.isascii() and digits.isdigit() and 0 < int(digits[:6]) < 65536):
        raise _bad_host(text)
    return int(digits)


def _bad_host(text: str) -> Malformed:
    return Malformed(
        f"{text[:80]!r} is not a server.", "Write smtp.example.com, smtp.example.com:587, [192.0.2.1]:587 or [2001:db8::1]:25."
    )


def _tls(text: str) -> Tls:
    try:
        return Tls(text)
    except ValueError as fault:
        raise Malformed(
            f"tls = {text[:40]!r} is not known.", f"It is one of: {', '.join(mode.value for mode in Tls)}."
        ) from fault


def _whole(value: Any, name: str, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= most:
        raise Malformed(f"{name} = {str(value)[:40]!r} is not allowed.", f"Give a whole number from 1 to {most}.")
    return value


KIND = Kind("external_smtp", "The customer's own SMTP server", read, takes_password=True)
