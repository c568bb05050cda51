"""Two lines that name the columns together: labels of groups of columns, and below them what each column of a group is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from research.documents.tabular.cell_kinds import CellKind, is_plain_number, kind_of, reads_like_names
from research.documents.tabular.separated import Record

FEW: Final = 2
"""Groups that repeat the same names, and columns of a group."""


def joined(upper: Record, lower: Record, kinds: Sequence[CellKind]) -> list[str] | None:
    """The names of the columns, `2024 births`, if both lines are needed to tell them apart; else None.

    Args:
        kinds: of the columns below.
    """
    width = len(kinds)
    if len(upper.cells) != width or len(lower.cells) != width or not _are_groups(upper.cells):
        return None
    cells = [cell for cell in (*upper.cells, *lower.cells) if cell]
    if not all(kind_of(cell) == "text" or is_plain_number(cell) for cell in cells):
        return None
    labels: list[str | None] = []
    for cell in upper.cells:
        labels.append(cell or (labels[-1] if labels else None))
    pairs = zip(labels, lower.cells, strict=True)
    names = [" ".join(part for part in dict.fromkeys(pair) if part) for pair in pairs]  # a label over both lines is one name
    if len({name.casefold() for name in names}) < width or not all(names) or len({*lower.cells}) == width:
        return None
    return names if reads_like_names(lower.cells, kinds) or _repeat(labels, lower.cells) else None


def _are_groups(cells: Sequence[str | None]) -> bool:
    """Whether a label stands above several columns: it is written again, or the cells behind it are empty."""
    labels = [cell for cell in cells if cell]
    return len(labels) > len({*labels}) or any(cell is None and before is not None for before, cell in pairwise(cells))


def _repeat(labels: Sequence[str | None], names: Sequence[str | None]) -> bool:
    """Whether groups of several columns name them alike."""
    groups: defaultdict[str, list[str | None]] = defaultdict(list)
    for label, name in zip(labels, names, strict=True):
        if label:
            groups[label].append(name)
    wide = [group for group in groups.values() if len(group) >= FEW]
    return len(wide) >= FEW and all(group == wide[0] and len({*group}) == len(group) for group in wide)
