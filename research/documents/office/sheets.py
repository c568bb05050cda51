"""Workbooks (.xlsx, .xlsm, .xlsb, .xls, .ods) -> blocks: each sheet that is shown, a heading and a table."""

from __future__ import annotations

from python_calamine import CalamineError

from research.documents.blocks import Block, Document, clean, one_line, row
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
    blocks: list[Block] = []
    lines = list(own.lines)
    for name, rows, left_out, uncomputed in found:
        blocks += [Block("heading", [clean(name)], 2), *_sheet(rows)] if rows else []
        lines += [f"rows_left_out: {left_out} of sheet {clean(name)}"] if left_out else []
        lines += [f"formulas_without_value: {uncomputed} of sheet {clean(name)}"] if uncomputed else []
    return Document(own.title, blocks, own.published, lines)


def _sheet(rows: list[list[str]]) -> list[Block]:
    used = [place for place in range(max(map(len, rows))) if any(place < len(line) and line[place] for line in rows)]
    table: list[str] = []
    above: list[Block] = []
    for cells in rows:
        texts = [one_line(cells[place]) if place < len(cells) else "" for place in used]
        if not table and len(used) > 1 and sum(map(bool, texts)) == 1:
            above.append(Block("paragraph", [text for text in texts if text]))
        else:
            table.append(row(texts))
    return [*above, Block("table", table)]
