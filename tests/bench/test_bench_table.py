"""The frame of the benches: figures in, tables out; which rounds count; the list is the folder."""

import importlib
from collections.abc import Iterator

import pytest

from bench.__main__ import listed
from bench.peers import cpu
from bench.rounds import Figure, Shot, figure
from bench.table import Report, Row, Table


def test_a_table_with_all_peers() -> None:
    rows = [
        Row("5 KB", {"none": Figure(12000, 0, 1, 2), "Peer": Figure(400, 3.4, 1, 2), "Mailwright": Figure(2000, 0.34, 1, 2)}),
        Row("100 KB", {"Peer": Figure(341, 3.5, 1, 2, disturbed=0.5)}),
    ]
    table = Table("through", "mails/s", ("none", "Peer", "Mailwright"), rows, notes=["Peer is fast."])
    assert [line.rstrip() for line in str(table).splitlines()] == [
        "through",
        "",
        "          none  Peer  CPU ms  Mailwright  CPU ms  x none           x Peer",
        "------  ------  ----  ------  ----------  ------  ------  ---------------",
        "5 KB    12,000   400    3.40       2,000    0.34    0.17  5.00 (CPU 0.10)",
        "100 KB       -  ~341    3.50           -       -       -                -",
        "",
        "- mails/s, median of the rounds; CPU: user + system time of the system alone. x: ours as a multiple of the peer.",
        "- Peer is fast.",
        "- ~ not quiet: others used up to 0.50 cores in a round that counted. Measure again.",
    ]


def test_a_table_without_ours_compares_nothing() -> None:
    table = Table("t", "mails/s", ("Peer", "Mailwright"), [Row("5 KB", {"Peer": Figure(400, 3.4, 1, 2)})])
    assert "x Peer" not in str(table)


def test_a_report_of_something_else_than_rates() -> None:
    report = Report("memory", ("", "MB", "goal"), [["at rest", "104", "<= 150: kept"], ["highest", "1,390", ""]], ["RSS."])
    assert str(report).splitlines() == [
        "memory",
        "",
        "            MB          goal",
        "-------  -----  ------------",
        "at rest    104  <= 150: kept",
        "highest  1,390",
        "",
        "- RSS.",
    ]


ROUNDS = [
    ([(1, 0.0), (5, 0.1), (3, 0.2)], 3, 0.0, "quiet rounds: their median"),
    ([(1, 0.0), (90, 0.9), (5, 0.1), (3, 0.2)], 3, 0.0, "a disturbed round is repeated"),
    ([(n, 0.9 - n / 100) for n in range(9)], 7, 0.84, "never quiet: the quietest ones, and it is said"),
]


@pytest.mark.parametrize(("shots", "rate", "disturbed", "because"), ROUNDS, ids=[row[3] for row in ROUNDS])
def test_which_rounds_count(shots: list[tuple[float, float]], rate: float, disturbed: float, because: str) -> None:
    given: Iterator[Shot] = (Shot(one, 1.0, others) for one, others in shots)
    found = figure(lambda: next(given), rounds=3, calm=lambda: None)
    assert (found.rate, round(found.disturbed, 2)) == (rate, disturbed), because
    assert next(given, None) is None, "every shot was used"


def test_processes_and_their_children() -> None:
    seen = {
        1: cpu.Used(0, 1),
        2: cpu.Used(0, 2),  # kthreadd
        3: cpu.Used(2, 4),  # a kernel thread
        10: cpu.Used(1, 8),  # ours
        11: cpu.Used(10, 16),  # its child
        12: cpu.Used(11, 32),
        20: cpu.Used(1, 64),
    }
    assert cpu.of_trees([10, 99], seen) == 8 + 16 + 32
    assert cpu.of_others(10, seen) == 1 + 64


@pytest.mark.parametrize("name", listed())
def test_every_listed_bench_can_be_run(name: str) -> None:
    assert callable(importlib.import_module(f"bench.{name}").run)
