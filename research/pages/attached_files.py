"""Reads what a task itself names: its files on this machine, and pages of the web. No model ever chooses what is read here."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

from research.documents.readers import Readers
from research.documents.version import EXTRACTION_VERSION
from research.errors import FetchRefused, PageUnreadable
from research.ports.fetcher import Fetcher, Guarded
from research.ports.page import Link, Page, page_hash
from research.storage.location import local_path
from research.task.attachments import MAX_BYTES, SCHEME
from research.task.source_policy import SourcePolicy
from research.task.urls import is_web

_PREFIX = f"{SCHEME}:///"


class AttachedFilesFetcher:
    """A `Fetcher` of `files:///<path>` URLs, as `AttachedFile` writes them, and of web pages through another fetcher.

    Args:
        web: reads pages of the web; None: none can be read.
        readers: read the files; None: with the default limits.
    """

    identity = f"given/{EXTRACTION_VERSION}"

    def __init__(self, web: Fetcher | None, readers: Readers | None = None) -> None:
        self._web = web
        self._readers = readers or Readers()

    def refusal(self, url: str) -> str | None:
        if not is_web(url):
            return None
        return self._web.refusal(url) if isinstance(self._web, Guarded) else None

    async def fetch(self, url: str, *, policy: SourcePolicy | None = None, keep_html: bool = False) -> Page:
        """A given document. `fetched_at` of a file is when it was last changed: the same in every run."""
        if url.startswith(_PREFIX):
            return await self._file(url, keep_html)
        if self._web is None or not is_web(url):
            raise FetchRefused(f"{url}: nothing here can read it")
        return await self._web.fetch(url, policy=policy, keep_html=keep_html)

    def recall(self, page_hash: str) -> Page:
        raise PageUnreadable(f"no page with the hash {page_hash} is kept here")

    async def _file(self, url: str, keep_html: bool) -> Page:
        path, data, changed = await asyncio.to_thread(_load, url)
        read = await self._readers.read(data, url=url, keep_html=keep_html)
        return Page(
            page_hash=page_hash(read.says.text),
            url=url,
            final_url=url,
            title=read.says.title or path.name,
            media_type=read.says.media_type,
            fetched_at=datetime.fromtimestamp(int(changed), UTC),
            published=read.says.published,
            text=read.says.text,
            extraction_version=EXTRACTION_VERSION,
            raw_hash=read.raw_hash,
            html=read.html,
            links=tuple(Link(url=address, text=words) for address, words in read.says.links),
        )


def _load(url: str) -> tuple[Path, bytes, float]:
    """A file's path, its bytes, and when it was last changed."""
    path = local_path(unquote(url.removeprefix(_PREFIX)))
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
            changed = path.stat().st_mtime
    except OSError as error:
        raise PageUnreadable(f"{url}: cannot be read ({error.strerror or type(error).__name__})") from error
    if len(data) > MAX_BYTES:
        raise PageUnreadable(f"{url}: has more than {MAX_BYTES:,} bytes")
    return path, data, changed
