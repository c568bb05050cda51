"""Searches a corpus of documents on this machine, and reads them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Final
from urllib.parse import urldefrag

from research.documents.charset import decode
from research.documents.readers import Readers
from research.documents.sniffing import HTML
from research.documents.version import EXTRACTION_VERSION
from research.errors import FetchRefused, InvalidCorpus, PageUnreadable, SearchFailed
from research.money.usage import Usage
from research.money.usage_ledger import UsageLedger
from research.ports.page import Hit, Page
from research.ports.search import SearchResult
from research.search.corpus import Corpus, open_corpus
from research.search.generations import Generation, Generations
from research.search.index import FILES_VERSION, RANKING_VERSION, CorpusIndex
from research.search.indexing import Progress, brought_up_to_date, stamps
from research.search.remote_corpus import copy_of
from research.storage.location import is_url
from research.task.source_policy import SourcePolicy

_INDEX: Final = f"{FILES_VERSION}/{EXTRACTION_VERSION}"


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
        cls,
        source: str | Path,
        index_dir: Path,
        *,
        name: str | None = None,
        progress: Progress | None = None,
        readers: Readers | None = None,
    ) -> LocalCorpus:
        """Open a corpus: a folder of documents, or a Parquet or JSONL file of them. May take minutes the first time.

        Args:
            source: the folder or file, or its URL: then a copy in `index_dir` is brought up to date and read.
            index_dir: where indexes of corpora are kept. Several corpora and processes may share it.
            name: stands in the documents' URLs, `corpus://name/path`; by default the folder's or file's own.
            progress: called now and then while the index is built.
            readers: read the documents; None: with the default limits.

        Raises:
            InvalidCorpus: the corpus is not there, or nothing in it can be read.
            FetchFailed: no process to read documents in can be started.
        """
        url = source if isinstance(source, str) and is_url(source) else None
        corpus = open_corpus(source if url is None else copy_of(url, Path(index_dir)), name)
        generations = Generations(Path(index_dir), corpus.path, corpus.name, _INDEX)
        with generations.locked():
            generation = generations.current()
            readers = readers or Readers()
            if generation is None or generation.stamp not in stamps(corpus, readers):
                generation = brought_up_to_date(corpus, generations, generation, progress, readers)
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
