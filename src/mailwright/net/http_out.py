"""Outgoing HTTP/1.1 for webhooks: a POST over the guarded dialler, to the address that was looked at.

Redirects are not followed: a signature made for one receiver would be handed to another, and a public receiver could lead us to
an inner one. The answer's beginning is kept and the rest is not read.
"""

import asyncio
import contextlib
import ssl
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address

import h11

from mailwright.net import dial
from mailwright.net.client_tls import client_context
from mailwright.ports.poster import Answered, Unanswered
from mailwright.values import Malformed
from mailwright.webhooks.url import Receiver, receiver
from mailwright.webhooks.webhook import ANSWER_OCTETS

WITHIN = 15.0  # seconds for all of it: Standard Webhooks says 15 to 30
CONNECT_WITHIN = 5.0  # seconds for one address
IDLE = 20.0  # seconds that a connection is kept for the next call; less than what servers keep it themselves
IDLE_AT_ONCE = 8  # connections kept for one receiver
READ = 16 * 1024  # octets at once
HEAD_OCTETS = 32 * 1024  # of an answer's header
# Those of the web, and what is not a system's own: nobody is to speak to a mail server through us in the guise of HTTP.
PORTS = frozenset({80, 443, *range(1024, 65536)})
LONGEST_RETRY_AFTER = 24 * 3600  # seconds that are believed

Addresses = Callable[[str], Awaitable[Sequence[str]]]
Origin = tuple[bool, str, int]


