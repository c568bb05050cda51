"""PDF -> blocks, by PDFium. Only text that is there is read: no pictures, no scripts, no attachments."""

from __future__ import annotations

import re
import statistics
import threading
from typing import Final

import pypdfium2

from research.documents import laid_out, pdf_tables
from research.documents.blocks import Block, BlockKind, Document, clean, given_title, row
from research.documents.cell_units import stated_in, with_units
from research.documents.pdf_lines import Line, drawn, ends_by_itself, lines_of, written
from research.documents.plain import FACT, ITEM
from research.errors import PageUnreadable

MAX_PAGES: Final = 1_000
MAX_ROWS: Final = 1_000
"""Lines of a table."""
MAX_CHARACTERS: Final = 2_000_000

_LOCK: Final = threading.Lock()  # PDFium is not safe to use from two threads.
_DATE: Final = re.compile(r"D:(\d{4})(\d{2})?(\d{2})?")
_SHORT: Final = 3
"""Words of a cell that is no prose."""
_SENTENCE: Final = re.compile(r"\S+\s.*[^\W\d_][.!?]")
_SECTION: Final = re.compile(r"\d{1,2}(?:\.\d{1,2})*\.?")
_ENDS: Final = (".", "!", "?", ":", "。", "”", '"', "؟", "।")


def read(data: bytes, url: str) -> Document:
    """The text of a PDF, its title and its date from its own metadata.

    Raises:
        PageUnreadable: it is broken, or needs a password.
    """
    with _LOCK:
        try:
            document = pypdfium2.PdfDocument(data)
        except pypdfium2.PdfiumError as exc:
            raise PageUnreadable(f"{url}: this PDF cannot be opened ({exc}). Is it complete, and free of a password?") from exc
        try:
            metadata = document.get_metadata_dict()
            pages = _page_lines(document)
        except pypdfium2.PdfiumError as exc:
            raise PageUnreadable(f"{url}: the text of this PDF cannot be read ({exc}).") from exc
        finally:
            document.close()
    found = [block for page in pages for block in _blocks(page)]
    date = _DATE.match(metadata.get("CreationDate") or "")
    published = "-".join(part for part in date.groups() if part) if date and date.group(3) else ""
    return Document(given_title(clean(metadata.get("Title") or "")), found, published)


def _page_lines(document: pypdfium2.PdfDocument) -> list[list[Line]]:
    pages: list[list[Line]] = []
    total = 0
    for number in range(min(len(document), MAX_PAGES)):
        page = document[number]
        reader = page.get_textpage()
        pages.append(lines_of(reader))
        reader.close()
        page.close()
        total += sum(len(cell.text) + 1 for line in pages[-1] for cell in line)
        if total >= MAX_CHARACTERS:
            break
    return pages


def _blocks(lines: list[Line]) -> list[Block]:
    """The tables of a page, and what stands between them as paragraphs, lists and facts."""
    found: list[Block] = []
    prose: list[Line] = []
    at = 0
    while at < len(lines):
        end = at
        while end < len(lines) and len(lines[end]) > 1:
            end += 1
        table, begin, end = _table(lines, at, end, prose[-2:])
        prose += lines[at:begin]
        if table is not None:
            found += [*_paragraphs(prose), table]
            prose = []
        at = end
    return [*found, *_paragraphs(prose)]


def _table(lines: list[Line], at: int, end: int, above: list[Line]) -> tuple[Block | None, int, int]:
    """The table in lines of several cells, with what begins and ends it; None with where to go on. What stands before it may be a
    head, too."""
    for begin in range(at, min(at + pdf_tables.MAX_HEAD + 1, end)):
        stated = stated_in(map(written, [*above, *lines[at:begin]]))
        table = laid_out.table(drawn(lines[begin:end]), stated, least=2) if end - begin > 1 else None
        if table is not None and not _can_be_table([line[2:-2].split(" | ") for line in table.lines]):
            table = None
        if (wider := pdf_tables.read(lines[begin : begin + MAX_ROWS])) is not None and _can_be_table(wider.rows):
            # A column that no line fills to its end is a head above several, or belongs to a table beside this one.
            has_odd_columns = table is not None and table.lines[0].count(" | ") >= max(map(len, lines[begin:end]))
            taken = wider.lines - (end - begin)
            if table is None or has_odd_columns or taken > 0 or (taken == 0 and (wider.is_wrapped or wider.heads > 1)):
                rows = with_units(wider.rows, wider.heads, stated)
                return Block("table", [row(cells) for cells in rows]), begin, begin + wider.lines
        if table is not None:
            return table, begin, end
    end = max(end, at + 1)
    return None, end, end


def _can_be_table(rows: list[list[str]]) -> bool:
    """Two lines with gaps in them are a table only if each has a short cell, and none is a sentence, a fact or left out, and none
    begins with the number of a section."""
    return len(rows) > 2 or (
        all(any(len(cell.split()) <= _SHORT for cell in cells) for cells in rows)
        and not any(_SENTENCE.fullmatch(cell) or FACT.match(cell) for cells in rows for cell in cells)
        and all(rows[0][1:] + rows[1])
        and not any(len(cells) == 2 and _SECTION.fullmatch(cells[0]) for cells in rows)
    )


def _facts_apart(lines: list[Line]) -> list[Line]:
    """Facts beside each other on a line, each on a line of its own."""
    return [
        part for line in lines for part in ([(cell,) for cell in line] if all(FACT.match(cell.text) for cell in line) else [line])
    ]


def _paragraphs(lines: list[Line]) -> list[Block]:
    """A page's lines put together into paragraphs. A paragraph ends at an empty line, where the next word would have fit on a
    line, where a line stops short after a full stop, before a short line that ends without one (a heading), and around lists and
    facts. PDFium writes a hyphen at a line's end as U+FFFE."""
    lines = _facts_apart(lines)
    raw = [written(line) for line in lines]
    widths = [len(line) for line in raw if line.strip()]
    usual = statistics.quantiles(widths, n=4)[2] if len(widths) > 3 else float(max(widths, default=80))
    found: list[Block] = []
    paragraph: list[str] = []

    def end() -> None:
        if line := clean("".join(paragraph)):
            found.append(Block("paragraph", [line]))
        paragraph.clear()

    for place, text in enumerate(raw):
        line, hyphen = clean(text.replace("\ufffe", "")), text.rstrip().endswith("\ufffe")
        joined = bool(paragraph) and not paragraph[-1].endswith(" ")
        kind: BlockKind | None = "list" if ITEM.match(line) else "facts" if FACT.match(line) else None
        if not line:
            end()
        elif kind and not joined and len(line) < 0.9 * max(usual, 60):
            end()
            entry = ITEM.sub("", line, count=1)
            if found and found[-1].kind == kind:
                found[-1].lines.append(entry)
            else:
                found.append(Block(kind, [entry]))
        else:
            is_heading = len(line) < 0.6 * usual and not line.endswith(_ENDS) and not line[0].islower()
            is_next_item = kind == "list" and not joined
            if paragraph and (
                (is_heading and paragraph[-1].rstrip().endswith(_ENDS)) or (is_next_item and ITEM.match(paragraph[0]))
            ):
                end()
            stops = not hyphen and (
                (len(line) < 0.75 * usual and (line.endswith(_ENDS) or not paragraph)) or ends_by_itself(lines, place)
            )
            paragraph.append(line if hyphen else f"{line} ")
            if stops:
                end()
    end()
    return found
