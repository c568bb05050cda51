"""OpenDocument texts (.odt) -> blocks, by way of the HTML that their elements stand for. Pictures and notes are left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
    there = archive.members(copy, ("content.xml", "styles.xml", "META-INF/manifest.xml", *properties.MEMBERS))
    if b"encryption-data" in there.get("META-INF/manifest.xml", b""):
        raise PageUnreadable(f"{url}: this OpenDocument file needs a password.")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=True)
    try:
        root = etree.fromstring(there.get("content.xml", b""), parser)
    except etree.XMLSyntaxError as exc:
        raise PageUnreadable(f"{url}: this OpenDocument file cannot be read ({exc}).") from exc
    own = properties.read(there)
    body = root.find(".//{*}body") if root is not None else None
    written = "" if root is None or body is None else "".join(_html(body, 0, _raising_styles(root, there.get("styles.xml", b""))))
    return Document(own.title, all_blocks(written), own.published, own.lines)


def _raising_styles(*parts: etree._Element | bytes) -> Mapping[str, str]:
    """Names of text styles that raise, lower or strike out, with the element of HTML that does."""
    found: dict[str, str] = {}
    for part in parts:
        if isinstance(part, bytes):
            parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=True)
            try:
                root = etree.fromstring(part, parser) if part else None
            except etree.XMLSyntaxError:
                root = None
        else:
            root = part
        for style in root.iterfind(".//{*}style") if root is not None else ():
            look = style.find("{*}text-properties")
            if look is None:
                continue
            position = next(iter((look.get(_POSITION) or "").split()), "")
            is_struck = (look.get(_STRUCK) or "none") != "none"
            if tag := "s" if is_struck else _moved_by(position):
                found.setdefault(style.get(_NAME, ""), tag)
    return found


def _moved_by(position: str) -> str:
    """`super`, `sub`, or a percentage of the height of the letters."""
    if position in ("super", "sub"):
        return {"super": "sup", "sub": "sub"}[position]
    share = position.removesuffix("%")
    return "" if share in ("", "0", position) else "sub" if share.startswith("-") else "sup"


def _html(element: etree._Element, depth: int, styles: Mapping[str, str]) -> Iterator[str]:
    if depth > MAX_DEPTH:
        return
    if element.text:
        yield escape(element.text)
    for child in element.iterchildren(etree.Element):
        name = etree.QName(child).localname
        if name in _SPACES:
            yield _SPACES[name]
        elif name not in _LEFT_OUT:
            tag = styles.get(child.get(_STYLE, ""), "") if name == "span" else _tag(child, name)
            spans = "".join(
                f' {key}="{escape(child.get(attribute, ""))}"'
                for key, attribute in (("colspan", _COLUMNS), ("rowspan", _ROWS))
                if tag == "td" and child.get(attribute)
            )
            yield f"<{tag}{spans}>" if tag else ""
            yield from _html(child, depth + 1, styles)
            yield f"</{tag}>" if tag else ""
        if child.tail:
            yield escape(child.tail)


_TABLE: Final = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_COLUMNS: Final = f"{_TABLE}number-columns-spanned"
_ROWS: Final = f"{_TABLE}number-rows-spanned"
_LEVEL: Final = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}outline-level"


_TEXT: Final = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_STYLES: Final = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
_STYLE: Final = f"{_TEXT}style-name"
_NAME: Final = f"{_STYLES}name"
_POSITION: Final = f"{_STYLES}text-position"
_STRUCK: Final = f"{_STYLES}text-line-through-style"


def _tag(element: etree._Element, name: str) -> str:
    if name == "h":
        level = element.get(_LEVEL, "1")
        return f"h{min(max(int(level), 1), 6)}" if level.isascii() and level.isdigit() and len(level) < 3 else "h1"
    return _TAGS.get(name, "")
