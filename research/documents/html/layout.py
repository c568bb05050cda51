"""The layout of an HTML page: all of its visible blocks, in page order, with what each block's place says of it.

Nothing is chosen here; `content.py` chooses. Tables, definition lists and label-value pairs keep their structure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import Final

from lxml.html import HtmlElement

from research.documents import laid_out
from research.documents.blocks import Block, BlockKind, clean, fact, goes_on, row
from research.documents.cell_units import is_year, scale_of, with_units
from research.documents.html import grid
from research.documents.html.controls import CONTROLS, Controls, group
from research.documents.html.inline import (
    BLOCKS,
    LISTS,
    METERS,
    behind,
    collect,
    heading,
    holds_structure,
    length,
    lines,
    link_share,
    measured,
    needs_space,
    preformatted,
    rating,
    special,
    unseen,
    value,
)
from research.documents.html.pairs import alternating, ledger, pair, run, stacked
from research.documents.html.places import place
from research.documents.html.stacked import with_labels
from research.documents.plain import separate

MAX_KEY: Final = 79
"""Characters of a fact's key. What is longer is a sentence."""
MAX_VALUE: Final = 600
"""Characters of a definition. What is longer is read as paragraphs."""
MAX_ITEM: Final = 1_000
"""Characters of a list item with structure in it. What is longer is read as a section."""
MAX_FACT: Final = 160
"""Characters of a fact among other items of a list."""
MAX_SHORT_LINE: Final = 60
"""Characters of two lines that stay lines, as in an address. Longer ones are a sentence that someone broke."""
MAX_STATED: Final = 120
"""Characters of a line above a table that states the unit of its cells."""

_TABLE_ROLES: Final = frozenset({"table", "grid", "treegrid"})
_HEADINGS: Final = {f"h{level}": level for level in range(1, 7)}
_FACT: Final = re.compile(r"[^\s:|#][^:\n|]{0,59}: \S")


def layout(body: HtmlElement) -> list[Block]:
    """Every visible block of a page. The tree must be at most a few hundred elements deep; it is not changed."""
    walk = _Walk(Controls(body))
    walk.section(body)
    return with_labels(walk.blocks)


