"""The layout of an HTML page: all of its visible blocks, in page order, with what each block's place says of it.

Nothing is chosen here; `research.web.html` chooses. Tables, definition lists and label-value pairs keep their structure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from lxml.html import HtmlElement

from research.web.blocks import Block, clean, fact, row

MAX_KEY: Final = 79
"""Characters of a fact's key. What is longer is a sentence."""
MAX_VALUE: Final = 600
"""Characters of a definition. What is longer is read as paragraphs."""
MAX_CELLS: Final = 200_000
"""Cells of one table, spans filled in: a table of ten rows may claim a million columns."""

_SKIP: Final = frozenset(
    "script style noscript template svg iframe object embed audio video canvas head select option datalist textarea input button "
    "map area annotation annotation-xml progress meter".split()
)
_NEVER_SHOWN: Final = frozenset({"script", "style", "noscript", "template", "head"})
_HEADINGS: Final = {f"h{level}": level for level in range(1, 7)}
_BLOCKS: Final = frozenset(
    "address article aside blockquote body caption center dd details dialog dir div dl dt fieldset figcaption figure footer form "
    "frameset h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu nav ol p pre search section summary table tbody td "
    "tfoot th thead tr ul".split()
)
_LISTS: Final = frozenset({"ul", "ol", "menu", "dir"})
_REFERENCE: Final = re.compile(r"\s*\[[^\[\]]{1,30}\]\s*")
_EDIT: Final = re.compile(r"edit-?section", re.I)
_HIDDEN: Final = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.I)
_CHROME: Final = re.compile(
    r"(?:site|page|main|global|top|primary|secondary|mega|user|post|article|entry|mw)?[-_]*"
    r"(?:nav|navbar|navbox|navigation|menu|breadcrumbs?|cookies?|consent|gdpr|newsletter|share|sharing|social|comments?|commentlist|"
    r"disqus(?:_thread)?|respond|popup|modal|advert|advertisement|ads|skip-?links?|footer)"
    r"[-_]*(?:bar|box|list|links?|menu|container|wrapper|wrap|section|area|block|banner|buttons?|icons?|form|signup|inner|main)?",
    re.I,
)
_ASIDE: Final = re.compile(
    r"(?:\w+[-_]+)?(?:side-?bar|related|recommend(?:ed|ations?)?|trending|most-?(?:read|popular)|more-?(?:from|on|stories)|widget|promo)(?:[-_]+\w+)*",
    re.I,
)
_CHROME_ROLES: Final = frozenset("navigation banner contentinfo search dialog alertdialog menu menubar toolbar".split())
_LABEL: Final = re.compile(r"label|(?:^|[-_\s])(?:key|term|attr\w*|prop\w*|legend|heading|spec-?name|dt|th)(?:$|[-_\s])", re.I)
_LABEL_TAGS: Final = frozenset({"strong", "b", "label", "dt", "th"})
_FACT: Final = re.compile(r"[^\s:|#][^:\n]{0,59}: \S")
_QUANTITY: Final = re.compile(r"[^\w\s]?\s?\d[\d.,]*\W{0,3}\w{0,12}\W{0,2}(?:\d[\d.,]*\W{0,2}\w{0,12})?\W{0,2}$")
_BINDS_BEFORE: Final = tuple(",;:–—-(/[“")
_BINDS_AFTER: Final = re.compile(r"[a-z(),.;:)\]–—-]")


def layout(body: HtmlElement) -> list[Block]:
    """Every visible block of a page. The tree must be at most a few hundred elements deep; it is not changed."""
    walk = _Walk()
    walk.children(body)
    walk.flush()
    return walk.blocks


