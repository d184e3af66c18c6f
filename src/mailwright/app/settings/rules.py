"""What single values cannot show: settings that contradict each other, and settings that work but harm."""

from collections.abc import Callable, Iterator

from mailwright.app.settings.faults import Fault, KeyPath, name_of
from mailwright.app.settings.model import Delivery, ListenerTls, Settings
from mailwright.values import Finding
from mailwright.values.finding import warning

WIDEST_V4, WIDEST_V6 = 8, 32  # prefix lengths: 10.0.0.0/8 (RFC 1918 §3) and a provider's block; wider ranges hold strangers
Place = Callable[[KeyPath], str]


def conflicts(settings: Settings, place: Place) -> Iterator[Fault]:
    """Everything that keeps these settings from being used together; `place` says where a key was written."""
    for check in (_open_relay, _addresses_twice, _half_pairs, _times, _connections, _outbound, _routes_twice):
        for path, what in check(settings):
            yield Fault(path, what, where=place(path))


def findings(settings: Settings) -> tuple[Finding, ...]:
    """What works but will harm: shown at start and by /readyz, never a reason not to start."""
    checks = (_name_without_dot, _login_without_tls, _own_certificate, _web_port_open, _no_listener)
    return tuple(finding for check in checks for finding in check(settings))


def _open_relay(settings: Settings) -> Iterator[tuple[KeyPath, str]]:
    """RFC 5321 §7.9, RFC 5068 §3.1: who may send for others is known, or does not send."""
    for n, listener in enumerate(settings.listen):
        for network in listener.trusted:
            if network.prefixlen < (WIDEST_V4 if network.version == 4 else WIDEST_V6):
                what = f"listen[{n + 1}].trusted lets {network} send without a login: strangers could send through this server."
                yield ("listen", n, "trusted", str(network)), f"{what} Name the machines of your application."


def _addresses_twice(settings: Settings) -> Iterator[tuple[KeyPath, str]]:
    taken = {settings.http.address: "http.address"} if settings.http.address.port else {}
    for n, listener in enumerate(settings.listen):
        path = ("listen", n, "address")
        if listener.address in taken:
            yield (
                path,
                f"{name_of(path)} is {listener.address}, which {taken[listener.address]} has already. Give it another port.",
            )
        elif listener.address.port:
            taken[listener.address] = name_of(path)


def _half_pairs(settings: Settings) -> Iterator[tuple[KeyPath, str]]:
    tls = settings.tls
    if (tls.certificate is None) != (tls.key is None):
        yield ("tls",), "tls.certificate and tls.key belong together: set both, or neither."


def _times(settings: Settings) -> Iterator[tuple[KeyPath, str]]:
    queue = settings.queue
    if not queue.retries:
        yield ("queue", "retries"), "queue.retries is empty. Name at least one wait between tries."
    if queue.delayed_after >= queue.lifetime:
        yield ("queue", "delayed_after"), "queue.delayed_after is not shorter than queue.lifetime: nobody would be told in time."


def _connections(settings: Settings) -> Iterator[tuple[KeyPath, str]]:
    queue, limits = settings.queue, settings.limits
    if queue.connections_per_site > queue.connections:
        yield ("queue", "connections_per_site"), f"queue.connections_per_site is above queue.connections ({queue.connections})."
    if limits.connections_per_address > limits.connections:
        yield (
            ("limits", "connections_per_address"),
            f"limits.connections_per_address is above limits.connections ({limits.connections}).",
        )
    if limits.header_size > limits.size:
        yield ("limits", "header_size"), "limits.header_size is above limits.size."


def _outbound(settings: Settings) -> Iterator[tuple[KeyPath, str]]:
    addresses = [outbound.ip for outbound in settings.outbound]
    for n, address in enumerate(addresses):
        if address in addresses[:n]:
            yield ("outbound", n, "ip"), f"outbound[{n + 1}].ip is {address}, which stands there already."
    if addresses and settings.ipv6 is False and all(address.version == 6 for address in addresses):
        yield ("ipv6",), "ipv6 is false, but every address in outbound is an IPv6 address: nothing could leave."


def _routes_twice(settings: Settings) -> Iterator[tuple[KeyPath, str]]:
    seen = set()
    for n, route in enumerate(settings.route):
        for pattern in route.domain:
            if pattern in seen:
                yield ("route", n, "domain"), f"route[{n + 1}].domain names {pattern} a second time: only one route can hold."
            seen.add(pattern)


def _name_without_dot(settings: Settings) -> Iterator[Finding]:
    """RFC 5321 §4.1.4: the name of EHLO is a full one."""
    name = settings.hostname.name
    if settings.delivery is Delivery.LIVE and ("." not in name or name.endswith((".local", ".localdomain", ".internal", ".lan"))):
        yield warning(
            "hostname-not-public",
            f'Mail is delivered live, but this machine calls itself "{name}".',
            why="Receivers look the name up. Many refuse mail from a server without a public full name.",
            do='Set hostname = "mail.example.com", with your domain. It needs an address record and the reverse record.',
            evidence=(f"hostname = {name}",),
            reference="RFC 5321 §4.1.4",
        )


def _login_without_tls(settings: Settings) -> Iterator[Finding]:
    for listener in settings.listen:
        if listener.tls is ListenerTls.NONE and not listener.trusted:
            yield warning(
                "listener-without-login",
                f"Nobody can send over {listener.address}.",
                why="A login needs TLS, this listener has none, and no client range is trusted.",
                do='Set tls = "starttls" for it, or name your application\'s machine in trusted.',
                reference="RFC 4954 §4",
            )


def _own_certificate(settings: Settings) -> Iterator[Finding]:
    reachable = [
        str(listener.address)
        for listener in settings.listen
        if not listener.address.loopback and listener.tls is not ListenerTls.NONE
    ]
    if reachable and settings.tls.certificate is None:
        yield warning(
            "certificate-self-signed",
            "Other machines can reach a listener whose certificate is self-signed.",
            why="A careful client refuses it, and a careless one cannot tell this server from an impostor.",
            do="Set tls.certificate and tls.key to a certificate for hostname.",
            evidence=tuple(reachable),
            reference="RFC 8314 §4",
        )


def _web_port_open(settings: Settings) -> Iterator[Finding]:
    if not settings.http.address.loopback:
        yield warning(
            "web-port-open",
            f"Other machines can read health and figures at {settings.http.address}.",
            why="They tell how much mail flows and what is out of order. There is no login and no TLS on this port.",
            do='Set http.address = "127.0.0.1:8025", or let a firewall admit only your monitoring.',
        )


def _no_listener(settings: Settings) -> Iterator[Finding]:
    if not settings.listen:
        yield warning(
            "no-listener", "No application can hand in mail.", why="listen is empty.", do="Add a [[listen]] with an address."
        )
