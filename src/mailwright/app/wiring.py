"""The only place that names concrete doors: from settings to a house that serves."""

import os
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from mailwright import __version__
from mailwright.app import knowledge
from mailwright.app.accounts import Accounts
from mailwright.app.aftermath import Aftermath
from mailwright.app.aims import Aims
from mailwright.app.calling import Calling
from mailwright.app.capture import CaptureSender
from mailwright.app.dispatch import Dispatch
from mailwright.app.hook_lane import Means
from mailwright.app.house import House
from mailwright.app.intake import Intake
from mailwright.app.learn import learn
from mailwright.app.lease import Leases
from mailwright.app.logs import logger
from mailwright.app.metrics import Metrics
from mailwright.app.neighbours import whereabouts
from mailwright.app.place import storage_of
from mailwright.app.reports import Reports
from mailwright.app.requests import Requests
from mailwright.app.rounds import Rounds
from mailwright.app.rules import retry_rules, subsystems, timeouts
from mailwright.app.settings import Delivery, Settings
from mailwright.app.signer import Signers
from mailwright.app.signing import Signing
from mailwright.app.sources import Sources
from mailwright.app.tail import Tail
from mailwright.app.vault import open_vault, operator_place
from mailwright.app.works import Works
from mailwright.dns import Mx
from mailwright.flows.report import Scribe, daemon
from mailwright.flows.submit import Office
from mailwright.net.dns import Resolver
from mailwright.net.http_out import HttpPoster
from mailwright.net.smtp_out import SmtpSender
from mailwright.ports import Suppressions, Vault
from mailwright.ports.sender import Sender
from mailwright.routing.hosts import host_addresses
from mailwright.storage import Storage
from mailwright.values.ids import NODES, IdMaker

RETURN_SECRET = "return-path"
SECRET_BYTES = 32
DICE = secrets.SystemRandom()  # not the shared generator of `random`: what others draw from that stays theirs to repeat


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
    accounts = Accounts(storage.directory, operator=settings.operator.domain)
    resolver = resolver_of(settings)
    learnt = await storage.queue.learnt_sites(now=now())
    aims = Aims(settings, accounts, storage.directory, vault, resolver, shuffled, Sources(settings, resolver), learnt, now)
    signers = Signers(settings.queue.signers)
    signing = Signing(signers, accounts, storage.directory, storage.store, vault, now, daemon=daemon(settings.hostname.name))
    works = await _works(settings, storage, vault, aims, signing, sender, now)
    await signers.start()  # processes: only once nothing more can go wrong here
    metrics = Metrics(__version__)
    dispatch = Dispatch(works, learn=lambda floor, site: learn(floor, aims, site), settled=Aftermath(works, metrics).settled)
    office = _office(settings, works, aims, dispatch, storage.suppressions)
    scribe = Scribe(works.store, works.ids, now, works.rules, settings.hostname.name, aims.site, knowledge.replies())
    reports = Reports(works.queue, accounts, scribe, logger("reports"))
    door = partial(Intake, office, accounts, log=logger("submission"), metrics=metrics)
    intakes = [door(show_client=entry.show_client) for entry in settings.listen]
    rounds = Rounds(dispatch, report=reports.write, alone=storage.alone)
    requests = Requests(storage.requests, days=settings.http.log_days, now=now, log=logger("api"))
    calling, tail = Calling(_means(settings, works, storage, vault, resolver)), Tail(storage.events, now, logger("tail"))
    return House(
        settings, storage, vault, works, dispatch, rounds, signers, resolver, intakes, metrics, requests, office, calling, tail
    )


async def _works(
    settings: Settings, storage: Storage, vault: Vault, aims: Aims, signing: Signing, sender: Sender, now: Callable[[], int]
) -> Works:
    def register() -> Awaitable[int]:
        return storage.queue.register(host=whereabouts(), pid=os.getpid())

    worker, log = await register(), logger("delivery")
    leases = Leases(storage.queue, worker, alone=storage.alone, register=register, faults=lambda: storage.faults, log=log)
    return Works(
        queue=storage.queue,
        store=storage.store,
        sender=sender,
        aims=aims,
        accounts=aims.accounts,
        signing=signing,
        ids=IdMaker(worker % NODES),
        rules=retry_rules(settings),
        leases=leases,
        sources=aims.sources,
        bounce_domain=settings.bounce_domain.name,
        return_secret=await _return_secret(storage, vault),
        memory_budget=settings.queue.memory,
        grace_seconds=settings.timeouts.shutdown.total_seconds(),
        idle_seconds=settings.timeouts.idle.total_seconds(),
        connections=settings.queue.connections,
        log=log,
        now=now,
        chance=DICE.random,
        capture=settings.delivery is Delivery.CAPTURE,
        trouble=lambda: storage.trouble,
    )


def _office(settings: Settings, works: Works, aims: Aims, dispatch: Dispatch, suppressions: Suppressions) -> Office:
    def room(site: str, size: int, priority: int, account: int) -> bool:
        return dispatch.room(site, size=size, priority=priority, account=account)

    host, kinds = settings.hostname.name, subsystems(settings)
    return Office(
        works.store, works.ids, works.now, works.rules, host, kinds, aims.site, room, dispatch.hand, dispatch.urge,
        suppressions.among,
    )  # fmt: skip


def _means(settings: Settings, works: Works, storage: Storage, vault: Vault, resolver: Resolver) -> Means:
    async def addresses(host: str) -> Sequence[str]:
        return await resolver.run(host_addresses(host))

    inner = [(one.host, one.port) for one in settings.webhooks.inner]
    return Means(
        hooks=storage.hooks,
        poster=None if works.capture else HttpPoster(addresses, inner=inner),
        vault=vault,
        knowledge=knowledge.replies(),
        worker=lambda: works.leases.current.number,
        now=works.now,
        chance=works.chance,
        log=logger("webhooks"),
        agent=f"Mailwright/{__version__}",
    )


def _sender(settings: Settings) -> Sender:
    if settings.delivery is Delivery.CAPTURE:
        return CaptureSender()
    return SmtpSender(timeouts=timeouts(settings))


def resolver_of(settings: Settings) -> Resolver:
    """The live DNS, by the servers that the settings name. Raises Unavailable where nobody names one."""
    return Resolver(
        clock=time.monotonic,
        servers=[(server.host, server.port) for server in settings.dns.servers],
        lookup_seconds=settings.dns.timeout.total_seconds(),
    )


async def _return_secret(storage: Storage, vault: Vault) -> bytes:
    """What return paths are made with: one for all processes, made at the first run."""
    place = operator_place(RETURN_SECRET)
    fresh = vault.seal(secrets.token_bytes(SECRET_BYTES), bound_to=place)
    return vault.open(await storage.store.operator_secret(RETURN_SECRET, fresh), bound_to=place)


def shuffled(items: Sequence[Mx]) -> Sequence[Mx]:
    """The same in random order."""
    return DICE.sample(items, len(items))