class _Walk:
    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._buffer: list[str] = []
        self._links = 0
        self._in_link = 0
        self._chrome = 0
        self._aside = 0

    def children(self, element: HtmlElement) -> None:
        self._text(element.text)
        previous: HtmlElement | None = None
        for child in element:
            if isinstance(child.tag, str):
                if previous is not None and _touching(previous, child):
                    self._space(child)
                self._element(child)
                previous = child
            self._text(child.tail)

    def flush(self) -> None:
        """End the paragraph that is being collected."""
        if not self._buffer:
            return
        lines = _lines(self._buffer)
        total = sum(map(len, lines))
        share = min(1.0, self._links / total) if total else 0.0
        self._buffer, self._links = [], 0
        if not lines:
            return
        if len(lines) > 1 and all(_FACT.match(line) for line in lines):
            self._add(Block("facts", lines, link_share=share))
        elif len(lines) >= 3 and total / len(lines) < 100:
            self._add(Block("list", lines, link_share=share))
        else:
            self._add(Block("paragraph", [" ".join(lines)], link_share=share))

    def _add(self, block: Block) -> None:
        block.chrome, block.aside = self._chrome > 0, self._aside > 0
        last = self.blocks[-1] if self.blocks else None
        if block.kind == "facts" and last and last.kind == "facts" and last.chrome == block.chrome and last.aside == block.aside:
            last.lines.extend(block.lines)
        else:
            self.blocks.append(block)

    def _text(self, text: str | None) -> None:
        if text:
            self._buffer.append(text.replace("\n", " "))
            if self._in_link:
                self._links += len(text.strip())

    def _space(self, child: HtmlElement) -> None:
        """Two inline elements that touch are drawn apart by style sheets: `<span>Brand</span><span>Acme</span>`."""
        before = next((piece for piece in reversed(self._buffer) if piece), "")
        after = _opening(child)
        if before[-1:].isalnum() and after[:1].isalnum() and (len(before) > 1 or len(after) > 1):
            self._buffer.append(" ")

    def _element(self, element: HtmlElement) -> None:
        tag = element.tag
        if tag == "br":
            self._buffer.append("\n")
            return
        if _unseen(element):
            return
        if tag not in _BLOCKS:
            self._in_link += tag == "a"
            self.children(element)
            self._in_link -= tag == "a"
            return
        self.flush()
        chrome, aside = _place(element)
        self._chrome += chrome
        self._aside += aside
        if tag in _HEADINGS:
            self._heading(element)
        elif tag == "table":
            self._table(element)
        elif tag in _LISTS:
            self._list(element)
        elif tag == "dl":
            self._definitions(element)
        elif tag == "pre":
            self._preformatted(element)
        elif pair := _pair(element):
            self._add(Block("facts", [pair]))
        elif facts := _ledger(element):
            self._add(Block("facts", facts))
        else:
            self.children(element)
            self.flush()
        self._chrome -= chrome
        self._aside -= aside

    def _heading(self, element: HtmlElement) -> None:
        if next(element.iter("table", "ul", "ol", "p"), None) is not None:
            self.children(element)
            self.flush()
        elif text := _REFERENCE.sub(" ", value(element, " ")).strip():
            self._add(Block("heading", [text], level=_HEADINGS[element.tag], link_share=_link_share(element, text)))

    def _preformatted(self, element: HtmlElement) -> None:
        text = "".join(element.itertext())
        for part in re.split(r"\n\s*\n", text):
            if line := clean(part):
                self._add(Block("paragraph", [line]))

    def _list(self, element: HtmlElement) -> None:
        lines: list[str] = []
        pairs = 0

        def end() -> None:
            nonlocal pairs
            if lines:
                kind = "facts" if all(_FACT.match(line) for line in lines) and (pairs or element.tag != "ol") else "list"
                if kind == "list" and element.tag == "ol":
                    kind = "numbers"
                total = sum(map(len, lines))
                self._add(Block(kind, lines[:], link_share=min(1.0, linked / total) if total else 0.0))  # type: ignore[arg-type]
                lines.clear()
                pairs = 0

        linked = 0
        for item in element:
            if not isinstance(item.tag, str) or _unseen(item):
                continue
            if item.tag != "li" or _is_section(item):
                end()
                linked = 0
                self._element(item) if item.tag != "li" else self._section(item)
                continue
            if pair := _pair(item):
                pairs += 1
                lines.append(pair)
                continue
            for line in _item_lines(item):
                lines.append(line)
            linked += sum(len(clean(link.text_content())) for link in item.iter("a"))
        end()

    def _section(self, element: HtmlElement) -> None:
        self.flush()
        self.children(element)
        self.flush()

    def _definitions(self, element: HtmlElement) -> None:
        keys: list[str] = []
        values: list[str] = []

        def end() -> None:
            if keys and values:
                self._fact(", ".join(keys), "; ".join(values))
            elif keys:
                self._add(Block("paragraph", [", ".join(keys)]))
            keys.clear()
            values.clear()

        for part in _parts(element):
            if part.tag == "dt":
                if values:
                    end()
                if text := value(part):
                    keys.append(text)
            elif part.tag == "dd":
                text = value(part)
                if len(text) > MAX_VALUE or _holds_structure(part):
                    end()
                    self._section(part)
                elif text:
                    values.append(text)
            else:
                end()
                self._element(part)
        end()

    def _fact(self, key: str, text: str) -> None:
        key = clean(key.rstrip(" :：").replace(":", " ").replace("|", "¦").lstrip("#¦ "))
        if key and text and len(key) <= MAX_KEY:
            self._add(Block("facts", [fact(key, text)]))
        elif line := clean(f"{key} {text}"):
            self._add(Block("paragraph", [line]))

    def _table(self, table: HtmlElement) -> None:
        rows = list(_rows(table))
        if _is_scaffold(table, rows):
            for caption in table.iterchildren("caption"):
                self._section(caption)
            for cells in rows:
                for cell in cells:
                    self._section(cell)
            return
        for caption in table.iterchildren("caption"):
            if text := value(caption, " "):
                self._add(Block("paragraph", [text]))
        widths = [sum(_span(cell, "colspan") for cell in cells) for cells in rows]
        filled = [sum(1 for cell in cells if value(cell)) for cells in rows]
        headed = len(rows) > 2 and len(rows[0]) == 2 and all(cell.tag == "th" for cell in rows[0])
        if max(filled, default=0) <= 2 and max(widths, default=0) <= 4 and not headed:
            self._facts(rows)
        else:
            self._grid(table, rows)

    def _facts(self, rows: list[list[HtmlElement]]) -> None:
        for cells in rows:
            texts = [text for cell in cells if (text := value(cell))]
            if len(texts) == 2:
                self._fact(*texts)
            elif len(texts) == 1 and (len(cells) == 1 or cells[0].tag != "th"):
                line = texts[0]
                self._add(Block("facts" if _FACT.match(line) else "paragraph", [line]))

    def _grid(self, table: HtmlElement, rows: list[list[HtmlElement]]) -> None:
        lines: list[str] = []
        for cells in _spread(rows):
            if len(set(cells)) == 1 and len(cells) > 1:
                if cells[0]:
                    lines.append(row([cells[0], *[""] * (len(cells) - 1)]))
            elif any(cells):
                lines.append(row(cells))
        if lines:
            total = sum(map(len, lines))
            linked = sum(len(clean(link.text_content())) for link in table.iter("a"))
            self._add(Block("table", lines, link_share=min(1.0, linked / total)))


