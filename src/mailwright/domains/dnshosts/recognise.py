"""Which DNS host runs a zone, by the names of its name servers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mailwright.dns import canonical
from mailwright.domains.dnshosts.provider import Provider
from mailwright.values.finding import Finding, warning


@dataclass(frozen=True, slots=True)
class Recognition:
    """What name servers tell: the hosts that were recognised, in the order of the servers, and the servers that nobody knows."""

    providers: tuple[Provider, ...]
    strangers: tuple[str, ...]
    servers: tuple[str, ...]

    @property
    def provider(self) -> Provider | None:
        """The one host; None where none is known, or several are: a form for one of them would leave the others behind."""
        return self.providers[0] if len(self.providers) == 1 else None

    def finding(self) -> Finding | None:
        """That several hosts answer for the zone at once, where they do."""
        names = [provider.name for provider in self.providers]
        if self.strangers and names:
            names.append("a host that we do not know")
        if len(names) < 2:
            return None
        return warning(
            "dns-hosts-several",
            f"The name servers of this domain belong to {', '.join(names[:-1])} and {names[-1]} at once.",
            why="Each of them answers from its own list of records. A record that is added at one of them is seen by some "
            "receivers and not by others, unless one copies from the other.",
            do="Find out which of them is really used, and whether the others copy from it. Add each record wherever it is not "
            "copied to, or leave only the name servers of one host at your registrar.",
            evidence=self.servers,
            reference="RFC 1034 §4.2.2",
        )


def recognise(name_servers: Iterable[str], providers: Sequence[Provider]) -> Recognition:
    """The hosts of a zone's name servers, each by its longest match."""
    servers = tuple(canonical(server) for server in name_servers)
    found = {server: _of(server, providers) for server in servers}
    lent = tuple(end.split(".") for host in found.values() if host for end in host.beside)
    own = {server: host for server, host in found.items() if not any(_ends(server.split("."), end) for end in lent)}
    hosts = tuple({host.key: host for host in own.values() if host}.values())
    return Recognition(hosts, tuple(server for server, host in own.items() if host is None), servers)


def provider_of(name_servers: Iterable[str], providers: Sequence[Provider]) -> Provider | None:
    """The DNS host that alone answers for the name servers; None where none or several were recognised."""
    return recognise(name_servers, providers).provider


def _of(server: str, providers: Sequence[Provider]) -> Provider | None:
    labels = server.split(".")
    matches = [
        (len(end.split(".")), len(end), provider.key, provider)
        for provider in providers
        for end in provider.servers
        if _ends(labels, end.split("."))
    ]
    return max(matches, key=lambda match: match[:3])[3] if matches else None


def _ends(labels: list[str], end: list[str]) -> bool:
    """Whether a name is below, or is, what whole labels say: `one.com` is no part of `someone.com`."""
    return len(labels) >= len(end) and all(
        label.startswith(part[:-1]) if part.endswith("*") else label == part
        for label, part in zip(labels[-len(end) :], end, strict=True)
    )
