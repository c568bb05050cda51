"""Labels with their values, where a page's author wrote neither a table nor a definition list."""

from __future__ import annotations

import re
from typing import Final

from lxml.html import HtmlElement

from research.documents.blocks import clean, fact, joined
from research.documents.html.inline import LISTS, holds_structure, length, seen, spoken, value
from research.documents.html.raised import is_struck

MAX_PAIR: Final = 400
"""Characters of a label and its value together. What is longer is a section with its heading."""
MAX_STACKED: Final = 120
"""Characters of a value below its label."""
MAX_LEDGER: Final = 300
"""Rows of a ledger."""

_LABEL: Final = re.compile(
    r"label|(?:^|[-_\s])(?:key|term|attr\w*|prop\w*|legend|heading|(?:spec|row|data|field|item|param)-?name|dt|th)(?:$|[-_\s])",
    re.I,
)
_LABEL_TAGS: Final = frozenset({"strong", "b", "label", "dt", "th"})
_MARKED: Final = frozenset({"b", "strong", "em", "span", "label", "u"})
_SHARE: Final = re.compile(r"<?\s?\d{1,3}(?:[.,]\d+)?\s?%")
_STRIPES: Final = re.compile(r"(?:^|[-_\s])(?:odd|even|alt|alternate|first|last|left|right)(?:$|[-_\s])", re.I)
_GRID: Final = re.compile(
    r"spec|fact|detail|attribute|propert|characteristic|key-?val|kv|features|(?:data|info)-?(?:list|grid|table|box)|definition|dl",
    re.I,
)
_FIGURE: Final = re.compile(
    r"(?:^|[-_\s])(?:stats?|statistics?|metrics?|counters?|kpis?|figures?|numbers?|numerals?|count|value)(?:$|[-_\s])", re.I
)
_LOW_HEADINGS: Final = frozenset({"h3", "h4", "h5", "h6"})
MAX_HEADED: Final = 80
"""Characters of a value under a heading of its own. What is longer is a section."""
_HEADINGS: Final = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_QUANTITY: Final = re.compile(r"[^\w\s]?\s?\d[\d.,]*\W{0,3}\w{0,12}\W{0,2}(?:\d[\d.,]*\W{0,2}\w{0,12})?\W{0,2}$")


def pair(element: HtmlElement) -> str:
    """`Key: value` if an element is a label with its value and nothing else; "" otherwise.

    What says that it is a label: its tag (`<b>`, `<label>`), its class, a colon at its end, or that a quantity follows.
    """
    if not 2 <= len(element) <= 5 or _has_own_text(element):
        return ""
    parts = list(seen(element))
    if len(parts) == 1:  # The value may be a picture: an energy label, a tick.
        parts += [child for child in parts[0].itersiblings("span", "div", "img", "svg", "i", "dd", "p") if spoken(child)][:1]
    tail = clean(" ".join(child.tail or "" for child in element))
    if (
        not 2 <= len(parts) <= 3
        or tail.strip(" :")
        or length(element, MAX_PAIR) >= MAX_PAIR
        or any(map(holds_structure, parts[1:]))
    ):
        return ""
    if len(parts) == 2 and (line := _value_first(element, *parts)):
        return line
    label = parts[0]
    named = label.tag in _LABEL_TAGS or _is_label(label)
    if label.tag in LISTS or (label.tag in _HEADINGS and not named) or (label.tag not in _HEADINGS and holds_structure(label)):
        return ""
    key, text = value(label), " ".join(value(part) for part in parts[1:])
    if (len(parts) == 2 or is_struck(parts[1])) and (named or key.endswith(":") or tail.startswith(":")):
        return labelled(key, text, longest=60)
    if tail or not key[:1].isalpha() or _is_link(label):
        return ""
    if _SHARE.fullmatch(text):  # Of a daily value: `Total fat 12 g` has its own quantity before it.
        return labelled(key, text, longest=40)
    is_measured = len(text) <= 40 and _QUANTITY.match(text) and not any(map(str.isdigit, key))
    return labelled(key, text, longest=30) if is_measured else ""


def _value_first(element: HtmlElement, first: HtmlElement, second: HtmlElement) -> str:
    """`Employees: 120` if a figure stands above or before its label: the label says so by class, or the two stand in what calls
    itself a figure."""
    if (
        _is_label(first)
        or _is_link(second)
        or second.tag in LISTS
        or first.tag in (*_LABEL_TAGS, *LISTS)
        or holds_structure(second)
    ):
        return ""
    text = value(first)
    if not text or len(text) > 40:
        return ""
    is_figure = (
        bool(_FIGURE.search(f"{element.get('class') or ''} {first.get('class') or ''}")) and text[:1] in "0123456789$€£¥+<>~≈"
    )
    if not (_is_label(second) or is_figure):
        return ""
    key = value(second)
    return labelled(key, text, longest=40) if key[:1].isupper() and not any(map(str.isdigit, key)) else ""


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
            or holds_structure(cells[1])
            or (holds_structure(cells[0]) and (cells[0].tag not in _LOW_HEADINGS or length(cells[1], MAX_HEADED) >= MAX_HEADED))
            or _is_link(cells[0])
        ):
            return []
        built.add((child.tag, cells[0].tag, cells[0].get("class"), cells[1].tag, cells[1].get("class")))
        line = labelled(value(cells[0]), value(cells[1]), longest=40)
        if not line[:1].isalpha() or len(built) > 1 or len(facts) >= MAX_LEDGER:
            return []
        facts.append(line)
    keys = {line.partition(":")[0] for line in facts}
    return facts if len(facts) >= 3 and len(keys) == len(facts) else []


