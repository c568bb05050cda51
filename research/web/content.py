"""Bytes -> the text of a page, in the one form that `research.page` describes. The same bytes always give the same text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

from htmldate import find_date
from lxml.html import HtmlElement

from research.errors import PageUnreadable
from research.web import html, markdown, pdf, plain
from research.web.blocks import Block, clean, write
from research.web.charset import decode
from research.web.structured import flatten, page_data

EXTRACTION_VERSION: Final = "5+" + ".".join(version(name) for name in ("trafilatura", "lxml", "pypdfium2"))
"""Changes whenever the same bytes may give another text: with the code of this folder, and with the libraries that read."""

MAX_CHARACTERS: Final = 2_000_000
"""Of a page's text before its data. What is longer is cut."""
LINE_OVERHEAD: Final = 4
"""Characters that a line takes beside its own."""

_SUFFIXES: Final = {
    ".html": "text/html",
    ".htm": "text/html",
    ".xhtml": "text/html",
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".txt": "text/plain",
    ".text": "text/plain",
    ".rst": "text/plain",
    ".csv": "text/plain",
    ".tsv": "text/plain",
    ".pdf": "application/pdf",
    ".json": "application/json",
    ".jsonld": "application/json",
    ".xml": "text/html",
}
_HTML: Final = re.compile(
    rb"\A\s*(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html|head|body|!--|\?xml|div|p|h1|table|title|meta)\b|<html[\s>]", re.I
)
_BINARY: Final = {
    b"PK\x03\x04": "a ZIP or Office file",
    b"\x1f\x8b": "a gzip file",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"RIFF": "a picture, sound or film",
    b"\xd0\xcf\x11\xe0": "an old Office file",
    b"PAR1": "a Parquet file",
    b"\x7fELF": "a program",
    b"MZ\x90": "a program",
}
_ISO_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?")


@dataclass(frozen=True, slots=True)
class Extracted:
    """What a page says."""

    title: str
    """One line; "" if the page has none."""
    text: str
    """In the form that `research.page` describes."""
    media_type: str
    published: str | None
    """ISO 8601 date or date-time, from the page's own metadata."""


def extract(data: bytes, *, url: str, media_type: str | None = None) -> Extracted:
    """Read a page: HTML, Markdown, plain text, PDF or JSON.

    What the page is says `media_type` (as served; it may carry a charset), then its first bytes, then the suffix of its URL. A
    PDF is known by its first bytes whatever it is served as. Nothing is fetched.

    Raises:
        PageUnreadable: there is nothing to read in it, or it is of an unknown format, broken or encrypted.
    """
    kind = sniff(data, url=url, media_type=media_type)
    if kind == "application/pdf":
        document = pdf.read(data, url)
        extracted = _finished(document.title or plain.title(document.blocks), document.blocks, [], kind, document.published)
    else:
        text = decode(data, media_type)
        match kind:
            case "text/html":
                extracted = _html(text, url)
            case "text/markdown":
                extracted = _markdown(text)
            case "application/json":
                extracted = _json(text)
            case _:
                blocks = plain.blocks(text)
                extracted = _finished(plain.title(blocks), blocks, [], "text/plain", "")
    if not extracted.text:
        raise PageUnreadable(f"{url}: there is no text in this page ({kind}, {len(data):,} bytes).")
    return extracted


def sniff(data: bytes, *, url: str, media_type: str | None = None) -> str:
    """`text/html`, `text/markdown`, `text/plain`, `application/pdf` or `application/json`.

    Raises:
        PageUnreadable: it is none of these.
    """
    if b"%PDF-" in data[:1024]:
        return "application/pdf"
    served = (media_type or "").split(";")[0].strip().lower()
    suffix = PurePosixPath(unquote(urlsplit(url).path)).suffix.lower()
    for magic, name in _BINARY.items():
        if data.startswith(magic):
            raise PageUnreadable(f"{url}: this is {name}. HTML, Markdown, plain text, PDF and JSON can be read.")
    if served in ("text/html", "application/xhtml+xml", "text/xml", "application/xml") or served.endswith("+xml"):
        return "text/html"
    if served in ("text/markdown", "text/x-markdown"):
        return "text/markdown"
    if served == "application/json" or served.endswith("+json"):
        return "application/json"
    if served.startswith("text/") and not (served == "text/plain" and suffix in (".md", ".markdown")):
        return "text/plain"
    if suffix not in (".md", ".markdown", ".txt", ".json") and _HTML.search(data[:1024]):
        return "text/html"
    if suffix in _SUFFIXES:
        return _SUFFIXES[suffix]
    if data[:1].lstrip() in (b"{", b"[") and _is_json(data):
        return "application/json"
    sample = data[:4096]
    if sample.count(0) > len(sample) // 3 and not sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise PageUnreadable(f"{url}: this is not text. HTML, Markdown, plain text, PDF and JSON can be read.")
    return "text/plain"


def _html(text: str, url: str) -> Extracted:
    tree = html.parse(text)
    if tree is None:
        return Extracted("", "", "text/html", None)
    data = page_data(tree, url)
    blocks = html.without_layout(text) if html.is_deep(tree) else html.blocks(tree, data.is_thing)
    title = (
        data.title or next((block.text for block in blocks if block.kind == "heading" and block.level == 1), "") or data.own_title
    )
    return _finished(title, blocks, data.lines, "text/html", _date(data.published) or _guessed_date(tree, url))


def _markdown(text: str) -> Extracted:
    front, rest = markdown.split_front_matter(text)
    blocks = markdown.blocks(rest)
    named = {key.lower(): value for key, value in front.items()}
    title = named.get("title") or next((block.text for block in blocks if block.kind == "heading"), "") or plain.title(blocks)
    lines = [line for key, value in front.items() for line in flatten(value, key.replace(" ", "_"))]
    return _finished(title, blocks, lines, "text/markdown", named.get("date") or named.get("published") or "")


def _json(text: str) -> Extracted:
    try:
        value = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        blocks = plain.blocks(text)
        return _finished("", blocks, [], "text/plain", "")
    top = value if isinstance(value, dict) else {}
    title = next((clean(top[key]) for key in ("title", "name", "headline") if isinstance(top.get(key), str)), "")
    return _finished(
        title, [], list(flatten(value, "")), "application/json", str(top.get("datePublished") or top.get("date") or "")
    )


def _finished(title: str, blocks: list[Block], lines: list[str], media_type: str, published: str) -> Extracted:
    kept: list[Block] = []
    left = MAX_CHARACTERS
    for block in blocks:
        block.lines = list(_within(block.lines, left))
        left -= sum(len(line) + LINE_OVERHEAD for line in block.lines)
        kept.append(block)
        if left <= 0:
            break
    return Extracted(clean(title)[:300], write(kept, lines), media_type, _date(published))


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


def _is_json(data: bytes) -> bool:
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True
