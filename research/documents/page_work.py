"""What a worker process does for `readers.py`: reads one page."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from research.documents.charset import decode
from research.documents.extract import extract
from research.documents.sniffing import HTML, XML, sniff
from research.errors import PageUnreadable


def read_page(arguments: Mapping[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
    """Read a page's bytes. Returns what it says, without its text; and its text as bytes, with its HTML behind it if that is
    wanted. A page that is refused is told by the name of the error."""
    url, media_type, max_html = arguments["url"], arguments["media_type"], arguments["max_html"]
    try:
        if max_html is not None and len(data) > max_html and sniff(data, url=url, media_type=media_type) in (HTML, XML):
            data = data[:max_html]
        says = extract(data, url=url, media_type=media_type)
    except PageUnreadable as refusal:
        return {"refused": type(refusal).__name__, "message": str(refusal)}, b""
    has_html = arguments["keep_html"] and says.media_type == HTML
    text = says.text.encode("utf-8", "surrogatepass")
    html = decode(data, media_type).encode("utf-8", "surrogatepass") if has_html else b""
    found = {
        "title": says.title,
        "media_type": says.media_type,
        "published": says.published,
        "warnings": says.warnings,
        "links": says.links,
        "raw_hash": hashlib.sha256(data).hexdigest(),
        "text_bytes": len(text),
        "has_html": has_html,
    }
    return found, text + html
