"""The only place that names concrete doors: from settings to a house that serves."""

import asyncio
import os
import random
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mailwright import __version__
from mailwright.app import knowledge
from mailwright.app.accounts import Accounts
from mailwright.app.aims import Aims
from mailwright.app.capture import CaptureSender
from mailwright.app.dispatch import Dispatch
from mailwright.app.intake import Intake, TrustedRange
from mailwright.app.learn import learn
from mailwright.app.listeners import Opened, open_listeners
from mailwright.app.logs import Logger, logger
from mailwright.app.metrics import Metrics
from mailwright.app.place import storage_of
from mailwright.app.readiness import hindrances
from mailwright.app.reports import Reports
from mailwright.app.rounds import Rounds
from mailwright.app.settings import Delivery, Settings
from mailwright.app.settings import Listener as ListenerSettings
from mailwright.app.signer import Signers
from mailwright.app.signing import Signing
from mailwright.app.vault import open_vault, operator_place
from mailwright.app.works import Source, Works
from mailwright.dns import Mx
from mailwright.flows.report import Scribe
from mailwright.flows.submit import Office
from mailwright.net.dns import Resolver
from mailwright.net.smtp_connection import Timeouts
from mailwright.net.smtp_out import SmtpSender
from mailwright.ports import Vault
from mailwright.ports.sender import Sender
from mailwright.queue import Job, Outcome, State
from mailwright.queue.retry import RetryRules
from mailwright.queue.subsystem import Subsystem
from mailwright.storage import Storage
from mailwright.values import Finding, MailwrightError, NotFound, Unavailable
from mailwright.values.ids import NODES, IdMaker, id_text

