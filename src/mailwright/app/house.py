"""Everything that runs in one process: opened, kept in step with the set-up, closed."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mailwright.app.calling import Calling
from mailwright.app.dispatch import Dispatch
from mailwright.app.intake import Intake, TrustedRange
from mailwright.app.listeners import Opened, open_listeners
from mailwright.app.metrics import Metrics
from mailwright.app.neighbours import bury_the_gone
from mailwright.app.readiness import hindrances
from mailwright.app.requests import Requests
from mailwright.app.rounds import Rounds
from mailwright.app.settings import Listener as ListenerSettings
from mailwright.app.settings import Settings
from mailwright.app.signer import Signers
from mailwright.app.tail import Tail
from mailwright.app.works import Works
from mailwright.flows.submit import Office
from mailwright.net.dns import Resolver
from mailwright.ports import Vault
from mailwright.storage import Storage
from mailwright.values import Finding, MailwrightError, NotFound, Unavailable


@dataclass(slots=True)
class House:
    """Everything that runs in one process."""

    settings: Settings
    storage: Storage
    vault: Vault
    works: Works
    dispatch: Dispatch
    rounds: Rounds
    signers: Signers
    resolver: Resolver
    intakes: list[Intake]
    metrics: Metrics
    requests: Requests
    office: Office  # what handing in needs, by whichever door
    calling: Calling
    tail: Tail
    listeners: Sequence[Opened] = ()
    _beats: asyncio.Task[None] | None = None
    _round_task: asyncio.Task[None] | None = None
    _calling_task: asyncio.Task[None] | None = None
    _request_task: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self.rounds.reload = self.reload
        self._watch()

    def _watch(self) -> None:
        """Figures that are kept elsewhere and read when somebody asks for /metrics."""
        watch, resolver, dispatch = self.metrics.watch, self.resolver, self.dispatch
        watch("queue", "Deliveries that wait, by state; counted every ten seconds.", lambda: self.rounds.waiting, label="state")
        watch("lanes", "Connections to mail servers now.", lambda: dispatch.open_lanes)
        watch("memory_octets", "Mail held in memory for delivery.", lambda: dispatch.memory)
        watch("dns_hits", "DNS questions answered from the cache.", lambda: resolver.hits, grows=True)
        watch("dns_misses", "DNS questions asked of the servers.", lambda: resolver.misses, grows=True)
        watch("dns_failures", "DNS questions without an answer.", lambda: resolver.failures, grows=True)
        watch("webhook_lanes", "Webhooks that are called now.", lambda: self.calling.lanes)
        watch("streams", "Listeners of the live tail now.", lambda: self.tail.listening)
        watch("requests_unlogged", "Requests lost from GET /logs.", lambda: self.requests.lost, grows=True)
        watch("smtp_clients", "Clients of the listeners now.", lambda: sum(one.listener.connections for one in self.listeners))

    async def open(self) -> None:
        """Take over what an earlier process left, then let mail in."""
        self._beats = asyncio.create_task(self.works.leases.run())
        await self._take_over()
        self.dispatch.ledger.start()
        await self.reload()
        self.listeners = await open_listeners(self.settings, self._intake, now=datetime.now(UTC))
        self.works.spawn(self.works.sources.look())
        self._round_task = asyncio.create_task(self.rounds.run())
        self._calling_task = asyncio.create_task(self.calling.run())
        self._request_task = asyncio.create_task(self.requests.run())

    async def close(self) -> None:
        """Take nothing new, end what is under way, leave the rest in the table."""
        grace = self.settings.timeouts.shutdown.total_seconds()
        for task in (self._round_task, self._request_task, self._calling_task):
            if task is not None:
                task.cancel()
        await asyncio.gather(
            self.dispatch.finish(),
            self.calling.close(),
            self.tail.close(),
            *(opened.listener.close(grace) for opened in self.listeners),
        )
        await self.dispatch.close()
        if self._beats is not None:
            self._beats.cancel()
            await self._resign()
        await self.requests.write()
        await self.signers.close()
        await self.resolver.close()
        await self.storage.close()

    async def reload(self) -> None:
        """The set-up changed: pauses, site states, trusted ranges."""
        pauses = await self.storage.queue.pauses()
        self.works.paused_accounts = dict(pauses.accounts)
        self.dispatch.withhold(pauses.accounts)
        self.works.signing.forget()
        states = await self.storage.queue.site_states()
        for name in {*states, *self.dispatch.sites}:
            self._apply(name, pauses.sites.get(name, ""), states)
            if name in pauses.sites:
                self.dispatch.give_back(self.dispatch.site(name))
        for intake, entry in zip(self.intakes, self.settings.listen, strict=False):
            intake.trusted_ranges = await self._ranges(entry)
        for name in list(self.dispatch.sites):
            self.dispatch.attend(name)

    async def ready(self) -> Sequence[Finding]:
        """What keeps this process from its work; empty is ready."""
        found = hindrances(
            store=await self._store_trouble(),
            worker_unheard=not self.works.leases.held,
            vault_opens=self._vault_opens(),
            listeners=len(self.listeners),
            data=self.settings.data,
        )
        return (*found, *self.storage.weaknesses)

    async def _store_trouble(self) -> Unavailable | None:
        """Why nothing can be read or written: a read of this moment, and the last write."""
        try:
            await self.storage.ready()
        except Unavailable as gone:
            return gone
        return self.storage.trouble

    def _vault_opens(self) -> bool:
        try:
            self.vault.open(self.vault.seal(b"ready?", bound_to="ready"), bound_to="ready")
        except MailwrightError:
            return False
        return True

    async def _resign(self) -> None:
        try:
            await self.works.leases.resign()
        except Unavailable as gone:
            self.works.log.warning("resign", what=str(gone))  # others notice by our silence

    def _apply(self, name: str, paused: str, states: object) -> None:
        site = self.dispatch.site(name)
        known = states.get(name) if isinstance(states, dict) else None
        site.paused = paused
        site.failures, site.until, site.last_reply = (known.failures, known.until, known.last_reply) if known else (0, 0, "")

    async def _ranges(self, entry: ListenerSettings) -> list[TrustedRange]:
        ranges = []
        for network, name in entry.trusted.items():
            try:
                ranges.append(TrustedRange(network, await self.works.accounts.named(name)))
            except NotFound:
                what = f"There is no account named {name}: nobody of this range is let in."
                self.works.log.warning("trusted", network=str(network), what=what, do=f"Make it: mailwright account add {name}")
        return ranges

    def _intake(self, entry: ListenerSettings) -> Intake:
        return self.intakes[self.settings.listen.index(entry)]

    async def _take_over(self) -> None:
        alone = self.storage.alone
        if not alone:
            await bury_the_gone(self.storage.queue)
        freed = await self.storage.queue.free_dead(
            worker=self.works.leases.current.number, alone=alone, judge=False, new_events=self.works.unknown_event
        )
        swept = await self.storage.store.sweep_orphans() if alone else 0
        if freed or swept:
            self.works.log.info("taken over", deliveries=freed, orphans=swept)
