"""Systems measured beside each other: all stand ready, and take turns round by round.

What the machine does in the course of minutes (a neighbour on the same hardware, its clock) then falls on all of them alike:
measured one after the other, the same system differed by a third between two tables of one run.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack

from bench.context import Context
from bench.peers.program import Absent
from bench.pumped import told
from bench.rounds import Figure, Shot, await_calm, ended, summed_up

Shoot = Callable[[], Shot]
Start = Callable[[ExitStack], Shoot]  # starts a system, to be stopped with the stack, warms it up, and gives its round


def beside(context: Context, case: str, starts: Mapping[str, Start], *, skip_as: str = "") -> dict[str, Figure]:
    """The figures of those that are here; who is not is noted in the context, `skip_as` a part of its name."""
    with ExitStack() as stack:
        shoots: dict[str, Shoot] = {}
        for system, start in starts.items():
            if not context.wants(system) or system in context.skipped:
                continue
            try:
                shoots[system] = start(stack)
            except Absent as absent:
                context.skipped[system + skip_as] = str(absent)
        figures = _in_turns(context, shoots)
    for system in starts:
        if context.wants(system):
            print(f"  {case}, {system}: {told(figures.get(system))}", flush=True)
    return figures


def _in_turns(context: Context, shoots: dict[str, Shoot]) -> dict[str, Figure]:
    shots: dict[str, list[Shot]] = {system: [] for system in shoots}
    while waiting := [system for system, taken in shots.items() if not ended(taken, context.rounds)]:
        for system in waiting:
            await_calm()
            try:
                shots[system].append(shoots[system]())
            except Absent as absent:  # it stopped in the middle
                context.skipped[system] = str(absent)
                del shots[system]
    return {system: summed_up(taken, context.rounds) for system, taken in shots.items()}
