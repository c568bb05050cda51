"""Has pages read by worker processes, so that no page takes more time or memory than it may (docs/design/reading-bounds.md)."""

from __future__ import annotations

import hashlib
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any, Final

from cachetools import LRUCache
from pydantic import Field

from research.concurrency.worker_processes import Bounds, NoWorker, OutOfTime, WorkBroke, WorkFailed, shared_pool
from research.documents.extracted import Extracted
from research.errors import FetchFailed, NeedsBrowser, PageUnreadable, ReadingLimitReached
from research.records import Record

MAX_REMEMBERED: Final = 10_000
"""Pages that reached a limit."""

_WORK: Final = "research.documents.page_work:read_page"
_PRELOAD: Final = ("research.documents.extract",)
_REFUSALS: Final = {each.__name__: each for each in (PageUnreadable, NeedsBrowser)}


class ReadingLimits(Record):
    """What reading one page may take, of whatever format. A page that takes more is unreadable, and the row goes on without."""

    seconds: float = Field(default=15.0, gt=0)
    """Seconds of processor time; four times as many of a clock, since the machine has other work."""
    memory_mb: int = Field(default=500, ge=200)
    """Megabytes of the process that reads it. The program alone takes about 100."""


@dataclass(frozen=True, slots=True)
class PageRead:
    """A page that was read."""

    says: Extracted
    raw_hash: str
    """Lower-case hex SHA-256 of the bytes that were read."""
    html: str | None
    """Its HTML, if that was wanted and it is HTML."""


class Readers:
    """Reads pages within limits. The worker processes are shared by all worlds of this process, and end by themselves; a page
    that reached a limit is not tried again."""

    def __init__(self, limits: ReadingLimits | None = None) -> None:
        self.limits = limits or ReadingLimits()
        self._pool = shared_pool(Bounds(self.limits.seconds, self.limits.memory_mb * 1_000_000), _PRELOAD)
        self._failed: MutableMapping[str, str] = LRUCache(MAX_REMEMBERED)
        """Why pages were not read, by what was to be read."""

    @property
    def at_once(self) -> int:
        """How many pages are read at once."""
        return self._pool.size

    async def read(
        self, data: bytes, *, url: str, media_type: str | None = None, keep_html: bool = False, max_html: int | None = None
    ) -> PageRead:
        """Read a page beside the event loop.

        Args:
            data: its bytes, after any content encoding.
            url: its address, for messages and for its suffix.
            media_type: as served.
            keep_html: whether an HTML page's own HTML is wanted as well.
            max_html: bytes of an HTML or XML page that are read; None: as many as the reader takes.

        Raises:
            PageUnreadable: there is nothing to read in it, or it is of an unknown format, broken, encrypted or a bomb.
            NeedsBrowser: JavaScript makes the page; its HTML says nothing.
            ReadingLimitReached: reading it takes more time or memory than the limits allow.
            FetchFailed: no process to read it in can be started.
        """
        self._refuse_known(data, url, media_type)
        try:
            found, made = await self._pool.run(_WORK, _arguments(url, media_type, keep_html, max_html), data)
        except WorkFailed as failure:
            raise self._error(failure, data, url, media_type) from failure
        return _page(found, made)

    def read_here(self, data: bytes, *, url: str, media_type: str | None = None) -> PageRead:
        """As `read`, from a thread that may wait."""
        self._refuse_known(data, url, media_type)
        try:
            found, made = self._pool.call(_WORK, _arguments(url, media_type, False, None), data)
        except WorkFailed as failure:
            raise self._error(failure, data, url, media_type) from failure
        return _page(found, made)

    def _refuse_known(self, data: bytes, url: str, media_type: str | None) -> None:
        if self._failed and (why := self._failed.get(_key(data, media_type))) is not None:
            raise ReadingLimitReached(f"{url}: {why}")

    def _error(self, failure: WorkFailed, data: bytes, url: str, media_type: str | None) -> Exception:
        match failure:
            case NoWorker():
                return FetchFailed(f"{url}: {failure}.")
            case WorkBroke():
                return PageUnreadable(f"{url}: this page is broken, or of a kind that its reader does not know ({failure}).")
            case OutOfTime():
                why = (
                    f"reading this page takes more than {self.limits.seconds:g} seconds of processor time, the limit that "
                    "RESEARCH_READING_SECONDS sets. It is not read."
                )
            case _:
                end = f" (the process that read it ended with {failure})" if str(failure) else ""
                why = (
                    f"reading this page takes more than {self.limits.memory_mb:,} MB of memory, the limit that "
                    f"RESEARCH_READING_MEMORY_MB sets, or breaks its reader{end}. It is not read."
                )
        self._failed[_key(data, media_type)] = why
        return ReadingLimitReached(f"{url}: {why}")


def _arguments(url: str, media_type: str | None, keep_html: bool, max_html: int | None) -> dict[str, Any]:
    return {"url": url, "media_type": media_type, "keep_html": keep_html, "max_html": max_html}


def _page(found: dict[str, Any], made: bytes) -> PageRead:
    if "refused" in found:
        raise _REFUSALS[found["refused"]](found["message"])
    split = found["text_bytes"]
    html = made[split:].decode("utf-8", "surrogatepass") if found["has_html"] else None
    text = made[:split].decode("utf-8", "surrogatepass")
    return PageRead(
        Extracted(
            found["title"],
            text,
            found["media_type"],
            found["published"],
            tuple(found["warnings"]),
            tuple((url, words) for url, words in found["links"]),
        ),
        found["raw_hash"],
        html,
    )


def _key(data: bytes, media_type: str | None) -> str:
    return f"{hashlib.sha256(data).hexdigest()} {media_type}"
