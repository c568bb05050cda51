"""What calamine does not say of a workbook: how cells are shown, formulas without a value, errors, what is behind cells, and what
is hidden."""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from lxml import etree

from research.documents.office import sheet_looks
from research.documents.office.sheet_looks import Looks, elements

Place = tuple[int, int]
"""Row and column, from 0."""

_WORKBOOK: Final = "xl/workbook.xml"
_MOST_COLUMNS: Final = 16_384
_REFERENCE: Final = re.compile(r"([A-Z]{1,3})(\d+)")
_COMMENTS: Final = re.compile(r"(?:^|/)(?:threaded)?comments?[^/]*\.xml$", re.I)
_NOTHING: Final = re.compile(r"0+(?:\.0*)?")
_HYPERLINK: Final = re.compile(r'HYPERLINK\(\s*"([^"]+)"', re.I)
_BROKEN: Final = (zipfile.BadZipFile, KeyError, etree.XMLSyntaxError, ValueError, OSError, EOFError, NotImplementedError)


@dataclass(slots=True)
class Details:
    """Of one sheet."""

    formats: dict[Place, str] = field(default_factory=dict)
    """Of numbers, unless it is the general format."""
    uncomputed: list[Place] = field(default_factory=list)
    """Formulas whose value is not stored: the program that wrote the file did not calculate."""
    formulas: int = 0
    zeros: list[Place] = field(default_factory=list)
    """Formulas whose value is 0, which some programs store for every formula instead of calculating."""
    links: dict[Place, str] = field(default_factory=dict)
    """Addresses behind cells."""
    errors: list[Place] = field(default_factory=list)
    """Cells that show an error (`#N/A`), which calamine gives as empty ones."""
    hidden_rows: list[int] = field(default_factory=list)
    """From 0. A filter hides rows, too."""
    hidden_columns: list[int] = field(default_factory=list)
    unseen: list[Place] = field(default_factory=list)
    """Cells whose number format shows nothing."""
    struck: set[Place] = field(default_factory=set)
    """Cells that are struck out, as a whole or in part."""
    strikes_by_rule: bool = False
    """Whether a conditional format strikes cells out."""
    raised: list[Place] = field(default_factory=list)
    """Cells of which a part stands higher or lower: `10²⁴`."""
    marked: dict[Place, str] = field(default_factory=dict)
    """Texts of cells of which a part is raised, lowered or struck out, with marks for it."""
    no_dates: list[Place] = field(default_factory=list)
    """Numbers that are shown as dates, and are none."""
    comments: list[Place] = field(default_factory=list)
    merged: list[tuple[Place, Place]] = field(default_factory=list)
    """First and last cells of merged ranges, where calamine does not say them."""
    texts: dict[Place, str] = field(default_factory=dict)
    """What cells hold of which calamine gives something else."""


def read(source: str | bytes, sheet: str) -> Details:
    """The details of a sheet. Of a workbook in another format, and of what is broken in it, there are none.

    Args:
        source: a path, or the workbook itself.
    """
    try:
        with zipfile.ZipFile(source if isinstance(source, str) else io.BytesIO(source)) as archive:
            if _WORKBOOK not in archive.namelist():
                return _of_open_document(archive, sheet)
            member = _member(archive, sheet)
            return Details() if member is None else _details(archive, member)
    except _BROKEN:
        return Details()


def _of_open_document(archive: zipfile.ZipFile, sheet: str) -> Details:
    from research.documents.office import ods_details  # it makes details of this module

    return ods_details.read(archive, sheet) if ods_details.CONTENT in archive.namelist() else Details()


def _member(archive: zipfile.ZipFile, sheet: str) -> str | None:
    targets = _targets(archive, _WORKBOOK)
    for each in elements(archive.open(_WORKBOOK), "sheet"):
        if each.get("name") == sheet:
            return _related(each, targets)
    return None


def _related(element: etree._Element, targets: Mapping[str, str]) -> str | None:
    return next((targets.get(str(value)) for name, value in element.attrib.items() if str(name).endswith("}id")), None)


