"""Reads a page of the corpus from the corpus, and any other page from the web."""

from __future__ import annotations

from typing import Protocol

from research.errors import PageUnreadable
from research.ports.fetcher import Fetcher, Guarded
from research.ports.page import Page
from research.task.source_policy import SourcePolicy


class Holding(Fetcher, Protocol):
    """A fetcher that knows its pages by their addresses."""

    def holds(self, url: str) -> bool:
        """Whether it has a page of this address."""
        ...


class CorpusThenWeb:
    """A `Fetcher` of two: a page that the corpus holds is not asked of the web."""

    def __init__(self, corpus: Holding, web: Fetcher) -> None:
        self._corpus = corpus
        self._web = web
        self.identity = f"{corpus.identity}+{web.identity}"

    def refusal(self, url: str) -> str | None:
        return self._web.refusal(url) if isinstance(self._web, Guarded) and not self._corpus.holds(url) else None

    async def fetch(self, url: str, *, policy: SourcePolicy | None = None, keep_html: bool = False) -> Page:
        reader: Fetcher = self._corpus if self._corpus.holds(url) else self._web
        return await reader.fetch(url, policy=policy, keep_html=keep_html)

    def recall(self, page_hash: str) -> Page:
        try:
            return self._corpus.recall(page_hash)
        except PageUnreadable:
            return self._web.recall(page_hash)
