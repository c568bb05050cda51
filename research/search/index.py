"""The index of a corpus: which documents, and which of their passages, speak of a query's words.

Two tantivy indexes side by side, because BM25 counts over one kind of text: `passages` (the pieces that can be cited) and
`documents` (titles and whole texts). A document's score is that of its best passage, lifted by its title and by the whole of it.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, Final

import tantivy
from tantivy import DocAddress, Index, IndexWriter, Occur, Query, SchemaBuilder, Searcher

from research.durable.surroundings import surroundings_fault
from research.evidence.ranking import KANA_AND_HAN, analyzer

RANKING_VERSION: Final = "6"
"""Changes with what a search finds. Part of a run's identity."""
FILES_VERSION: Final = "7"
"""Changes with anything that an index file holds. Only makes indexes build again."""

MAX_BEGINNING: Final = 300
"""Characters of a document's text that are shown where no passage of it is."""

MAX_QUERY: Final = 10_000
"""Characters of one query. The rest is not read."""
MAX_TERMS: Final = 80
"""Words of one query. Of a longer one the rarest are searched."""
PASSAGES: Final = 300
"""Passages and documents looked at for one answer."""

# Found on SQuAD 2.0, recipe and shop pages; see docs/design/page-text.md. Flat around these values.
TITLE_WEIGHT: Final = 1.0
WHOLE_WEIGHT: Final = 0.5
HEADING_WEIGHT: Final = 0.3
EXACT_WEIGHT: Final = 0.3
PHRASE_WEIGHT: Final = 1.0
PAIR_WEIGHT: Final = 0.2
NAME_WEIGHT: Final = 1.5
ASKING_WEIGHT: Final = 0.2

ASKING: Final = frozenset(
    (  # noqa: SIM905
        "what which who whom whose when where why how many much did do does is are was were be been name the a an of in "
        "on at to for from by with and or that this it its as"
    ).split()
)
"""Words that ask, or bind. Texts that state facts seldom ask, so by their rarity alone these would weigh a lot."""

_UNSPACED: Final = re.compile(f"([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff{KANA_AND_HAN}])")
_CODE: Final = re.compile(r"[^\W_]+(?:[-./_][^\W_]+)+")
_SMALL: Final = frozenset("v vs of the and for de la van von der".split())  # noqa: SIM905
"""Words within names that begin with no capital."""
_HEAP: Final = 64_000_000
_NO_ROOM: Final = 1_000_000
"""Bytes. A disk with less is taken for full where tantivy does not say why it could not write."""

INDEX: Final = "the index of the corpus"
SETTING: Final = "RESEARCH_CACHE_DIR"


@dataclass(frozen=True, slots=True)
class Document:
    """What is indexed of one document."""

    number: int
    url: str
    title: str
    published: str | None
    searched_title: str
    """What is searched as the title: it, and the words of the address."""
    text: str
    page_hash: str
    stored: str
    """Given back by `stored`, as it is."""
    passages: Sequence[tuple[int, int, str]]
    """(start, end, headings above) of each passage in `text`."""


@dataclass(frozen=True, slots=True)
class IndexHit:
    """A document that speaks of the query. Everything in it is stored beside its passages: no page is read for a hit."""

    url: str
    title: str
    published: str | None
    passage: str
    """The best passage; the beginning of the text, if only the document as a whole speaks of the query."""
    score: float


def spaced(text: str) -> str:
    """A text whose words stand apart: in scripts without spaces between words each character is taken for one."""
    return text if text.isascii() else _UNSPACED.sub(r" \1 ", text)


def words(text: str, *, stemmed: bool) -> list[str]:
    """The words of a text as the index knows them, in order."""
    return list(analyzer(stemmed=stemmed).analyze(spaced(text)))


