"""Data that are a page of their own (JSON, XML) -> tables of like records, and `path.to.key: value` lines for the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from lxml import etree

from research.documents.blocks import Block, clean, joined, row
from research.documents.html.page_data import flatten

MAX_COLUMNS: Final = 60
MAX_CELL: Final = 1_500
"""Characters. A record with a longer value is no row of a table."""
FILLED: Final = 0.5
"""The share of a table's cells that must hold something: records that are not alike share too few keys."""
MAX_DEPTH: Final = 12
MAX_BYTES: Final = 8_000_000
"""Of an XML document."""
MAX_ELEMENTS: Final = 200_000
MAX_NESTING: Final = 200
MAX_ATTRIBUTES: Final = 1_000
"""Of one element. Reading all of them takes the square of their number."""

Json = Any


@dataclass(slots=True)
class Records:
    """A value, divided."""

    blocks: list[Block] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


def read(value: Json) -> Records:
    """The tables in a value, each under a heading that is its path, and the lines of what is no table."""
    found = Records()
    rest = _without_tables(value, "", found, 0)
    found.lines = list(flatten(rest, ""))
    return found


def of_xml(text: str) -> tuple[str, Json] | None:
    """(the root's name, its value) of an XML document: attributes and elements are keys, elements that repeat are lists. None if
    it is HTML, prose with marks in it, or not XML. No entity is resolved, nothing loaded."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(text.encode("utf-8", "replace")[:MAX_BYTES], parser)
    except (etree.XMLSyntaxError, ValueError):
        return None
    name = etree.QName(root).localname
    if name.lower() in ("html", "body", "div", "svg", "math") or _is_prose(root):
        return None
    return name, _value(root)


def _without_tables(value: Json, path: str, found: Records, depth: int) -> Json:
    if depth > MAX_DEPTH:
        return value
    if isinstance(value, list):
        if table := _table(value):
            if path:
                found.blocks.append(Block("heading", [clean(path)], 2))
            found.blocks.append(Block("table", table))
            return []
        return value
    if isinstance(value, dict):
        return {
            key: _without_tables(inner, f"{path}.{key}" if path else str(key), found, depth + 1) for key, inner in value.items()
        }
    return value


def _table(records: list[Json]) -> list[str]:
    """The lines of a table, if a list holds two or more flat records with much the same keys; [] otherwise."""
    if len(records) < 2 or not all(isinstance(record, dict) and record for record in records):
        return []
    flat = [dict(_cells(record)) for record in records]
    if any(text is None for record in flat for text in record.values()):
        return []
    keys = list(dict.fromkeys(key for record in flat for key in record))
    filled = sum(1 for record in flat for text in record.values() if text)
    if not 2 <= len(keys) <= MAX_COLUMNS or filled < FILLED * len(keys) * len(flat):
        return []
    return [row([clean(key) for key in keys]), *(row([record.get(key) or "" for key in keys]) for record in flat)]


def _cells(record: dict[str, Json], above: str = "") -> Iterator[tuple[str, str | None]]:
    """Keys with their values as text; None for what does not fit into a cell. A record in a record is columns `outer.inner`."""
    for key, value in record.items():
        name = f"{above}{key}"
        match value:
            case dict() if not above:
                yield from _cells(value, f"{name}.")
            case list() if all(isinstance(each, str | int | float) for each in value):
                yield name, _fit("; ".join(map(_text, value)))
            case dict() | list():
                yield name, None
            case _:
                yield name, _fit(_text(value))


def _fit(text: str) -> str | None:
    return text if len(text) <= MAX_CELL else None


def _text(value: Json) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case str():
            return joined([line for part in value.splitlines() if (line := clean(part))])
        case _:
            return str(value)


def _is_prose(root: etree._Element) -> bool:
    """Text stands between elements, or the tree is larger or deeper than data are."""
    depth = count = mixed = 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        if event == "start":
            depth += 1
            count += 1
            mixed += bool(len(element) and (element.text or "").strip()) + bool((element.tail or "").strip())
            if depth > MAX_NESTING or count > MAX_ELEMENTS or len(element.attrib) > MAX_ATTRIBUTES:
                return True
        else:
            depth -= 1
    return mixed > 0.05 * count


def _value(element: etree._Element) -> Json:
    found: dict[str, Json] = {
        etree.QName(key).localname: value for key, value in element.attrib.items() if "XMLSchema-instance" not in key
    }
    for child in element.iterchildren(etree.Element):
        name, value = etree.QName(child).localname, _value(child)
        if name not in found:
            found[name] = value
        elif isinstance(found[name], _Several):
            found[name].append(value)
        else:
            found[name] = _Several([found[name], value])
    text = (element.text or "").strip()
    if not found:
        return text
    return found | {"value": text} if text else found


class _Several(list[Json]):
    """Values of elements of one name; not a list that one of them is."""
