"""What calamine does not say of a workbook: how numbers are shown, formulas without a value, errors, addresses behind cells, and
what is hidden."""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Final

from lxml import etree

from research.documents.office.sheet_formats import BUILT_IN

Place = tuple[int, int]
"""Row and column, from 0."""

_WORKBOOK: Final = "xl/workbook.xml"
_STYLES: Final = "xl/styles.xml"
_MOST_COLUMNS: Final = 16_384
_REFERENCE: Final = re.compile(r"([A-Z]{1,3})(\d+)")
_HYPERLINK: Final = re.compile(r'HYPERLINK\(\s*"([^"]+)"', re.I)
_BROKEN: Final = (zipfile.BadZipFile, KeyError, etree.XMLSyntaxError, ValueError, OSError, EOFError, NotImplementedError)


@dataclass(slots=True)
class Details:
    """Of one sheet."""

    formats: dict[Place, str] = field(default_factory=dict)
    """Of numbers, unless it is the general format."""
    uncomputed: list[Place] = field(default_factory=list)
    """Formulas whose value is not stored: the program that wrote the file did not calculate."""
    links: dict[Place, str] = field(default_factory=dict)
    """Addresses behind cells."""
    errors: list[Place] = field(default_factory=list)
    """Cells that show an error (`#N/A`), which calamine gives as empty ones."""
    hidden_rows: list[int] = field(default_factory=list)
    """From 0. A filter hides rows, too."""
    hidden_columns: list[int] = field(default_factory=list)


def read(source: str | bytes, sheet: str) -> Details:
    """The details of a sheet. Of a workbook in another format, and of what is broken in it, there are none.

    Args:
        source: a path, or the workbook itself.
    """
    try:
        with zipfile.ZipFile(source if isinstance(source, str) else io.BytesIO(source)) as archive:
            if _WORKBOOK not in archive.namelist():
                return Details()
            member = _member(archive, sheet)
            return Details() if member is None else _details(archive, member)
    except _BROKEN:
        return Details()


def _member(archive: zipfile.ZipFile, sheet: str) -> str | None:
    targets = _targets(archive, _WORKBOOK)
    for each in _elements(archive.open(_WORKBOOK), "sheet"):
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
    for each in _elements(archive.open(relations), "Relationship"):
        target = each.get("Target") or ""
        is_outside = each.get("TargetMode") == "External"
        found[each.get("Id") or ""] = target if is_outside else posixpath.normpath(posixpath.join(folder, target)).lstrip("/")
    return found


def _details(archive: zipfile.ZipFile, member: str) -> Details:
    found = Details()
    codes = _codes(archive)
    with archive.open(member) as stream:
        for cell in _elements(stream, "c", "row", "col"):
            if not str(cell.tag).endswith("}c"):
                _note_hidden(cell, found)
                continue
            place = _place(cell.get("r") or "")
            if place is None:
                continue
            if cell.get("t") == "e":
                found.errors.append(place)
            value = cell.find("{*}v")
            formula = cell.find("{*}f")
            has_value = value is not None and bool(value.text)
            if formula is not None:
                link = _HYPERLINK.match((formula.text or "").lstrip("="))
                if link is not None:
                    found.links[place] = link.group(1)
                if not has_value and cell.get("t") != "str":
                    found.uncomputed.append(place)
            code = codes.get(cell.get("s") or "")
            if has_value and code and cell.get("t") in (None, "n"):
                found.formats[place] = code
    targets = _targets(archive, member)
    with archive.open(member) as stream:
        for element in _elements(stream, "hyperlink"):
            place = _place((element.get("ref") or "").partition(":")[0])
            target = _related(element, targets)
            if place is not None and target:
                found.links[place] = target
    return found


def _note_hidden(element: etree._Element, found: Details) -> None:
    """Note a row, or columns, that a sheet does not show."""
    if element.get("hidden") not in ("1", "true"):
        return
    if number := element.get("r"):
        found.hidden_rows.append(int(number) - 1)
    elif (first := element.get("min")) and (last := element.get("max")):
        found.hidden_columns += range(int(first) - 1, min(int(last), _MOST_COLUMNS))


def _codes(archive: zipfile.ZipFile) -> dict[str, str]:
    """The format of each cell style, by the number that cells name it by."""
    if _STYLES not in archive.namelist():
        return {}
    tree = etree.parse(archive.open(_STYLES), _parser())
    own = {each.get("numFmtId"): each.get("formatCode") or "" for each in tree.iterfind(".//{*}numFmts/{*}numFmt")}
    found: dict[str, str] = {}
    for place, style in enumerate(tree.iterfind(".//{*}cellXfs/{*}xf")):
        number = style.get("numFmtId") or "0"
        code = own.get(number) or BUILT_IN.get(int(number))
        if code:
            found[str(place)] = code
    return found


def _parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)


def _elements(stream: IO[bytes], *names: str) -> Iterator[etree._Element]:
    tags = [f"{{*}}{name}" for name in names]
    for _, element in etree.iterparse(stream, tag=tags, resolve_entities=False, no_network=True, huge_tree=True):
        yield element
        element.clear()
        parent = element.getparent()
        while parent is not None and element.getprevious() is not None:
            del parent[0]


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
