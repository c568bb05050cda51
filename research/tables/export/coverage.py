"""How much of a run's output is there, and how sure it is: counted while rows are exported."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from research.tables.export.rows import CellBasis, Review


@dataclass(slots=True)
class FieldCoverage:
    """One field over all rows."""

    rows: int = 0
    filled: int = 0
    by_confidence: Counter[str | None] = field(default_factory=Counter)
    """Of the cells that have a value, and about which nobody has decided."""
    reviewed: Counter[Review] = field(default_factory=Counter)
    """Cells about which somebody has."""

    def count(self, *, filled: bool, basis: CellBasis, review: Review | None) -> None:
        self.rows += 1
        self.filled += filled
        if review is not None:
            self.reviewed[review] += 1
        elif filled:
            self.by_confidence[basis.confidence] += 1

    @property
    def share(self) -> float:
        return self.filled / self.rows if self.rows else 0.0
