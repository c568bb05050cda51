"""Searches a corpus of documents on this machine, and reads them. No network."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urldefrag

from research.documents.charset import decode
from research.documents.sniffing import HTML
from research.documents.version import EXTRACTION_VERSION
from research.errors import FetchRefused, InvalidCorpus, PageUnreadable, SearchFailed
from research.evidence.passages import passages_of
from research.money.usage import Usage
from research.money.usage_ledger import UsageLedger
from research.ports.page import Hit, Page, page_hash
from research.ports.search import SearchResult
from research.search.corpus import Corpus, Item, Raw, open_corpus
from research.search.generations import Entry, Generation, Generations
from research.search.index import FILES_VERSION, RANKING_VERSION, CorpusIndex, Document
from research.task.source_policy import SourcePolicy

Progress = Callable[[int, int | None], None]
"""Called with (documents looked at, documents in all or None) while an index is built."""

_INDEX: Final = f"{FILES_VERSION}/{EXTRACTION_VERSION}"
_SEPARATORS: Final = re.compile(r"[\W_]+")


class LocalCorpus:
    """A corpus that can be searched and read: a `Search` and a `Fetcher`.

    Its index is built when it is first opened, used again while the corpus is unchanged, and brought up to date by what changed.
    All of it may be shared by threads.
    """

    def __init__(self, corpus: Corpus, generation: Generation, index: CorpusIndex) -> None:
        """Use `LocalCorpus.open`."""
        self.name = f"local:{corpus.name}"
        self.identity = f"local/{RANKING_VERSION}/{EXTRACTION_VERSION}/{generation.fingerprint}"
        self.warnings = generation.warnings
        """Documents that could not be read, and files that were left out."""
        self.document_count = sum(1 for entry in generation.entries.values() if entry.number is not None)
        self.holds_web_pages = any(url.startswith(("http://", "https://")) for url in generation.entries)
        """Whether any document has a web address, so that a page found on the web may be found here."""
        self._corpus = corpus
        self._entries = generation.entries
        self._index = index

    @classmethod
    def open(
        cls, source: str | Path, index_dir: Path, *, name: str | None = None, progress: Progress | None = None
    ) -> LocalCorpus:
        """Open a corpus: a folder of documents, or a Parquet or JSONL file of them. May take minutes the first time.

        Args:
            source: the folder or file.
            index_dir: where indexes of corpora are kept. Several corpora and processes may share it.
            name: stands in the documents' URLs, `corpus://name/path`; by default the folder's or file's own.
            progress: called now and then while the index is built.

        Raises:
            InvalidCorpus: the corpus is not there, or nothing in it can be read.
        """
        corpus = open_corpus(source, name)
        generations = Generations(Path(index_dir), corpus.path, corpus.name, _INDEX)
        with generations.locked():
            generation = generations.current()
            if generation is None or generation.stamp != corpus.stamp():
                generation = _brought_up_to_date(corpus, generations, generation, progress)
            index = generation.index
        if not any(entry.number is not None for entry in generation.entries.values()):
            shown = "".join(f"\n  {warning}" for warning in generation.warnings[:5])
            raise InvalidCorpus(f"corpus {str(source)!r}: no document in it can be read{shown}")
        return cls(corpus, generation, index)

    def holds(self, url: str) -> bool:
        """Whether a document has this address, readable or not."""
        return url in self._entries or urldefrag(url).url in self._entries

    async def search(
        self, query: str, *, limit: int, policy: SourcePolicy | None = None, ledger: UsageLedger | None = None
    ) -> SearchResult:
        """The documents that speak of a query's words, best first, each with its best passage as snippet. Takes about a
        millisecond, so it runs on the event loop.

        Raises:
            SearchFailed: the index cannot be read any more.
        """
        hits: list[Hit] = []
        try:
            for found in self._index.search(query):
                if len(hits) >= limit:
                    break
                if policy is None or policy.allows(found.url, found.published):
                    hits.append(
                        Hit(
                            url=found.url,
                            title=found.title,
                            snippet=found.passage,
                            score=found.score,
                            published=found.published,
                        )
                    )
        except (ValueError, OSError) as exc:
            raise SearchFailed(
                f"the index of {self.name} cannot be read ({exc}); delete its folder to have it built again"
            ) from exc
        if ledger is not None:
            ledger.add(Usage(search_queries=1))
        return SearchResult(hits=tuple(hits))

    async def fetch(self, url: str, *, policy: SourcePolicy | None = None, keep_html: bool = False) -> Page:
        """A document of the corpus. `fetched_at` is when its file was last changed before it was indexed: the same in every run.

        Raises:
            FetchRefused: it is not a document of this corpus.
            PageUnreadable: it is, and could not be read.
        """
        entry = self._entries.get(url) or self._entries.get(urldefrag(url).url)
        if entry is None:
            raise FetchRefused(
                f"{url}: not a document of the corpus {self.name.removeprefix('local:')!r}, and nothing else may be read"
            )
        if entry.number is None:
            raise PageUnreadable(f"{url}: {entry.warning}")
        page = await asyncio.to_thread(self._stored, "number", entry.number)
        if keep_html and page.media_type == HTML:
            return page.changed(html=await asyncio.to_thread(self._html, page.url, entry.digest))
        return page

    sends_queries: Final = False

    def sends(self, url: str) -> bool:
        return False

    def _html(self, url: str, digest: str) -> str | None:
        """The HTML of a document, looked for in the corpus itself; None if it was changed or removed since it was indexed."""
        try:
            raw = next((item.load() for item in self._corpus.items() if item.url == url), None)
        except OSError:
            return None
        return decode(raw.data, raw.media_type) if raw is not None and raw.digest() == digest else None

    def recall(self, page_hash: str) -> Page:
        """A document by the hash of its text. Of equal documents, any.

        Raises:
            PageUnreadable: no document has this text now.
        """
        return self._stored("page_hash", page_hash)

    def _stored(self, field: str, value: str | int) -> Page:
        stored = self._index.stored(field, value)
        if stored is None:
            raise PageUnreadable(f"no document of the corpus has this text now ({value}): its index was changed")
        return Page.model_validate(json.loads(stored))


def _brought_up_to_date(
    corpus: Corpus, generations: Generations, old: Generation | None, progress: Progress | None
) -> Generation:
    before = old.entries if old else {}
    entries: dict[str, Entry] = {}
    next_number = 1 + max((entry.number for entry in before.values() if entry.number is not None), default=0)

    def documents() -> Iterator[Document]:
        nonlocal next_number
        for done, item in enumerate(corpus.items()):
            if progress is not None and done % 20 == 0:
                progress(done, corpus.count)
            known = before.get(item.url)
            if known and item.size >= 0 and (known.size, known.mtime_ns) == (item.size, item.mtime_ns):
                entries[item.url] = known
                continue
            try:
                raw = item.load()
            except OSError as exc:
                entries[item.url] = Entry(item.size, 0, "", None, f"cannot be read ({exc.strerror or exc.__class__.__name__})")
                continue
            digest = raw.digest()
            if known and known.digest == digest:
                entries[item.url] = Entry(item.size, item.mtime_ns, digest, known.number, known.warning)
                continue
            try:
                page = _read(item, raw)
            except PageUnreadable as exc:
                entries[item.url] = Entry(item.size, item.mtime_ns, digest, None, str(exc).removeprefix(f"{item.url}: "))
                continue
            entries[item.url] = Entry(item.size, item.mtime_ns, digest, next_number, None)
            yield _document(next_number, page)
            next_number += 1

    with generations.next(old) as draft:
        draft.index.add(documents())
        kept = {entry.number for entry in entries.values()}
        draft.index.remove(entry.number for entry in before.values() if entry.number is not None and entry.number not in kept)
        draft.index.commit()
        unread = [f"{url}: {entry.warning}" for url, entry in entries.items() if entry.warning]
        draft.publish(corpus.stamp(), entries, (*corpus.warnings, *unread))
    if progress is not None:
        progress(len(entries), len(entries))
    current = generations.current()
    if current is None:
        raise InvalidCorpus(
            f"corpus {str(corpus.path)!r}: its index cannot be read right after it was written; is the disk full?"
        )
    return current


def _read(item: Item, raw: Raw) -> Page:
    from research.documents.extract import extract  # its readers take a quarter of a second to import

    extracted = extract(raw.data, url=item.url, media_type=raw.media_type)
    own = extracted.title if raw.media_type is None or "html" in raw.media_type else ""
    name = unquote(item.url.rstrip("/").rsplit("/", 1)[-1])
    return Page(
        page_hash=page_hash(extracted.text),
        url=item.url,
        final_url=item.url,
        title=own or " ".join(raw.title.split()) or extracted.title or name,
        media_type=extracted.media_type,
        fetched_at=datetime.fromtimestamp(item.mtime_ns // 1_000_000_000, UTC),
        published=extracted.published or raw.published or None,
        text=extracted.text,
        extraction_version=EXTRACTION_VERSION,
        raw_hash=hashlib.sha256(raw.data).hexdigest(),
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
