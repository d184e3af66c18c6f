"""Rounds: a warm-up, then the median of five; a round that others disturbed is thrown away and repeated."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from bench.peers import cpu

ROUNDS = 5
NOISE = 0.25  # cores: a round in which others used more than this says little about ours
TRIES = 3  # rounds shot for each one wanted; a machine that is never quiet gets its best ones, marked
_CALM_SECONDS = 20.0  # how long to wait for a calm moment before a round


@dataclass(frozen=True, slots=True)
class Shot:
    """One round: units a second, milliseconds of processor time a unit, and the cores that others used meanwhile."""

    rate: float
    cpu_ms: float
    others: float


@dataclass(frozen=True, slots=True)
class Figure:
    """The median of the rounds; `disturbed` is the most that others used in one of them, 0 where all were quiet."""

    rate: float
    cpu_ms: float
    low: float
    high: float
    disturbed: float = 0.0


def shot(work: Callable[[], tuple[float, float]], *, units: int, roots: Sequence[int]) -> Shot:
    """Time `work`: it does `units` and gives the monotonic times of its begin and end. `roots` are the system's processes."""
    before, stolen = cpu.everything(), cpu.stolen()
    began, ended = work()
    after = cpu.everything()
    seconds = ended - began
    used = cpu.of_trees(roots, after) - cpu.of_trees(roots, before)
    others = cpu.of_others(os.getpid(), after) - cpu.of_others(os.getpid(), before) + cpu.stolen() - stolen
    return Shot(units / seconds, used * 1000 / units, max(0.0, others) / seconds)


def figure(shoot: Callable[[], Shot], *, rounds: int = ROUNDS, calm: Callable[[], None] | None = None) -> Figure:
    """Shoot until there are enough quiet rounds, each after a `calm` moment; the warm-up is the caller's."""
    shots: list[Shot] = []
    while not ended(shots, rounds):
        (calm or await_calm)()
        shots.append(shoot())
    return summed_up(shots, rounds)


def ended(shots: Sequence[Shot], rounds: int) -> bool:
    """Whether enough of them were quiet, or a machine that is never quiet had its tries."""
    return sum(one.others <= NOISE for one in shots) >= rounds or len(shots) >= rounds * TRIES


def summed_up(shots: Sequence[Shot], rounds: int) -> Figure:
    """The median of the quietest."""
    best = sorted(shots, key=lambda one: one.others)[:rounds]
    worst = best[-1].others
    rates = [one.rate for one in best]
    return Figure(
        rate=median(rates),
        cpu_ms=median(one.cpu_ms for one in best),
        low=min(rates),
        high=max(rates),
        disturbed=worst if worst > NOISE else 0.0,
    )


def await_calm() -> None:
    """Wait until others leave the machine alone, but not for ever."""
    limit = time.monotonic() + _CALM_SECONDS
    while time.monotonic() < limit:
        before = cpu.of_others(os.getpid(), cpu.everything())
        time.sleep(0.5)
        if (cpu.of_others(os.getpid(), cpu.everything()) - before) / 0.5 <= NOISE:
            return
