"""Bytes to the text of a page, in the form that `research.ports.page` describes. The same bytes always give the same text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from htmldate import find_date
from lxml.html import HtmlElement

from research.documents import csv_text, feeds, markdown, pdf, plain, records, sniffing
from research.documents.blocks import Block, Document, clean, write
from research.documents.charset import decoded
from research.documents.extracted import Extracted
from research.documents.html import app_shell, content
from research.documents.html.links import links
from research.documents.html.page_data import flatten, page_data
from research.documents.office import archive, docx, odt, pptx, sheets
from research.errors import NeedsBrowser, PageUnreadable

MAX_CHARACTERS: Final = 2_000_000
"""Of a page's text before its data, and of its data. What is longer is cut."""
LINE_OVERHEAD: Final = 4
"""Characters that a line takes beside its own."""

_BINARY: Final[Mapping[str, Callable[[bytes, str], Document]]] = {
    sniffing.PDF: pdf.read,
    archive.DOCX: docx.read,
    archive.PPTX: pptx.read,
    archive.ODT: odt.read,
    **dict.fromkeys((archive.XLSX, archive.ODS, sniffing.XLS), sheets.read),
}
_ISO_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?")


def extract(data: bytes, *, url: str, media_type: str | None = None) -> Extracted:
    """Read a page: HTML, Markdown, plain text, JSON, CSV, a feed, PDF, or an Office document.

    What the page is say its first bytes where they can, then `media_type` (as served; it may carry a charset), then the suffix of
    its URL (`research.documents.sniffing`). Nothing is fetched.

    Raises:
        PageUnreadable: there is nothing to read in it, or it is of an unknown format, broken, encrypted or a bomb.
        NeedsBrowser: JavaScript makes the page; its HTML says nothing.
    """
    kind = sniffing.sniff(data, url=url, media_type=media_type)
    reader = _BINARY.get(kind)
    if reader is not None:
        extracted = _document(reader(data, url), kind)
    else:
        found = decoded(data, media_type)
        extracted = _text(found.text, kind, url)
        if found.doubt is not None:
            extracted = replace(extracted, warnings=(found.doubt,))
    if not extracted.text:
        raise PageUnreadable(f"{url}: there is no text in this page ({kind}, {len(data):,} bytes).")
    return extracted


def _text(text: str, kind: str, url: str) -> Extracted:
    match kind:
        case sniffing.HTML:
            return _html(text, url)
        case sniffing.XML:
            return _xml(text, url)
        case sniffing.MARKDOWN:
            return _markdown(text)
        case sniffing.JSON | sniffing.JSON_FEED:
            return _json(text, kind)
        case sniffing.CSV | sniffing.TSV:
            return _document(csv_text.read(text, tabs=kind == sniffing.TSV), kind)
        case sniffing.RSS | sniffing.ATOM:
            return _document(feeds.read_xml(text, url), kind)
        case _:
            blocks = plain.blocks(text)
            return _finished(plain.title(blocks), blocks, [], sniffing.PLAIN, "")


def _document(document: Document, kind: str) -> Extracted:
    title = document.title or next((each.text for each in document.blocks if each.kind == "heading"), "")
    return _finished(title or plain.title(document.blocks), document.blocks, document.lines, kind, document.published)


def _html(text: str, url: str) -> Extracted:
    tree = content.parse(text)
    if tree is None:
        return Extracted("", "", "text/html", None)
    data = page_data(tree, url)
    leads_to = links(tree, url)
    deep = content.is_deep(tree)
    blocks = content.without_layout(text) if deep else content.blocks(tree, data.declared)
    shown = sum(len(block.text) for block in blocks)
    if shown < app_shell.THIN and not deep and not data.speaks:
        handed = app_shell.script_data(tree)
        if not handed and app_shell.is_made_by_script(tree, shown):
            raise NeedsBrowser(
                f"{url}: JavaScript makes this page, and without it there is nothing to read. The `browser` extra "
                "(pip install 'research-flows[browser]') renders it with an installed Chromium, where rendering is turned on."
            )
        data.lines += handed
    title = (
        data.title or next((block.text for block in blocks if block.kind == "heading" and block.level == 1), "") or data.own_title
    )
    finished = _finished(title, blocks, data.lines, "text/html", _date(data.published) or _guessed_date(tree, url))
    return replace(finished, links=leads_to)


def _markdown(text: str) -> Extracted:
    front, rest = markdown.split_front_matter(text)
    blocks = markdown.blocks(rest)
    named = {key.lower(): value for key, value in front.items()}
    title = named.get("title") or next((block.text for block in blocks if block.kind == "heading"), "") or plain.title(blocks)
    lines = [line for key, value in front.items() for line in flatten(value, key.replace(" ", "_"))]
    return _finished(title, blocks, lines, "text/markdown", named.get("date") or named.get("published") or "")


def _json(text: str, kind: str) -> Extracted:
    try:
        value = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        blocks = plain.blocks(text)
        return _finished("", blocks, [], "text/plain", "")
    if kind == sniffing.JSON_FEED and feeds.is_json_feed(value):
        return _document(feeds.read_json(value), kind)
    top = value if isinstance(value, dict) else {}
    title = next((clean(top[key]) for key in ("title", "name", "headline") if isinstance(top.get(key), str)), "")
    found = records.read(value)
    published = str(top.get("datePublished") or top.get("date") or "")
    return _finished(title, found.blocks, found.lines, sniffing.JSON, published)


def _xml(text: str, url: str) -> Extracted:
    """XML that is data; what is not is read as HTML."""
    value = records.of_xml(text)
    if value is None:
        return _html(text, url)
    found = records.read({value[0]: value[1]})
    return _finished("", found.blocks, found.lines, sniffing.XML, "")


def _finished(title: str, blocks: list[Block], lines: list[str], media_type: str, published: str) -> Extracted:
    kept: list[Block] = []
    left = MAX_CHARACTERS
    for block in blocks:
        block.lines = list(_within(block.lines, left))
        left -= sum(len(line) + LINE_OVERHEAD for line in block.lines)
        kept.append(block)
        if left <= 0:
            break
    return Extracted(clean(title)[:300], write(kept, list(_within(lines, MAX_CHARACTERS))), media_type, _date(published))


def _within(lines: list[str], left: int) -> Iterator[str]:
    """The lines that fit; one that does not is cut and is the last."""
    for line in lines:
        if left <= 0:
            return
        yield line[:left]
        left -= len(line) + LINE_OVERHEAD


def _date(text: str) -> str | None:
    """An ISO 8601 date at the start of a text."""
    match = _ISO_DATE.match(clean(text))
    return match.group().replace(" ", "T") if match else None


def _guessed_date(tree: HtmlElement, url: str) -> str:
    try:
        # An upper bound far away: with today's date, which is the default, the same bytes would not always give the same text.
        found = find_date(
            tree, extensive_search=False, original_date=True, url=url, max_date="2100-01-01", deferred_url_extractor=True
        )
    except (ValueError, TypeError, AttributeError, RecursionError):
        return ""
    return found or ""
