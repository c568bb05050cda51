"""OpenDocument texts (.odt) -> blocks, by way of the HTML that their elements stand for. Pictures and notes are left out."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Final

from lxml import etree

from research.documents.blocks import Document
from research.documents.html.content import all_blocks
from research.documents.office import archive, properties
from research.errors import PageUnreadable

MAX_DEPTH: Final = 200
"""Elements inside elements. What is deeper is left out."""

_TAGS: Final = {
    "p": "p",
    "list": "ul",
    "list-item": "li",
    "table": "table",
    "table-row": "tr",
    "table-cell": "td",
    "section": "div",
    "text-box": "div",
}
_LEFT_OUT: Final = frozenset(
    {"note", "annotation", "annotation-end", "tracked-changes", "table-of-content", "forms", "sequence-decls"}
    | {"image", "desc", "title"}
)
_SPACES: Final = {"s": " ", "tab": " ", "line-break": "<br>"}


def read(data: bytes, url: str) -> Document:
    """The text of a document, its properties in its page data.

    Raises:
        PageUnreadable: it is encrypted, broken, or too large once unpacked.
    """
    copy = archive.clean_copy(data, url)
    there = archive.members(copy, ("content.xml", "META-INF/manifest.xml", *properties.MEMBERS))
    if b"encryption-data" in there.get("META-INF/manifest.xml", b""):
        raise PageUnreadable(f"{url}: this OpenDocument file needs a password.")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=True)
    try:
        root = etree.fromstring(there.get("content.xml", b""), parser)
    except etree.XMLSyntaxError as exc:
        raise PageUnreadable(f"{url}: this OpenDocument file cannot be read ({exc}).") from exc
    own = properties.read(there)
    body = root.find(".//{*}body") if root is not None else None
    written = "" if body is None else "".join(_html(body, 0))
    return Document(own.title, all_blocks(written), own.published, own.lines)


def _html(element: etree._Element, depth: int) -> Iterator[str]:
    if depth > MAX_DEPTH:
        return
    if element.text:
        yield escape(element.text)
    for child in element.iterchildren(etree.Element):
        name = etree.QName(child).localname
        if name in _SPACES:
            yield _SPACES[name]
        elif name not in _LEFT_OUT:
            tag = _tag(child, name)
            spans = "".join(
                f' {key}="{escape(child.get(attribute, ""))}"'
                for key, attribute in (("colspan", _COLUMNS), ("rowspan", _ROWS))
                if tag == "td" and child.get(attribute)
            )
            yield f"<{tag}{spans}>" if tag else ""
            yield from _html(child, depth + 1)
            yield f"</{tag}>" if tag else ""
        if child.tail:
            yield escape(child.tail)


_TABLE: Final = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_COLUMNS: Final = f"{_TABLE}number-columns-spanned"
_ROWS: Final = f"{_TABLE}number-rows-spanned"
_LEVEL: Final = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}outline-level"


def _tag(element: etree._Element, name: str) -> str:
    if name == "h":
        level = element.get(_LEVEL, "1")
        return f"h{min(max(int(level), 1), 6)}" if level.isascii() and level.isdigit() and len(level) < 3 else "h1"
    return _TAGS.get(name, "")
