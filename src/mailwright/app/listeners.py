"""The submission listeners, as the settings want them."""

import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from mailwright.app.intake import Intake
from mailwright.app.settings import Listener as ListenerSettings
from mailwright.app.settings import ListenerTls, Settings
from mailwright.net.listening import cannot_listen
from mailwright.net.logins import FailedLogins
from mailwright.net.smtp_in import Listener
from mailwright.net.smtp_in_service import Rules
from mailwright.net.tls import make_self_signed, server_context
from mailwright.smtp.server_events import Limits, Setup


@dataclass(frozen=True, slots=True)
class Opened:
    """A listener that is open, and the settings that it came from."""

    settings: ListenerSettings
    listener: Listener
    address: tuple[str, int]


async def open_listeners(settings: Settings, intake: Callable[[ListenerSettings], Intake], *, now: datetime) -> Sequence[Opened]:
    """Open all of them, or none. Raises MailwrightError where an address is taken."""
    limits = settings.limits
    logins = FailedLogins(per_address=limits.login_failures, window=limits.login_window.total_seconds())
    context = tls_context(settings, now=now)
    opened: list[Opened] = []
    for entry in settings.listen:
        listener = _listener(entry, intake(entry), settings, context, logins)
        try:
            await listener.open(entry.address.host, entry.address.port)
        except OSError as fault:
            for other in opened:
                await other.listener.close(grace=0)
            raise cannot_listen("SMTP hand-in", entry.address, fault, key="address under [[listen]] in the settings") from fault
        opened.append(Opened(entry, listener, listener.addresses[0]))
    return opened


def tls_context(settings: Settings, *, now: datetime) -> ssl.SSLContext:
    """From the certificate of the settings, else a self-signed one for local use."""
    certificate, key = settings.tls.certificate, settings.tls.key
    if certificate is None:
        certificate, key = make_self_signed(settings.hostname.name, settings.data, now=now)
    return server_context(certificate, key if key is not None else certificate)


def _listener(
    entry: ListenerSettings, door: Intake, settings: Settings, context: ssl.SSLContext, logins: FailedLogins
) -> Listener:
    limits, times = settings.limits, settings.timeouts
    setup = Setup(
        settings.hostname,
        Limits(
            size=limits.size,
            recipients=limits.recipients,
            header_fields=limits.header_fields,
            header_octets=limits.header_size,
            errors=limits.protocol_errors,
        ),
        ask_recipient=False,
    )
    rules = Rules(
        connections=limits.connections,
        per_address=limits.connections_per_address,
        command=times.command.total_seconds(),
        data=times.data.total_seconds(),
        handshake=times.handshake.total_seconds(),
    )
    encrypted = entry.tls is not ListenerTls.NONE
    implicit = entry.tls is ListenerTls.IMPLICIT
    return Listener(door, setup, context=context if encrypted else None, implicit_tls=implicit, rules=rules, logins=logins)