def _targets(archive: zipfile.ZipFile, member: str) -> dict[str, str]:
    """What a member's relations lead to, by their ids: members of the archive, and addresses outside."""
    folder, name = posixpath.split(member)
    relations = f"{folder}/_rels/{name}.rels"
    if relations not in archive.namelist():
        return {}
    found: dict[str, str] = {}
    for each in elements(archive.open(relations), "Relationship"):
        target = each.get("Target") or ""
        is_outside = each.get("TargetMode") == "External"
        found[each.get("Id") or ""] = target if is_outside else posixpath.normpath(posixpath.join(folder, target)).lstrip("/")
    return found


def _details(archive: zipfile.ZipFile, member: str) -> Details:
    found = Details()
    looks = sheet_looks.read(archive)
    targets = _targets(archive, member)
    with archive.open(member) as stream:
        for element in elements(stream, "c", "row", "col", "cfRule", "hyperlink"):
            match etree.QName(element).localname:
                case "c":
                    _note_cell(element, looks, found)
                case "cfRule":
                    found.strikes_by_rule |= element.get("dxfId") in looks.struck_by_rule
                case "hyperlink":
                    place = _place((element.get("ref") or "").partition(":")[0])
                    target = _related(element, targets)
                    if place is not None and target:
                        found.links[place] = target
                case _:
                    _note_hidden(element, found)
    for target in targets.values():
        if _COMMENTS.search(target) and target in archive.namelist():
            with archive.open(target) as stream:
                places = {_place(each.get("ref") or "") for each in elements(stream, "comment", "threadedComment")}
            found.comments = sorted({*found.comments, *(place for place in places if place is not None)})
    return found


def _note_cell(cell: etree._Element, looks: Looks, found: Details) -> None:
    place = _place(cell.get("r") or "")
    if place is None:
        return
    kind, style = cell.get("t") or "n", cell.get("s") or ""
    value, inline = cell.findtext("{*}v") or "", cell.find("{*}is")
    if kind == "e":
        found.errors.append(place)
    formula = cell.find("{*}f")
    if formula is not None:
        found.formulas += 1
        if (link := _HYPERLINK.match((formula.text or "").lstrip("="))) is not None:
            found.links[place] = link.group(1)
        if not value and kind != "str":
            found.uncomputed.append(place)
        if value == "0":
            found.zeros.append(place)
    if not value and inline is None:
        return
    is_shared = kind == "s"
    is_struck = (value in looks.struck_texts) if is_shared else inline is not None and sheet_looks.is_struck(inline)
    strikes = style in looks.struck
    if is_struck or strikes:
        found.struck.add(place)
    if (is_shared and value in looks.raised_texts) or (inline is not None and sheet_looks.is_raised(inline)):
        found.raised.append(place)
    if is_shared:
        marked = looks.marked_texts.get((value, strikes))
    else:
        marked = sheet_looks.marked(inline, strikes=strikes) if inline is not None else None
    if marked:
        found.marked[place] = marked
    if looks.is_hidden(style):
        found.unseen.append(place)
    if kind == "n" and value:
        if style in looks.codes:
            found.formats[place] = looks.codes[style]
        if looks.is_no_date(style, value):
            found.no_dates.append(place)


def _note_hidden(element: etree._Element, found: Details) -> None:
    """Note a row, or columns, that a sheet does not show: hidden, filtered out, or of no height or width."""
    if element.get("hidden") not in ("1", "true") and _NOTHING.fullmatch(element.get("ht") or element.get("width") or "") is None:
        return
    if number := element.get("r"):
        found.hidden_rows.append(int(number) - 1)
    elif (first := element.get("min")) and (last := element.get("max")):
        found.hidden_columns += range(int(first) - 1, min(int(last), _MOST_COLUMNS))


def _place(reference: str) -> Place | None:
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        return None
    column = 0
    for letter in match.group(1):
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(match.group(2)) - 1, column - 1


def name_of(place: Place) -> str:
    """A place as a workbook calls it: `B7`."""
    row, column = place
    return f"{column_letters(column)}{row + 1}"


def column_letters(column: int) -> str:
    """A column, from 0, as a workbook calls it: `AA`."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