class _Walk:
    def __init__(self, controls: Controls) -> None:
        self._controls = controls
        self.blocks: list[Block] = []
        self._paragraph: list[str] = []
        self._linked = 0
        self._links = self._chromes = self._asides = 0
        """How many links, chrome elements and asides the walk is inside of."""

    def section(self, element: HtmlElement) -> None:
        """Read an element as blocks of its own."""
        self._end_paragraph()
        self._children(element)
        self._end_paragraph()

    def _children(self, element: HtmlElement) -> None:
        self._text(element.text)
        previous: HtmlElement | None = None
        for child in element:
            if isinstance(child.tag, str):
                if needs_space(previous, child, self._paragraph):
                    self._paragraph.append(" ")
                self._element(child)
                previous = child
            self._text(child.tail)

    def _text(self, text: str | None) -> None:
        if text:
            self._paragraph.append(text.replace("\n", " "))
            if self._links:
                self._linked += len(text.strip())

    def _element(self, element: HtmlElement) -> None:
        tag = element.tag
        if tag == "br":
            self._paragraph.append("\n")
        elif tag in METERS:
            self._paragraph += [" ", measured(element), " "]
        elif tag in CONTROLS:
            if line := self._controls.stated(element):
                self._end_paragraph(of=line.partition(": ")[0])
                self._add("facts", [line])
        elif unseen(element):
            return
        elif (written := special(element, self._paragraph)) is not None:
            self._text(written)
        elif ("aria-label" in element.attrib or "title" in element.attrib) and (stars := rating(element)):
            self._paragraph += [" ", stars, " "]
        elif tag in BLOCKS or (len(element) > 1 and "-" in tag) or element.get("role") in _TABLE_ROLES:
            self._end_paragraph()
            with self._inside(element):
                self._block(element)
        else:
            self._links += tag == "a"
            self._children(element)
            self._links -= tag == "a"
            if words := behind(element):
                self._paragraph.append(words)

    @contextmanager
    def _inside(self, element: HtmlElement) -> Iterator[None]:
        chrome, aside = place(element)
        self._chromes += chrome
        self._asides += aside
        yield
        self._chromes -= chrome
        self._asides -= aside

    def _block(self, element: HtmlElement) -> None:
        tag = element.tag
        if tag in _HEADINGS and next(element.iter("table", "ul", "ol", "p"), None) is None:
            if text := heading(element):
                self._add("heading", [text], link_share(element, len(text)), level=_HEADINGS[tag])
        elif tag == "table":
            self._table(element, grid.rows(element))
        elif element.get("role") in _TABLE_ROLES and (cells := grid.role_rows(element)):
            self._table(element, cells)
        elif tag == "fieldset" and (line := group(element)):
            self._add("facts", [line])
        elif tag in LISTS:
            facts = ledger(element)
            self._add("facts", facts) if facts else self._list(element)
        elif tag == "dl":
            self._definitions(element)
        elif tag == "pre":
            for block in laid_out.blocks(preformatted(element)):
                self._add(block.kind, block.lines)
        elif line := pair(element):
            self._add("facts", [line])
        else:
            facts = ledger(element) or alternating(element) or run(element) or stacked(element)
            self._add("facts", facts) if facts else self.section(element)

    def _add(self, kind: BlockKind, found: list[str], linked: float = 0.0, level: int = 0) -> bool:
        """Add a block, if there is anything in it. Facts that follow facts are one block."""
        if not any(found):
            return False
        if kind == "facts":
            found = [part for line in found for part in separate(line) or [line]]
        block = Block(kind, found, level, linked, chrome=self._chromes > 0, aside=self._asides > 0)
        last = self.blocks[-1] if self.blocks else None
        if last and kind == last.kind == "facts" and (last.chrome, last.aside) == (block.chrome, block.aside):
            last.lines.extend(found)
        else:
            self.blocks.append(block)
        return True

    def _end_paragraph(self, of: str = "") -> None:
        """Add what was collected, unless it is nothing but the label of a control that is added with it."""
        if not self._paragraph:
            return
        if of and clean("".join(self._paragraph)).rstrip(" :：*") == of:
            self._paragraph, self._linked = [], 0
            return
        found, linked = lines(self._paragraph), self._linked
        self._paragraph, self._linked = [], 0
        total = sum(map(len, found))
        share = min(1.0, linked / total) if total else 0.0
        if len(found) > 1 and all(_FACT.match(line) for line in found):
            self._add("facts", found, share)
        elif len(found) >= 3 and total / len(found) < 100:
            self._add("list", found, share)
        elif facts := separate(" ".join(found)):
            self._add("facts", facts, share)
        elif len(found) == 2 and max(map(len, found)) <= MAX_SHORT_LINE and not goes_on(*found):
            self._add("lines", found, share)
        else:
            self._add("paragraph", [" ".join(found)], share)

    def _list(self, element: HtmlElement) -> None:
        items: list[HtmlElement] = []
        for child in element:
            if not isinstance(child.tag, str) or unseen(child):
                continue
            if child.tag == "li" and not _is_section(child):
                items.append(child)
                continue
            self._items(element, items)
            items = []
            self.section(child) if child.tag == "li" else self._element(child)
        self._items(element, items)

    def _items(self, element: HtmlElement, items: list[HtmlElement]) -> None:
        pairs = [pair(item) for item in items]
        found = [line for item, line in zip(items, pairs, strict=True) for line in ([line] if line else _item_lines(item))]
        total = sum(map(len, found))
        share = min(1.0, sum(link_share(item, 1_000) * 1_000 for item in items) / total) if total else 0.0
        if all(_FACT.match(line) for line in found) and (any(pairs) or element.tag != "ol"):
            self._add("facts", found, share)
        elif element.tag != "ol" and sum(map(_is_short_fact, found)) * 2 >= len(found):
            for is_fact, together in groupby(found, key=_is_short_fact):
                self._add("facts" if is_fact else "list", list(together), share)
        else:
            self._add("numbers" if element.tag == "ol" else "list", found, share)

    def _definitions(self, element: HtmlElement) -> None:
        keys: list[str] = []
        values: list[str] = []

        def end() -> None:
            if keys:
                self._fact(", ".join(keys), "; ".join(values))
            keys.clear()
            values.clear()

        for part in _parts(element):
            text = value(part) if part.tag in ("dt", "dd") else ""
            if part.tag == "dt":
                if values:
                    end()
                keys += [text] if text else []
            elif part.tag == "dd" and keys and len(text) <= MAX_VALUE and not holds_structure(part):
                values += [text] if text else []
            else:
                end()
                self.section(part) if part.tag == "dd" else self._element(part)
        end()

    def _fact(self, key: str, text: str) -> None:
        key = clean(key.rstrip(" :：").replace(":", " ").replace("|", "¦").lstrip("#¦ "))
        if key and text and len(key) <= MAX_KEY:
            self._add("facts", [fact(key, text)])
        else:
            self._add("paragraph", [clean(f"{key} {text}")])

    def _table(self, table: HtmlElement, cells: list[list[HtmlElement]]) -> None:
        scaffold = grid.is_scaffold(table, cells)
        stated = self._stated_above()
        for caption in table.iterchildren("caption"):
            self.section(caption)
            stated = value(caption, " ") if not scale_of(stated) else stated
        if scaffold:
            for cell in (cell for line in cells for cell in line):
                self.section(cell)
        elif grid.is_pairs(cells):
            for line in cells:
                for key, answer in zip(line[::2], line[1::2], strict=True):
                    self._row_of_facts([key, answer])
        elif grid.is_quantities(cells):
            self._add("list", [text for line in cells if (text := " ".join(filter(None, map(value, line))))])
        elif grid.is_facts(cells):
            first = [value(cell) for cell in cells[0]]
            if len(first) == 2 and is_year(first[1]) and first[0]:
                stated = first[0]
            for line in cells:
                self._row_of_facts(line, scale_of(stated))
        else:
            for part in grid.tables_in(cells):
                self._rows(table, part, stated)

    def _rows(self, table: HtmlElement, cells: list[list[HtmlElement]], stated: str) -> None:
        heads = grid.heads(cells)
        spread = grid.spread(cells, heads)
        rows = with_units(grid.under_one_head(spread.rows, heads), min(heads, 1), stated)
        # A cell that spans the whole width is written once.
        written = [row([texts[0], *[""] * (len(texts) - 1)] if len(set(texts)) == 1 else texts) for texts in rows if any(texts)]
        self._add("table", written, link_share(table, sum(map(len, written))))
        for line in spread.misfits:
            self._add("paragraph", [" · ".join(filter(None, line))])

    def _stated_above(self) -> str:
        """A short line just above, which may state the unit of a table's cells."""
        last = self.blocks[-1] if self.blocks else None
        return last.text if last and last.kind in ("paragraph", "heading") and len(last.text) <= MAX_STATED else ""

    def _row_of_facts(self, cells: list[HtmlElement], scale: str = "") -> None:
        texts = [text for cell in cells if (text := value(cell))]
        if len(texts) == 2 and scale:
            texts = with_units([["", ""], texts], 1, f"({scale})")[1]
        if len(texts) == 2 and len(texts[1]) >= grid.MAX_CELL:
            self._add("heading", [texts[0].rstrip(" :：")], level=6)
            self.section(cells[-1])
        elif len(texts) == 2:
            self._fact(*texts)
        elif texts and (len(cells) == 1 or not grid.is_head(cells[0])):
            self._add("facts" if _FACT.match(texts[0]) else "paragraph", texts)


def _is_short_fact(line: str) -> bool:
    return len(line) <= MAX_FACT and bool(_FACT.match(line))


def _is_section(item: HtmlElement) -> bool:
    """A list item that is a part of the page: a card, a folded section, a row of a layout."""
    if holds_structure(item):
        return True
    return len(item) > 1 and length(item, MAX_ITEM) >= MAX_ITEM and next(item.iter("p", "ul", "ol"), None) is not None


def _item_lines(item: HtmlElement) -> Iterator[str]:
    """An item's own line, then a line for each item of the lists in it."""
    pieces: list[str] = []
    inner: list[HtmlElement] = []
    collect(item, pieces, inner)
    if line := " ".join(lines(pieces)):
        yield line
    for nested in inner:
        for child in nested.iterchildren("li"):
            yield from _item_lines(child)


def _parts(element: HtmlElement) -> Iterator[HtmlElement]:
    """The children of a definition list; those of an element that groups terms with definitions in its place."""
    for child in element:
        if isinstance(child.tag, str) and not unseen(child):
            if child.tag not in ("dt", "dd", "dl") and next(child.iter("dt", "dd"), None) is not None:
                yield from _parts(child)
            else:
                yield child
