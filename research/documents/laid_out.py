"""Text whose lines its author laid out: preformatted text, tables drawn with spaces or strokes, addresses. -> blocks.

Lines are told from wrapped prose by where they end: a line of prose was wrapped because the next word did not fit.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Final

from research.documents.blocks import Block, clean, row
from research.documents.cell_units import with_units

MIN_ROWS: Final = 3
"""Lines that must agree on where their columns are."""
MAX_COLUMNS: Final = 40
MAX_INDENT: Final = 40
"""Spaces kept at the start of a line."""
WRAPPED_SHARE: Final = 0.6
"""The share of a paragraph's line ends at which the next word did not fit, from which on it is wrapped prose."""

NARROWEST: Final = 32
"""Characters of the longest line of wrapped prose, unless it is plainly that."""

_ENDED: Final = re.compile(r"[^\W\d_][.!?][\"”’')\]]*\s*$")
_CELL: Final = re.compile(r"\S+(?: \S+)*")
_LEADERS: Final = re.compile(r"(?<=[^\s.])(?:[ ]\.{2,}[ ]|[ ]?(?:\.{4,}|(?:[ ]\.){3,}|_{4,}|…{2,})[ ]*)(?=[^\s.])")
_RULE: Final = re.compile(r"[-=+|:_~ ]+")
_DRAWN: Final = re.compile(r"\s*[|+│┌├└╔║╠╚]")
_STROKES: Final = re.compile(r"[|│║]")
_BORDER: Final = re.compile(r"[-=+|│─┌┬┐├┼┤└┴┘═╔╦╗╠╬╣╚╩╝║: ]+")


def blocks(text: str) -> list[Block]:
    """The blocks of preformatted text: each part between blank lines is a table, if it is drawn as one, or keeps its lines."""
    found: list[Block] = []
    part: list[str] = []
    for line in [*text.expandtabs(4).split("\n"), ""] if not _is_tabbed(text) else [*text.split("\n"), ""]:
        if line.strip():
            part.append(line.rstrip())
        elif part:
            found.append(table(part) or lines(part))
            part = []
    return [block for block in found if any(block.lines)]


def lines(raw: Sequence[str]) -> Block:
    """A block that keeps its lines, and how far each is indented."""
    expanded = [line.expandtabs(4) for line in raw]
    margin = min((len(line) - len(line.lstrip()) for line in expanded if line.strip()), default=0)
    kept: list[str] = []
    for line in expanded:
        if text := clean(line):
            indent = " " * min(len(line) - len(line.lstrip()) - margin, MAX_INDENT) if kept else ""
            kept.append(indent + text)
    return Block("lines" if len(kept) > 1 else "paragraph", kept)


def table(raw: Sequence[str], stated: str = "", least: int = MIN_ROWS) -> Block | None:
    """The table that lines draw: with strokes, with tabs, or with two spaces or more between columns that all lines agree on,
    `least` at least. What is `stated` just above it may be the unit of its cells."""
    rows = _drawn(raw) or _tabbed(raw) or _spaced(raw, least)
    return Block("table", [row(cells) for cells in with_units(rows, 1, stated)]) if rows else None


def is_wrapped(raw: Sequence[str]) -> bool:
    """Lines are prose that was wrapped at one width: most end where the next word did not fit. Few wrap at a few letters:
    there, most lines must also begin in lower case, and the last one end a sentence."""
    if len(raw) < 2:
        return True
    widest = max(map(len, raw))
    ends = list(itertools.pairwise(raw))
    if widest < NARROWEST and (2 * sum(line[:1].islower() for line in raw[1:]) < len(ends) or not _ENDED.search(raw[-1])):
        return False
    full = sum(len(line.rstrip()) + 1 + len(following.split(None, 1)[0]) > widest for line, following in ends)
    return full >= WRAPPED_SHARE * len(ends)


def _drawn(raw: Sequence[str]) -> list[list[str]]:
    if len(raw) < 2 or not all(map(_DRAWN.match, raw)):
        return []
    rows = [
        [clean(cell) for cell in _STROKES.split(line.strip().strip("|│║"))] for line in raw if not _BORDER.fullmatch(line.strip())
    ]
    return rows if len(rows) > 1 and len({len(cells) for cells in rows}) == 1 and len(rows[0]) > 1 else []


def _is_tabbed(text: str) -> bool:
    return "\t" in text and bool(re.search(r"\S\t\S", text))


def _tabbed(raw: Sequence[str]) -> list[list[str]]:
    counts = {line.strip("\n").count("\t") for line in raw}
    if len(raw) < MIN_ROWS or len(counts) != 1 or not 0 < (count := counts.pop()) < MAX_COLUMNS:
        return []
    rows = [[clean(cell) for cell in line.split("\t")] for line in raw]
    filled = sum(1 for cells in rows for cell in cells if cell)
    return rows if filled > len(rows) * (count + 1) / 2 else []


def _spaced(raw: Sequence[str], least: int) -> list[list[str]]:
    found: list[list[tuple[int, int, str]]] = []
    for line in raw:
        if _RULE.fullmatch(line):
            continue
        spread = _LEADERS.sub(lambda match: "  " + " " * (len(match.group()) - 2), line.expandtabs(4))
        found.append([(match.start(), match.end(), match.group()) for match in _CELL.finditer(spread)])
    several = sum(len(cells) > 1 for cells in found)
    if len(found) < least or several < 0.75 * len(found):
        return []
    columns: list[tuple[int, int]] = []
    for start, end, _ in sorted(cell for cells in found for cell in cells):
        if columns and start < columns[-1][1] + 1:
            columns[-1] = columns[-1][0], max(columns[-1][1], end)
        else:
            columns.append((start, end))
    if not 2 <= len(columns) <= MAX_COLUMNS:
        return []
    rows: list[list[str]] = []
    for cells in found:
        at = 0
        texts = [""] * len(columns)
        for start, _, text in cells:
            while start >= columns[at][1]:
                at += 1
            if texts[at]:
                return []  # Two pieces of one column: no table, or one whose columns cannot be told.
            texts[at] = clean(text)
        rows.append(texts)
    return rows
