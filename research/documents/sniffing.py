"""What a page is: by what it is served as, its first bytes, and the suffix of its address."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

from research.documents.office import archive
from research.errors import PageUnreadable
from research.records import read_table

HTML: Final = "text/html"
MARKDOWN: Final = "text/markdown"
PLAIN: Final = "text/plain"
PDF: Final = "application/pdf"
XML: Final = "application/xml"
JSON: Final = "application/json"
JSON_FEED: Final = "application/feed+json"
CSV: Final = "text/csv"
TSV: Final = "text/tab-separated-values"
RSS: Final = "application/rss+xml"
ATOM: Final = "application/atom+xml"
XLS: Final = "application/vnd.ms-excel"

READABLE: Final = (
    "HTML, Markdown, plain text, PDF, JSON, CSV, feeds, .docx, .pptx, Excel workbooks and OpenDocument (.odt, .ods) can be read."
)

_KINDS: Final = read_table("research.documents", "file_kinds.toml")
SUFFIXES: Final[Mapping[str, str]] = {suffix: kind for kind, suffixes in _KINDS["suffixes"].items() for suffix in suffixes}
"""Suffixes of files that can be read, with what they usually hold."""

_SERVED: Final[Mapping[str, str]] = _KINDS["served"]
_TEXTUAL_SUFFIXES: Final = frozenset({".md", ".markdown", ".txt", ".json", ".csv", ".tsv", ".tab"})
_XML_SUFFIXES: Final = frozenset({".xml", ".rdf", ".rss", ".atom"})
_HTML: Final = re.compile(
    rb"\A\s*(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html|head|body|!--|\?xml|div|p|h1|table|title|meta)\b|<html[\s>]", re.I
)
_ROOT: Final = re.compile(
    rb"\A(?:\xef\xbb\xbf)?\s*(?:<\?.{0,500}?\?>\s*|<!--.{0,4000}?-->\s*|<!DOCTYPE[^>\[]{0,500}>\s*)*<([\w:.-]+)([^>]*)", re.S
)
_JSON_FEED: Final = re.compile(rb"""["']?version["']?\s*:\s*["']https?:\\?/\\?/(?:www\.)?jsonfeed\.org\\?/version""")
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_UNREADABLE: Final[Mapping[bytes, str]] = {magic.encode("latin-1"): name for magic, name in _KINDS["unreadable"].items()}


def sniff(data: bytes, *, url: str, media_type: str | None = None) -> str:
    """The media type of what these bytes are: one of the constants of this module or of `research.documents.office.archive`.

    PDF, Office files and feeds are known by their first bytes, whatever they are served as. Nothing is unpacked.

    Raises:
        PageUnreadable: it is none of these, or it is encrypted.
    """
    if b"%PDF-" in data[:1024]:
        return PDF
    if data.startswith(archive.MAGIC):
        return archive.kind(data, url)
    if data.startswith(_OLE):
        return _old_office(data, url)
    for magic, name in _UNREADABLE.items():
        if data.startswith(magic):
            raise PageUnreadable(f"{url}: this is {name}. {READABLE}")
    served = (media_type or "").split(";")[0].strip().lower()
    suffix = PurePosixPath(unquote(urlsplit(url).path)).suffix.lower()
    if feed := _feed(data):
        return feed
    return _json_kind(data, _text_kind(data, served, suffix, url))


def binary_format(data: bytes) -> str | None:
    """What a file is that can be no text, by its first bytes and in words; None if it may be text."""
    if b"%PDF-" in data[:8]:
        return "a PDF"
    if data.startswith(archive.MAGIC):
        return "a ZIP archive, as Excel workbooks (.xlsx) and OpenDocument sheets (.ods) are"
    if data.startswith(_OLE):
        return "an old Office file, as Excel workbooks (.xls) are"
    has_control = _CONTROL.search(data) is not None
    return next((name for magic, name in _UNREADABLE.items() if data.startswith(magic) and (has_control or b"\\" in magic)), None)


def looks_like_html(data: bytes) -> bool:
    """Whether bytes begin as an HTML page does."""
    return re.match(rb"\A\s*(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html|head|body)\b", data, re.I) is not None


def _text_kind(data: bytes, served: str, suffix: str, url: str) -> str:
    if served in _SERVED:
        return _SERVED[served]
    if served.endswith("+xml"):
        return XML
    if served.endswith("+json"):
        return JSON
    if served.startswith("text/") and not (served == PLAIN and suffix in (".md", ".markdown", ".csv", ".tsv", ".tab")):
        return PLAIN
    if suffix not in _TEXTUAL_SUFFIXES and suffix not in _XML_SUFFIXES and _HTML.search(data[:1024]):
        return XML if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<?xml") else HTML
    sample = data[:4096]
    is_binary = sample.count(0) > len(sample) // 3 and not sample.startswith((b"\xff\xfe", b"\xfe\xff"))
    stated = SUFFIXES.get(suffix)
    if stated in (HTML, XML, MARKDOWN, PLAIN, JSON, CSV, TSV):
        return stated
    if data[:1].lstrip() in (b"{", b"[") and _is_json(data):
        return JSON
    if is_binary:
        raise PageUnreadable(f"{url}: this is not text. {READABLE}")
    return PLAIN


def _feed(data: bytes) -> str | None:
    """A feed by its root element."""
    root = _ROOT.match(data[:8192])
    if root is None:
        return None
    name, attributes = root.group(1).rpartition(b":")[2].lower(), root.group(2)
    if name == b"rss" or (name == b"rdf" and (b"purl.org/rss/1.0" in attributes or b"my.netscape.com/rdf" in attributes)):
        return RSS
    return ATOM if name == b"feed" and b"/atom" in attributes.lower() else None


def _json_kind(data: bytes, kind: str) -> str:
    return JSON_FEED if kind == JSON and _JSON_FEED.search(data[:2048]) else kind


def _old_office(data: bytes, url: str) -> str:
    """An OLE file: an old Office document, or what encryption wraps a new one in. Streams are known by their names, UTF-16."""
    if _holds(data, "EncryptedPackage"):
        raise PageUnreadable(f"{url}: this Office file needs a password.")
    if _holds(data, "Workbook") or _holds(data, "Book"):
        return XLS
    kind = "an old Word file (.doc)" if _holds(data, "WordDocument") else "an old PowerPoint file (.ppt)"
    kind = kind if _holds(data, "WordDocument") or _holds(data, "PowerPoint Document") else "an old Office file"
    raise PageUnreadable(f"{url}: this is {kind}. {READABLE}")


def _holds(data: bytes, stream: str) -> bool:
    # A name in the directory is followed by NULs up to 64 bytes.
    return stream.encode("utf-16-le") + b"\0\0" in data


def _is_json(data: bytes) -> bool:
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True