class CorpusIndex:
    """The two indexes in one folder."""

    def __init__(self, folder: Path, *, create: bool = False) -> None:
        self._folder = folder
        with self._writing() if create else nullcontext():
            self._passages = _open(folder / "passages", _passage_schema(), create)
            self._documents = _open(folder / "documents", _document_schema(), create)
        self._writers: tuple[IndexWriter, IndexWriter] | None = None
        self._passage_schema, self._document_schema = self._passages.schema, self._documents.schema

    def add(self, documents: Iterable[Document]) -> None:
        """Add documents. Seen by searches after `commit`."""
        passages_writer, documents_writer = self._open_writers()
        for document in documents:
            for start, end, heading in document.passages:
                passage = document.text[start:end]
                body = spaced(passage)
                written = _document(
                    self._passage_schema,
                    document=document.number,
                    hit=_hit(document, passage),
                    body=body,
                    exact=body,
                    heading=spaced(heading),
                )
                with self._writing():
                    passages_writer.add_document(written)
            written = _document(
                self._document_schema,
                number=document.number,
                url=document.url,
                page_hash=document.page_hash,
                stored=document.stored.encode("utf-8"),
                hit=_hit(document, document.text[:MAX_BEGINNING]),
                title=spaced(document.searched_title),
                whole=spaced(document.text),
            )
            with self._writing():
                documents_writer.add_document(written)

    def remove(self, numbers: Iterable[int]) -> None:
        """Take documents out by their numbers. Seen by searches after `commit`."""
        passages_writer, documents_writer = self._open_writers()
        for number in numbers:
            passages_writer.delete_documents_by_query(Query.term_query(self._passage_schema, "document", number))
            documents_writer.delete_documents_by_query(Query.term_query(self._document_schema, "number", number))

    def commit(self) -> None:
        """Write what was added and removed, and let searches see it."""
        with self._writing():
            for writer in self._writers or ():
                writer.commit()
                writer.wait_merging_threads()
        self._writers = None
        self._passages.reload()
        self._documents.reload()

    def count(self) -> int:
        """Documents in the index."""
        return int(self._documents.searcher().num_docs)

    def _open_writers(self) -> tuple[IndexWriter, IndexWriter]:
        if self._writers is None:
            with self._writing():
                self._writers = (self._passages.writer(_HEAP, 1), self._documents.writer(_HEAP, 1))
        return self._writers

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """In this block tantivy writes. Whatever its threads meet there, it raises as a `ValueError` (0.27)."""
        try:
            yield
        except ValueError as error:
            number = errno.ENOSPC if shutil.disk_usage(self._folder).free < _NO_ROOM else errno.EIO
            raise surroundings_fault(OSError(number, os.strerror(number)), self._folder, INDEX, SETTING) from error

    def stored(self, field: str, value: str | int) -> str | None:
        """What was stored with the document whose `number`, `url` or `page_hash` is this."""
        searcher = self._documents.searcher()
        hits = searcher.search(Query.term_query(self._document_schema, field, value), limit=1, count=False).hits
        return bytes(searcher.doc(hits[0][1])["stored"][0]).decode("utf-8") if hits else None

    def search(self, query: str) -> Iterator[IndexHit]:
        """The documents that speak of a query, best first. A query is words; nothing in it is syntax."""
        query = query[:MAX_QUERY]
        stemmed, exact = _distinct(words(query, stemmed=True)), _distinct(words(query, stemmed=False))
        if not stemmed:
            return
        passages, documents = self._passages.searcher(), self._documents.searcher()
        stemmed = _rarest(documents, stemmed, "whole")
        phrases = [parts for code in _CODE.findall(query) if len(parts := words(code, stemmed=False)) > 1][:MAX_TERMS]
        of_passages = [
            *_terms(self._passage_schema, "body", stemmed),
            *_terms(self._passage_schema, "heading", stemmed, HEADING_WEIGHT),
            *_terms(self._passage_schema, "exact", exact[:MAX_TERMS], EXACT_WEIGHT),
            *(
                Query.boost_query(Query.phrase_query(self._passage_schema, "exact", list(parts)), PHRASE_WEIGHT)
                for parts in phrases
            ),
        ]
        of_passages += [
            Query.boost_query(Query.phrase_query(self._passage_schema, "body", list(parts)), NAME_WEIGHT)
            for name in _names(query)
            if len(parts := words(name, stemmed=True)) > 1
        ]
        sequence = words(query, stemmed=True)
        pairs = list(dict.fromkeys(pairwise(sequence)))[:MAX_TERMS]
        of_passages += [
            Query.boost_query(Query.phrase_query(self._passage_schema, "body", list(pair)), PAIR_WEIGHT)
            for pair in pairs
            if pair[0] != pair[1]
        ]
        best: dict[int, DocAddress] = {}
        whole: dict[int, DocAddress] = {}
        totals: dict[int, float] = {}
        for score, number, address in _hits(passages, of_passages, "document"):
            if number not in best:
                best[number], totals[number] = address, score
        for field, weight in (("title", TITLE_WEIGHT), ("whole", WHOLE_WEIGHT)):
            for score, number, address in _hits(documents, _terms(self._document_schema, field, stemmed), "number"):
                whole[number] = address
                totals[number] = totals.get(number, 0.0) + weight * score
        ranked = sorted(totals.items(), key=lambda item: (-item[1], item[0]))
        for number, score in ranked:
            stored = passages.doc(best[number]) if number in best else documents.doc(whole[number])
            url, title, published, passage = json.loads(bytes(stored["hit"][0]))
            yield IndexHit(url, title, published, passage, score)


