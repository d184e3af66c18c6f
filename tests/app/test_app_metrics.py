"""Figures come out as Prometheus reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from mailwright.app.metrics import COUNTERS, QUICK, Histogram, Metrics
from mailwright.queue import State


def samples(metrics: Metrics) -> dict[tuple[str, str], float]:
    families = text_string_to_metric_families(metrics.text().decode())
    return {(sample.name, ",".join(sample.labels.values())): sample.value for family in families for sample in family.samples}


def test_every_counter_is_shown_from_the_start() -> None:
    shown = samples(Metrics("1.2.3"))
    for name, _ in COUNTERS:
        assert shown[f"mailwright_{name}_total", ""] == 0
    assert shown["mailwright_build_info", "1.2.3"] == 1
    assert shown["mailwright_sign_seconds_count", ""] == 0


def test_counting() -> None:
    metrics = Metrics("1")
    metrics.accepted += 3
    metrics.octets += 5 * 2**40
    assert samples(metrics)["mailwright_accepted_total", ""] == 3
    assert samples(metrics)["mailwright_octets_total", ""] == 5 * 2**40


@pytest.mark.parametrize(
    "state,counter",
    [
        (State.DELIVERED, "delivered"),
        (State.BOUNCED, "bounced"),
        (State.DEFERRED, "deferred"),
        (State.READY, "deferred"),
        (State.HELD, "held"),
        (State.CAPTURED, "captured"),
    ],
)
def test_what_became_of_a_try(state: State, counter: str) -> None:
    metrics = Metrics("1")
    metrics.settled(state, unknown=state is State.DEFERRED)
    assert (getattr(metrics, counter), metrics.attempts) == (1, 1)
    assert metrics.unknown == (state is State.DEFERRED)


def test_cancelling_is_no_try() -> None:
    metrics = Metrics("1")
    metrics.settled(State.CANCELLED)
    assert (metrics.cancelled, metrics.attempts) == (1, 0)


def test_figures_kept_elsewhere_are_read_when_asked_for() -> None:
    metrics, hits, queue = Metrics("1"), [0], {"ready": 1}
    metrics.watch("dns_hits", "Answers from the cache.", lambda: hits[0], grows=True)
    metrics.watch("queue", "Recipients by state.", lambda: queue, label="state")
    hits[0], queue["held"] = 7, 2
    shown = samples(metrics)
    assert shown["mailwright_dns_hits_total", ""] == 7
    assert (shown["mailwright_queue", "ready"], shown["mailwright_queue", "held"]) == (1, 2)


def test_process_figures_are_shown() -> None:
    assert ("process_resident_memory_bytes", "") in samples(Metrics("1"))


@given(st.lists(st.floats(0, 10)))
def test_histogram(values: list[float]) -> None:
    histogram = Histogram(QUICK)
    for value in values:
        histogram.observe(value)
    cumulative = [(repr(bound), float(sum(value <= bound for value in values))) for bound in QUICK]
    assert histogram.buckets() == [*cumulative, ("+Inf", float(len(values)))]
    assert histogram.total == pytest.approx(sum(values))
