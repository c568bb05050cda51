"""The ports to what reads pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from research.ports.page import Page
from research.task.task import SourcePolicy


class Fetcher(Protocol):
    """One way to read pages."""

    @property
    def identity(self) -> str:
        """Changes whenever the text made from the same bytes may change."""
        ...

    async def fetch(self, url: str, *, policy: SourcePolicy | None = None, keep_html: bool = False) -> Page:
        """Read a page.

        Args:
            url: its address.
            policy: no address outside it is asked for anything, on the way there either.
            keep_html: an HTML page's own HTML is wanted as well, in `Page.html`.

        Raises:
            FetchRefused: this page may not be read.
            PageUnreadable: there is nothing to read in it.
            FetchFailed: it did not arrive.
        """
        ...

    def recall(self, page_hash: str) -> Page:
        """A page that was fetched before, by the hash of its text, even in an earlier process. Reads this machine's disk only, so
        it is not async; a shard's commit calls it from another thread.

        Raises:
            PageUnreadable: no such page is stored.
        """
        ...


@runtime_checkable
class AtHand(Protocol):
    """A fetcher whose pages were fetched before, for an earlier run: reading one is no fetch."""

    @property
    def at_hand(self) -> bool: ...


@runtime_checkable
class Guarded(Protocol):
    """A fetcher that can say what it would refuse before it is asked for it."""

    def refusal(self, url: str) -> str | None:
        """Why a URL may not be read, as far as the URL itself tells; None if it may. Nothing is looked up."""
        ...


@runtime_checkable
class Storing(Protocol):
    """A fetcher that stores the pages that it reads, shard by shard (`research.durable.work`), until they are swept."""

    def sweep(self, shard: int, keep: Callable[[str], bool] | None = None) -> None:
        """Remove a shard's pages, but for those to keep, by the hashes of their texts. Blocks.

        Raises:
            OSError: they cannot be removed.
        """
        ...


@runtime_checkable
class Sends(Protocol):
    """A fetcher that says what it asks others for. Of one that does not say, it is taken that it asks for every address."""

    def sends(self, url: str) -> bool:
        """Whether reading this address sends a request; False if this machine has the page, or refuses it."""
        ...
