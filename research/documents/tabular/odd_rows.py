"""What is odd about the rows of a table while they are read: totals, labels of groups, lost values, a table below another."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from research.documents.tabular.cell_kinds import CellKind

MOST_ROWS: Final = 10_000
"""Rows, up to which sums are kept: a longer table seldom ends with one."""
_ENOUGH: Final = 3
"""Rows above a sum."""
_FEW: Final = 2
_MOST_GAPS: Final = 3
_NEARLY_FULL: Final = 0.9
_GROUPED: Final = 0.3
"""The share of rows without a first cell, from which those that have one may stand for several."""
_TOTAL: Final = re.compile(
    r"\W*(?:(?:grand|overall|all)[\s-]?)?(?:totals?|sum|average|mean|gesamt(?:summe)?|summe|insgesamt|durchschnitt|suma|summa|totale?"
    r"|total g[ée]n[ée]ral|ensemble|moyenne|promedio|media|totaal|totalt|gemiddelde|razem|ogółem|średnia|celkem|spolu|összesen"
    r"|toplam|yhteensä|i alt|итого|всего|усього|разом|σύνολο|合計|总计|合计|總計|小计|합계|المجموع|الإجمالي|סה\"כ)"
    r"\W*(?:\(.*\))?\W*",
    re.IGNORECASE,
)
_SUBTOTAL: Final = re.compile(
    r"\W*(?:sub[\s-]?totals?|zwischensumme|sous[\s-]totale?|subtotaal|subtotale|小計)\b.*", re.IGNORECASE
)
_LOST: Final = re.compile(r"#{3,}|#(?:N/A|REF!|VALUE!|DIV/0!|NAME\?|NUM!|NULL!)")
_ROUNDED: Final = re.compile(r"-?\d[.,]\d+E\+\d\d")
_THOUSANDS: Final = re.compile(r"\d{1,3}")


class OddRows:
    """Takes the rows of a table one by one, and says what is odd about them."""

    def __init__(self, names: Sequence[str], kinds: Sequence[CellKind], filled: Sequence[float], delimiter: str) -> None:
        self._names = [name.strip().casefold() for name in names]
        self._numbers = [place for place, kind in enumerate(kinds) if kind == "number"]
        self._sums = [0.0] * len(self._numbers)
        self._last: list[float | None] = []
        self._splits = delimiter == "," and len(names) > _FEW and filled[-1] <= 1 / _FEW
        self._rows = self._full_cells = self._blank_first = 0
        self._has_first = False
        self._gaps: list[int] = []
        self._labels: list[int] = []
        self._tail: list[int] = []
        """Rows of one cell, after which none of more cells came yet."""

    def look_at(self, cells: Sequence[str | None], line: int) -> Iterator[str]:
        """What is odd about a row of more than one cell."""
        self._labels += self._tail
        self._tail.clear()
        self._rows += 1
        self._full_cells += sum(cell is not None for cell in cells)
        first = cells[0]
        if self._rows == 1:
            self._has_first = first is not None
        elif first is None and all(cells[1:]):
            self._blank_first += 1
        if self._rows <= MOST_ROWS:
            self._last = [_number(cells[place]) for place in self._numbers]
            self._sums = [total + (value or 0.0) for total, value in zip(self._sums, self._last, strict=True)]
        label = next(filter(None, cells), "")
        if _SUBTOTAL.match(label):
            yield "total"
        if not label[0].isalnum() and sum(map(bool, cells)) > 1 and not any(c.isalnum() for cell in cells for c in cell or ""):
            yield "ruler"
        if self._splits and len(cells[-1] or "") == len("000") and _is_split(cells):
            yield "split"
        if label.strip().casefold() in self._names and [(cell or "").strip().casefold() for cell in cells] == self._names:
            yield "header"
        yield from {what for cell in cells if cell and (what := _odd_value(cell))}

    def note_gap(self, line: int) -> None:
        """A blank line stands above a row that is not the first."""
        self._gaps.append(line)

    def note_label(self, line: int) -> None:
        """A row of its first cell alone."""
        self._tail.append(line)

    @property
    def is_total(self) -> bool:
        """Whether every number of the last row is the sum of those above it."""
        if not _ENOUGH < self._rows <= MOST_ROWS or len(self._last) < _FEW:
            return False
        pairs = [(last, total - last) for last, total in zip(self._last, self._sums, strict=True) if last]
        return len(pairs) == len(self._last) and all(abs(last - above) <= 1e-9 * abs(above) for last, above in pairs)

    def told(self, names: Sequence[str], row: str) -> Iterator[str]:
        """What is odd about all rows together, as sentences."""
        width = len(names)
        if len(self._labels) >= _FEW and self._full_cells >= _NEARLY_FULL * width * self._rows:
            named = ", ".join(map(str, self._labels[:_ENOUGH]))
            yield (
                f"in {row}s such as {named} only the first cell holds anything: labels of the rows below? They are rows of the "
                "table all the same"
            )
        if self._has_first and self._rows > _ENOUGH and self._blank_first >= max(_FEW, _GROUPED * self._rows):
            yield (
                f"column {names[0]!r} is empty in {self._blank_first:,} of {self._rows:,} rows. If the value above stands for "
                "them as well, fill it down"
            )
        if 0 < len(self._gaps) <= _MOST_GAPS and self._rows > _ENOUGH and len(self._gaps) < self._rows // 2:
            yield f"a blank line stands above {row} {self._gaps[0]}. Does another table begin there? It was read as one"


def is_total(label: str) -> bool:
    """Whether a cell says that its row sums up others."""
    return _TOTAL.fullmatch(label) is not None or _SUBTOTAL.match(label) is not None


def spaced(names: Sequence[str], rows: Sequence[Sequence[str | None]]) -> Iterator[str]:
    """Columns in which every value begins with a space, as the second half of a value with a comma does; others do not."""
    found = []
    for place, name in enumerate(names):
        values = [cell for row in rows if place < len(row) and (cell := row[place])]
        if len(values) >= _FEW and not name.startswith(" ") and all(value.startswith(" ") for value in values):
            found.append(name)
    if found and len(found) < len(names) - 1:
        yield (
            f"every value of column {found[0]!r} begins with a space, as what follows a comma in a text. If values that hold a "
            "separator are not in quotes, they stand in two columns"
        )


def _odd_value(cell: str) -> str | None:
    if cell[0] == "=" and cell.startswith('="'):
        return "formula"
    if cell[0] == "#" and _LOST.fullmatch(cell):
        return "lost"
    if "E+" in cell and _ROUNDED.fullmatch(cell):
        return "rounded"
    return "backslash" if cell[-1] == "\\" else None


def _is_split(cells: Sequence[str | None]) -> bool:
    """Whether the last two cells may be one number, whose thousands a comma divided."""
    last, before = cells[-1] or "", cells[-2] or ""
    return last.isdecimal() and _THOUSANDS.fullmatch(before) is not None


def _number(cell: str | None) -> float | None:
    try:
        return float(cell.replace(",", "")) if cell else None
    except ValueError:
        return None
