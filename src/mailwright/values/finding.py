"""The one unit of explanation: what was found, what it means, and who does what about it."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How much a finding matters."""

    ERROR = "error"  # breaks mail
    WARNING = "warning"  # harms it
    NOTE = "note"  # worth knowing


@dataclass(frozen=True, slots=True)
class Finding:
    """One explained fact, from any check.

    `code` is stable and kebab-case (docs/findings/<code>.md); `what` happened, `why` it matters, what to `do`, each in
    short sentences for a person; `evidence` is what was seen (records, replies); `reference` names the source (RFC §).
    """

    code: str
    level: Level
    what: str
    why: str = ""
    do: str = ""
    evidence: tuple[str, ...] = ()
    reference: str = ""


def error(code: str, what: str, *, why: str = "", do: str = "", evidence: tuple[str, ...] = (), reference: str = "") -> Finding:
    """A finding that breaks mail."""
    return Finding(code, Level.ERROR, what, why, do, evidence, reference)


def warning(code: str, what: str, *, why: str = "", do: str = "", evidence: tuple[str, ...] = (), reference: str = "") -> Finding:
    """A finding that harms mail."""
    return Finding(code, Level.WARNING, what, why, do, evidence, reference)


def note(code: str, what: str, *, why: str = "", do: str = "", evidence: tuple[str, ...] = (), reference: str = "") -> Finding:
    """A finding worth knowing."""
    return Finding(code, Level.NOTE, what, why, do, evidence, reference)
