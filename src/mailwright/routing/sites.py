"""Sites: what a connection leads to. Their names say of which sort they are."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from mailwright.transports import Tls

DOMAIN, MX, ROUTE, SMTP = "domain:", "mx:", "route:", "smtp:"


@dataclass(frozen=True, slots=True)
class Route:
    """A way past MX and past the dialler's guard that the operator set: domains to one server."""

    host: str
    port: int
    tls: Tls = Tls.OPPORTUNISTIC
    connections: int = 20

    @property
    def site(self) -> str:
        """The site of this route."""
        return f"{ROUTE}{self.host}:{self.port}"


@dataclass(slots=True)
class Routes:
    """The operator's routes; exact names win over wildcards, longer wildcards over shorter, "*" comes last."""

    exact: dict[str, Route] = field(default_factory=dict)
    below: dict[str, Route] = field(default_factory=dict)  # "site1.example" for *.site1.example, "" for *
    by_site: dict[str, Route] = field(default_factory=dict)

    @staticmethod
    def of(pairs: Iterable[tuple[str, Route]]) -> "Routes":
        """Routes from (pattern, route): `example.com`, `*.example.com` or `*`; the first of equal patterns wins."""
        routes = Routes()
        for pattern, route in pairs:
            table = routes.below if pattern.startswith("*") else routes.exact
            table.setdefault(pattern.removeprefix("*").removeprefix(".").lower(), route)
            routes.by_site.setdefault(route.site, route)
        return routes

    def match(self, domain: str) -> Route | None:
        """The route for a domain name in A-labels, None where MX decides."""
        found = self.exact.get(domain)
        if found is not None or not self.below:
            return found
        rest = domain
        while rest:
            rest = rest.partition(".")[2]
            found = self.below.get(rest)
            if found is not None:
                return found
        return None
