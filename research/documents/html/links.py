"""Where a page leads: its links to other pages of the web, with their words."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final
from urllib.parse import quote, urldefrag, urljoin

from lxml.html import HtmlElement

from research.documents.blocks import clean
from research.documents.html.inline import spoken
from research.task.urls import is_web

MOST: Final = 200
"""Links of a page that are kept: first those of its content, then those of its menus."""
MOST_CHARACTERS: Final = 16_000
"""Of all of them together, addresses and words."""
MOST_LOOKED_AT: Final = 5_000
LONGEST_ADDRESS: Final = 1_000
LONGEST_TEXT: Final = 120
_PIECES: Final = 50
"""Texts inside one link that are put together: a link that is never closed swallows the page."""
_AROUND: Final = ("nav", "header", "footer", "aside")
"""What stands on every page of a site."""
_SAFE: Final = "!#$%&'()*+,/:;=?@[]~"
"""Characters that an address may hold as they are; `%` since what is escaped already stays so."""


def links(tree: HtmlElement, url: str) -> tuple[tuple[str, str], ...]:
    """The links of a page, each an address and its words, each page once and without the page itself.

    Args:
        url: the page's own address, from which relative ones start, unless a `<base>` says otherwise.
    """
    base = _base(tree, url)
    around = {link for part in _AROUND for each in tree.iter(part) for link in each.iter("a")}
    found = list(islice(tree.iter("a"), MOST_LOOKED_AT))
    ordered = [link for link in found if link not in around] + [link for link in found if link in around]
    kept: dict[str, str] = {}
    left = MOST_CHARACTERS
    for link in ordered:
        address = _address(link.get("href"), base)
        if not address or address == urldefrag(url).url:
            continue
        words = _words(link)
        if address in kept:
            kept[address] = kept[address] or words
            continue
        left -= len(address) + len(words)
        if len(kept) >= MOST or left < 0:
            break
        kept[address] = words
    return tuple(kept.items())


def _base(tree: HtmlElement, url: str) -> str:
    stated: str = next((base.get("href") for base in tree.iter("base") if base.get("href")), "")
    try:
        return urljoin(url, stated.strip())
    except ValueError:
        return url


def _address(href: str | None, base: str) -> str:
    """The whole address of a link to a page of the web, without its fragment; "" if it is none."""
    href = (href or "").strip()
    if not href or href.startswith("#"):
        return ""
    try:
        address = urldefrag(urljoin(base, href)).url
        address = quote("".join(address.split("\n")), safe=_SAFE)
    except ValueError:
        return ""
    return address if is_web(address) and len(address) <= LONGEST_ADDRESS else ""


def _words(link: HtmlElement) -> str:
    text = clean(" ".join(islice(_pieces(link), _PIECES))) or spoken(link)
    return text[:LONGEST_TEXT]


def _pieces(link: HtmlElement) -> Iterator[str]:
    length = 0
    for piece in link.itertext():
        if length > LONGEST_TEXT:
            return
        length += len(piece.strip())
        yield piece