def value(element: HtmlElement, between: str = "; ") -> str:
    """The text of a small element on one line. Lines (`<br>`, paragraphs, list items) are put together by `between`, or by a
    space where one visibly continues the other. Reference marks and what is hidden are left out; an image gives its `alt` where
    there is no text."""
    pieces: list[str] = []
    _collect(element, pieces)
    lines = _lines(pieces)
    if not lines:
        alt = next((clean(image.get("alt") or "") for image in element.iter("img") if image.get("alt")), "")
        return alt if len(alt) <= MAX_KEY else ""
    joined = lines[0]
    for line in lines[1:]:
        binds = joined.endswith(_BINDS_BEFORE) or _BINDS_AFTER.match(line)
        joined += (" " if binds else between) + line
    return joined


def _collect(element: HtmlElement, pieces: list[str]) -> None:
    if element.text:
        pieces.append(element.text.replace("\n", " "))
    previous: HtmlElement | None = None
    for child in element:
        if isinstance(child.tag, str):
            if child.tag == "br":
                pieces.append("\n")
            elif not _unseen(child):
                if previous is not None and _touching(previous, child):
                    before, after = next((piece for piece in reversed(pieces) if piece), ""), _opening(child)
                    if before[-1:].isalnum() and after[:1].isalnum() and (len(before) > 1 or len(after) > 1):
                        pieces.append(" ")
                block = child.tag in _BLOCKS
                if block:
                    pieces.append("\n")
                _collect(child, pieces)
                if block:
                    pieces.append("\n")
            previous = child
        if child.tail:
            pieces.append(child.tail.replace("\n", " "))


def _lines(pieces: Iterable[str]) -> list[str]:
    return [line for part in "".join(pieces).split("\n") if (line := clean(part))]


def _touching(left: HtmlElement, right: HtmlElement) -> bool:
    apart = {"sup", "sub", "br", "wbr"}
    return (
        not left.tail
        and left.tag not in _BLOCKS
        and right.tag not in _BLOCKS
        and left.tag not in apart
        and right.tag not in apart
    )


def _opening(element: HtmlElement) -> str:
    """The first text in an element, as far as the first few elements hold it."""
    for _, text in zip(range(8), element.itertext(), strict=False):
        if text:
            return str(text)
    return ""


