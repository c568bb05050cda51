"""The lines of a PDF page in reading order, with the gaps in them: turned text, columns side by side, cells of tables.

PDFium gives a page's characters in the order in which they were drawn. Two columns that were drawn line by line, and the cells of
a table, are told apart by where their words stand.
"""

from __future__ import annotations

import itertools
import re
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import pypdfium2
import pypdfium2.raw as pdfium

from research.documents.html.raised import power, raised
from research.documents.pdf_characters import MOVED, NOTHING, SMALLER, UNKNOWN, characters

MAX_PLACED: Final = 60_000
"""Characters of a page whose words are looked up one by one. A page with more is read in the order in which it was drawn."""
GAP: Final = 2.2
"""Mean widths of a character, from which on a gap between two words parts two cells."""
MIN_LINES: Final = 4
"""Lines side by side that make columns."""
COLUMN_CHARACTERS: Final = 18
"""Characters that the lines of a column have on average. Shorter ones are cells of a table."""

HIGHER: Final = 0.15
"""Of the size of the letters before it: what is smaller and by so much higher is raised."""

PROSE: Final = 20
"""Letters that lines of prose have at least. Shorter ones are written one below the other."""

_RIGHT_TO_LEFT: Final = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_MAYBE_RAISED: Final = re.compile(r"(?<=\S)\d")
_NOTES: Final = re.compile(r"[1-9]\d{0,2}(?:,[1-9]\d{0,2})+")
_TEN: Final = re.compile(r"(?<!\d)10$")
_WORD: Final = re.compile(r"\S+")
_BULLET: Final = re.compile(r"(?:[-*•‣▪·–◦○●]|\(?\d{1,3}(?:\.\d{1,3})*[.)]|\(?[a-z][.)])")


@dataclass(frozen=True, slots=True)
class Cell:
    """Words that stand together on a line."""

    left: float
    right: float
    text: str
    size: float = 0.0
    """Of the font of most of its words."""
    y: float = 0.0
    height: float = 0.0
    """Of the line that it stands on, and of the letters there; 0 if unknown."""
    first: float = 0.0
    """How wide its first word is; 0 if unknown."""


Line = tuple[Cell, ...]


def lines_of(page: pypdfium2.PdfTextPage) -> list[Line]:
    """The lines of a page; an empty one where the page leaves a gap."""
    text = characters(page, MAX_PLACED)
    placed = text is not None
    if text is None:
        text = page.get_text_range(errors="ignore")
    found: list[Line] = []
    at = 0
    for raw in text.split("\n"):
        if not raw.strip():
            found.append(())
        elif placed:
            found.extend(_lines(page, raw, at))
        else:
            found.append((Cell(0, 0, raw.strip()),))
        at += len(raw) + 1
    return _in_columns(found) if placed else found


def written(line: Line) -> str:
    return " ".join(cell.text for cell in line)


def ends_by_itself(lines: Sequence[Line], at: int) -> bool:
    """A line was not wrapped: the next word would have fit on it, or the next line is of another kind."""
    following = lines[at + 1] if at + 1 < len(lines) else ()
    if not following or not all(cell.right for cell in (*lines[at], *following)) or _RIGHT_TO_LEFT.search(written(following)):
        return False
    if len(lines[at]) > 1 or len(following) > 1:
        return True
    one, other = lines[at][0], following[0]
    if min(one.size, other.size) < SMALLER * max(one.size, other.size):
        return True
    around = [line[0] for line in lines[max(at - 2, 0) : at + 3] if len(line) == 1]
    edge = max([one.right, *(cell.right for cell in around if cell.left < one.right and cell.right > one.left)])
    letter = (one.right - one.left) / len(one.text)
    needed = max(1.3 * letter * (len(other.text.split(None, 1)[0]) + 1), other.first + letter)
    return edge - one.left < PROSE * letter or edge - one.right > needed


def drawn(lines: Sequence[Line]) -> list[str]:
    """Lines with spaces where the page has gaps, so that what stands below each other does so here."""
    spaced = [line for line in lines if len(line) > 1]
    characters = sum(len(cell.text) for line in spaced for cell in line)
    width = sum(cell.right - cell.left for line in spaced for cell in line) / characters if characters else 0.0
    left = min((cell.left for line in lines for cell in line), default=0.0)
    written: list[str] = []
    for line in lines:
        text = ""
        for cell in line:
            at = round((cell.left - left) / width) if width > 0 else 0
            text = text.ljust(min(max(at, len(text) + 2 if text else 0), 400)) + cell.text
        written.append(text)
    return written


class _Box(NamedTuple):
    left: float
    bottom: float
    right: float
    top: float


class _Word(NamedTuple):
    """A word, and the boxes of its first and its last character; None where they have none."""

    text: str
    first: _Box | None
    last: _Box | None
    size: float
    y: float
    height: float


def _lines(page: pypdfium2.PdfTextPage, raw: str, start: int) -> Iterator[Line]:
    """What PDFium takes for one line, in cells. Short texts that were drawn below each other are lines of their own."""
    found = [word for word in _WORD.finditer(raw) if word.group().strip(UNKNOWN + NOTHING)]
    if not found:
        return
    if abs(pdfium.FPDFText_GetCharAngle(page, start + found[0].start())) > 0.05:
        yield (Cell(0, 0, raw.strip()),)
        return
    words = [
        _Word(
            _written(page, word, start),
            _box(page, start + word.start()),
            _box(page, start + word.end() - 1),
            *_size(page, start + word.start()),
            _height(page, start + word.start()),
        )
        for word in found
    ]
    begin = 0
    for at in range(1, len(words) + 1):
        if at == len(words) or _is_below(words[at - 1], words[at]):
            yield tuple(_cells(words[begin:at]))
            begin = at


