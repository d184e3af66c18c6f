"""The settings as one frozen object; every key carries its meaning, from which the file and the documentation are written."""

import os
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from mailwright.app.settings import kinds
from mailwright.app.settings.kinds import Database, Endpoint, Pattern
from mailwright.values import Domain

LOWEST_PRIORITY = 9  # 0 is served first
OTHER = "other"  # the subsystem whose settings hold for every one that is not named
MAX_CONNECTIONS = 100_000  # more than one process can have open files
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MIB = 2**20

Length = Annotated[timedelta, kinds.duration(timedelta(milliseconds=1), 365 * DAY)]
Patience = Annotated[timedelta, kinds.duration(SECOND / 10, DAY)]
Count = Annotated[int, kinds.whole(1, MAX_CONNECTIONS)]
Threads = Annotated[int, kinds.whole(1, 256)]
Flag = Annotated[bool, kinds.BOOLEAN]


class Delivery(StrEnum):
    """Whether mail may leave the machine."""

    CAPTURE = "capture"
    LIVE = "live"


class ListenerTls(StrEnum):
    """How a listener speaks TLS."""

    STARTTLS = "starttls"  # RFC 3207
    IMPLICIT = "implicit"  # RFC 8314 §3.3
    NONE = "none"


class RouteTls(StrEnum):
    """How a routed connection speaks TLS."""

    OPPORTUNISTIC = "opportunistic"
    REQUIRED = "required"
    NONE = "none"


class LogLevel(StrEnum):
    """From which level on lines are written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How a line looks."""

    AUTO = "auto"
    JSON = "json"
    TEXT = "text"


def setting(default: Any, meaning: str) -> Any:
    """A setting with its default."""
    return Field(default=default, description=meaning)


def derived(source: str, meaning: str) -> Any:
    """A setting whose default follows from the machine or from other settings; `source` says how, for people."""
    return Field(description=meaning, json_schema_extra={"derived": source})