def _unseen(element: HtmlElement) -> bool:
    """Scripts, forms' controls, reference marks, edit links, and what is hidden in the middle of a line. A hidden block stays: it
    is a closed tab or a folded section, and those hold facts."""
    tag = element.tag
    if tag in _SKIP:
        # A button that is never closed swallows the page.
        return tag in _NEVER_SHOWN or next(element.iter("h1", "main", "article", "p"), None) is None
    if tag == "sup" and len(element) <= 4 and _REFERENCE.fullmatch(element.text_content()):
        return True
    attributes = element.attrib
    if not attributes:
        return False
    if _EDIT.search(attributes.get("class", "")):
        return True
    return tag not in _BLOCKS and ("hidden" in attributes or bool(_HIDDEN.search(attributes.get("style", ""))))


def _place(element: HtmlElement) -> tuple[bool, bool]:
    """(is chrome, is aside), by the element's own tag, role and names. What holds the page's heading is neither."""
    tag = element.tag
    names = [*(element.get("class") or "").split(), element.get("id") or ""]
    chrome = (
        tag in ("nav", "footer", "dialog", "search")
        or element.get("role") in _CHROME_ROLES
        or any(_CHROME.fullmatch(name) for name in names)
    )
    aside = tag == "aside" or element.get("role") == "complementary" or any(_ASIDE.fullmatch(name) for name in names)
    if (chrome or aside) and (tag in ("html", "body", "main") or next(element.iter("h1", "main"), None) is not None):
        return False, False
    return chrome, aside


def _pair(element: HtmlElement) -> str:
    """`Key: value` if an element is a label with its value, and nothing else; "" otherwise."""
    if not 2 <= len(element) <= 4 or (element.text and not element.text.isspace()):
        return ""
    parts = [child for child in element if isinstance(child.tag, str) and not _unseen(child) and _opening(child)]
    tail = clean(" ".join(child.tail or "" for child in element))
    if not 2 <= len(parts) <= 3 or tail.strip(" :") or _length(element, 400) >= 400:
        return ""
    label, content = parts[:2]
    if len(parts) == 3 or _is_quantity(value(content)):
        return _quantity(parts) if not tail else ""
    if label.tag in _LISTS or _holds_structure(content) or _holds_structure(label) or label.tag in _HEADINGS:
        return ""
    key, text = value(label), value(content)
    named = f"{label.get('class') or ''} {label.get('itemprop') or ''}"
    if not key.endswith(":") and not tail.startswith(":") and label.tag not in _LABEL_TAGS and not _LABEL.search(named):
        return ""
    key = key.rstrip(" :：")
    if not key or not text or len(key) > 60 or ":" in key or key[0] in "#|":
        return ""
    return fact(key.replace("|", "¦"), text)


def _quantity(parts: list[HtmlElement]) -> str:
    """`Prep time: 20 minutes` from `<div>Prep time</div><div>20</div><div>minutes</div>`."""
    key, *rest = [value(part) for part in parts]
    text = " ".join(rest)
    is_label = len(key) <= 30 and key[:1].isalpha() and not any(map(str.isdigit, key)) and next(parts[0].iter("a"), None) is None
    if any(_holds_structure(part) for part in parts) or not is_label or not _is_quantity(text) or len(text) > 40:
        return ""
    return fact(key.replace("|", "¦"), text) if key.rstrip(" :").count(":") == 0 else ""


def _is_quantity(text: str) -> bool:
    return bool(_QUANTITY.match(text))


def _ledger(element: HtmlElement) -> list[str]:
    """`Key: value` lines if all children of an element are rows of two cells that are built alike, as in
    `<div><div class="c1">Owner</div><div class="c2">NASA</div></div>`; [] otherwise. Nothing else says that these are labels, so there
    must be several, short, different, and not links."""
    rows = [child for child in element if isinstance(child.tag, str) and not _unseen(child) and _opening(child)]
    if not 3 <= len(rows) <= 300 or (element.text and not element.text.isspace()):
        return []
    facts: list[str] = []
    keys: set[str] = set()
    built: set[tuple[object, ...]] = set()
    for child in rows:
        cells = [cell for cell in child if isinstance(cell.tag, str) and not _unseen(cell) and _opening(cell)]
        if len(cells) != 2 or _length(child, 400) >= 400 or (child.text and not child.text.isspace()) or clean(child.tail or ""):
            return []
        if any(clean(cell.tail or "") or _holds_structure(cell) for cell in cells) or next(cells[0].iter("a"), None) is not None:
            return []
        key, text = value(cells[0]).rstrip(" :："), value(cells[1])
        if not key or not text or len(key) > 40 or ":" in key or key[0] in "#|" or not any(map(str.isalpha, key)):
            return []
        built.add((child.tag, cells[0].tag, cells[0].get("class"), cells[1].tag, cells[1].get("class")))
        keys.add(key)
        facts.append(fact(key.replace("|", "¦"), text))
    return facts if len(built) == 1 and len(keys) == len(facts) else []