@dataclass(slots=True, eq=False)
class _Connection:
    """An open connection to one origin; `uses` counts requests that it has carried."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    http: h11.Connection = field(default_factory=lambda: h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_OCTETS))
    uses: int = 0
    closing: asyncio.TimerHandle | None = None

    @property
    def alive(self) -> bool:
        return not (self.writer.is_closing() or self.reader.at_eof())

    def close(self) -> None:
        if self.closing is not None:
            self.closing.cancel()
        self.writer.transport.abort()

    async def send(self, to: Receiver, headers: Sequence[tuple[str, str]], body: bytes) -> None:
        fields = [("Host", to.authority), *headers, ("Content-Length", str(len(body)))]
        request = h11.Request(method="POST", target=to.target, headers=fields)
        parts = [self.http.send(event) for event in (request, h11.Data(data=body), h11.EndOfMessage())]
        self.uses += 1
        self.writer.write(b"".join(part for part in parts if part))
        await self.writer.drain()

    async def answer(self) -> tuple[h11.Response, bytes]:
        """The final response and the beginning of its body. Raises h11.RemoteProtocolError, OSError."""
        response: h11.Response | None = None
        body = bytearray()
        while len(body) < ANSWER_OCTETS:
            event = self.http.next_event()
            if event is h11.NEED_DATA:
                self.http.receive_data(await self.reader.read(READ))
            elif isinstance(event, h11.Response):
                response = event
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
                break
        if response is None:
            raise h11.RemoteProtocolError("closed before an answer")
        return response, bytes(body[:ANSWER_OCTETS])

    def reusable(self) -> bool:
        """Whether the answer was read to its end and the server keeps the connection; made ready for the next request."""
        if self.http.our_state is not h11.DONE or self.http.their_state is not h11.DONE:
            return False
        self.http.start_next_cycle()
        return self.alive


class HttpPoster:
    """ports.poster.Poster. `inner` are the receivers (host and port) in the operator's own network that may be called.

    `addresses` looks a name up; `ca_file`: certificates trusted beside the system's, PEM.
    """

    def __init__(
        self, addresses: Addresses, *, inner: Collection[tuple[str, int]] = (), within: float = WITHIN, ca_file: str | None = None
    ) -> None:
        self._addresses, self._inner, self._within = addresses, frozenset(inner), within
        self._ca_file = ca_file
        self._idle: defaultdict[Origin, list[_Connection]] = defaultdict(list)

    async def post(self, url: str, headers: Sequence[tuple[str, str]], body: bytes) -> Answered | Unanswered:
        """See ports.poster.Poster."""
        try:
            to = receiver(url)
            async with asyncio.timeout(self._within):
                return await self._post(to, headers, body)
        except TimeoutError:
            return Unanswered(f"There was no answer within {self._within:g} seconds.")
        except Malformed as fault:
            return Unanswered(f"{fault} {fault.remedy}")
        except ssl.SSLError as fault:
            return Unanswered(_of_tls(fault))
        except h11.RemoteProtocolError:
            return Unanswered("The receiver closed the connection before it answered, or did not speak HTTP.")
        except (OSError, ValueError):  # ValueError: a name that cannot stand in a certificate
            return Unanswered("The connection was lost before an answer came.")

    async def close(self) -> None:
        """See ports.poster.Poster."""
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
        self._idle.clear()

    async def _post(self, to: Receiver, headers: Sequence[tuple[str, str]], body: bytes) -> Answered | Unanswered:
        kept = self._kept(to)
        if kept is not None:
            with contextlib.suppress(OSError, h11.RemoteProtocolError):  # closed just then: a call may be sent twice
                return await self._exchange(kept, to, headers, body)
        connection = await self._open(to)
        return connection if isinstance(connection, Unanswered) else await self._exchange(connection, to, headers, body)

    async def _exchange(self, connection: _Connection, to: Receiver, headers: Sequence[tuple[str, str]], body: bytes) -> Answered:
        keep = False
        try:
            await connection.send(to, headers, body)
            response, text = await connection.answer()
            keep = connection.reusable()
        finally:
            if keep:
                self._keep(to, connection)
            else:
                connection.close()
        return _answered(response, text)

    async def _open(self, to: Receiver) -> _Connection | Unanswered:
        inner = (to.host, to.port) in self._inner
        addresses = [to.host] if _is_address(to.host) else await self._addresses(to.host)
        if not addresses:
            return Unanswered(f"The address of {to.host} could not be found.")
        ports = None if inner else PORTS
        dialled = await dial.dial(to.host, to.port, addresses=addresses, allow_private=inner, within=CONNECT_WITHIN, ports=ports)
        match dialled:
            case dial.Refused():
                return Unanswered(_refused(to))
            case dial.Failed():
                return Unanswered(f"No connection to {to.authority}: {_CAUSES.get(dialled.cause, 'it cannot be reached')}.")
        return await self._connected(dialled, to)

    async def _connected(self, dialled: dial.Dialled, to: Receiver) -> _Connection:
        context = client_context(verify=True, ca_file=self._ca_file) if to.secure else None
        try:
            reader, writer = await asyncio.open_connection(
                sock=dialled.sock, ssl=context, server_hostname=to.host if to.secure else None, limit=READ
            )
        except BaseException:
            dialled.sock.close()
            raise
        return _Connection(reader, writer)

    def _kept(self, to: Receiver) -> _Connection | None:
        idle = self._idle.get(_origin(to), [])
        while idle:
            connection = idle.pop()
            if connection.closing is not None:
                connection.closing.cancel()
            if connection.alive:
                return connection
            connection.close()
        return None

    def _keep(self, to: Receiver, connection: _Connection) -> None:
        idle = self._idle[_origin(to)]
        if len(idle) >= IDLE_AT_ONCE:
            connection.close()
            return
        idle.append(connection)
        connection.closing = asyncio.get_running_loop().call_later(IDLE, self._drop, _origin(to), connection)

    def _drop(self, origin: Origin, connection: _Connection) -> None:
        if connection in self._idle[origin]:
            self._idle[origin].remove(connection)
        if not self._idle[origin]:
            del self._idle[origin]
        connection.close()


_CAUSES = {"refused": "nothing listens there", "timeout": "it does not answer", "reset": "it ended the connection at once"}


def _origin(to: Receiver) -> Origin:
    return to.secure, to.host, to.port


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _answered(response: h11.Response, body: bytes) -> Answered:
    fields = {name.decode(): value.decode("latin-1") for name, value in response.headers}
    text = body.decode("utf-8", "replace")
    if 300 <= response.status_code < 400:
        to = fields.get("location", "")[:200]
        text = f"It answered with a redirect to {to!r}, which is not followed: write the final address in the webhook. {text}"
    return Answered(response.status_code, text[:ANSWER_OCTETS], _retry_after(fields.get("retry-after", "")))


def _retry_after(text: str) -> int | None:
    """RFC 9110 §10.2.3, in seconds; a date is not read: most write seconds."""
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
        return None
    return min(int(digits), LONGEST_RETRY_AFTER) * 1000


def _refused(to: Receiver) -> str:
    """Without the address: it may be a secret of the operator's network."""
    return (
        f"Mailwright does not call {to.authority}: the name leads to no public address, or the port is not one of the web's. "
        f'Where it is in the operator\'s own network, the operator allows it: inner = ["{to.host}:{to.port}"] under [webhooks].'
    )


def _of_tls(fault: ssl.SSLError) -> str:
    if isinstance(fault, ssl.SSLCertVerificationError):
        return f"The receiver's certificate is not good for its name: {fault.verify_message}."
    return "The receiver did not agree on TLS with us."
