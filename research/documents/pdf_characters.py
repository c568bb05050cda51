"""The characters of a PDF page as one text, each at the place where PDFium counts it.

Where little stands on a page, PDFium takes its lines for columns of upright script and ends the line behind every letter; it also
ends it before and behind raised digits. Such ends are taken back here, by where the characters stand.
"""

from __future__ import annotations

import math
import re
from typing import Final, NamedTuple

import pypdfium2
import pypdfium2.raw as pdfium

NOTHING: Final = "\0"
"""Stands where the page has nothing, so that places stay what they are."""
UNKNOWN: Final = "\ufffd"
"""A character of which the font does not say what it is."""
SMALLER: Final = 0.85
"""The share of the size of a line's letters below which others are raised or lowered."""
MOVED: Final = frozenset("0123456789-−–+,")
"""What is raised as an exponent or the mark of a note."""
TOUCHING: Final = 0.15
"""Of the size of the letters: what is nearer is the same word."""

_BREAK: Final = re.compile(r"\r\n| ")
_CONTROL: Final = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
"""What a font's codes are taken for where it does not name its letters."""
_HYPHEN: Final = "\x02"
_FIRST_HALVES: Final = range(0xD800, 0xDC00)
_SECOND_HALVES: Final = range(0xDC00, 0xE000)
NOT_TURNED: Final = 0.05
"""Radians."""


class _Glyph(NamedTuple):
    left: float
    right: float
    y: float
    size: float


def characters(page: pypdfium2.PdfTextPage, most: int) -> str | None:
    """The text of a page; None if it has more characters than `most`, or its places cannot be told."""
    count = page.count_chars()
    if count > most:
        return None
    text = _CONTROL.sub(UNKNOWN, page.get_text_range(errors="ignore"))
    if len(text) != count:  # PDFium leaves out what it does not know, and with it a part of a word
        text = "".join(_character(page, at) for at in range(count))
    found = list(text)
    for match in _BREAK.finditer(text):
        before, after = match.start() - 1, match.end()
        if before < 0 or after >= count or (match.group() == " " and not _is_turned_gap(page, match.start())):
            continue
        if between := _between(page, text, before, after):
            found[before + 1 : after] = between * (after - before - 1)
    return "".join(found)


def _character(page: pypdfium2.PdfTextPage, at: int) -> str:
    """A character; of one that takes two places (UTF-16), all of it at the first, and nothing at the second."""
    code = pdfium.FPDFText_GetUnicode(page, at)
    if code in _FIRST_HALVES and (other := pdfium.FPDFText_GetUnicode(page, at + 1)) in _SECOND_HALVES:
        return chr(0x10000 + (code - _FIRST_HALVES.start) * len(_SECOND_HALVES) + other - _SECOND_HALVES.start)
    if code in _SECOND_HALVES:
        return NOTHING if at and pdfium.FPDFText_GetUnicode(page, at - 1) in _FIRST_HALVES else UNKNOWN
    text = chr(code) if 0 < code < 0x110000 and code not in _FIRST_HALVES else UNKNOWN
    return "\ufffe" if text == _HYPHEN else _CONTROL.sub(UNKNOWN, text)


def _between(page: pypdfium2.PdfTextPage, text: str, before: int, after: int) -> str:
    """What stands between two characters that PDFium puts on two lines: nothing or a space, if they stand on one; else ""."""
    angle = _angle(page, before)
    if abs(angle - _angle(page, after)) > NOT_TURNED:
        return ""
    one, other = _glyph(page, before, angle), _glyph(page, after, angle)
    if one is None or other is None:
        return ""
    size = max(one.size, other.size)
    apart, gap = abs(one.y - other.y), other.left - one.right
    if gap < -0.3 * size:
        return ""
    if apart <= 0.1 * size:
        return NOTHING if gap < TOUCHING * size else " "
    if apart > 0.6 * size or gap > 0.3 * size or min(one.size, other.size) >= SMALLER * size:
        return ""
    moved = text[before] if one.size < other.size else text[after]
    return NOTHING if gap < TOUCHING * size and moved in MOVED else " "


def _is_turned_gap(page: pypdfium2.PdfTextPage, at: int) -> bool:
    """A space that is not in the page, behind a turned letter."""
    return bool(pdfium.FPDFText_IsGenerated(page, at) == 1) and _angle(page, at - 1) > NOT_TURNED


def _angle(page: pypdfium2.PdfTextPage, at: int) -> float:
    return float(pdfium.FPDFText_GetCharAngle(page, at))


def _glyph(page: pypdfium2.PdfTextPage, at: int, angle: float) -> _Glyph | None:
    """Where a character stands, the page turned so that its line is level."""
    x, y = pdfium.c_double(), pdfium.c_double()
    box = pdfium.FS_RECTF()
    if not pdfium.FPDFText_GetCharOrigin(page, at, x, y) or not pdfium.FPDFText_GetLooseCharBox(page, at, box):
        return None
    cosine, sine = math.cos(angle), -math.sin(angle)  # PDFium's angles go clockwise
    right = max(across * cosine + up * sine for across in (box.left, box.right) for up in (box.bottom, box.top))
    left, height = x.value * cosine + y.value * sine, y.value * cosine - x.value * sine
    return _Glyph(left, right, height, float(pdfium.FPDFText_GetFontSize(page, at)))
