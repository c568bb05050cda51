"""How an exported workbook looks: its colours and styles, in one place."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any, Final

from research.tables.export.rows import Review
from research.tables.export.sheet_cells import Style

EDGE: Final = "#D5DAE1"
FILLS: Final = {"high": "#DDF2E3", "medium": "#FFF3CC", "low": "#FBD9D3"}
"""By confidence. Told apart by lightness as well as by hue."""
EMPTY: Final = "#EEF0F3"
"""Of a cell for which nothing was found."""
WITHOUT_EVIDENCE: Final = "#E9DDF5"
"""Of a value that has no confidence."""

BY_A_PERSON: Final = "#CFE2F7"
"""Of a value that somebody accepted or corrected."""
REJECTED: Final = "#C3C8D1"
"""Of a cell whose value somebody rejected."""

TITLE: Final = Style(bold=True, size=16, color="#1F2A44")
SUBTITLE: Final = Style(color="#5B6577")
SECTION: Final = Style(bold=True, size=12, color="#1F2A44")
LABEL: Final = Style(color="#5B6577")
TEXT: Final = Style(top=True)
WRAPPED: Final = Style(wrap=True)
SHARE: Final = Style(number_format="0 %")
PROBABILITY: Final = Style(number_format="0.000")
COUNT: Final = Style(number_format="#,##0")
MONEY: Final = Style(number_format="$#,##0.00##", align="left")
HEADER_INPUT: Final = Style(bold=True, fill="#44546A", color="#FFFFFF", border=EDGE)
HEADER_OUTPUT: Final = Style(bold=True, fill="#1F6F5C", color="#FFFFFF", border=EDGE)
HEADER_BESIDE: Final = Style(bold=True, fill="#8FB8AC", color="#10362D", border=EDGE)
HEADER_RUN: Final = Style(bold=True, fill="#8A94A6", color="#FFFFFF", border=EDGE)
LINK: Final = Style(color="#1B5E9B")
BAND: Final = "#F5F6F8"
"""Behind the evidence of every second row."""


def banded(style: Style, band: bool) -> Style:
    """The style on the band, if there is one."""
    return _on_the_band(style) if band else style


@cache
def _on_the_band(style: Style) -> Style:
    return replace(style, fill=BAND)


def of_cell(*, filled: bool, confidence: str | None, linked: bool, review: Review | None = None) -> Style:
    """The style of a researched cell."""
    fill = FILLS.get(confidence or "", WITHOUT_EVIDENCE) if filled else EMPTY
    if review is not None:
        fill = REJECTED if review is Review.REJECTED else BY_A_PERSON
    return Style(fill=fill, border=EDGE, color="#1B3A5C" if linked else None)


def of_confidence(confidence: str | None) -> Style:
    """The style of a cell that names a confidence."""
    return Style(fill=FILLS[confidence], border=EDGE) if confidence in FILLS else TEXT


def set_page(sheet: Any, *, header: bool) -> None:
    """How a sheet is printed: as wide as a page, with its header on each."""
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
    sheet.set_footer("&L&A&R&P / &N")
    if header:
        sheet.repeat_rows(0)
