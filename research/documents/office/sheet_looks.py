"""How the cells of an .xlsx workbook look, as far as that changes what they say: number formats, what is struck out or raised."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Final

from lxml import etree

from research.documents.html.raised import raised, struck
from research.documents.office.sheet_formats import BUILT_IN

_STYLES: Final = "xl/styles.xml"
_STRINGS: Final = "xl/sharedStrings.xml"
_DATES: Final = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})
"""Built-in formats of dates and times."""
_LAST_DATE: Final = 2_958_466
"""The first number that is no day of the years up to 9999."""
_NO_LETTERS: Final = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|[_*].', re.S)


@dataclass(slots=True)
class Looks:
    """Of a workbook. Styles are named by the number that cells name them by, shared texts by their place."""

    codes: dict[str, str] = field(default_factory=dict)
    """Number formats."""
    dates: set[str] = field(default_factory=set)
    """Styles that show a number as a date or a time."""
    struck: set[str] = field(default_factory=set)
    struck_by_rule: set[str] = field(default_factory=set)
    """Looks of conditional formats that strike out."""
    struck_texts: set[str] = field(default_factory=set)
    """Shared texts of which a part is struck out."""
    raised_texts: set[str] = field(default_factory=set)
    """Shared texts of which a part stands higher or lower."""
    marked_texts: dict[tuple[str, bool], str] = field(default_factory=dict)
    """Shared texts of both kinds, with marks for it; and the same in a cell that is struck out."""

    def is_hidden(self, style: str) -> bool:
        """Whether a style shows nothing of a number: `;;;`, or words in its place, as `"yes";"no"`."""
        code = self.codes.get(style, "")
        return bool(set(code) & {";", '"'}) and not _NO_LETTERS.sub("", code).strip("; ")

    def is_no_date(self, style: str, value: str) -> bool:
        """Whether a number is to be shown as a date, and none is that number."""
        return style in self.dates and not 0 <= float(value) < _LAST_DATE


def read(archive: zipfile.ZipFile) -> Looks:
    """The looks of a workbook's cells."""
    found = Looks()
    members = archive.namelist()
    if _STYLES in members:
        _read_styles(etree.parse(archive.open(_STYLES), parser()), found)
    if _STRINGS in members:
        with archive.open(_STRINGS) as stream:
            for place, text in enumerate(elements(stream, "si")):
                if is_struck(text):
                    found.struck_texts.add(str(place))
                if is_raised(text):
                    found.raised_texts.add(str(place))
                for strikes in (False, True):
                    if marks := marked(text, strikes=strikes):
                        found.marked_texts[str(place), strikes] = marks
    return found


def _read_styles(tree: etree._ElementTree, found: Looks) -> None:
    own = {each.get("numFmtId"): each.get("formatCode") or "" for each in tree.iterfind(".//{*}numFmts/{*}numFmt")}
    struck_fonts = {str(place) for place, font in enumerate(tree.iterfind("{*}fonts/{*}font")) if _strikes(font)}
    for place, style in enumerate(tree.iterfind(".//{*}cellXfs/{*}xf")):
        name, number = str(place), style.get("numFmtId") or "0"
        if code := own.get(number) or BUILT_IN.get(int(number)):
            found.codes[name] = code
        if int(number) in _DATES or re.search("[ymdhs]", _NO_LETTERS.sub("", own.get(number, "")), re.I):
            found.dates.add(name)
        if style.get("fontId") in struck_fonts:
            found.struck.add(name)
    for place, rule in enumerate(tree.iterfind("{*}dxfs/{*}dxf")):
        if (font := rule.find("{*}font")) is not None and _strikes(font):
            found.struck_by_rule.add(str(place))


def is_struck(text: etree._Element) -> bool:
    """Whether a part of a rich text is struck out."""
    return any(_strikes(part) for part in text.iterfind("{*}r/{*}rPr"))


def is_raised(text: etree._Element) -> bool:
    """Whether a part of a rich text stands higher or lower than the rest."""
    return any(part.get("val") in ("superscript", "subscript") for part in text.iterfind("{*}r/{*}rPr/{*}vertAlign"))


def marked(text: etree._Element, *, strikes: bool) -> str:
    """A rich text as a page has it, `10^24` and `~~€120~~ €90`; "" if nothing in it is raised, lowered or struck out.

    Args:
        strikes: whether its cell is struck out, as parts without a look of their own are then.
    """
    if not is_struck(text) and not is_raised(text):
        return ""
    written = ""
    runs = text.findall("{*}r")
    for at, run in enumerate(runs):
        own, look = run.findtext("{*}t") or "", run.find("{*}rPr")
        moved = look.find("{*}vertAlign") if look is not None else None
        kind = moved.get("val") if moved is not None else None
        if (strikes if look is None else _strikes(look)) and own.strip():
            written += struck(own)
        elif kind == "superscript" and own.strip():
            behind = "".join(each.findtext("{*}t") or "" for each in runs[at + 1 : at + 2])
            moved_text = raised(own.strip(), written[-24:], behind)
            written += own if moved_text is None else moved_text
        elif kind == "subscript" and written[-1:].isdigit() and own[:1].isdigit():
            written += f"_{own}"
        else:
            written += own
    return struck(written) if strikes and "~~" not in written else written


def _strikes(font: etree._Element) -> bool:
    strike = font.find("{*}strike")
    return strike is not None and strike.get("val") not in ("0", "false")


def parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)


def elements(stream: IO[bytes], *names: str) -> Iterator[etree._Element]:
    """The elements of these names, each forgotten when the next one is asked for."""
    tags = [f"{{*}}{name}" for name in names]
    for _, element in etree.iterparse(stream, tag=tags, resolve_entities=False, no_network=True, huge_tree=True):
        yield element
        element.clear()
        parent = element.getparent()
        while parent is not None and element.getprevious() is not None:
            del parent[0]
