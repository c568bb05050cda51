"""Cuts a page's text into passages that can be cited, by the form that `research.ports.page` describes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import sentencex

from research.ports.page import PAGE_DATA_HEADING, Page, Passage, PassageKind

MAX_CHARACTERS: Final = 1_200
"""A passage is cut near this length: about 200 words, what a person reads at a glance."""

MAX_COLUMNS: Final = 600
"""Characters of a table's first row that are told with each of its passages."""
MAX_LINE: Final = 5_000
"""Characters of a line that are searched for the ends of sentences at once: that takes the square of their number."""

Span = tuple[int, int]

_BLOCK: Final = re.compile(r"\S(?:[^\n]|\n(?!\n))*")
_HEADING: Final = re.compile(r"(#{1,6}) +(\S[^\n]*)")
_LIST_LINE: Final = re.compile(r"(?:- |\d{1,3}[.)] )\S")
_FACT_LINE: Final = re.compile(r"[^\s:|#][^:\n]{0,79}: \S")


def sentences(text: str) -> list[Span]:
    """The sentences of a text, in order, as `(start, end)` without surrounding white space. A line end always ends a sentence."""
    spans: list[Span] = []
    for start, end in lines(text):
        for part_start, part_end in _parts(text, start, end):
            at = part_start
            for piece in sentencex.segment("en", text[part_start:part_end]):
                spans.extend(_trimmed(text, at, at + len(piece)))
                at += len(piece)
    return spans


def _parts(text: str, start: int, end: int) -> Iterator[Span]:
    """A line in parts of at most `MAX_LINE` characters, cut behind a full stop or at white space where there is any."""
    while end - start > MAX_LINE:
        most = start + MAX_LINE
        cut = text.rfind(". ", start, most) + 1
        cut = cut if cut > start + MAX_LINE // 2 else text.rfind(" ", start, most)
        cut = cut if cut > start else most
        yield start, cut
        start = cut
    yield start, end


def lines(text: str) -> list[Span]:
    """The lines of a text that hold something, as `(start, end)` without surrounding white space."""
    return [span for match in re.finditer(r"[^\n]+", text) for span in _trimmed(text, match.start(), match.end())]


def passages_of(page: Page) -> list[Passage]:
    """All passages of a page in page order, with ids `p1`, `p2`, …: together they cover every character but white space and
    the mark before the page's data."""
    found: list[Passage] = []
    headings: list[tuple[int, str]] = []
    in_data = False
    for match in _BLOCK.finditer(page.text):
        start = match.start()
        block = match.group()
        if block.rstrip() == PAGE_DATA_HEADING:
            in_data, headings = True, []
            continue
        kind = "data" if in_data else _kind(block)
        if kind == "heading":
            _enter(headings, block)
        context = " > ".join(title for _, title in (headings[:-1] if kind == "heading" else headings))
        head = block.partition("\n")[0][:MAX_COLUMNS]
        for piece_start, piece_end in _pieces(block, kind):
            found.append(
                Passage(
                    id=f"p{len(found) + 1}",
                    page_hash=page.page_hash,
                    start=start + piece_start,
                    end=start + piece_end,
                    text=block[piece_start:piece_end],
                    kind=kind,
                    heading=context,
                    columns=head if kind == "table" and piece_start else "",
                )
            )
    return found


def _kind(block: str) -> PassageKind:
    if _HEADING.fullmatch(block):
        return "heading"
    block_lines = block.split("\n")
    if all(line.startswith("|") for line in block_lines):
        return "table"
    if all(_LIST_LINE.match(line) for line in block_lines):
        return "list"
    if all(_FACT_LINE.match(line) for line in block_lines):
        return "facts"
    return "paragraph"


def _enter(headings: list[tuple[int, str]], block: str) -> None:
    """Move to the section that a heading opens: deeper and equal headings before it are closed."""
    match = _HEADING.fullmatch(block)
    if match is None:
        return
    level = len(match.group(1))
    while headings and headings[-1][0] >= level:
        headings.pop()
    headings.append((level, match.group(2).strip()))


def _pieces(block: str, kind: PassageKind) -> Iterator[Span]:
    """Cut a block near `MAX_CHARACTERS`: a paragraph where sentences end, the rest where lines end. A single sentence or line
    that is longer is cut at white space, and only without any in the middle of a word."""
    units = sentences(block) if kind == "paragraph" else lines(block)
    start: int | None = None
    end = 0
    for unit_start, unit_end in (span for unit in units for span in _short(block, *unit)):
        if start is not None and unit_end - start > MAX_CHARACTERS:
            yield start, end
            start = None
        if start is None:
            start = unit_start
        end = unit_end
    if start is not None:
        yield start, end


def _short(text: str, start: int, end: int) -> Iterator[Span]:
    while end - start > MAX_CHARACTERS:
        space = text.rfind(" ", start, start + MAX_CHARACTERS)
        cut = space if space > start else start + MAX_CHARACTERS
        yield from _trimmed(text, start, cut)
        start = cut
    yield from _trimmed(text, start, end)


def _trimmed(text: str, start: int, end: int) -> list[Span]:
    piece = text[start:end]
    stripped = piece.strip()
    if not stripped:
        return []
    lead = len(piece) - len(piece.lstrip())
    return [(start + lead, start + lead + len(stripped))]