def _length(element: HtmlElement, limit: int) -> int:
    """Characters of text, counted up to a limit."""
    total = 0
    for text in element.itertext():
        total += len(text.strip())
        if total >= limit:
            return limit
    return total


def _link_share(element: HtmlElement, text: str) -> float:
    linked = sum(len(clean(link.text_content())) for link in element.iter("a"))
    return min(1.0, linked / len(text)) if text else 0.0


def _holds_structure(element: HtmlElement) -> bool:
    return next(element.iter("table", "dl", "h1", "h2", "h3", "h4"), None) is not None


def _is_section(item: HtmlElement) -> bool:
    """A list item that is a part of the page: a card, a folded section, a row of a layout."""
    if _holds_structure(item):
        return True
    return len(item) > 1 and _length(item, 1000) >= 1000 and next(item.iter("p", "ul", "ol"), None) is not None


def _item_lines(item: HtmlElement) -> Iterator[str]:
    """An item's own line, then a line for each item of the lists in it."""
    pieces: list[str] = []
    inner: list[HtmlElement] = []

    def gather(element: HtmlElement) -> None:
        if element.text:
            pieces.append(element.text.replace("\n", " "))
        previous: HtmlElement | None = None
        for child in element:
            if isinstance(child.tag, str) and not _unseen(child):
                if child.tag in _LISTS:
                    inner.append(child)
                elif child.tag == "br":
                    pieces.append(" ")
                else:
                    apart = child.tag in _BLOCKS or (
                        previous is not None and _touching(previous, child) and bool(_opening(child)[:1].isalnum())
                    )
                    if apart:
                        pieces.append(" ")
                    gather(child)
                    if child.tag in _BLOCKS:
                        pieces.append(" ")
                previous = child
            if child.tail:
                pieces.append(child.tail.replace("\n", " "))

    gather(item)
    if line := clean("".join(pieces)):
        yield line
    for nested in inner:
        for child in nested.iterchildren("li"):
            yield from _item_lines(child)


def _parts(element: HtmlElement) -> Iterator[HtmlElement]:
    for child in element:
        if isinstance(child.tag, str) and not _unseen(child):
            if child.tag == "div":
                yield from (inner for inner in child if isinstance(inner.tag, str) and not _unseen(inner))
            else:
                yield child


def _rows(table: HtmlElement) -> Iterator[list[HtmlElement]]:
    for child in table:
        trs = [child] if child.tag == "tr" else child.iterchildren("tr") if child.tag in ("thead", "tbody", "tfoot") else []
        for tr in trs:
            cells = [cell for cell in tr if cell.tag in ("td", "th")]
            if cells:
                yield cells


def _is_scaffold(table: HtmlElement, rows: list[list[HtmlElement]]) -> bool:
    """A table that only places things on the screen."""
    if max(map(len, rows), default=0) <= 1:
        return True
    if table.get("role") in ("presentation", "none") and next(table.iter("th"), None) is None:
        return True
    cells = [cell for cells in rows for cell in cells]
    return any(next(cell.iter("table", "h1", "h2", "form"), None) is not None or _length(cell, 1500) >= 1500 for cell in cells)


def _span(cell: HtmlElement, name: str) -> int:
    digits = (cell.get(name) or "1").strip()
    return min(max(int(digits), 1), 1000) if digits.isascii() and digits.isdigit() and len(digits) < 6 else 1


def _spread(rows: list[list[HtmlElement]]) -> Iterator[list[str]]:
    """The rows of a table as equally wide lists of text: a cell that spans several places stands in each."""
    below: dict[int, tuple[int, str]] = {}
    grid: list[list[str]] = []
    count = 0
    for cells in rows:
        line: list[str] = []

        def carried(line: list[str] = line) -> None:
            while len(line) in below:
                left, text = below.pop(len(line))
                if left > 1:
                    rest[len(line)] = (left - 1, text)
                line.append(text)

        rest: dict[int, tuple[int, str]] = {}
        for cell in cells:
            carried()
            text, down = value(cell), _span(cell, "rowspan")
            for _ in range(_span(cell, "colspan")):
                if down > 1:
                    rest[len(line)] = (down - 1, text)
                line.append(text)
                count += 1
                if count > MAX_CELLS:
                    return
        carried()
        below = rest
        grid.append(line)
    width = max((len(line) for line in grid), default=0)
    used = [index for index in range(width) if any(index < len(line) and line[index] for line in grid)]
    for line in grid:
        yield [line[index] if index < len(line) else "" for index in used]
