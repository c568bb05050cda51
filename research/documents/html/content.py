"""HTML -> the blocks of a page that matter, its title and its dates.

Trafilatura says which text is the page's main text; `layout.py` says how it is laid out. A block is kept if it is main text, or
if it holds facts (a table, definitions, label-value pairs) and stands in the page's content. On a page about a thing (a product,
a recipe, a place) rather than an article, all of the content is kept.
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

MAX_DEPTH: Final = 250
"""Elements inside elements. Real pages stay far below; a deeper one is read without its layout, so that recursion has an end."""
MAX_BYTES: Final = 8_000_000
"""What is read of one page. The longest real pages are below 5 MB."""
MAX_ELEMENTS: Final = 25_000
"""Of a page whose main text is looked for, with the cells that trafilatura fills in where one spans many: it takes seconds for
more. All of a larger page's content is kept."""
SHORT: Final = 30
"""Characters. A shorter text may well stand twice: `minutes`, `Yes`."""

MENU: Final = 4
"""Paragraphs of one link each that make a menu."""

_SCRIPTS: Final = re.compile(r"(?is)<(script|style|noscript|template|head)\b.*?(?:</\1\s*>|\Z)")
_TAG: Final = re.compile(r"<[^<>]{0,10000}>")
_SQUASH: Final = re.compile(r"[\W_]+")

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


def blocks(tree: HtmlElement, is_thing: bool) -> list[Block]:
    """The blocks that matter, in page order. `is_thing`: the page's own data say that it is about one thing."""
    body = tree.find(".//body")
    every = layout(tree if body is None else body)
    # On a page about a thing all content is kept whatever the main text is, and finding it takes most of the time.
    main = _Main("" if is_thing else main_text(tree))
    marked = [main.holds(block) for block in every]
    outside = sum(len(block.text) for block, mark in zip(every, marked, strict=True) if not mark and _is_content(block))
    inside = sum(len(block.text) for block, mark in zip(every, marked, strict=True) if mark)
    whole = is_thing or inside < 250 or inside < 0.25 * outside
    kept = [mark or (_is_content(block) if whole else _is_fact(block)) for block, mark in zip(every, marked, strict=True)]
    _drop_menus(every, marked, kept)
    _keep_headings(every, kept)
    return _without_repeats([block for block, keep in zip(every, kept, strict=True) if keep])


class _Main:
    """Which blocks stand in a main text. Compared by letters and digits only."""

    def __init__(self, text: str) -> None:
        lines = [_squash(line) for line in text.split("\n")]
        self._lines = frozenset(line for line in lines if line)
        self._text = "".join(lines)

    def holds(self, block: Block) -> bool:
        squashed = [piece for line in block.lines if (piece := _squash(line))]
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


def _squash(text: str) -> str:
    return _SQUASH.sub("", text.casefold())


def _is_content(block: Block) -> bool:
    if block.chrome:
        return False
    match block.kind:
        case "paragraph" | "heading":
            return block.link_share < 0.9 or len(block.text) < 60
        case "facts":
            return True
        case _:
            return block.link_share < 0.7 or len(block.lines) < 3


def _is_fact(block: Block) -> bool:
    if block.kind not in ("facts", "table") or block.chrome:
        return False
    # Beside the content stand both: boxes of facts, and lists of other pages.
    return block.link_share < 0.7 if not block.aside else block.link_share < 0.1 and len(block.lines) > 1


def _drop_menus(every: list[Block], marked: list[bool], kept: list[bool]) -> None:
    """Drop runs of paragraphs that are nothing but links: menus that are not written as lists."""
    run: list[int] = []
    for at, block in enumerate([*every, Block("heading", [])]):
        if block.kind == "paragraph" and block.link_share >= 0.9 and not marked[at]:
            run.append(at)
            continue
        if len(run) >= MENU:
            for place in run:
                kept[place] = False
        run = []


def _keep_headings(every: list[Block], kept: list[bool]) -> None:
    """Keep each heading under which something is kept, and the page's own; drop headings that head nothing."""
    needed = False
    below = 7
    for at in range(len(every) - 1, -1, -1):
        block = every[at]
        if block.kind != "heading":
            if kept[at]:
                needed, below = True, 7
        else:
            kept[at] = (needed and block.level < below and not block.chrome) or (block.level == 1 and not block.chrome)
            if needed:
                below = min(below, block.level)
                needed = below > 1


def _without_repeats(kept: list[Block]) -> list[Block]:
    """Each fact once: pages repeat whole blocks for small screens, and a line of facts as a line of a list."""
    seen: set[str] = set()
    for block in kept:
        if block.kind == "heading":
            continue
        if block.kind in ("paragraph", "table"):
            if len(block.text) < SHORT:
                continue
            key = _squash(block.text)
            if key in seen:
                block.lines = []
            seen.add(key)
            continue
        fresh = [line for line in block.lines if _squash(line) not in seen]
        if block.kind == "facts" or not fresh:
            block.lines = fresh
        seen.update(_squash(line) for line in block.lines)
    result: list[Block] = []
    for block in kept:
        if not block.lines:
            continue
        last = result[-1] if result else None
        if last and block.kind == last.kind == "heading" and last.level >= block.level and last.lines == block.lines:
            continue
        result.append(block)
    return result
