"""Workbooks (.xlsx, .xlsm, .xlsb, .xls, .ods) -> blocks: each sheet that is shown, a heading and a table."""

from __future__ import annotations

from collections.abc import Sequence

from python_calamine import CalamineError

from research.documents.blocks import Block, Document, clean, one_line, row
from research.documents.cell_units import stated_in, with_units
from research.documents.office import archive, properties, sheet_reader
from research.errors import PageUnreadable


def read(data: bytes, url: str) -> Document:
    """The tables of a workbook, its properties in its page data. The first row of a sheet is its header; a row with one cell only
    above it is a paragraph.

    Two cells in far corners of a sheet make calamine ask for hundreds of gigabytes, and that ends the process: a worker's.

    Raises:
        PageUnreadable: it is encrypted, broken, or too large once unpacked.
    """
    own = properties.Properties()
    if data.startswith(archive.MAGIC):
        copy = archive.clean_copy(data, url)
        own = properties.read(archive.members(copy, properties.MEMBERS))
    try:
        found = sheet_reader.read(data)
    except CalamineError as exc:
        raise PageUnreadable(
            f"{url}: this workbook cannot be read ({clean(str(exc))[:200]}). Is it complete, and free of a password?"
        ) from exc
    lines = list(own.lines)
    blocks = _blocks(found, carries_units=True)
    if sum(len(block.text) for block in blocks) > sheet_reader.MAX_CHARACTERS:  # no row is cut for the sake of units
        blocks = _blocks(found, carries_units=False)
    for name, _, left_out, uncomputed in found:
        lines += [f"rows_left_out: {left_out} of sheet {clean(name)}"] if left_out else []
        lines += [f"formulas_without_value: {uncomputed} of sheet {clean(name)}"] if uncomputed else []
    return Document(own.title, blocks, own.published, lines)


def _blocks(sheets: Sequence[sheet_reader.Sheet], *, carries_units: bool) -> list[Block]:
    found: list[Block] = []
    for name, rows, _, _ in sheets:
        found += [Block("heading", [clean(name)], 2), *_sheet(rows, carries_units)] if rows else []
    return found


def _sheet(rows: list[list[str]], carries_units: bool) -> list[Block]:
    used = [place for place in range(max(map(len, rows))) if any(place < len(line) and line[place] for line in rows)]
    table: list[list[str]] = []
    above: list[Block] = []
    for cells in rows:
        texts = [one_line(cells[place]) if place < len(cells) else "" for place in used]
        if not table and len(used) > 1 and sum(map(bool, texts)) == 1:
            above.append(Block("paragraph", [text for text in texts if text]))
        else:
            table.append(texts)
    if carries_units:
        table = with_units(table, 1, stated_in(block.text for block in above))
    return [*above, Block("table", [row(texts) for texts in table])]