def run(element: HtmlElement) -> list[str]:
    """`Key: value` lines if an element is labels with colons, and a value as plain text behind each: `<b>Mass:</b> 815 kg
    <b>Crew:</b> none`; [] otherwise."""
    labels = [child for child in element if isinstance(child.tag, str) and child.tag not in ("br", "wbr")]
    if not 2 <= len(labels) <= MAX_LEDGER or _has_own_text(element) or not all(label.tag in _MARKED for label in labels):
        return []
    facts: list[str] = []
    for label in labels:
        key, text = value(label), clean(label.tail or "")
        for skipped in label.itersiblings():
            if skipped in labels:
                break
            text = clean(f"{text} {skipped.tail or ''}")
        if not (key.endswith(":") or text.startswith(":")):
            return []
        line = labelled(key, text.lstrip(": "), longest=40)
        if not line or len(line) > MAX_PAIR:
            return []
        facts.append(line.rstrip(" ,;|·•"))
    return facts


def stacked(element: HtmlElement) -> list[str]:
    """`Key: value` lines if an element is labels in bold, each on a line of its own, with a short value on the lines below it:
    `<b>Founded</b><br>1976`; [] otherwise."""
    children = [child for child in element if isinstance(child.tag, str)]
    if len(children) < 2 or len(children) > 4 * MAX_LEDGER or children[0].tag not in ("b", "strong") or _has_own_text(element):
        return []
    facts: list[tuple[str, list[str]]] = []
    starts = True
    for child in children:
        tail = clean(child.tail or "")
        if child.tag in ("b", "strong") and starts:
            following = child.getnext()
            if tail or following is None or following.tag != "br":
                return []
            facts.append((value(child), []))
        elif child.tag == "br":
            if tail:
                facts[-1][1].append(tail)
        elif child.tag in ("a", "span", "time"):
            facts[-1][1].append(clean(f"{value(child)} {tail}"))
        else:
            return []
        starts = child.tag == "br" and not tail
    found = [labelled(key, joined(text), longest=40) for key, text in facts if len(joined(text)) <= MAX_STACKED]
    return found if len(found) == len(facts) and all(found) else []


def alternating(element: HtmlElement) -> list[str]:
    """`Key: value` lines if the children of an element are labels and values by turns, as a style sheet puts them into two
    columns: terms and definitions without a list around them, or two classes of which each child has the other one's place;
    [] otherwise."""
    children = list(seen(element))
    if len(children) < 4 or len(children) % 2 or len(children) > 2 * MAX_LEDGER or _has_own_text(element):
        return []
    labels, values = children[::2], children[1::2]
    shapes = {(child.tag, child.get("class")) for child in labels}, {(child.tag, child.get("class")) for child in values}
    if max(map(len, shapes)) > 1 or any(clean(child.tail or "") for child in children):
        return []
    label, text = labels[0], values[0]
    terms = (label.tag, text.tag) == ("dt", "dd")
    striped = _STRIPES.search(label.get("class") or "")
    differ = shapes[0] != shapes[1] and not striped and (_is_label(label) or len(labels) >= 3)
    named = (
        shapes[0] == shapes[1]
        and bool(_GRID.search(f"{element.get('class') or ''} {element.get('id') or ''}"))
        and len(labels) >= 3
    )
    if not (terms or differ or named) or label.tag in (*LISTS, "p", "li", *_HEADINGS, "a", "br"):
        return []
    facts: list[str] = []
    for key, answer in zip(labels, values, strict=True):
        if holds_structure(key) or holds_structure(answer) or length(answer, MAX_PAIR) >= MAX_PAIR or _is_link(key):
            return []
        line = labelled(value(key), value(answer), longest=40)
        if not line[:1].isalpha():
            return []
        facts.append(line)
    return facts if len({line.partition(":")[0] for line in facts}) == len(facts) else []


def _is_label(element: HtmlElement) -> bool:
    """Its class, its property or its own name says that it is a label."""
    own = element.tag if "-" in element.tag else ""
    return (
        bool(_LABEL.search(f"{element.get('class') or ''} {element.get('itemprop') or ''} {own}"))
        or element.get("role") == "rowheader"
    )


def labelled(key: str, text: str, longest: int) -> str:
    """`Key: value`; "" if the key cannot be one."""
    key = key.rstrip(" :：")
    if not text or len(key) > longest or ":" in key or key.startswith(("#", "|")) or not any(map(str.isalpha, key)):
        return ""
    return fact(key.replace("|", "¦"), text)


def _has_own_text(element: HtmlElement) -> bool:
    return bool(element.text and not element.text.isspace())


def _is_link(element: HtmlElement) -> bool:
    return next(element.iter("a"), None) is not None
