"""One bench, one table: a case a row, ours and its peers side by side, and how many times ours each peer is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bench.rounds import Figure

DISTURBED = "~"  # marks a figure for which the machine was not quiet


@dataclass(frozen=True, slots=True)
class Row:
    """One case: the figure of each system that could be measured, by the system's name."""

    case: str
    figures: Mapping[str, Figure]


@dataclass(frozen=True, slots=True)
class Table:
    """`systems` in the order of the columns; `ours` is the one that the others are compared with."""

    title: str
    unit: str  # what is counted a second, such as "mails/s"
    systems: Sequence[str]
    rows: Sequence[Row]
    ours: str = "Mailwright"
    notes: Sequence[str] = field(default=())

    def __str__(self) -> str:
        return _laid_out(self.title, [self._head(), *(self._line(row) for row in self.rows)], self._all_notes())

    def _head(self) -> list[str]:
        cells = [""]
        for system in self.systems:
            cells += [system, "CPU ms"] if self._has_cpu(system) else [system]
        return cells + [f"x {system}" for system in self._compared()]

    def _line(self, row: Row) -> list[str]:
        cells = [row.case]
        for system in self.systems:
            found = row.figures.get(system)
            cells.append(_rate(found))
            if self._has_cpu(system):
                cells.append(f"{found.cpu_ms:.2f}" if found else "-")
        return cells + [_ratio(row.figures.get(self.ours), row.figures.get(system)) for system in self._compared()]

    def _has_cpu(self, system: str) -> bool:
        return any(row.figures[system].cpu_ms for row in self.rows if system in row.figures)

    def _compared(self) -> list[str]:
        """The peers, where there is anything of ours to compare with them."""
        ours = any(self.ours in row.figures for row in self.rows)
        return [system for system in self.systems if ours and system != self.ours]

    def _all_notes(self) -> list[str]:
        figures = [found for row in self.rows for found in row.figures.values()]
        notes = [
            f"{self.unit}, median of the rounds; CPU: user + system time of the system alone. x: ours as a multiple of the peer.",
            *self.notes,
        ]
        worst = max((found.disturbed for found in figures), default=0.0)
        if worst:
            notes.append(f"{DISTURBED} not quiet: others used up to {worst:.2f} cores in a round that counted. Measure again.")
        return notes


@dataclass(frozen=True, slots=True)
class Report:
    """A table of a bench that measures something else than rates; `rows` are cells as they are shown."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = field(default=())

    def __str__(self) -> str:
        return _laid_out(self.title, [self.head, *self.rows], self.notes)


def _laid_out(title: str, grid: Sequence[Sequence[str]], notes: Sequence[str]) -> str:
    widths = [max(len(line[column]) for line in grid) for column in range(len(grid[0]))]
    body = ["  ".join(_fit(cell, widths[n], left=n == 0) for n, cell in enumerate(line)).rstrip() for line in grid]
    body.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join([title, "", *body, "", *(f"- {note}" for note in notes)])


def _rate(found: Figure | None) -> str:
    if found is None:
        return "-"
    return f"{DISTURBED if found.disturbed else ''}{found.rate:,.0f}"


def _ratio(ours: Figure | None, peer: Figure | None) -> str:
    """How many times the peer's rate, and what part of its processor time."""
    if ours is None or peer is None:
        return "-"
    cpu = f" (CPU {ours.cpu_ms / peer.cpu_ms:.2f})" if peer.cpu_ms else ""
    return f"{ours.rate / peer.rate:.2f}{cpu}"


def _fit(cell: str, width: int, *, left: bool) -> str:
    return cell.ljust(width) if left else cell.rjust(width)