class Table(BaseModel):
    """A table of the file: unknown keys are refused, nothing changes after it was read."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Listener(Table):
    """Where applications hand in mail over SMTP. Each [[listen]] is one address; naming one replaces the two defaults."""

    address: Annotated[Endpoint, kinds.LISTENING] = Field(
        description="Address and port to listen on. Beyond 127.0.0.1 others can reach it."
    )
    tls: Annotated[ListenerTls, kinds.one_of(ListenerTls)] = setting(
        ListenerTls.STARTTLS,
        "starttls: begins plain and changes over; implicit: TLS from the first byte; none: no TLS, and so no login.",
    )
    trusted: Mapping[Annotated[IPv4Network | IPv6Network, kinds.NETWORK], Annotated[str, kinds.NAME]] = setting(
        {}, 'Client ranges that need no login, each with the account for which they send: { "127.0.0.1/32" = "acme" }.'
    )
    show_client: Flag = setting(False, "Write the client's address into the Received field, for every recipient to see.")


class Tls(Table):
    """The certificate of the listeners."""

    certificate: Annotated[Path | None, kinds.optional(kinds.FILE, unset="a self-signed one made in the data folder")] = setting(
        None, "PEM file with the certificate and its chain."
    )
    key: Annotated[Path | None, kinds.optional(kinds.FILE, unset="the one made with the certificate")] = setting(
        None, "PEM file with the private key of the certificate."
    )


class Limits(Table):
    """What one client may ask for at hand-in."""

    size: Annotated[int, kinds.size(65536, 1024 * MIB)] = setting(25 * MIB, "Largest mail, as sent (RFC 1870).")
    recipients: Annotated[int, kinds.whole(100, 50_000)] = setting(
        1000, "Recipients of one mail; at least 100 (RFC 5321 §4.5.3.1.8)."
    )
    header_fields: Annotated[int, kinds.whole(100, 100_000)] = setting(1000, "Header fields of one mail.")
    header_size: Annotated[int, kinds.size(16384, 16 * MIB)] = setting(MIB // 4, "The whole header of one mail.")
    connections: Count = setting(1000, "Connections at once, over all listeners.")
    connections_per_address: Count = setting(200, "Connections at once from one client address.")
    login_failures: Count = setting(10, "Failed logins of one client address before it has to wait.")
    login_window: Length = setting(10 * MINUTE, "How long failed logins count.")
    protocol_errors: Count = setting(20, "Faulty commands in one connection before it is closed.")


class Timeouts(Table):
    """How long the other side may be silent. Where RFC 5321 §4.5.3.2 names a least time, that is the default."""

    command: Patience = setting(5 * MINUTE, "Hand-in: waiting for the next command (RFC 5321 §4.5.3.2.7).")
    data: Patience = setting(3 * MINUTE, "Hand-in: waiting for the next piece of a mail.")
    handshake: Patience = setting(30 * SECOND, "Both ways: for TLS to be agreed.")
    connect: Patience = setting(30 * SECOND, "Delivery: for a connection to a server to open.")
    greeting: Patience = setting(5 * MINUTE, "Delivery: for the server's greeting (RFC 5321 §4.5.3.2.1).")
    mail: Patience = setting(5 * MINUTE, "Delivery: for the answer to EHLO, AUTH and MAIL (RFC 5321 §4.5.3.2.2).")
    recipient: Patience = setting(5 * MINUTE, "Delivery: for the answer to RCPT (RFC 5321 §4.5.3.2.3).")
    data_start: Patience = setting(2 * MINUTE, "Delivery: for the answer to DATA (RFC 5321 §4.5.3.2.4).")
    data_block: Patience = setting(3 * MINUTE, "Delivery: for the server to take a piece of the mail (RFC 5321 §4.5.3.2.5).")
    data_end: Patience = setting(
        10 * MINUTE, "Delivery: for the answer to the final dot (RFC 5321 §4.5.3.2.6). Shorter means doubled mail."
    )
    idle: Patience = setting(5 * SECOND, "Delivery: how long an unused connection is kept for the next mail.")
    shutdown: Patience = setting(20 * SECOND, "At the end: how long mail under way may take before connections are cut.")


class Http(Table):
    """The web port: the HTTP API with its documentation at /docs, and /healthz, /readyz, /metrics."""

    address: Annotated[Endpoint, kinds.LISTENING] = setting(Endpoint("127.0.0.1", 8025), "Address and port to listen on.")
    proxies: tuple[Annotated[IPv4Network | IPv6Network, kinds.NETWORK], ...] = setting(
        (), "Proxies in front of it: what they say of their clients in X-Forwarded-For is believed."
    )
    requests: Count = setting(2000, "Requests a second of one API key; more are answered 429.")
    accounts_add_domains: Annotated[
        bool | None, kinds.optional(kinds.BOOLEAN, unset="true in capture mode, where nothing leaves, and false in live mode")
    ] = setting(None, "Let an account's own keys (scope admin) add domains that nobody has: only where all accounts are trusted.")
    log_days: Annotated[int, kinds.whole(0, 365)] = setting(7, "How long GET /logs shows requests; 0 keeps none.")


class Outbound(Table):
    """An address of this machine from which mail leaves. Without any, the system chooses."""

    ip: Annotated[IPv4Address | IPv6Address, kinds.ADDRESS] = Field(
        description="The source address. Its reverse name should be ehlo."
    )
    ehlo: Annotated[Domain, kinds.DOMAIN] = derived("hostname", "The name with which this address introduces itself.")


class Route(Table):
    """Mail for some domains goes to a given host instead of their MX: the only way to a private address."""

    domain: Annotated[tuple[Pattern, ...], kinds.PATTERNS] = Field(description="Recipient domains. The most exact pattern wins.")
    to: Annotated[Endpoint, kinds.TARGET] = Field(description="Where their mail goes. Private addresses are allowed here.")
    tls: Annotated[RouteTls, kinds.one_of(RouteTls)] = setting(
        RouteTls.OPPORTUNISTIC, "opportunistic: where the host offers it; required: or the mail waits; none: never."
    )
    connections: Annotated[int | None, kinds.optional(kinds.whole(1, 10_000), unset="queue.connections_per_site")] = setting(
        None, "Connections at once to this host."
    )


class Queue(Table):
    """How mail waits and is tried again."""

    lifetime: Length = setting(5 * DAY, "How long a mail is tried before it bounces (RFC 5321 §4.5.4.1: 4 to 5 days).")
    delayed_after: Length = setting(15 * MINUTE, "After how long a waiting mail is reported as delayed.")
    retries: tuple[Length, ...] = setting(
        (MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR), "Waits between tries; the last one repeats."
    )
    jitter: Annotated[float, kinds.fraction(0, 0.5)] = setting(
        0.2, "How much each wait varies, so that not everything is tried at once."
    )
    connections: Count = setting(500, "Connections at once to all servers.")
    connections_per_site: Annotated[int, kinds.whole(1, 10_000)] = setting(
        20, "Connections at once to one site (servers with the same MX)."
    )
    memory: Annotated[int, kinds.size(0, 65536 * MIB)] = setting(
        64 * MIB, "Mail kept in memory between hand-in and delivery; more is read again."
    )
    signers: Threads = derived("the number of processors, less one", "Processes that sign mail.")


class Subsystem(Table):
    """How mail of one part of the application is treated: [subsystems.NAME]."""

    priority: Annotated[int, kinds.whole(0, LOWEST_PRIORITY)] = setting(5, "0 is served first, 9 last.")
    lifetime: Annotated[timedelta | None, kinds.optional(kinds.duration(SECOND, 365 * DAY), unset="queue.lifetime")] = setting(
        None, "After how long a mail is of no use any more, and bounces."
    )
    secret: Flag = setting(False, "Never show the text and subject, and delete the text at the final state.")


class Webhooks(Table):
    """Calls to applications that want to know what happens to their mail."""

    inner: tuple[Annotated[Endpoint, kinds.TARGET], ...] = setting(
        (), "Receivers in your own network that may be called; all others need a public address."
    )


class Dns(Table):
    """Whom to ask for MX and address records."""

    servers: tuple[Annotated[Endpoint, kinds.NAMESERVER], ...] = setting(
        (), "Name servers; without any the system's, which are followed when they change."
    )
    timeout: Patience = setting(5 * SECOND, "How long one question may take over all servers.")


class Operator(Table):
    """A second DKIM signature, of the operator, on every mail: with the key of `mailwright dkim add DOMAIN --operator`."""

    domain: Annotated[Domain | None, kinds.optional(kinds.DOMAIN, unset="no second signature")] = setting(
        None, "Signing domain (d=, RFC 6376 §3.5)."
    )


class Log(Table):
    """What is told on standard error. Secrets and the text of mails are never written."""

    level: Annotated[LogLevel, kinds.one_of(LogLevel)] = setting(LogLevel.INFO, "The least important lines that are written.")
    format: Annotated[LogFormat, kinds.one_of(LogFormat)] = setting(
        LogFormat.AUTO, "auto: text on a terminal, else one JSON object a line."
    )
    addresses: Flag = setting(True, "Write mail addresses; false leaves only their domains.")


LISTENERS = (
    Listener.model_validate({"address": "127.0.0.1:2587", "tls": "starttls"}),
    Listener.model_validate({"address": "127.0.0.1:2465", "tls": "implicit"}),
)
SUBSYSTEMS: Mapping[str, Subsystem] = {  # what somebody waits for passes what nobody misses for an hour
    "password": Subsystem.model_validate({"priority": 0, "lifetime": "1 h", "secret": True}),
    "billing": Subsystem.model_validate({"priority": 2}),
    "calendar": Subsystem.model_validate({"priority": 2, "lifetime": "1 d"}),
    "case": Subsystem.model_validate({"priority": 3}),
    "task": Subsystem.model_validate({"priority": 4}),
    OTHER: Subsystem(),
    "blast": Subsystem.model_validate({"priority": LOWEST_PRIORITY}),
}


class Settings(Table):
    """All settings of a process, read once at its start."""

    hostname: Annotated[Domain, kinds.DOMAIN] = derived(
        "the machine's full name", "Name of this machine for EHLO, Received and reports."
    )
    delivery: Annotated[Delivery, kinds.one_of(Delivery)] = setting(
        Delivery.CAPTURE, "capture: nothing leaves this machine, mail is kept to be looked at; live: mail is delivered."
    )
    data: Annotated[Path, kinds.FILE] = derived(
        "var beside this file", "Folder for the database, the keyring and the certificate."
    )
    database: Annotated[Database, kinds.DATABASE] = derived(
        "sqlite:///mailwright.db in the data folder", "SQLite for one machine; PostgreSQL where one is too small."
    )
    keyring: Annotated[Path, kinds.FILE] = derived(
        "keyring in the data folder", "File with the key that encrypts stored secrets. Keep it apart from backups."
    )
    credential: Annotated[str | None, kinds.optional(kinds.FILE_NAME, unset="none")] = setting(
        None, "Name of the systemd credential (LoadCredential=) that holds the keyring instead of a file."
    )
    bounce_domain: Annotated[Domain, kinds.DOMAIN] = derived(
        "bounce. before hostname", "Domain of our return paths; its MX must lead here."
    )
    ipv6: Annotated[bool | None, kinds.THREE_WAYS] = setting(
        None, "Deliver over IPv6. auto: only from an address whose reverse name is confirmed; else IPv4 is tried first."
    )
    listen: tuple[Listener, ...] = setting(LISTENERS, "")
    tls: Tls = setting(Tls(), "")
    limits: Limits = setting(Limits(), "")
    timeouts: Timeouts = setting(Timeouts(), "")
    http: Http = setting(Http(), "")
    queue: Queue = derived("", "")
    outbound: tuple[Outbound, ...] = setting((), "")
    route: tuple[Route, ...] = setting((), "")
    subsystems: Mapping[Annotated[str, kinds.NAME], Subsystem] = setting(SUBSYSTEMS, "")
    webhooks: Webhooks = setting(Webhooks(), "")
    dns: Dns = setting(Dns(), "")
    operator: Operator = setting(Operator(), "")
    log: Log = setting(Log(), "")

    def subsystem(self, name: str) -> Subsystem:
        """How mail of this subsystem is treated; names that are not set up are treated as `other`."""
        return self.subsystems.get(name) or self.subsystems[OTHER]

    def route_for(self, domain: Domain) -> Route | None:
        """The route of a recipient domain: its own name first, then the nearest "*.name", then "*"."""
        exact, below = self._routes
        found = exact.get(domain.name)
        parent = domain.name
        while found is None and parent:
            parent = parent.partition(".")[2]
            found = below.get(parent)
        return found

    @cached_property
    def _routes(self) -> tuple[dict[str, Route], dict[str, Route]]:
        patterns = [(pattern, route) for route in self.route for pattern in route.domain]
        exact = {pattern.name: route for pattern, route in patterns if not pattern.below}
        return exact, {pattern.name: route for pattern, route in patterns if pattern.below}


def processors() -> int:
    """How many processes sign: one processor is left to everything else."""
    return min(max(1, (os.cpu_count() or 1) - 1), 256)
