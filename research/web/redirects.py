"""Where an answer sends its reader: by a redirect, or by itself with `<meta http-equiv="refresh" content="0; url=/there">`."""

from __future__ import annotations

import re
from html import unescape
from typing import Final
from urllib.parse import quote, urldefrag, urljoin

from research.errors import PageUnreadable
from research.web.requesting import REDIRECTS, Answer

LONGEST_DELAY: Final = 5.0
"""Seconds. A page that waits longer is meant to be read."""
LOOKED_AT: Final = 32_768
"""Bytes at the beginning of a page: its head."""

_HIDDEN: Final = re.compile(rb"<!--.*?(?:-->|\Z)|<(noscript|script|style|template)\b.*?(?:</\1\s*+>|\Z)", re.I | re.S)
_META: Final = re.compile(rb"<meta\b([^>]{0,2000})>", re.I)
_ATTRIBUTE: Final = re.compile(rb"""(?<![a-z-])([a-z-]++)\s*+=\s*+(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.I)
_CONTENT: Final = re.compile(r"\s*(\d{0,4}(?:\.\d*)?)\s*[;,\s]\s*(?:url\s*=\s*)?(.+)", re.I | re.S)


_BREAKS: Final = re.compile(r"[\t\r\n]")
_BLANK: Final = re.compile(r"\s")


def linked(base: str, link: str) -> str:
    """The address of a link, without its fragment. Links are written by people: as browsers do, tabs and line breaks in one are
    passed over, and other blanks are encoded. Whether it may be asked for is for the guard to say.

    Raises:
        ValueError: it is no address.
    """
    joined = urldefrag(urljoin(base, _BREAKS.sub("", link.strip()))).url
    return _BLANK.sub(lambda blank: quote(blank.group()), joined)


def is_redirect(answer: Answer) -> bool:
    """Whether an answer sends its reader elsewhere in its headers."""
    return answer.status in REDIRECTS and bool(answer.headers.get("location", "").strip())


def redirect(answer: Answer) -> str | None:
    """The address that an answer redirects to; None if it is no redirect.

    Raises:
        PageUnreadable: it redirects to what is no address.
    """
    if not is_redirect(answer):
        return None
    location = answer.headers["location"]
    try:
        return linked(answer.url, location)
    except ValueError as exc:
        raise PageUnreadable(f"{answer.url}: it redirects to {location[:100]!r}, which is no address.") from exc


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
            return linked(url, target) if target else None
        except ValueError:
            return None
    return None
