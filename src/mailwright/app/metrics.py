"""Figures for Prometheus: plain counters on the path of a mail, turned into families only when somebody asks."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from mailwright.queue import State

PREFIX = "mailwright_"
CONTENT_TYPE = "text/plain; version=1.0.0; charset=utf-8"  # what generate_latest writes
QUICK = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0)  # seconds: a signature, a commit
PATIENT = (0.1, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 86_400.0)  # seconds: from hand-in to delivery
GROUPS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0)  # writes that share one commit
Reading = Callable[[], float | Mapping[str, float]]

COUNTERS = (
    # attribute, what it counts
    ("accepted", "Mails accepted: durable before their 250."),
    ("recipients", "Recipients of accepted mails."),
    ("octets", "Octets of accepted mails."),
    ("duplicates", "Mails not accepted again: their idempotency key was used before."),
    ("refused", "Mails refused at hand-in with a 5xx reply."),
    ("turned_away", "Mails turned away at hand-in with a 4xx reply: the client tries again."),
    ("attempts", "Tries to deliver, one for each recipient."),
    ("delivered", "Recipients whose server took the mail."),
    ("deferred", "Tries that ended in another try later."),
    ("bounced", "Recipients given up."),
    ("cancelled", "Recipients cancelled by a person."),
    ("captured", "Recipients kept in capture mode."),
    ("held", "Recipients held for a person or for a limit."),
    ("unknown", "Tries that may have arrived although their outcome was lost."),
    ("reports", "Delivery reports written to submitters (RFC 3464)."),
    ("logins", "Logins that succeeded."),
    ("login_failures", "Logins that failed."),
    ("connections_in", "Connections taken from applications."),
    ("connections_out", "Connections opened to mail servers."),
    ("signatures", "DKIM signatures made."),
    ("commits", "Commits of the writer."),
)
_BY_STATE = {
    State.READY: "deferred",  # returned to the queue at once
    State.DEFERRED: "deferred",
    State.HELD: "held",
    State.DELIVERED: "delivered",
    State.BOUNCED: "bounced",
    State.CANCELLED: "cancelled",
    State.CAPTURED: "captured",
}


@dataclass(slots=True)
class Histogram:
    """Counts values by upper bounds; a value on a bound belongs below it (Prometheus: le)."""

    bounds: tuple[float, ...]
    counts: list[int] = field(init=False)
    total: float = 0.0

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds) + 1)

    def observe(self, value: float) -> None:
        """One value, in the unit of the bounds."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def buckets(self) -> list[tuple[str, float]]:
        """Cumulative, as Prometheus wants them."""
        rows, below = [], 0
        for bound, count in zip((*self.bounds, float("inf")), tuple(self.counts), strict=True):
            below += count
            rows.append(("+Inf" if bound == float("inf") else repr(bound), float(below)))
        return rows


@dataclass(frozen=True, slots=True)
class Watched:
    """A figure that is kept elsewhere and read when asked for."""

    name: str
    told: str
    read: Reading
    label: str  # "" for a single value
    grows: bool


@dataclass(slots=True)
class Metrics:
    """The counters of one process. `metrics.delivered += 1` costs 30 ns and no lock: count on the event loop only."""

    version: str
    accepted: int = 0
    recipients: int = 0
    octets: int = 0
    duplicates: int = 0
    refused: int = 0
    turned_away: int = 0
    attempts: int = 0
    delivered: int = 0
    deferred: int = 0
    bounced: int = 0
    cancelled: int = 0
    captured: int = 0
    held: int = 0
    unknown: int = 0
    reports: int = 0
    logins: int = 0
    login_failures: int = 0
    connections_in: int = 0
    connections_out: int = 0
    signatures: int = 0
    commits: int = 0
    commit_seconds: Histogram = field(default_factory=lambda: Histogram(QUICK))
    commit_units: Histogram = field(default_factory=lambda: Histogram(GROUPS))
    sign_seconds: Histogram = field(default_factory=lambda: Histogram(QUICK))
    delivery_seconds: Histogram = field(default_factory=lambda: Histogram(PATIENT))
    _watched: list[Watched] = field(default_factory=list)
    _registry: CollectorRegistry = field(default_factory=lambda: CollectorRegistry(auto_describe=False))

    def __post_init__(self) -> None:
        self._registry.register(_Families(self))
        ProcessCollector(registry=self._registry)  # memory, processor time, open files

    def settled(self, state: State, *, unknown: bool = False) -> None:
        """What became of one try."""
        name = _BY_STATE.get(state)
        if name is not None:
            setattr(self, name, getattr(self, name) + 1)
        self.attempts += state is not State.CANCELLED
        self.unknown += unknown

    def watch(self, name: str, told: str, read: Reading, *, label: str = "", grows: bool = False) -> None:
        """Show a figure that is kept elsewhere, such as `dns_hits` or `queue`; `read` gives it, or one for each label value."""
        self._watched.append(Watched(name, told, read, label, grows))

    def text(self) -> bytes:
        """Everything, in the format of Prometheus; about a millisecond."""
        return generate_latest(self._registry)

    def families(self) -> Iterator[Metric]:
        """Everything, as prometheus_client has it."""
        yield GaugeMetricFamily(f"{PREFIX}up", "1 while the process serves.", value=1)
        build = GaugeMetricFamily(f"{PREFIX}build_info", "The version that runs.", labels=("version",))
        build.add_metric((self.version,), 1)
        yield build
        for name, told in COUNTERS:
            yield CounterMetricFamily(PREFIX + name, told, value=getattr(self, name))
        yield _histogram("commit_seconds", "How long a commit took.", self.commit_seconds)
        yield _histogram("commit_units", "How many writes shared a commit.", self.commit_units)
        yield _histogram("sign_seconds", "How long a signature took, waiting for a thread included.", self.sign_seconds)
        yield _histogram("delivery_seconds", "From hand-in to the remote 250.", self.delivery_seconds)
        for watched in self._watched:
            yield _family(watched)


@dataclass(slots=True, eq=False)
class _Families(Collector):
    metrics: Metrics

    def collect(self) -> Iterator[Metric]:
        return self.metrics.families()


def _histogram(name: str, told: str, values: Histogram) -> Metric:
    return HistogramMetricFamily(PREFIX + name, told, buckets=values.buckets(), sum_value=values.total)


def _family(watched: Watched) -> Metric:
    labels = (watched.label,) if watched.label else ()
    kind = CounterMetricFamily if watched.grows else GaugeMetricFamily
    family = kind(PREFIX + watched.name, watched.told, labels=labels)
    values = watched.read()
    if isinstance(values, Mapping):
        for value, figure in values.items():
            family.add_metric((value,), figure)
    else:
        family.add_metric((), values)
    return family
