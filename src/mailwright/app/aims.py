"""Which site a recipient's domain belongs to, and which server a site leads to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mailwright.app.accounts import Accounts
from mailwright.app.settings import Delivery, Endpoint, Route, RouteTls, Settings
from mailwright.app.sources import Source, Sources
from mailwright.app.vault import transport_place
from mailwright.flows.aim import Aim, Hopeless, Later, Moved
from mailwright.net.dns import Resolver
from mailwright.ports import Directory, Vault
from mailwright.ports.sender import HostAddress, Login, Target
from mailwright.queue import Job
from mailwright.routing.choose import Choice
from mailwright.routing.hosts import host_addresses
from mailwright.routing.mx import MailHosts, NoRoute, Shuffle, mail_hosts
from mailwright.routing.sites import DOMAIN, MX, ROUTE, SMTP, smtp_of, smtp_site
from mailwright.transports import KINDS, Tls
from mailwright.transports.external_smtp import DEFAULT_CONNECTIONS
from mailwright.values import Address, Domain, MailwrightError

SMTP_PORT = 25  # RFC 5321 §4.5.4.2
LEARNT_SECONDS = 3600  # how long a domain's site is remembered at least: its name, not its addresses
_TLS = {RouteTls.NONE: Tls.NONE, RouteTls.OPPORTUNISTIC: Tls.OPPORTUNISTIC, RouteTls.REQUIRED: Tls.STARTTLS}


@dataclass(slots=True)
class Aims:
    """app.works.Aims, from the settings, the set-up and DNS."""

    settings: Settings
    accounts: Accounts
    directory: Directory
    vault: Vault
    resolver: Resolver
    shuffle: Shuffle
    sources: Sources
    learnt: dict[str, tuple[str, int]]  # domain -> site, until when (ms)
    now: Callable[[], int]

    def site(self, domain: str, choice: Choice) -> str:
        """The site of a recipient's domain; no DNS is asked."""
        if choice.plan.server is not None and choice.transport is not None:
            return smtp_site(choice.account, choice.transport)
        route = self.settings.route_for(Domain(domain))
        if route is not None:
            return f"{ROUTE}{route.to}"
        known = self.learnt.get(domain)
        return known[0] if known is not None and known[1] > self.now() else DOMAIN + domain

    def limit(self, site: str) -> int:
        """How many connections at once a site gets."""
        route = self._route(site)
        if route is not None and route.connections is not None:
            return route.connections
        if site.startswith(DOMAIN) and not self._captures:
            return 1
        if site.startswith(SMTP):
            return self._smtp_limit(site)
        return self.settings.queue.connections_per_site

    async def aim(self, site: str, job: Job, source: Source) -> Aim | Hopeless | Later | Moved:
        """The server for a site, with its addresses."""
        if self._captures:
            return Aim(Target((), Tls.NONE, source.ehlo))
        if site.startswith(ROUTE):
            return await self._at_route(site, source)
        if site.startswith(SMTP):
            return await self._at_customer(site, source)
        return await self._at_mx(site, job, source)

    async def hosts(self, domain: Domain) -> MailHosts | NoRoute:
        """The mail hosts of a domain (RFC 5321 §5.1)."""
        outbound = self.settings.outbound
        ours = {self.settings.hostname.name, *(one.ehlo.name for one in outbound), *(str(one.ip) for one in outbound)}
        return await self.resolver.run(
            mail_hosts(domain, shuffle=self.shuffle, our_hosts=ours, ipv6_first=self.settings.ipv6 is True)
        )

    @property
    def _captures(self) -> bool:
        return self.settings.delivery is Delivery.CAPTURE

    def _route(self, site: str) -> Route | None:
        return next((route for route in self.settings.route if f"{ROUTE}{route.to}" == site), None)

    def _smtp_limit(self, site: str) -> int:
        account, transport = smtp_of(site)
        view = self.accounts.seen(account)
        info = view.transports.get(transport) if view is not None else None
        return KINDS[info.kind].read(info.settings).connections if info is not None else DEFAULT_CONNECTIONS

    async def _at_route(self, site: str, source: Source) -> Aim | Later:
        route = self._route(site)
        if route is None:
            return Later("The operator's settings have no route to this server any more.")
        addresses = await self._addresses(route.to)
        if not addresses:
            return Later(f"The address of {route.to.host} could not be found.")
        return self._aim(addresses, _TLS[route.tls], source, allow_private=True)

    async def _at_customer(self, site: str, source: Source) -> Aim | Later:
        """The customer's own server, with its login; a route for its name leads past the guard."""
        account, transport = smtp_of(site)
        try:
            info = (await self.accounts.view(account)).transports.get(transport)
            plan = KINDS[info.kind].read(info.settings) if info is not None else None
        except MailwrightError as fault:
            return Later(str(fault))
        if info is None or plan is None or plan.server is None:
            return Later("The account does not have this transport any more: cancel the mail, or let it be sent another way.")
        try:
            login = await self._login(account, transport, plan.login.username) if plan.login is not None else None
        except MailwrightError as fault:
            return Later(f"The password of the transport cannot be read: {fault}")
        server = Endpoint(*plan.server)
        route = self.settings.route_for(Domain(server.host)) if server.ip is None else None
        addresses = await self._addresses(route.to if route is not None else server, name=server.host)
        if not addresses:
            return Later(f"The address of {server.host} could not be found.")
        return self._aim(addresses, plan.tls, source, login, allow_private=route is not None)

    async def _login(self, account: int, transport: int, username: str) -> Login | None:
        sealed = await self.directory.transport_secret(account, transport)
        if sealed is None:
            return None
        return Login(username, self.vault.open(sealed, bound_to=transport_place(account, transport)).decode())

    async def _addresses(self, server: Endpoint, *, name: str = "") -> tuple[HostAddress, ...]:
        if server.ip is not None:
            return (HostAddress(name or server.host, server.host, server.port),)
        found = await self.resolver.run(host_addresses(server.host))
        return tuple(HostAddress(name or server.host, ip, server.port) for ip in found)

    async def _at_mx(self, site: str, job: Job, source: Source) -> Aim | Hopeless | Later | Moved:
        found = await self.hosts(Address.parse(job.recipient).domain)
        if isinstance(found, NoRoute):
            return no_way(found)
        if MX + found.site != site:
            return Moved(MX + found.site)
        addresses = tuple(HostAddress(host.name, ip, SMTP_PORT) for host in found.hosts for ip in host.addresses)
        return self._aim(addresses, Tls.OPPORTUNISTIC, source)

    def _aim(
        self, hosts: Sequence[HostAddress], tls: Tls, source: Source, login: Login | None = None, *, allow_private: bool = False
    ) -> Aim:
        reached, source = self.sources.reaching(hosts, source)
        return Aim(Target(reached, tls, source.ehlo, login, source.ip, allow_private))


def no_way(found: NoRoute) -> Hopeless | Later:
    """A refusal of ours where the domain takes no mail, some patience where DNS did not tell."""
    return Hopeless(found.reply, found.reason.what) if found.reply.permanent else Later(found.reason.what)
