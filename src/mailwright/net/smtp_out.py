"""Opening outgoing SMTP sessions: host by host, TLS as the transport wants it, and in words why none came about."""

import asyncio
import ssl
from dataclasses import dataclass, replace

from mailwright.net import dial
from mailwright.net.client_tls import client_context
from mailwright.net.plain_hosts import PlainHosts
from mailwright.net.smtp_connection import Connection, Timeouts
from mailwright.ports.sender import HostAddress, Target, Unreachable
from mailwright.smtp import words
from mailwright.smtp.client import Client
from mailwright.smtp.client_events import Starttls
from mailwright.transports import Tls
from mailwright.values import Finding, Reply
from mailwright.values.finding import error

_STARTTLS = {
    Tls.NONE: Starttls.NEVER,
    Tls.OPPORTUNISTIC: Starttls.TRY,
    Tls.STARTTLS: Starttls.MUST,
    Tls.IMPLICIT: Starttls.NEVER,  # TLS stands before the first byte
}


@dataclass(frozen=True, slots=True)
class _Miss:
    """One address that did not work."""

    address: HostAddress
    finding: Finding
    reply: Reply | None = None
    transcript: str = ""
    permanent: bool = False
    tls_failed: str = ""


class SmtpSender:
    """Opens sessions (ports.sender.Sender). `ca_file`: certificates trusted beside the system's, PEM."""

    def __init__(self, *, timeouts: Timeouts | None = None, ca_file: str | None = None, plain: PlainHosts | None = None) -> None:
        self._timeouts = timeouts or Timeouts()
        self._ca_file = ca_file
        self._plain = plain or PlainHosts()

    async def open(self, target: Target) -> Connection | Unreachable:
        """A session to the first host that gives one (RFC 5321 §5.1), or why there is none."""
        misses: list[_Miss] = []
        clock = asyncio.get_running_loop().time
        ends = clock() + self._timeouts.opening
        for address in target.hosts:
            if clock() >= ends:
                return replace(_unreachable(misses), permanent=False)
            found = await self._reach(address, target, misses)
            if isinstance(found, Connection):
                return found
            misses.append(found)
            if found.finding.code == "login-refused":  # elsewhere the password is just as wrong, and accounts get locked
                break
        return _unreachable(misses)

    async def _reach(self, address: HostAddress, target: Target, misses: list[_Miss]) -> Connection | _Miss:
        """One host; opportunistic TLS that fails is followed by a new connection without (RFC 3207 §4.1, RFC 7435 §3)."""
        if target.tls is not Tls.OPPORTUNISTIC:
            return await self._attempt(address, target, target.tls, misses, "")
        now = asyncio.get_running_loop().time
        if known := self._plain.cause(address, now()):
            note = f"TLS failed here a short time ago, so this was sent without: {known}"
            found = await self._attempt(address, target, Tls.NONE, misses, note)
            if not isinstance(found, Connection):
                self._plain.forget(address)
            return found
        found = await self._attempt(address, target, Tls.OPPORTUNISTIC, misses, "")
        if isinstance(found, Connection) or not found.tls_failed:
            return found
        note = f"TLS failed, so this was sent without: {found.tls_failed}"
        plain = await self._attempt(address, target, Tls.NONE, misses, note)
        if isinstance(plain, Connection):
            self._plain.remember(address, found.tls_failed, now())
        return plain

    async def _attempt(
        self, address: HostAddress, target: Target, tls: Tls, misses: list[_Miss], note: str
    ) -> Connection | _Miss:
        dialled = await dial.dial(
            address.name,
            address.port,
            addresses=(address.ip,),
            source_ip=target.source_ip,
            allow_private=target.allow_private,
            within=self._timeouts.connect,
        )
        if isinstance(dialled, dial.Refused):
            return _Miss(address, dialled.finding, permanent=True)
        if isinstance(dialled, dial.Failed):
            return _Miss(address, _no_connection(address, dialled))
        connection = Connection(self._client(target, tls), address, self._timeouts)
        for miss in misses:
            connection.remark(f"{miss.address.name} [{miss.address.ip}]: {miss.finding.what}")
        connection.remark(f"connected to {address.name} [{dialled.ip}] port {address.port}")
        if note:
            connection.note = note
            connection.remark(note)
        return await self._open(connection, dialled, address, tls)

    async def _open(self, connection: Connection, dialled: dial.Dialled, address: HostAddress, tls: Tls) -> Connection | _Miss:
        context = None if tls is Tls.NONE else client_context(verify=tls is not Tls.OPPORTUNISTIC, ca_file=self._ca_file)
        try:
            failed = await connection.open(dialled.sock, context, at_once=tls is Tls.IMPLICIT)
        except (OSError, ValueError) as fault:  # ValueError: a name that cannot stand in a certificate
            connection.abort()
            cause = _tls_cause(fault)
            return _Miss(address, words.tls_failed(cause), transcript=connection.transcript, tls_failed=cause)
        except BaseException:
            connection.abort()
            raise
        if failed is None:
            return connection
        permanent = failed.reply is not None and failed.reply.permanent
        # In TLS 1.3 a server's objection comes after the handshake: it looks like a connection that was lost (RFC 8446 §4.6.2).
        lost = "the server hung up after the handshake" if connection.tls and failed.reply is None else ""
        return _Miss(address, failed.finding, failed.reply, connection.transcript, permanent, tls_failed=lost)

    def _client(self, target: Target, tls: Tls) -> Client:
        now = asyncio.get_running_loop().time()
        return Client(ehlo=target.ehlo, starttls=_STARTTLS[tls], login=target.login, encrypted=tls is Tls.IMPLICIT, now=now)


def _unreachable(misses: list[_Miss]) -> Unreachable:
    """All that was tried, told by the miss that says most: a server's own words before silence, the last before the first."""
    if not misses:
        finding = error(
            "no-address", "There is no address to connect to.", do="Look at the MX records of the recipient's domain."
        )
        return Unreachable(finding)
    told = next((miss for miss in reversed(misses) if miss.reply), misses[-1])
    transcript = "".join(f"{one.address.name} [{one.address.ip}]: {one.finding.what}\n{one.transcript}" for one in misses)
    permanent = all(miss.permanent for miss in misses)  # one host that may yet answer keeps the mail waiting
    return Unreachable(told.finding, told.reply, told.address.name, told.address.ip, transcript, permanent)


def _no_connection(address: HostAddress, failed: dial.Failed) -> Finding:
    return error(
        f"connect-{failed.cause}",
        f"{words.NO_CONNECTION} {address.name}: {failed.detail}.",
        why="The server may be down, or a firewall may stand between.",
        do=words.AGAIN,
        reference="RFC 5321 §4.5.4.1",
    )


def _tls_cause(fault: Exception) -> str:
    """What went wrong in the handshake; of an SSLError only the part that OpenSSL made, which has nothing secret."""
    if isinstance(fault, ssl.SSLCertVerificationError):
        return f"certificate not accepted: {fault.verify_message}"
    if isinstance(fault, ssl.SSLError):
        return (fault.reason or "protocol error").lower().replace("_", " ")
    if isinstance(fault, ValueError):
        return "the server's name cannot stand in a certificate"
    return "no end of the handshake in time" if isinstance(fault, TimeoutError) else "the server hung up during the handshake"