def _passage_schema() -> Any:
    builder = SchemaBuilder()
    for name, tokenizer in (("body", "stemmed"), ("exact", "exact"), ("heading", "stemmed")):
        builder.add_text_field(name, tokenizer_name=tokenizer)
    builder.add_unsigned_field("document", indexed=True, fast=True)
    return builder.add_bytes_field("hit", stored=True).build()


def _document_schema() -> Any:
    builder = SchemaBuilder()
    for name, tokenizer in (("url", "raw"), ("page_hash", "raw"), ("title", "stemmed"), ("whole", "stemmed")):
        builder.add_text_field(name, tokenizer_name=tokenizer)
    builder.add_unsigned_field("number", indexed=True, fast=True)
    builder.add_bytes_field("hit", stored=True)
    return builder.add_bytes_field("stored", stored=True).build()


def _open(folder: Path, schema: Any, create: bool) -> Index:
    if create:
        folder.mkdir(parents=True)
    index = Index(schema, path=str(folder)) if create else Index.open(str(folder))
    index.register_tokenizer("stemmed", analyzer(stemmed=True))
    index.register_tokenizer("exact", analyzer(stemmed=False))
    return index


def _hit(document: Document, passage: str) -> bytes:
    return json.dumps([document.url, document.title, document.published, passage]).encode()


def _document(schema: Any, **values: Any) -> tantivy.Document:
    return tantivy.Document.from_dict(values, schema)


def _names(query: str) -> list[str]:
    """Words side by side that begin with capitals, or are figures beside such, with small words between: `Varda Tiles`, `Apollo
    11`, `Tanaka v. Harbour Shipping`. A passage that has them so names that thing, as one line of a register does; the words by
    themselves stand in many."""
    found = []
    for part in re.split(r"[^\w\s.,'’&-]+", query):
        runs = groupby(re.findall(r"[\w'’&-]+", part), lambda word: _is_big(word) or word in _SMALL)
        for run in (list(run) for is_name, run in runs if is_name):
            big = [at for at, word in enumerate(run) if _is_big(word)]
            if begins := [at for at in big if run[at].casefold() not in ASKING]:
                found.append(" ".join(run[begins[0] : big[-1] + 1]))
    return _distinct(name for name in found if any(map(str.isupper, name)))[:MAX_TERMS]


def _is_big(word: str) -> bool:
    return word[0].isupper() or word[0].isdigit()


def _distinct(terms: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(terms))


def _rarest(searcher: Searcher, terms: list[str], field: str) -> list[str]:
    if len(terms) <= MAX_TERMS:
        return terms
    return sorted(terms, key=lambda term: int(searcher.doc_freq(field, term)) or 1 << 40)[:MAX_TERMS]


def _terms(schema: Any, field: str, terms: Sequence[str], weight: float = 1.0) -> list[Query]:
    return [
        Query.boost_query(Query.term_query(schema, field, term), weight * (ASKING_WEIGHT if term in ASKING else 1.0))
        for term in terms
    ]


def _hits(searcher: Searcher, queries: Sequence[Query], field: str) -> list[tuple[float, int, DocAddress]]:
    """(score, the number in `field`, address) of what any of the queries finds, best first."""
    hits = searcher.search(Query.boolean_query([(Occur.Should, query) for query in queries]), limit=PASSAGES, count=False).hits
    numbers = searcher.fast_field_values(field, [address for _, address in hits])
    return [(float(score), int(number or 0), address) for (score, address), number in zip(hits, numbers, strict=True)]
