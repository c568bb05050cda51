"""Reads what a task itself names: its files on this machine, and pages of the web. No model ever chooses what is read here."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

from research.documents.charset import decode
from research.documents.version import EXTRACTION_VERSION
from research.errors import FetchRefused, PageUnreadable
from research.ports.fetcher import Fetcher, Guarded
from research.ports.page import Page, page_hash
from research.task.attachments import MAX_BYTES, SCHEME
from research.task.source_policy import SourcePolicy
from research.task.urls import is_web

_PREFIX = f"{SCHEME}:///"


class AttachedFilesFetcher:
    """A `Fetcher` of `files:///<path>` URLs, as `AttachedFile` writes them, and of web pages through another fetcher.

    Args:
        web: reads pages of the web; None: none can be read.
    """

    identity = f"given/{EXTRACTION_VERSION}"

    def __init__(self, web: Fetcher | None) -> None:
        self._web = web

    def refusal(self, url: str) -> str | None:
        if not is_web(url):
            return None
        return self._web.refusal(url) if isinstance(self._web, Guarded) else None

    async def fetch(self, url: str, *, policy: SourcePolicy | None = None, keep_html: bool = False) -> Page:
        """A given document. `fetched_at` of a file is when it was last changed: the same in every run."""
        if url.startswith(_PREFIX):
            return await asyncio.to_thread(_read, url, keep_html)
        if self._web is None or not is_web(url):
            raise FetchRefused(f"{url}: nothing here can read it")
        return await self._web.fetch(url, policy=policy, keep_html=keep_html)

    def recall(self, page_hash: str) -> Page:
        raise PageUnreadable(f"no page with the hash {page_hash} is kept here")


def _read(url: str, keep_html: bool) -> Page:
    from research.documents.extract import extract  # its readers take a quarter of a second to import

    path = Path(unquote(url.removeprefix(_PREFIX))).expanduser()
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
            changed = path.stat().st_mtime
    except OSError as error:
        raise PageUnreadable(f"{url}: cannot be read ({error.strerror or type(error).__name__})") from error
    if len(data) > MAX_BYTES:
        raise PageUnreadable(f"{url}: has more than {MAX_BYTES:,} bytes")
    extracted = extract(data, url=url)
    return Page(
        page_hash=page_hash(extracted.text),
        url=url,
        final_url=url,
        title=extracted.title or path.name,
        media_type=extracted.media_type,
        fetched_at=datetime.fromtimestamp(int(changed), UTC),
        published=extracted.published,
        text=extracted.text,
        extraction_version=EXTRACTION_VERSION,
        raw_hash=hashlib.sha256(data).hexdigest(),
        html=decode(data) if keep_html and extracted.media_type == "text/html" else None,
    )
