"""How much of a run's output is there, and how sure it is: counted while rows are exported."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from research.tables.export.rows import CellBasis


@dataclass(slots=True)
class FieldCoverage:
    """One field over all rows."""

    rows: int = 0
    filled: int = 0
    by_confidence: Counter[str | None] = field(default_factory=Counter)
    """Of the cells that have a value."""
    cited: int = 0
    """Cells that have a value and an excerpt."""

    def count(self, *, filled: bool, basis: CellBasis) -> None:
        self.rows += 1
        if filled:
            self.filled += 1
            self.by_confidence[basis.confidence] += 1
            self.cited += bool(basis.sources)

    @property
    def share(self) -> float:
        return self.filled / self.rows if self.rows else 0.0
