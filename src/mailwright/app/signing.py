"""Which keys sign a job, and the fields once made: kept for the message's other recipients and for later tries."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence

from mailwright.accounts import DkimKeyInfo
from mailwright.app.accounts import Accounts
from mailwright.app.signer import Make, Signers, SigningKey
from mailwright.app.vault import dkim_place
from mailwright.auth import read_mail
from mailwright.flows.deliver import CannotSign, Signature
from mailwright.ports import Directory, Store, Vault
from mailwright.queue import Job
from mailwright.routing.sites import SMTP
from mailwright.values import Address, MailwrightError, NotFound

KEPT = 2_000  # signatures remembered: the recipients of one message follow each other closely
UNSIGNED = Signature()


class Signing:
    """Lives in the event loop's thread; the work itself is done by the signers."""

    def __init__(
        self,
        signers: Signers,
        accounts: Accounts,
        directory: Directory,
        store: Store,
        vault: Vault,
        now: Callable[[], int],
        *,
        daemon: str,
    ) -> None:
        """`daemon` is the author of our own reports, the only mail of ours that may leave unsigned."""
        self._signers, self._accounts, self._now, self._daemon = signers, accounts, now, daemon
        self._directory, self._store, self._vault = directory, store, vault
        self._made: OrderedDict[int, tuple[tuple[int, ...], asyncio.Future[Signature]]] = OrderedDict()  # by message
        self._opened: dict[int, SigningKey] = {}

    def signature(self, job: Job) -> Awaitable[Signature]:
        """The signature of a job's mail by today's keys; awaiting it raises CannotSign where there must be one and is none."""
        infos = self._accounts.signers_seen(job.account, job.author)
        if not infos or job.content is None or job.attempts or any(info.id not in self._opened for info in infos):
            return asyncio.ensure_future(self._looked_up(job))
        return self._signed(job, infos)

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
        if job.site.startswith(SMTP) or (job.author == self._daemon and not job.mail_from):
            return UNSIGNED  # the customer's own server signs
        domain = Address.parse(job.author).domain
        raise CannotSign(
            f"{domain.readable} has no DKIM key, and mail is never sent unsigned.",
            f"The operator makes one: mailwright dkim add {domain} --selector mw1",
        )

    async def _kept(self, job: Job, infos: tuple[DkimKeyInfo, ...]) -> Signature:
        """What an earlier try made, where it was by the same keys; else a new one."""
        if job.attempts:
            kept = dict(await self._store.signatures(job.message))
            if all(info.id in kept for info in infos):
                return _signature(infos, [kept[info.id] for info in infos])
        return await self._signed(job, infos)

    def _signed(self, job: Job, infos: tuple[DkimKeyInfo, ...]) -> asyncio.Future[Signature]:
        """Signed once for all recipients; again where the keys are others now."""
        ids = tuple(info.id for info in infos)
        made, future = self._made.get(job.message, ((), None))
        if future is None or made != ids or (future.done() and (future.cancelled() or future.exception() is not None)):
            future = self._begin(job, infos)
            self._made[job.message] = ids, future
            if len(self._made) > KEPT:
                self._made.popitem(last=False)
        return future

    def _begin(self, job: Job, infos: tuple[DkimKeyInfo, ...]) -> asyncio.Future[Signature]:
        keys, now = [self._opened[info.id] for info in infos], self._now() // 1000

        def make(fields: Sequence[bytes]) -> Signature:
            return _signature(infos, fields)

        if job.content is not None:
            return self._signers.sign_whole(keys, job.content, now, make)
        return asyncio.ensure_future(self._large(job, keys, now, make))

    async def _large(self, job: Job, keys: list[SigningKey], now: int, make: Make) -> Signature:
        """A large mail is read from the store and hashed in a thread, never on the loop."""
        try:
            head, body_hash = await asyncio.to_thread(lambda: read_mail(self._store.content(job.message)))
        except NotFound as gone:  # a secret mail that was cancelled: nothing is left to be sent
            raise CannotSign("The mail could not be signed: its content is no longer kept.", gone.remedy) from gone
        return await self._signers.sign_hashed(keys, head, body_hash, now, make)

    async def _open(self, info: DkimKeyInfo) -> None:
        if info.id not in self._opened:
            secret = self._vault.open(await self._directory.dkim_secret(info.id), bound_to=dkim_place(info.account, info.id))
            self._opened[info.id] = SigningKey(info.id, info.domain.name, info.selector, secret)


def _signature(infos: Sequence[DkimKeyInfo], fields: Sequence[bytes]) -> Signature:
    name = " ".join(f"{info.selector}._domainkey.{info.domain}" for info in infos)
    return Signature(b"".join(fields), name, tuple((info.id, field) for info, field in zip(infos, fields, strict=True)))
