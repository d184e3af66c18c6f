"""Which keys sign a job, and the fields once made: kept for the message's other recipients and for later tries."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from mailwright.accounts import DkimKeyInfo
from mailwright.app.accounts import Accounts
from mailwright.app.vault import dkim_place
from mailwright.auth import DkimKey, open_key, read_mail, sign_headers
from mailwright.flows.deliver import CannotSign, Signature
from mailwright.ports import Directory, Store, Vault
from mailwright.queue import Job
from mailwright.routing.sites import SMTP
from mailwright.values import Address, MailwrightError

T = TypeVar("T")
KEPT = 2_000  # signatures remembered: the recipients of one message follow each other closely
UNSIGNED = Signature()
InThread = Callable[[Callable[[], Signature]], asyncio.Future[Signature]]


class Signing:
    """Lives in the event loop's thread; the work itself is done in the signer threads."""

    def __init__(
        self, in_thread: InThread, accounts: Accounts, directory: Directory, store: Store, vault: Vault, now: Callable[[], int]
    ) -> None:
        self._in_thread, self._accounts, self._now = in_thread, accounts, now
        self._directory, self._store, self._vault = directory, store, vault
        self._made: OrderedDict[int, tuple[tuple[int, ...], asyncio.Future[Signature]]] = OrderedDict()  # by message
        self._opened: dict[int, DkimKey] = {}

    def signature(self, job: Job) -> Awaitable[Signature]:
        """The signature of a job's mail by today's keys; awaiting it raises CannotSign where there must be one and is none."""
        infos = self._accounts.signers_seen(job.account, job.author)
        if not infos or job.content is None or job.attempts or any(info.id not in self._opened for info in infos):
            return asyncio.ensure_future(self._looked_up(job))
        content = job.content
        return self._signed(job, infos, lambda: (content,))

    async def keep(self, message: int) -> None:
        """Store what was signed: for later tries, and for export where the mail was captured."""
        _, future = self._made.get(message, ((), None))
        if future is not None and future.done() and not future.cancelled() and future.exception() is None:
            for key, field in future.result().parts:
                await self._store.keep_signature(message, key, field)

    def forget(self) -> None:
        """The set-up changed: keys may have retired."""
        self._opened.clear()

    async def _looked_up(self, job: Job) -> Signature:
        try:
            infos = await self._accounts.signers(job.account, job.author)
            for info in infos:
                await self._open(info)
        except MailwrightError as fault:
            raise CannotSign(f"The mail could not be signed: {fault}", fault.remedy) from fault
        if infos:
            return await self._kept(job, infos)
        if job.site.startswith(SMTP) or not job.mail_from:
            return UNSIGNED  # the customer's own server signs; our own reports may go without
        domain = Address.parse(job.author).domain
        raise CannotSign(
            f"{domain.readable} has no DKIM key, and mail is never sent unsigned.",
            f"The operator makes one: mailwright dkim add {domain}",
        )

    async def _kept(self, job: Job, infos: tuple[DkimKeyInfo, ...]) -> Signature:
        """What an earlier try made, where it was by the same keys; else a new one."""
        if job.attempts:
            kept = dict(await self._store.signatures(job.message))
            if all(info.id in kept for info in infos):
                return Signature(
                    b"".join(kept[info.id] for info in infos), _names(infos), tuple((i.id, kept[i.id]) for i in infos)
                )
        content = job.content
        if content is not None:
            return await self._signed(job, infos, lambda: (content,))
        return await self._signed(job, infos, lambda: self._store.content(job.message))

    def _signed(
        self, job: Job, infos: tuple[DkimKeyInfo, ...], content: Callable[[], Iterable[bytes]]
    ) -> asyncio.Future[Signature]:
        """Signed once for all recipients; again where the keys are others now."""
        keys = tuple(info.id for info in infos)
        made, future = self._made.get(job.message, ((), None))
        if future is None or made != keys or (future.done() and (future.cancelled() or future.exception() is not None)):
            opened, now = [self._opened[key] for key in keys], self._now() // 1000
            future = self._in_thread(lambda: sign(content(), opened, infos, now))
            self._made[job.message] = keys, future
            if len(self._made) > KEPT:
                self._made.popitem(last=False)
        return future

    async def _open(self, info: DkimKeyInfo) -> None:
        if info.id not in self._opened:
            secret = self._vault.open(await self._directory.dkim_secret(info.id), bound_to=dkim_place(info.account, info.id))
            self._opened[info.id] = open_key(info.domain, info.selector, secret)


def sign(content: Iterable[bytes], keys: Iterable[DkimKey], infos: Iterable[DkimKeyInfo], now: int) -> Signature:
    """One pass over the mail, one field a key; runs in a signer thread. `now` in seconds since 1970."""
    head, body_hash = read_mail(content)
    fields = tuple((info.id, sign_headers(head, body_hash, key, now)) for key, info in zip(keys, infos, strict=True))
    return Signature(b"".join(field for _, field in fields), _names(infos), fields)


def _names(infos: Iterable[DkimKeyInfo]) -> str:
    return " ".join(f"{info.selector}._domainkey.{info.domain}" for info in infos)
