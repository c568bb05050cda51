"""Where an HTML page sends its reader by itself: `<meta http-equiv="refresh" content="0; url=/there">`."""

from __future__ import annotations

import re
from html import unescape
from typing import Final
from urllib.parse import urljoin

LONGEST_DELAY: Final = 5.0
"""Seconds. A page that waits longer is meant to be read."""
LOOKED_AT: Final = 32_768
"""Bytes at the beginning of a page: its head."""

_HIDDEN: Final = re.compile(rb"<!--.*?-->|<(noscript|script|style|template)\b.*?</\1\s*>", re.I | re.S)
_META: Final = re.compile(rb"<meta\b([^>]{0,2000})>", re.I)
_ATTRIBUTE: Final = re.compile(rb"""([a-z-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.I)
_CONTENT: Final = re.compile(r"\s*(\d{0,4}(?:\.\d*)?)\s*[;,\s]\s*(?:url\s*=\s*)?(.+)", re.I | re.S)


def refresh(body: bytes, url: str) -> str | None:
    """The address that a page sends its reader to within a few seconds; None if it lets them stay. What stands in a comment, a
    script or a `noscript` does not count."""
    for meta in _META.finditer(_HIDDEN.sub(b" ", body[:LOOKED_AT])):
        found = {
            name.lower(): next((value for value in values if value), b"") for name, *values in _ATTRIBUTE.findall(meta.group(1))
        }
        if found.get(b"http-equiv", b"").strip().lower() != b"refresh":
            continue
        content = _CONTENT.fullmatch(unescape(found.get(b"content", b"").decode("utf-8", "replace")))
        if content is None or float(content.group(1).strip(".") or 0) > LONGEST_DELAY:
            continue
        target = content.group(2).strip().strip("\"'").strip()
        try:
            return urljoin(url, target) if target else None
        except ValueError:
            return None
    return None
