"""Labels with their values, where a page's author wrote neither a table nor a definition list."""

from __future__ import annotations

import re
from typing import Final

from lxml.html import HtmlElement

from research.web.blocks import clean, fact
from research.web.inline import LISTS, holds_structure, length, seen, value

MAX_PAIR: Final = 400
"""Characters of a label and its value together. What is longer is a section with its heading."""
MAX_LEDGER: Final = 300
"""Rows of a ledger."""

_LABEL: Final = re.compile(r"label|(?:^|[-_\s])(?:key|term|attr\w*|prop\w*|legend|heading|spec-?name|dt|th)(?:$|[-_\s])", re.I)
_LABEL_TAGS: Final = frozenset({"strong", "b", "label", "dt", "th"})
_HEADINGS: Final = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_QUANTITY: Final = re.compile(r"[^\w\s]?\s?\d[\d.,]*\W{0,3}\w{0,12}\W{0,2}(?:\d[\d.,]*\W{0,2}\w{0,12})?\W{0,2}$")


def pair(element: HtmlElement) -> str:
    """`Key: value` if an element is a label with its value and nothing else; "" otherwise.

    What says that it is a label: its tag (`<b>`, `<label>`), its class, a colon at its end, or that a quantity follows.
    """
    if not 2 <= len(element) <= 5 or _has_own_text(element):
        return ""
    parts = list(seen(element))
    tail = clean(" ".join(child.tail or "" for child in element))
    if not 2 <= len(parts) <= 3 or tail.strip(" :") or length(element, MAX_PAIR) >= MAX_PAIR or any(map(holds_structure, parts)):
        return ""
    label = parts[0]
    if label.tag in LISTS or label.tag in _HEADINGS:
        return ""
    key, text = value(label), " ".join(value(part) for part in parts[1:])
    named = label.tag in _LABEL_TAGS or _LABEL.search(f"{label.get('class') or ''} {label.get('itemprop') or ''}")
    if len(parts) == 2 and (named or key.endswith(":") or tail.startswith(":")):
        return _fact(key, text, longest=60)
    is_measured = len(text) <= 40 and _QUANTITY.match(text) and not any(map(str.isdigit, key)) and not _is_link(label)
    return _fact(key, text, longest=30) if is_measured and not tail and key[:1].isalpha() else ""


def ledger(element: HtmlElement) -> list[str]:
    """`Key: value` lines if all children of an element are rows of two cells that are built alike, as in
    `<div><div class="c1">Owner</div><div class="c2">NASA</div></div>`; [] otherwise. Nothing else says that these are labels, so
    there must be several, short, different, and not links."""
    if len(element) < 3 or _has_own_text(element):
        return []
    facts: list[str] = []
    built: set[tuple[object, ...]] = set()
    for child in seen(element):
        cells = list(seen(child))
        stray = _has_own_text(child) or clean(child.tail or "") or any(clean(cell.tail or "") for cell in cells)
        if (
            len(cells) != 2
            or stray
            or length(child, MAX_PAIR) >= MAX_PAIR
            or any(map(holds_structure, cells))
            or _is_link(cells[0])
        ):
            return []
        built.add((child.tag, cells[0].tag, cells[0].get("class"), cells[1].tag, cells[1].get("class")))
        line = _fact(value(cells[0]), value(cells[1]), longest=40)
        if not line[:1].isalpha() or len(built) > 1 or len(facts) >= MAX_LEDGER:
            return []
        facts.append(line)
    keys = {line.partition(":")[0] for line in facts}
    return facts if len(facts) >= 3 and len(keys) == len(facts) else []


def _fact(key: str, text: str, longest: int) -> str:
    key = key.rstrip(" :：")
    if not text or len(key) > longest or ":" in key or key.startswith(("#", "|")) or not any(map(str.isalpha, key)):
        return ""
    return fact(key.replace("|", "¦"), text)


def _has_own_text(element: HtmlElement) -> bool:
    return bool(element.text and not element.text.isspace())


def _is_link(element: HtmlElement) -> bool:
    return next(element.iter("a"), None) is not None