def _written(page: pypdfium2.PdfTextPage, word: re.Match[str], start: int) -> str:
    """A word, in which digits that are smaller than what stands before them, and stand higher, are raised."""
    text = word.group()
    if not _MAYBE_RAISED.search(text):
        return text.replace(NOTHING, "")
    pieces: list[str] = []
    size = y = 0.0
    at = 0
    while at < len(text):
        if text[at] == NOTHING:
            at += 1
            continue
        index = start + word.start() + at
        own_size, own_y = _size(page, index)
        end = at
        while pieces and end < len(text) and text[end] in MOVED and own_size < SMALLER * size and own_y > y + HIGHER * size:
            end += 1
            own_size, own_y = _size(page, start + word.start() + end) if end < len(text) else (size, y)
        if end > at:
            mark = text[at:end]
            pieces.append(_raised(mark, "".join(pieces[-24:]), text[end:].replace(NOTHING, "")))
            at = end
            continue
        size, y = own_size, own_y
        pieces.append(text[at])
        at += 1
    return "".join(pieces)


def _raised(mark: str, before: str, behind: str) -> str:
    """How to write what is raised between these."""
    if mark.startswith(","):
        return mark
    if _NOTES.fullmatch(mark) and not _TEN.search(before):
        return ""
    number = mark.rstrip(",")
    own = raised(number, before, behind) if number.isdigit() else None
    return (power(number, before) if own is None else own) + mark[len(number) :]


def _size(page: pypdfium2.PdfTextPage, index: int) -> tuple[float, float]:
    """The size of a character's font, and how high the line stands on which it does."""
    x, y = pdfium.c_double(), pdfium.c_double()
    pdfium.FPDFText_GetCharOrigin(page, index, x, y)
    return float(pdfium.FPDFText_GetFontSize(page, index)), float(y.value)


def _height(page: pypdfium2.PdfTextPage, index: int) -> float:
    box = pdfium.FS_RECTF()
    return float(box.top - box.bottom) if pdfium.FPDFText_GetLooseCharBox(page, index, box) else 0.0


def _is_below(before: _Word, after: _Word) -> bool:
    if before.first is None or before.last is None or after.first is None:
        return False
    return after.first.left < before.last.right and after.first.top < min(before.first.bottom, before.last.bottom)


def _are_apart(before: _Word, after: _Word, width: float) -> bool:
    """There is a gap between two words in which others would fit."""
    return before.last is not None and after.first is not None and 0 < GAP * width < after.first.left - before.last.right


def _cells(words: Sequence[_Word]) -> Iterator[Cell]:
    known = [
        (word.last.right - word.first.left, len(word.text))
        for word in words
        if word.first is not None and word.last is not None and word.last.right > word.first.left
    ]
    width = sum(size for size, _ in known) / sum(length for _, length in known) if known else 0.0
    begin = 0
    for at in range(1, len(words) + 1):
        before = words[at - 1]
        if at < len(words):
            # A bullet is no cell, but the number of a row is.
            is_bullet = at == 1 and _BULLET.fullmatch(before.text) is not None
            if is_bullet and any(map(str.isdigit, before.text)):
                is_bullet = not any(_are_apart(*pair, width) for pair in itertools.pairwise(words[1:]))
            if is_bullet or not _are_apart(before, words[at], width):
                continue
        own = words[begin:at]
        yield Cell(
            own[0].first.left if own[0].first else 0,
            before.last.right if before.last else 0,
            " ".join(word.text for word in own),
            size=statistics.mode(word.size for word in own),
            y=own[0].y,
            height=own[0].height,
            first=own[0].last.right - own[0].first.left if own[0].first and own[0].last else 0.0,
        )
        begin = at


def _box(page: pypdfium2.PdfTextPage, index: int) -> _Box | None:
    left, right, bottom, top = (pdfium.c_double() for _ in range(4))
    if not pdfium.FPDFText_GetCharBox(page, index, left, right, bottom, top):
        return None
    return _Box(left.value, bottom.value, right.value, top.value)


def _in_columns(lines: Sequence[Line]) -> list[Line]:
    """Lines side by side, drawn by turns, one column after the other."""
    found: list[Line] = []
    at = 0
    while at < len(lines):
        count = len(lines[at])
        end = at
        lefts = [float("-inf")] * count
        rights = [float("inf")] * count
        while count > 1 and end < len(lines) and len(lines[end]) == count:
            # Between two columns runs a gutter that no line crosses.
            new_lefts = [max(old, cell.right) for old, cell in zip(lefts, lines[end], strict=True)]
            new_rights = [min(old, cell.left) for old, cell in zip(rights, lines[end], strict=True)]
            if any(new_lefts[place] >= new_rights[place + 1] for place in range(count - 1)):
                break
            lefts, rights = new_lefts, new_rights
            end += 1
        block = lines[at:end]
        if len(block) >= MIN_LINES and all(
            sum(len(line[place].text) for line in block) >= COLUMN_CHARACTERS * len(block)
            and sum(line[place].text.count(" ") for line in block) >= 2 * len(block)
            for place in range(count)
        ):
            for place in range(count):
                found.extend((line[place],) for line in block)
        else:
            found.extend(block or lines[at : at + 1])
        at = max(end, at + 1)
    return found
