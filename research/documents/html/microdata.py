"""Microdata of an HTML page, by the HTML standard, in the shape of JSON-LD.

One pass over the tree: an item's properties are gathered where they are met, so that items in items cost no more than their text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final
from urllib.parse import urljoin

from lxml.etree import iterwalk
from lxml.html import HtmlElement

from research.documents.html.inline import BLOCKS

Item = dict[str, Any]

MAX_REFERENCES: Final = 200
"""`itemref`s of one page that are followed."""

_URL_ATTRIBUTES: Final = {
    **dict.fromkeys(("audio", "embed", "iframe", "img", "source", "track", "video"), "src"),
    **dict.fromkeys(("a", "area", "link"), "href"),
    "object": "data",
}
_VALUE_ATTRIBUTES: Final = {"meta": "content", "data": "value", "meter": "value", "time": "datetime"}
_NO_TEXT: Final = frozenset({"script", "style", "link", "meta"})
_PUNCTUATION: Final = tuple(',:;.!?")')


def microdata_items(tree: HtmlElement, url: str) -> list[Item]:
    """The items that are no property of another one, in document order.

    Args:
        tree: the page.
        url: its address, against which links are resolved.
    """
    items: dict[HtmlElement, Item] = {}
    owners: dict[HtmlElement, HtmlElement | None] = {}
    by_id: dict[str, HtmlElement] = {}
    scopes: list[HtmlElement] = []
    for event, element in iterwalk(tree, events=("start", "end")):
        if event == "end":
            if scopes and scopes[-1] is element:
                scopes.pop()
            continue
        if element.get("itemprop") is not None:
            owners[element] = scopes[-1] if scopes else None
        if element.get("itemscope") is not None:
            types = (element.get("itemtype") or "").split()
            items[element] = {"@type": types[0] if len(types) == 1 else types} if types else {}
            scopes.append(element)
        if (name := element.get("id")) is not None:
            by_id.setdefault(name, element)
    claimed: set[HtmlElement] = set()
    for element, owner in owners.items():
        if owner is not None:
            _add(items[owner], element, items, claimed, url)
    references = ((element, name) for element in items for name in (element.get("itemref") or "").split() if name in by_id)
    for element, name in islice(references, MAX_REFERENCES):
        for prop in _referenced(by_id[name], owners):
            if prop is not element:
                _add(items[element], prop, items, claimed, url)
    for element, item in items.items():
        if not item:
            item["value"] = _value(element, url)
    return [item for element, item in items.items() if element not in claimed]


def _add(item: Item, element: HtmlElement, items: Mapping[HtmlElement, Item], claimed: set[HtmlElement], url: str) -> None:
    """Give an item a property. An item is a property once: references cannot make a circle."""
    if element in claimed:
        return
    value: Any
    if (value := items.get(element)) is not None:
        claimed.add(element)
    else:
        value = _value(element, url)
    for name in (element.get("itemprop") or "").split():
        if name not in item:
            item[name] = value
        elif isinstance(item[name], list):
            item[name].append(value)
        else:
            item[name] = [item[name], value]


def _referenced(start: HtmlElement, owners: Mapping[HtmlElement, HtmlElement | None]) -> Iterator[HtmlElement]:
    """The properties that a reference to an element leads to: the element, or those inside it that are in the same scope."""
    if start.get("itemscope") is not None:
        yield from [start] if start in owners else []
        return
    scope = next(iter(start.xpath("ancestor::*[@itemscope][1]")), None)
    yield from (prop for prop in start.xpath("descendant-or-self::*[@itemprop]") if owners.get(prop) is scope)


def _value(element: HtmlElement, url: str) -> str:
    if (attribute := _VALUE_ATTRIBUTES.get(element.tag)) is not None:
        return str(element.get(attribute) or "")
    if (attribute := _URL_ATTRIBUTES.get(element.tag)) is not None:
        try:
            return str(urljoin(url, (element.get(attribute) or "").strip()))
        except ValueError:
            return ""
    content: str | None = element.get("content")
    return content or _text(element)


def _text(element: HtmlElement) -> str:
    """The text of an element. There is a space between neighbouring elements, and none before punctuation."""
    pieces: list[str] = []
    hidden = 0
    before = ""
    for event, inner in iterwalk(element, events=("start", "end", "comment", "pi")):
        if event in ("start", "end") and inner.tag in _NO_TEXT:
            hidden += 1 if event == "start" else -1
        if event in ("start", "end") and inner.tag in BLOCKS:
            before = ""
        piece = inner.text if event == "start" else inner.tail
        if hidden or not piece or (event == "end" and inner is element) or not (words := " ".join(piece.split())):
            continue
        apart = not before or before[-1].isspace() or not (words.startswith(_PUNCTUATION) or before.endswith("("))
        pieces += [" ", words] if apart else [words]
        before = piece
    return "".join(pieces).strip()
