"""Workbooks (.xlsx, .xlsm, .xlsb, .xls, .ods) -> blocks: each sheet that is shown, a heading and a table."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Final

from research.documents.blocks import Block, Document, clean, one_line, row
from research.documents.office import archive, properties, sheet_reader
from research.errors import PageUnreadable

TIMEOUT: Final = 2 * sheet_reader.MAX_SECONDS
"""Seconds of a clock, for a machine that has other work."""


def read(data: bytes, url: str) -> Document:
    """The tables of a workbook, its properties in its page data. The first row of a sheet is its header; a row with one cell only
    above it is a paragraph.

    Raises:
        PageUnreadable: it is encrypted, broken, or too large once unpacked.
    """
    own = properties.Properties()
    if data.startswith(archive.MAGIC):
        copy = archive.clean_copy(data, url)
        own = properties.read(archive.members(copy, properties.MEMBERS))
    command = [sys.executable, "-I", sheet_reader.__file__]
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=TIMEOUT, check=False)  # noqa: S603 - our own file
    except subprocess.TimeoutExpired as exc:
        raise PageUnreadable(f"{url}: this workbook takes more than {TIMEOUT} seconds to read. It is not read.") from exc
    if done.returncode == sheet_reader.NOT_A_WORKBOOK:
        why = clean(done.stderr.decode("utf-8", "replace"))[:200]
        raise PageUnreadable(f"{url}: this workbook cannot be read ({why}). Is it complete, and free of a password?")
    if done.returncode:
        raise PageUnreadable(f"{url}: this workbook cannot be read: it is broken, or takes too much memory or time.")
    blocks: list[Block] = []
    lines = list(own.lines)
    for name, rows, left_out in json.loads(done.stdout):
        blocks += [Block("heading", [clean(name)], 2), *_sheet(rows)] if rows else []
        lines += [f"rows_left_out: {left_out} of sheet {clean(name)}"] if left_out else []
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