RETURN_SECRET = "return-path"
SECRET_BYTES = 32


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
    listeners: Sequence[Opened] = ()
    _round_task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Take over what an earlier process left, then let mail in."""
        await self._take_over()
        self.dispatch.ledger.start()
        await self.reload()
        self.listeners = await open_listeners(self.settings, self._intake, now=datetime.now(UTC))
        self._round_task = asyncio.create_task(self.rounds.run())

    async def close(self) -> None:
        """Take nothing new, end what is under way, leave the rest in the table."""
        grace = self.settings.timeouts.shutdown.total_seconds()
        await asyncio.gather(*(opened.listener.close(grace) for opened in self.listeners))
        if self._round_task is not None:
            self._round_task.cancel()
        await self.dispatch.close()
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
        for intake, entry in zip(self.intakes, self.settings.listen, strict=False):
            intake.trusted_ranges = await self._ranges(entry)
        for name in list(self.dispatch.sites):
            self.dispatch.attend(name)

    async def ready(self) -> Sequence[Finding]:
        """What keeps this process from its work; empty is ready."""
        return tuple(
            hindrances(
                store_answers=await self._store_answers(),
                worker_lost=self.dispatch.ledger.lost,
                vault_opens=self._vault_opens(),
                listeners=len(self.listeners),
                data=self.settings.data,
            )
        )

    async def _store_answers(self) -> bool:
        try:
            await self.storage.ready()
        except Unavailable:
            return False
        return True

    def _vault_opens(self) -> bool:
        try:
            self.vault.open(self.vault.seal(b"ready?", bound_to="ready"), bound_to="ready")
        except MailwrightError:
            return False
        return True

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
                self.works.log.warning(
                    "trusted", network=str(network), what=f"There is no account named {name}: nobody of this range is let in."
                )
        return ranges

    def _intake(self, entry: ListenerSettings) -> Intake:
        return self.intakes[self.settings.listen.index(entry)]

    async def _take_over(self) -> None:
        alone = self.storage.alone
        freed = await self.storage.queue.free_dead(worker=self.works.worker, alone=alone, new_events=self.works.unknown_event)
        swept = await self.storage.store.sweep_orphans() if alone else 0
        if freed or swept:
            self.works.log.info("taken over", deliveries=freed, orphans=swept)


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


async def build(settings: Settings, *, now: Callable[[], int] = now_ms, sender: Sender | None = None) -> House:
    """Open the storage and put everything together; nothing listens and nothing is sent before `open`. Raises MailwrightError.

    `now` is the clock in milliseconds since 1970, `sender` another door out than the one that the settings ask for.
    """
    storage = storage_of(settings)
    await storage.start(serve=True)
    try:
        return await _built(settings, storage, now, sender or _sender(settings))
    except BaseException:
        await storage.close()
        raise


async def _built(settings: Settings, storage: Storage, now: Callable[[], int], sender: Sender) -> House:
    vault = open_vault(settings, sealed=await storage.directory.sealed_count())
    worker = await storage.queue.register(host=socket.gethostname(), pid=os.getpid())
    accounts = Accounts(storage.directory, operator=settings.operator.domain)
    resolver = Resolver(
        clock=time.monotonic,
        servers=[(server.host, server.port) for server in settings.dns.servers],
        lookup_seconds=settings.dns.timeout.total_seconds(),
    )
    signers = Signers(settings.queue.signers)
    signing = Signing(signers, accounts, storage.directory, storage.store, vault, now)
    learnt = await storage.queue.learnt_sites(now=now())
    aims = Aims(settings, accounts, storage.directory, vault, resolver, shuffled, learnt, now)
    works = Works(
        queue=storage.queue,
        store=storage.store,
        sender=sender,
        aims=aims,
        accounts=accounts,
        signing=signing,
        ids=IdMaker(worker % NODES),
        rules=retry_rules(settings),
        worker=worker,
        sources=_sources(settings),
        bounce_domain=settings.bounce_domain.name,
        return_secret=await _return_secret(storage, vault),
        memory_budget=settings.queue.memory,
        grace_seconds=settings.timeouts.shutdown.total_seconds(),
        log=logger("delivery"),
        now=now,
        chance=random.random,
        capture=settings.delivery is Delivery.CAPTURE,
    )
    metrics = Metrics(__version__)
    after = Aftermath(works, metrics)
    dispatch = Dispatch(works, learn=lambda floor, site: learn(floor, aims, site), settled=after.settled)
    office = _office(settings, works, aims, dispatch)
    scribe = Scribe(works.store, works.ids, now, works.rules, settings.hostname.name, aims.site, knowledge.replies())
    reports = Reports(works.queue, accounts, scribe, logger("reports"))
    intakes = [Intake(office, accounts, show_client=entry.show_client, log=logger("submission")) for entry in settings.listen]
    rounds = Rounds(dispatch, reload=_unwired, report=reports.write, alone=storage.alone)
    house = House(settings, storage, vault, works, dispatch, rounds, signers, resolver, intakes, metrics)
    rounds.reload = house.reload
    return house


@dataclass(slots=True)
class Aftermath:
    """What follows once outcomes are stored: log lines, and signatures kept for later."""

    works: Works
    metrics: Metrics

    def settled(self, pairs: Sequence[tuple[Job, Outcome]]) -> None:
        """Outcomes that are in the store now."""
        log: Logger = self.works.log
        for job, outcome in pairs:
            self.metrics.settled(outcome.state, unknown=outcome.unknown)
            if outcome.state is State.DELIVERED:
                log.info("delivered", message=id_text(job.message), to=job.recipient, site=job.site, reply=outcome.reply)
            elif outcome.state is not State.READY:
                log.info(
                    outcome.state.name.lower(), message=id_text(job.message), to=job.recipient, site=job.site, reply=outcome.reply
                )
            if outcome.state in (State.CAPTURED, State.DEFERRED):
                self.works.spawn(self.works.signing.keep(job.message))


def shuffled(items: Sequence[Mx]) -> Sequence[Mx]:
    """The same in random order."""
    return random.sample(items, len(items))


def retry_rules(settings: Settings) -> RetryRules:
    """The rules of the queue in milliseconds."""
    queue = settings.queue
    steps = tuple(int(step.total_seconds() * 1000) for step in queue.retries)
    return RetryRules(
        steps, queue.jitter, int(queue.lifetime.total_seconds() * 1000), int(queue.delayed_after.total_seconds() * 1000)
    )


def subsystem_rules(settings: Settings, name: str) -> Subsystem:
    """What a subsystem means for the queue."""
    found = settings.subsystem(name)
    lifetime = found.lifetime or settings.queue.lifetime
    return Subsystem(name, found.priority, int(lifetime.total_seconds() * 1000), found.secret)


def _office(settings: Settings, works: Works, aims: Aims, dispatch: Dispatch) -> Office:
    kinds: dict[str, Subsystem] = {}

    def subsystem(name: str) -> Subsystem:
        found = kinds.get(name)
        if found is None:
            found = subsystem_rules(settings, name)
            if len(kinds) < 10_000:  # names come from outside
                kinds[name] = found
        return found

    def room(site: str, size: int, priority: int, account: int) -> bool:
        return dispatch.room(site, size=size, priority=priority, account=account)

    return Office(
        works.store, works.ids, works.now, works.rules, settings.hostname.name, subsystem, aims.site, room, dispatch.hand
    )


def _sender(settings: Settings) -> Sender:
    if settings.delivery is Delivery.CAPTURE:
        return CaptureSender()
    times = settings.timeouts
    return SmtpSender(
        timeouts=Timeouts(
            connect=times.connect.total_seconds(),
            greeting=times.greeting.total_seconds(),
            tls=times.handshake.total_seconds(),
            mail=times.mail.total_seconds(),
            rcpt=times.recipient.total_seconds(),
            data=times.data_start.total_seconds(),
            block=times.data_block.total_seconds(),
            dot=times.data_end.total_seconds(),
        )
    )


def _sources(settings: Settings) -> list[Source]:
    if not settings.outbound:
        return [Source(None, settings.hostname.name)]
    return [Source(str(outbound.ip), outbound.ehlo.name) for outbound in settings.outbound]


async def _return_secret(storage: Storage, vault: Vault) -> bytes:
    """What return paths are made with: one for all processes, made at the first run."""
    place = operator_place(RETURN_SECRET)
    fresh = vault.seal(secrets.token_bytes(SECRET_BYTES), bound_to=place)
    return vault.open(await storage.store.operator_secret(RETURN_SECRET, fresh), bound_to=place)


async def _unwired() -> None:
    raise Unavailable("The house is not open yet.")
