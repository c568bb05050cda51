"""CSV and TSV -> blocks: one table, its header first. Read as an input table is, but nothing is refused."""

from __future__ import annotations

import io
from itertools import chain, islice
from typing import Final

from research.documents import plain
from research.documents.blocks import Block, Document, one_line, row
from research.documents.cell_units import stated_in, with_units
from research.documents.tabular.cell_kinds import column_kinds, stand_in_place
from research.documents.tabular.dialect import SAMPLE, Choice, choose, split_note
from research.documents.tabular.header import split_titles
from research.documents.tabular.separated import MalformedRecord, Record, lines_of, records

MAX_CHARACTERS: Final = 1_900_000
"""Of the table as it is written: less than a page may have, so that no row is cut. Rows beyond it are counted and left out."""
LINE_END: Final = 4
"""Characters that a row takes beside its own."""
MAX_COLUMNS: Final = 2_000
HEAD: Final = 100
"""Records among which the header is looked for."""


def read(text: str, *, tabs: bool = False) -> Document:
    """The table in a CSV text. `tabs`: it says that it is tab-separated.

    A text that no delimiter divides is read as plain text. Lines above the table that are no rows of it (a title, a remark), and
    one cell alone below it, are paragraphs.
    """
    text = text.replace("\x00", "")
    note, text = split_note(text)
    stated = note or ("\t" if tabs else None)
    choice = choose(text[:SAMPLE], stated, is_whole=len(text) <= SAMPLE, text_quotes=True)
    if choice.width > 1:
        try:
            return _table(text, choice)
        except MalformedRecord:  # a line is too long: this is no table
            pass
    found = plain.blocks(text)
    return Document(plain.title(found), found)


def _table(text: str, choice: Choice) -> Document:
    found = records(lines_of(io.StringIO(text, newline="")), choice.dialect, lenient=True)
    head = list(islice(found, HEAD))
    titles, begin = split_titles(head, choice.width)
    above = [Block("paragraph", [" ".join(cells)]) for record in titles if any(cells := _cells(record))]
    kinds = column_kinds([record.cells for record in head[begin + 1 :] if len(record.cells) == choice.width], choice.width)
    misfits: list[Block] = []
    """Rows with a cell too few or too many: which columns their values belong to is not certain."""
    below: list[Block] = []
    rows: list[list[str]] = []
    left, left_out = MAX_CHARACTERS, 0
    has_gap = False
    for record in chain(head[begin:], found):
        cells = _cells(record)
        if not any(cells):
            has_gap = True
        elif left <= 0:
            left_out += 1
        elif len(record.cells) == 1 and has_gap and rows:
            below.append(Block("paragraph", cells))
        elif rows and 1 < len(record.cells) != choice.width and not stand_in_place(record.cells, kinds):
            misfits.append(Block("paragraph", [" · ".join(filter(None, cells))]))
            left -= len(misfits[-1].text) + LINE_END
        else:
            rows.extend([*block.lines, *[""] * (choice.width - 1)] for block in below)  # the table goes on: they are its rows
            below.clear()
            rows.append(cells + [""] * (choice.width - len(cells)))
            left -= len(row(rows[-1])) + LINE_END
            has_gap = False
    lines = [row(cells) for cells in with_units(rows, 1, stated_in(block.text for block in above))]
    if sum(map(len, lines)) + LINE_END * len(lines) > MAX_CHARACTERS:  # no row is left out for the sake of units
        lines = list(map(row, rows))
    facts = [f"rows: {len(lines) + left_out - 1}", f"rows_left_out: {left_out}"] if left_out else []
    return Document(plain.title(above), [*above, Block("table", lines), *misfits, *below], lines=facts)


def _cells(record: Record) -> list[str]:
    """Cells, clean and on one line each."""
    return [one_line(cell) if cell else "" for cell in record.cells[:MAX_COLUMNS]]
