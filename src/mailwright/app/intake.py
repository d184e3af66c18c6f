"""The door behind the submission listeners: who hands in, and what becomes of a mail."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from io import BytesIO
from ipaddress import IPv4Network, IPv6Network, ip_address

from mailwright.accounts import AccountView, Submitter
from mailwright.accounts.key import Scope
from mailwright.app.accounts import Accounts
from mailwright.app.logs import Logger
from mailwright.app.metrics import Metrics
from mailwright.flows.submit import HandedIn, Office, Receipt, submit
from mailwright.message import Hop, reencode, refusal, split
from mailwright.message.dress import Refused
from mailwright.net.smtp_door import Envelope, Session, Spooled
from mailwright.ports import Store
from mailwright.ports.store import CHUNK
from mailwright.smtp.commands import MailFrom
from mailwright.values import Address, Level, Reply, Unavailable
from mailwright.values.ids import id_text

NOT_LOGGED_IN = Reply.of(530, "5.7.0", "Log in first: the API key is the password")  # RFC 4954 §6
NO_SUCH_KEY = Reply.of(535, "5.7.8", "This API key is not known or was revoked; make a new one and use it as the password")
NO_LONGER = Reply.of(530, "5.7.0", "The API key was revoked meanwhile; log in with another one")  # RFC 4954 §6
NOT_FOR_SENDING = Reply.of(535, "5.7.8", "This API key may not send mail; use one with the scope send")
LARGE_AT_ONCE = 1  # large mails that are re-encoded at the same time: each is held whole in memory, more than once


@dataclass(frozen=True, slots=True)
class TrustedRange:
    """Clients of a range that hand in for an account without logging in; its view stays until a new one was read."""

    network: IPv4Network | IPv6Network
    view: AccountView


class Spool:
    """A large mail on its way to the store: the header block stays here, the rest goes to body rows 1, 2, ..."""

    def __init__(self, store: Store, message: int) -> None:
        self._store, self.message = store, message
        self.head = b""
        self.rows = 0
        self.size = 0

    async def write(self, chunk: bytes) -> None:
        """Put away the next octets. Raises Unavailable."""
        if not self.head:
            self.head, body = split(chunk)
            chunk = b"\r\n" + body
        self.rows += 1
        self.size += len(chunk)
        await self._store.spool(self.message, self.rows, chunk)

    async def abort(self) -> None:
        """Throw away what was written."""
        await self._store.unspool(self.message)

    def whole(self) -> bytes:
        """All of it; blocking."""
        whole = BytesIO()  # not a join, which would hold all rows and the whole at the same time
        whole.write(self.head)
        for row in self._store.content(self.message, first=1):
            whole.write(row)
        return whole.getvalue()


class Intake:
    """net.smtp_door.Door for submission (RFC 6409)."""

    def __init__(self, office: Office, accounts: Accounts, *, show_client: bool, log: Logger, metrics: Metrics) -> None:
        self._office, self._accounts, self._show_client, self._log = office, accounts, show_client, log
        self._metrics = metrics
        self.trusted_ranges: Sequence[TrustedRange] = ()
        self._large = asyncio.Semaphore(LARGE_AT_ONCE)

    def trusted(self, peer_ip: str) -> object | None:
        """The submitter of a trusted range; the narrowest range wins."""
        if not self.trusted_ranges:
            return None
        address = ip_address(peer_ip)
        fitting = [entry for entry in self.trusted_ranges if address in entry.network]
        return Submitter(max(fitting, key=lambda entry: entry.network.prefixlen).view, None) if fitting else None

    async def login(self, peer_ip: str, mechanism: str, username: str, password: str) -> object:
        """The submitter whose API key the password is; the user name is not looked at."""
        del username
        submitter = await self._accounts.submitter(password)
        if submitter is None:
            self._metrics.login_failures += 1
            self._log.warning("login refused", client=peer_ip, mechanism=mechanism)
            return NO_SUCH_KEY
        if submitter.key is not None and Scope.SEND not in submitter.key.scopes:
            return NOT_FOR_SENDING
        self._metrics.logins += 1
        return submitter

    def mail(self, session: Session, mail_from: MailFrom) -> Reply | Awaitable[Reply | None] | None:
        """Every sender is let in: the author is what counts."""
        del session, mail_from
        return None

    def recipient(self, session: Session, address: Address) -> Reply | Awaitable[Reply | None] | None:
        """Every recipient is let in, for somebody who logged in."""
        del address
        return None if isinstance(session.identity, Submitter) else NOT_LOGGED_IN

    def spool(self, session: Session) -> Spool:
        """A place for a large mail."""
        del session
        return Spool(self._office.store, self._office.ids.next(self._office.now()))

    async def submit(self, envelope: Envelope, content: bytes | Spooled) -> Reply:
        """Take the mail, or say why not. Raises Unavailable."""
        submitter = envelope.identity
        if not isinstance(submitter, Submitter):
            return NOT_LOGGED_IN
        if not self._accounts.stands(submitter):
            renewed = await self._renewed(submitter, content)
            if renewed is None:
                return NO_LONGER
            submitter = renewed
        if not isinstance(content, bytes | Spool):
            raise TypeError("A large mail comes back in the place that `spool` gave for it.")
        try:
            if isinstance(content, Spool):
                taken = await self._take_large(envelope, submitter, content)
            else:
                taken = await self._take(envelope, submitter, content)
        except Unavailable:
            self._metrics.turned_away += 1
            raise
        self._count(envelope, taken)
        if isinstance(taken, Refused):
            self._log.info("refused", account=submitter.view.account.name, why=[finding.code for finding in taken.findings])
            return refusal(taken.findings)
        return Reply.of(250, "2.0.0", f"{'Taken before' if taken.duplicate else 'Taken'} as {id_text(taken.message)}")

    def _count(self, envelope: Envelope, taken: Receipt | Refused) -> None:
        if isinstance(taken, Refused):
            self._metrics.refused += 1
        elif taken.duplicate:
            self._metrics.duplicates += 1
        else:
            self._metrics.accepted += 1
            self._metrics.recipients += len(envelope.recipients)
            self._metrics.octets += envelope.size

    async def _renewed(self, submitter: Submitter, content: bytes | Spooled) -> Submitter | None:
        """Who this client is, where the set-up changed since its login; None where its key was revoked."""
        renewed = None
        try:
            renewed = await self._accounts.renewed(submitter)
        finally:
            if renewed is None and isinstance(content, Spool):
                await self._throw_away(content)
        return renewed

    async def _take(self, envelope: Envelope, submitter: Submitter, content: bytes) -> Receipt | Refused:
        number = self._office.ids.next(self._office.now())
        eightbit = False
        if envelope.eight_bit or envelope.long_line:
            fitted = reencode(content)
            if any(finding.level is Level.ERROR for finding in fitted.findings):
                return Refused(fitted.findings)
            content, eightbit = fitted.content, fitted.eightbit
        head, _ = split(content)
        mail = self._handed_in(envelope, submitter, number, head)
        mail.rest, mail.eightbit = content[len(head) :], eightbit
        return await submit(mail, self._office)

    async def _take_large(self, envelope: Envelope, submitter: Submitter, spool: Spool) -> Receipt | Refused:
        """A mail whose body is in the store already; where it has to be re-encoded, it is read and written once more."""
        try:
            fitted = await self._refit(spool) if envelope.eight_bit or envelope.long_line else False
            mail = self._handed_in(envelope, submitter, spool.message, spool.head)
            if isinstance(fitted, Refused):
                taken: Receipt | Refused = fitted
            else:
                mail.spooled, mail.eightbit = spool.size, fitted
                taken = await submit(mail, self._office)
        except Unavailable:
            await self._throw_away(spool)
            raise
        if isinstance(taken, Refused) or taken.duplicate:
            await self._throw_away(spool)
        return taken

    async def _refit(self, spool: Spool) -> bool | Refused:
        """Whether it still needs 8BITMIME after being re-encoded."""
        async with self._large:
            fitted = await asyncio.to_thread(lambda: reencode(spool.whole()))
            if any(finding.level is Level.ERROR for finding in fitted.findings):
                return Refused(fitted.findings)
            await spool.abort()
            spool.head, _ = split(fitted.content)
            spool.rows, spool.size = 0, 0
            for start in range(len(spool.head), len(fitted.content), CHUNK):
                row = fitted.content[start : start + CHUNK]
                spool.rows += 1
                spool.size += len(row)
                await self._office.store.spool(spool.message, spool.rows, row)
        return fitted.eightbit

    async def _throw_away(self, spool: Spool) -> None:
        try:
            await spool.abort()
        except Unavailable as gone:
            self._log.warning("orphan", message=id_text(spool.message), what=str(gone))  # swept at the next start

    def _handed_in(self, envelope: Envelope, submitter: Submitter, number: int, head: bytes) -> HandedIn:
        client = envelope.peer_ip if self._show_client else ""
        hop = Hop(envelope.helo, self._office.hostname, envelope.protocol, id_text(number), client)
        return HandedIn(number, submitter, envelope.mail_from, envelope.recipients, hop, head, smtputf8=envelope.smtputf8)
