"""Mail that flows through a system: a warm-up, then rounds of about the same length."""

from collections.abc import Callable, Sequence

from bench.context import Context
from bench.peers.sink import Counted
from bench.rounds import Figure, Shot, shot

WARM_UP = 300  # mails: processes are forked, connections opened, caches filled
MOST = 40_000  # mails a round: enough at any rate
Pump = Callable[[int], float]  # hands in so many mails; the monotonic time at which it began


def pumped(pump: Pump, sink: Counted, context: Context, *, roots: Sequence[int], warm_up: int = WARM_UP) -> Callable[[], Shot]:
    """Warm the system up; then a round is from the first connection to the last mail in the sink. `roots` are its processes."""
    cold = _seconds(pump, sink, warm_up)
    count = min(MOST, max(WARM_UP, round(warm_up / cold * context.seconds)))
    warm = _seconds(pump, sink, count // 4)
    count = min(MOST, max(WARM_UP, round(count // 4 / warm * context.seconds)))

    def work() -> tuple[float, float]:
        before = sink.count
        return pump(count), sink.wait_for(before + count)

    return lambda: shot(work, units=count, roots=roots)


def told(found: Figure | None, unit: str = "mails/s") -> str:
    """A figure for somebody who waits for the table."""
    if found is None:
        return "not here"
    return f"{found.rate:,.0f} {unit} ({found.low:,.0f} to {found.high:,.0f}), {found.cpu_ms:.2f} ms CPU each"


def _seconds(pump: Pump, sink: Counted, count: int) -> float:
    before = sink.count
    began = pump(count)
    return sink.wait_for(before + count) - began
