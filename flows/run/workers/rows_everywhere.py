"""`RowsEverywhere`: the rows of a run in this process and in its workers, as far as a stop is concerned."""

from __future__ import annotations

from typing import Protocol

from flows.run.rows import Rows


class WorkersRows(Protocol):
    """The rows in workers: `flows.run.workers.coordinator.Coordinator`."""

    @property
    def under_way(self) -> int: ...

    def cut_off(self) -> None: ...


class RowsEverywhere:
    """Stops rows wherever they are (`flows.run.stopping.StoppableRows`).

    Args:
        here: the rows in this process. When they wind down, the workers' rows do.
    """

    def __init__(self, here: Rows) -> None:
        self.here = here
        self.in_workers: WorkersRows | None = None

    @property
    def under_way(self) -> int:
        return self.here.under_way + (self.in_workers.under_way if self.in_workers is not None else 0)

    def wind_down(self, reason: str) -> None:
        self.here.wind_down(reason)

    def cut_off(self) -> None:
        self.here.cut_off()
        if self.in_workers is not None:
            self.in_workers.cut_off()
