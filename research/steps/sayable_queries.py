"""What a search query may say: nothing of the row but what the objective names, or others have said where it was read."""

from __future__ import annotations

from collections.abc import Mapping

from research.errors import QueryRefused
from research.ports.world import World
from research.steps.row_cells import withheld_cells
from research.task.task import Task


class SayableQueries:
    """The queries of one investigation."""

    def __init__(self, task: Task, world: World) -> None:
        self._withheld = withheld_cells(task, world.search)
        self._keyless = world.model.keyless
        self.refused: Mapping[str, int] = {}
        """How often a query held a cell of each column."""

    def publish(self, text: str) -> None:
        """Others say this, so a query may."""
        if self._withheld is not None:
            self._withheld.publish(text)

    def sayable(self, query: str) -> str:
        """The query, as it may be sent.

        Raises:
            QueryRefused: it holds a cell that the objective does not name. A query that code made is sent without it.
        """
        column = self._withheld.found_in(query) if self._withheld is not None else None
        if self._withheld is None or column is None:
            return query
        if self._keyless:
            return self._withheld.without(query)
        self.refused = {**self.refused, column: self.refused.get(column, 0) + 1}
        raise QueryRefused(
            f"not searched: the query holds what the row's column {column!r} says, which the objective does not name, and a "
            "search provider must not learn it. Search without it"
        )

    def refusals(self) -> list[str]:
        """What was refused, for people."""
        return [
            f"{count} queries held a cell of the column {name!r}, which the objective does not name"
            for name, count in self.refused.items()
        ]
