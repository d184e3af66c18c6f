"""An import-linter contract for rooms that may not exist yet."""

from typing import Any

from grimp import ImportGraph
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.domain.contract import ContractCheck


class PureRooms(ForbiddenContract):
    """A forbidden contract whose source modules are checked from the day on which they exist."""

    type_name = "pure"

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Check the rooms that are there; the layers contract, being exhaustive, finds the ones that nobody named."""
        rooms: Any = self.source_modules  # parsed from a field: a set of expressions
        self.source_modules = {room for room in rooms if room.expression in graph.modules}  # type: ignore[assignment]
        return super().check(graph, verbose)
