"""The addresses from which mail leaves: which may be used, whose turn it is, and which of them reach a server."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from mailwright.app.settings import Settings
from mailwright.net.dns import Resolver
from mailwright.ports.sender import HostAddress
from mailwright.routing.hosts import reverse_confirmed


@dataclass(frozen=True, slots=True)
class Source:
    """A source address with its EHLO name; `ip` None is the system's route."""

    ip: str | None
    ehlo: str


class Sources:
    """Large receivers refuse IPv6 without a confirmed reverse name: such an address gets no turn, unless there is no other."""

    def __init__(self, settings: Settings, resolver: Resolver) -> None:
        self._resolver, self._ipv6 = resolver, settings.ipv6
        self._all = [Source(str(outbound.ip), outbound.ehlo.name) for outbound in settings.outbound]
        self._all = self._all or [Source(None, settings.hostname.name)]
        self._in_turn = self._without(self._ipv6_sources() if self._ipv6 is None else [])
        self._turn = 0

    def next(self) -> Source:
        """They take turns."""
        self._turn += 1
        return self._in_turn[self._turn % len(self._in_turn)]

    async def look(self) -> None:
        """Ask the DNS which IPv6 addresses have a confirmed reverse name; where it does not answer, they have none."""
        if self._ipv6 is not None:
            return
        strange = [one for one in self._ipv6_sources() if not await self._confirmed(one)]
        self._in_turn = self._without(strange)

    def reaching(self, hosts: Sequence[HostAddress], source: Source) -> tuple[tuple[HostAddress, ...], Source]:
        """The addresses of `hosts` that a source reaches; where there is none, those of another source, and that one."""
        wanted = [host for host in hosts if self._ipv6 is not False or not _is_v6(host.ip)]
        for one in (source, *self._all):
            reached = tuple([host for host in wanted if one.ip is None or _is_v6(host.ip) == _is_v6(one.ip)])
            if reached:
                return reached, one
        return (), source

    async def _confirmed(self, source: Source) -> bool:
        return source.ip is None or await self._resolver.run(reverse_confirmed(source.ip, source.ehlo))

    def _ipv6_sources(self) -> list[Source]:
        return [one for one in self._all if one.ip is not None and _is_v6(one.ip)]

    def _without(self, some: Sequence[Source]) -> list[Source]:
        return [one for one in self._all if one not in some] or self._all


def _is_v6(ip: str) -> bool:
    return ip_address(ip).version == 6
