"""The links of pages that were read, as a model may be shown them: those that it may follow, the likeliest first."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

from research.ports.fetcher import Fetcher, Guarded
from research.ports.page import Link, Page
from research.steps.readable import ReadableAddresses
from research.task.source_policy import SourcePolicy

_WORD: Final = re.compile(r"[^\W_]{3,}")


class PageLinks:
    """The links of the pages of one investigation.

    Args:
        readable: what may be read.
        policy: the task's.
        fetcher: reads what is linked to.
    """

    def __init__(self, readable: ReadableAddresses, policy: SourcePolicy | None, fetcher: Fetcher) -> None:
        self._readable = readable
        self._policy = policy
        self._fetcher = fetcher
        self._links: dict[str, tuple[Link, ...]] = {}
        """By the hash of a page."""
        self._pages: dict[str, str] = {}
        """The hash of the page that was read under an address, as a model spelt it."""

    def add(self, page: Page) -> None:
        """A page that may be read from."""
        self._links.setdefault(page.page_hash, page.links)

    def read(self, url: str, page_hash: str) -> None:
        """A model has read a page under this address."""
        self._pages[url] = page_hash

    def of(self, url: str, about: str, limit: int) -> tuple[Link, ...]:
        """At most `limit` links of a page: first those that share most words with `about`, then in the order of the page."""
        wanted = _words(about)
        links = [link for link in self._links.get(self._pages.get(url, ""), ()) if self._may_follow(link.url)]
        shared = [len(wanted & _words(f"{link.text} {unquote(link.url)}")) for link in links]
        best = sorted(range(len(links)), key=lambda place: (-shared[place], place))[:limit]
        return tuple(links[place] for place in best)

    def _may_follow(self, url: str) -> bool:
        """Whether a link may be read, as far as its address tells."""
        if self._policy is not None and not self._policy.allows(url, None):
            return False
        return self._readable.knows(url) and not (isinstance(self._fetcher, Guarded) and self._fetcher.refusal(url) is not None)


def _words(text: str) -> set[str]:
    return {word.casefold() for word in _WORD.findall(text)}
