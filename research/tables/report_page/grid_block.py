"""Some rows of the sheet's table, column by column: what is there when the file opens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from research.tables.report_page.sheet_rows import CellBasis, SheetRow

_CONFIDENCES: Final = {"low": "1", "medium": "2", "high": "3"}
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuv"
"""A digit for each set of the five kinds of source."""
AGAINST, UNSUPPORTED, SUSPICIOUS = 1, 2, 4


def grid_block(rows: Sequence[SheetRow], fields: int) -> dict[str, Any]:
    """Parallel lists. Confidence, marks and kinds of source are a string a field, one character a row."""
    places = range(fields)
    block: dict[str, Any] = {
        "index": [row.index for row in rows],
        "key": [row.key for row in rows],
        "status": [row.run["status"] for row in rows],
        "error": [row.run["error"] for row in rows],
        "cost": [row.run["cost_usd"] for row in rows],
        "inputs": [list(column) for column in zip(*(row.inputs for row in rows), strict=True)],
        "values": [[row.values[place] for row in rows] for place in places],
        "confidence": ["".join(_CONFIDENCES.get(row.cells[place].confidence or "", "0") for row in rows) for place in places],
        "marks": ["".join(str(_marks(row.cells[place], row.values[place])) for row in rows) for place in places],
        "kinds": ["".join(_DIGITS[row.cells[place].kinds] for row in rows) for place in places],
    }
    if any(cell.p_correct is not None for row in rows for cell in row.cells):
        block["pCorrect"] = [[_rounded(row.cells[place].p_correct) for row in rows] for place in places]
    return block


def _marks(cell: CellBasis, value: str | None) -> int:
    unsupported = value is not None and not cell.has_support
    return AGAINST * cell.has_against + UNSUPPORTED * unsupported + SUSPICIOUS * cell.is_suspicious


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
