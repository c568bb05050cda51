"""HTML -> the blocks of a page that matter.

Trafilatura says which text is the page's main text; `layout.py` says how it is laid out; `selection.py` chooses by both.
"""

from __future__ import annotations

import html
import logging
import re
from typing import Final

import lxml.etree
import lxml.html
from lxml.html import HtmlElement
from trafilatura import bare_extraction

from research.documents import plain
from research.documents.blocks import Block
from research.documents.html import grid
from research.documents.html.layout import layout
from research.documents.html.selection import Declared, chosen, squash

MAX_DEPTH: Final = 250
"""Elements inside elements. Real pages stay far below; a deeper one is read without its layout, so that recursion has an end."""
MAX_BYTES: Final = 8_000_000
"""What is read of one page. The longest real pages are below 5 MB."""
MAX_ELEMENTS: Final = 25_000
"""Of a page whose main text is looked for, with the cells that trafilatura fills in where one spans many: it takes seconds for
more. All of a larger page's content is kept."""
_SCRIPTS: Final = re.compile(r"(?is)<(script|style|noscript|template|head)\b.*?(?:</\1\s*>|\Z)")
_TAG: Final = re.compile(r"<[^<>]{0,10000}>")

logging.getLogger("trafilatura").setLevel(logging.CRITICAL)


def parse(text: str) -> HtmlElement | None:
    """The tree of a page; None if there is nothing in it. Nothing is fetched, no entity resolved."""
    # A new parser each time: lxml's parsers keep state and are not to be shared by threads.
    parser = lxml.html.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True, no_network=True)
    try:
        tree = lxml.html.document_fromstring(text.encode("utf-8", "replace")[:MAX_BYTES], parser=parser)
    except (lxml.etree.ParserError, lxml.etree.XMLSyntaxError):
        return None
    return tree


def is_deep(tree: HtmlElement) -> bool:
    """Deeper than `MAX_DEPTH`."""
    depth = 0
    for event, _ in lxml.etree.iterwalk(tree, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > MAX_DEPTH:
            return True
    return False


def without_layout(text: str) -> list[Block]:
    """A page read as plain text, its tags taken for line ends."""
    return plain.blocks(html.unescape(_TAG.sub("\n", _SCRIPTS.sub("\n", text[:MAX_BYTES]))))


def all_blocks(written: str) -> list[Block]:
    """The blocks of HTML that another format was turned into: all of it is content."""
    tree = parse(f"<html><body>{written}</body></html>")
    if tree is None:
        return []
    return without_layout(written) if is_deep(tree) else layout(tree)


def main_text(tree: HtmlElement) -> str:
    """What trafilatura takes for the main text: no comments, one block a line."""
    filled_in = sum(grid.span(cell, "colspan") * grid.span(cell, "rowspan") - 1 for cell in tree.iter("td", "th"))
    if filled_in + sum(1 for _ in tree.iter()) > MAX_ELEMENTS:
        return ""
    try:
        document = bare_extraction(tree, include_comments=False, fast=True)
    except (ValueError, TypeError, AttributeError, RecursionError, lxml.etree.Error):
        return ""  # Its heuristics meet a page they were not made for; the layout alone then says what there is.
    text = getattr(document, "text", None)
    return text if isinstance(text, str) else ""


def blocks(tree: HtmlElement, declared: Declared) -> list[Block]:
    """The blocks that matter, in page order. `declared` is what the page's own data say that it is."""
    body = tree.find(".//body")
    every = layout(tree if body is None else body)
    # On a page about a thing all content is kept whatever the main text is, and finding it takes most of the time.
    main = _Main("" if declared == "thing" else main_text(tree))
    return chosen(every, [main.holds(block) for block in every], declared)


class _Main:
    """Which blocks stand in a main text. Compared by letters and digits only."""

    def __init__(self, text: str) -> None:
        lines = [squash(line) for line in text.split("\n")]
        self._lines = frozenset(line for line in lines if line)
        self._text = "".join(lines)

    def holds(self, block: Block) -> bool:
        squashed = [piece for line in block.lines if (piece := squash(line))]
        if not squashed:
            return False
        found = sum(len(piece) for piece in squashed if self._has(piece))
        return found >= 0.5 * sum(map(len, squashed))

    def _has(self, piece: str) -> bool:
        if piece in self._lines:
            return True
        if len(piece) < 25:
            return False
        if piece in self._text:
            return True
        # A long paragraph may differ by a mark or a hidden word: most of it must stand there.
        parts = [piece[at : at + 40] for at in range(0, len(piece) - 39, 40)]
        return len(parts) >= 3 and sum(part in self._text for part in parts) >= 0.7 * len(parts)
