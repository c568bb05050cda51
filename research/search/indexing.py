"""Brings the index of a corpus up to date: what is new or changed is read, several documents at a time, in the corpus's order."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Final, NamedTuple
from urllib.parse import unquote

from research.documents.readers import PageRead, Readers
from research.documents.version import EXTRACTION_VERSION
from research.errors import InvalidCorpus, PageUnreadable, ReadingLimitReached
from research.evidence.passages import passages_of
from research.ports.page import Page, page_hash
from research.search.corpus import Corpus, Item, Raw
from research.search.generations import Entry, Generation, Generations
from research.search.index import Document

Progress = Callable[[int, int | None], None]
"""Called with (documents looked at, documents in all or None) while an index is built."""

_SEPARATORS: Final = re.compile(r"[\W_]+")


def stamps(corpus: Corpus, readers: Readers) -> tuple[str, str]:
    """The stamp of a corpus of which all was read; and that of one of which a document reached a limit, which is tried again with
    other limits."""
    limits = readers.limits
    return corpus.stamp(), f"{corpus.stamp()} within {limits.seconds:g} s, {limits.memory_mb} MB"


class _Reading(NamedTuple):
    """A document that may have changed, on its way."""

    item: Item
    raw: Raw
    digest: str
    read: Future[PageRead]


class _Update:
    """An index brought up to date: which documents are new or changed, read a few at a time, in the order of the corpus."""

    def __init__(self, corpus: Corpus, old: Generation | None, progress: Progress | None, readers: Readers) -> None:
        self._corpus = corpus
        self._progress = progress
        self._readers = readers
        self._threads = ThreadPoolExecutor(readers.at_once, thread_name_prefix="research-index")
        self.before = old.entries if old else {}
        self.entries: dict[str, Entry] = {}
        self.reached_limit = False
        """Whether a document was not read because it takes too much time or memory."""

    def documents(self) -> Iterator[Document]:
        """What is new or changed. `entries` holds all documents at the end."""
        number = 1 + max((entry.number for entry in self.before.values() if entry.number is not None), default=0)
        ahead: deque[_Reading] = deque()
        with self._threads:
            try:
                for done, item in enumerate(self._corpus.items()):
                    if self._progress is not None and done % 20 == 0:
                        self._progress(done, self._corpus.count)
                    if (begun := self._begun(item)) is not None:
                        ahead.append(begun)
                    if len(ahead) >= 2 * self._readers.at_once and (page := self._finished(ahead.popleft(), number)):
                        yield _document(number, page)
                        number += 1
                while ahead:
                    if page := self._finished(ahead.popleft(), number):
                        yield _document(number, page)
                        number += 1
            finally:
                for reading in ahead:  # the caller has stopped in the middle
                    reading.read.cancel()

    def _begun(self, item: Item) -> _Reading | None:
        """A document whose reading is under way; None if it is known to be as it was, or cannot be loaded."""
        known = self.before.get(item.url)
        self.entries[item.url] = Entry(item.size, item.mtime_ns, "", None, None)  # its place; what it says follows
        if known and known.digest and item.size >= 0 and (known.size, known.mtime_ns) == (item.size, item.mtime_ns):
            self.entries[item.url] = known
            return None
        try:
            raw = item.load()
        except OSError as exc:
            why = f"cannot be read ({exc.strerror or exc.__class__.__name__})"
            self.entries[item.url] = Entry(item.size, 0, "", None, why)
            return None
        digest = raw.digest()
        if known and known.digest == digest:
            self.entries[item.url] = Entry(item.size, item.mtime_ns, digest, known.number, known.warning)
            return None
        read = self._threads.submit(self._readers.read_here, raw.data, url=item.url, media_type=raw.media_type)
        return _Reading(item, raw, digest, read)

    def _finished(self, reading: _Reading, number: int) -> Page | None:
        item, digest = reading.item, reading.digest
        try:
            read = reading.read.result()
        except PageUnreadable as exc:
            if isinstance(exc, ReadingLimitReached):
                digest, self.reached_limit = "", True
            self.entries[item.url] = Entry(item.size, item.mtime_ns, digest, None, str(exc).removeprefix(f"{item.url}: "))
            return None
        self.entries[item.url] = Entry(item.size, item.mtime_ns, digest, number, "; ".join(read.says.warnings) or None)
        return _page(item, reading.raw, read)


def brought_up_to_date(
    corpus: Corpus, generations: Generations, old: Generation | None, progress: Progress | None, readers: Readers
) -> Generation:
    update = _Update(corpus, old, progress, readers)
    with generations.next(old) as draft:
        draft.index.add(update.documents())
        entries = update.entries
        kept = {entry.number for entry in entries.values()}
        gone = (entry.number for entry in update.before.values() if entry.number is not None and entry.number not in kept)
        draft.index.remove(gone)
        draft.index.commit()
        unread = [f"{url}: {entry.warning}" for url, entry in entries.items() if entry.warning]
        draft.publish(stamps(corpus, readers)[update.reached_limit], entries, (*corpus.warnings, *unread))
    if progress is not None:
        progress(len(entries), len(entries))
    current = generations.current()
    if current is None:
        raise InvalidCorpus(
            f"corpus {str(corpus.path)!r}: its index cannot be read right after it was written; is the disk full?"
        )
    return current


def _page(item: Item, raw: Raw, read: PageRead) -> Page:
    says = read.says
    own = says.title if raw.media_type is None or "html" in raw.media_type else ""
    name = unquote(item.url.rstrip("/").rsplit("/", 1)[-1])
    return Page(
        page_hash=page_hash(says.text),
        url=item.url,
        final_url=item.url,
        title=own or " ".join(raw.title.split()) or says.title or name,
        media_type=says.media_type,
        fetched_at=datetime.fromtimestamp(item.mtime_ns // 1_000_000_000, UTC),
        published=says.published or raw.published or None,
        text=says.text,
        extraction_version=EXTRACTION_VERSION,
        raw_hash=read.raw_hash,
    )


def _document(number: int, page: Page) -> Document:
    # A heading says nothing by itself: it stands over the passages below it, and in the whole text.
    passages = passages_of(page)
    telling = [passage for passage in passages if passage.kind != "heading"] or passages
    address = _SEPARATORS.sub(" ", unquote(page.url.partition("://")[2]))
    return Document(
        number=number,
        url=page.url,
        title=page.title,
        published=page.published,
        searched_title=f"{page.title} {address}",
        text=page.text,
        page_hash=page.page_hash,
        stored=page.model_dump_json(),
        passages=[(passage.start, passage.end, passage.heading) for passage in telling],
    )
