"""A corpus of documents is searched and read, and its index keeps up with it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research.documents.readers import PageRead, Readers
from research.errors import FetchRefused, InvalidCorpus, PageUnreadable
from research.ports.page import page_hash
from research.search import local
from research.search.local import LocalCorpus
from research.task.task import SourcePolicy

Open = Callable[..., LocalCorpus]
PADDING = "It was followed by several ground stations during the whole of its journey through the planetary system. " * 3


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "probes"
    (root / "deep space").mkdir(parents=True)
    (root / "deep space" / "voyager-1.html").write_text(
        f"<html><head><title>Voyager 1</title></head><body><h1>Voyager 1</h1><p>{PADDING}</p>"
        "<table><tr><th>Launch date</th><td>5 September 1977</td></tr><tr><th>Serial</th><td>AB-1234.56</td></tr></table>"
    )
    (root / "luna-9.md").write_text(
        f"---\ndate: 1966-02-03\n---\n# Luna 9\n\n{PADDING}\n\nIt landed softly in the Ocean of Storms.\n"
    )
    (root / "etoile.txt").write_text(f"Étoile filante\n\n{PADDING}\n\nLe lancement eut lieu à Kourou.")
    (root / "hayabusa.txt").write_text(f"はやぶさ\n\n小惑星探査機はやぶさは二〇〇三年に打ち上げられた。\n\n{PADDING}")
    (root / ".hidden.txt").write_text("hidden treasure")
    (root / "photo.png").write_bytes(b"\x89PNG")
    return root


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    return lambda source, **options: LocalCorpus.open(source, tmp_path / "index", **options)


async def first(corpus: LocalCorpus, query: str) -> str:
    hits = (await corpus.search(query, limit=3)).hits
    return hits[0].url if hits else ""


@pytest.mark.parametrize(
    ("query", "url"),
    [
        ("Voyager 1 launch date", "corpus://probes/deep%20space/voyager-1.html"),
        ("AB-1234.56", "corpus://probes/deep%20space/voyager-1.html"),
        ("who LANDED softly?", "corpus://probes/luna-9.md"),
        ("etoile lancement", "corpus://probes/etoile.txt"),
        ("探査機", "corpus://probes/hayabusa.txt"),
    ],
)
async def test_the_document_that_speaks_of_the_query_comes_first(folder: Path, opened: Open, query: str, url: str) -> None:
    assert await first(opened(folder), query) == url


async def test_a_hit_by_its_address_alone_carries_the_beginning_of_the_page(folder: Path, opened: Open) -> None:
    hit = (await opened(folder).search("deep", limit=1)).hits[0]
    page = await opened(folder).fetch(hit.url)
    assert (hit.title, hit.snippet) == ("Voyager 1", page.text[:300])


async def test_a_hit_carries_the_best_passage_as_its_snippet(folder: Path, opened: Open) -> None:
    (hit,) = (await opened(folder).search("ocean of storms", limit=1)).hits
    assert (hit.title, hit.snippet, hit.published) == ("Luna 9", "It landed softly in the Ocean of Storms.", "1966-02-03")


@pytest.mark.parametrize("between", [" ", " of ", " v. "])
async def test_the_line_of_a_register_that_names_the_thing_is_found_among_pages_that_share_its_words(
    opened: Open, tmp_path: Path, between: str
) -> None:
    """A long table holds each word of the name in many lines; the pages of others hold one of them in their titles."""
    folder = tmp_path / "firms"
    folder.mkdir()
    kinds = ["Tiles", "Press", "Boats", "Works", "Optics", "Foods", "Mills", "Pumps", "Maps", "Toys"]
    firsts = ["Varda", "Lumen", "Quill", "Arbor", "Tarn", "Elbex", "Norvik", "Selby"]
    names = [f"{firsts[place % 8]}{between}{kinds[place * 3 // 8 % 10]}" for place in range(80)]
    assert len({*names}) == 80
    lines = [f"{name},Hull,{1900 + place},{place * 7}" for place, name in enumerate(names)]
    (folder / "register.csv").write_text("Company name,Registered office,Year founded,Number of employees\n" + "\n".join(lines))
    for name in names[::2]:
        about = f"# {name}\n\nWelcome to {name}. The employees of the company are proud of what they make, and of who founded it."
        (folder / f"{name.replace(' ', '-').lower()}.md").write_text(about)
    corpus = opened(folder)
    for name in names[1::2]:
        hits = (await corpus.search(f"{name} founded employees", limit=10)).hits
        assert [name in hit.snippet for hit in hits if hit.url.endswith("register.csv")] == [True], name


async def test_hidden_files_are_no_documents_and_others_are_named_once(folder: Path, opened: Open) -> None:
    corpus = opened(folder)
    assert (await corpus.search("hidden treasure", limit=5)).hits == ()
    assert corpus.document_count == 4
    assert any("1 × .png" in warning for warning in corpus.warnings)


@pytest.mark.parametrize(
    "query", ["", "   ", "?!", '"', "(", "a AND", "title:", "+-*/\\~^[]{}", "NOT x OR", "/re.*gex/", "a" * 50_000, "x " * 5_000]
)
async def test_nothing_in_a_query_is_syntax(folder: Path, opened: Open, query: str) -> None:
    assert isinstance((await opened(folder).search(query, limit=3)).hits, tuple)


def test_any_text_can_be_searched(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "a.txt").write_text("alpha beta")
    corpus = LocalCorpus.open(tmp_path / "c", tmp_path / "index")

    @settings(max_examples=100, deadline=None)
    @given(st.text(max_size=60))
    def search(query: str) -> None:
        assert all(hit.score > 0 for hit in corpus_search(corpus, query))

    search()


def corpus_search(corpus: LocalCorpus, query: str) -> tuple[local.Hit, ...]:
    coroutine = corpus.search(query, limit=5)
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value.hits  # type: ignore[no-any-return]
    raise AssertionError("a local search waits for nothing")


async def test_a_page_is_fetched_by_its_url_and_recalled_by_its_text(folder: Path, opened: Open) -> None:
    corpus = opened(folder)
    page = await corpus.fetch("corpus://probes/luna-9.md")
    assert page.page_hash == page_hash(page.text)
    assert page.fetched_at.timestamp() == int((folder / "luna-9.md").stat().st_mtime)
    assert corpus.recall(page.page_hash) == page
    with pytest.raises(PageUnreadable):
        corpus.recall("0" * 64)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/",
        "corpus://probes/../secret.txt",
        "corpus://probes/%2e%2e/secret.txt",
        "file:///etc/passwd",
        "",
        "corpus://other/luna-9.md",
    ],
)
async def test_nothing_but_documents_of_the_corpus_is_read(folder: Path, opened: Open, url: str) -> None:
    (folder.parent / "secret.txt").write_text("secret")
    with pytest.raises(FetchRefused):
        await opened(folder).fetch(url)


async def test_links_out_of_the_folder_are_refused(folder: Path, opened: Open, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text("the secret xylophone")
    (folder / "link.txt").symlink_to(outside / "secret.txt")
    (folder / "linked").symlink_to(outside)
    corpus = opened(folder)
    assert (await corpus.search("xylophone", limit=3)).hits == ()
    assert sum("link out of the corpus" in warning for warning in corpus.warnings) == 2


async def test_the_source_policy_holds_for_hits(opened: Open, tmp_path: Path) -> None:
    rows = [
        {"url": f"https://{host}/x", "title": "Comet", "text": "A comet was met.", "published": day}
        for host, day in (("a.example.org", "2020-01-01"), ("b.example.com", "2024-01-01"))
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "pages.parquet")
    corpus = opened(tmp_path / "pages.parquet")
    assert len((await corpus.search("comet", limit=5)).hits) == 2
    (hit,) = (await corpus.search("comet", limit=5, policy=SourcePolicy(exclude_domains=("example.org",)))).hits
    assert hit.url == "https://b.example.com/x"
    (hit,) = (await corpus.search("comet", limit=5, policy=SourcePolicy(after_date="2022-01-01"))).hits
    assert hit.published == "2024-01-01"


async def test_rows_of_a_file_are_documents_whatever_their_columns_are_called(opened: Open, tmp_path: Path) -> None:
    (tmp_path / "docs.jsonl").write_text(
        json.dumps({"ID": "a/1", "Title": "Ariel", "BODY": "Moon of Uranus."})
        + "\n\nnot json\n"
        + json.dumps({"ID": "a/2", "html": "<p>Moon of Neptune</p>", "BODY": "ignored"})
        + "\n"
        + json.dumps({"ID": "a/1", "BODY": "again"})
        + "\n"
        + json.dumps({"ID": "a/3", "BODY": " "})
    )
    corpus = opened(tmp_path / "docs.jsonl")
    assert await first(corpus, "uranus") == "corpus://docs/a/1"
    assert (await corpus.fetch("corpus://docs/a/1")).title == "Ariel"
    assert (await corpus.fetch("corpus://docs/a/2")).text == "Moon of Neptune"
    assert [warning.partition(":")[0] for warning in corpus.warnings] == ["row 2", "row 4", "row 5"]


@pytest.mark.parametrize(
    "make",
    ["missing", "empty folder", "unreadable only", "no document column", "other file", "broken parquet"],
)
def test_a_corpus_without_documents_is_refused_with_its_name(opened: Open, tmp_path: Path, make: str) -> None:
    source = tmp_path / "corpus"
    match make:
        case "empty folder":
            source.mkdir()
        case "unreadable only":
            source.mkdir()
            (source / "x.pdf").write_bytes(b"%PDF-1.4 cut")
        case "no document column":
            source = tmp_path / "c.parquet"
            pq.write_table(pa.table({"a": [1]}), source)
        case "other file":
            source = tmp_path / "c.xyz"
            source.write_text("x")
        case "broken parquet":
            source = tmp_path / "c.parquet"
            source.write_bytes(b"PAR1 cut")
    with pytest.raises(InvalidCorpus) as caught:
        opened(source)
    assert str(source) in str(caught.value)


async def test_an_unreadable_document_is_a_warning_and_says_why_when_fetched(folder: Path, opened: Open) -> None:
    (folder / "cut.pdf").write_bytes(b"%PDF-1.4 cut")
    corpus = opened(folder)
    assert any("cut.pdf" in warning for warning in corpus.warnings)
    with pytest.raises(PageUnreadable, match="PDF"):
        await corpus.fetch("corpus://probes/cut.pdf")
    assert opened(folder).warnings == corpus.warnings


class NotingReaders(Readers):
    """Notes the URLs of the documents that are read."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []

    def read_here(self, data: bytes, *, url: str, media_type: str | None = None) -> PageRead:
        self.urls.append(url)
        return super().read_here(data, url=url, media_type=media_type)


async def test_only_what_changed_is_read_again(folder: Path, opened: Open) -> None:
    readers = NotingReaders()
    before = opened(folder, readers=readers)
    assert len(readers.urls) == 4
    assert opened(folder, readers=readers).identity == before.identity
    assert len(readers.urls) == 4, "unchanged: nothing is read"

    os.utime(folder / "luna-9.md", (1, 1))
    assert opened(folder, readers=readers).identity == before.identity
    assert len(readers.urls) == 4, "touched: hashed, and not read"

    (folder / "luna-9.md").write_text("# Luna 9\n\nIt carried a camera with a turret.")
    (folder / "new.txt").write_text("Zond 5 carried tortoises around the Moon.")
    (folder / "etoile.txt").unlink()
    after = opened(folder, readers=readers)
    assert sorted(readers.urls[4:]) == ["corpus://probes/luna-9.md", "corpus://probes/new.txt"]
    assert after.identity != before.identity
    assert await first(after, "tortoises") == "corpus://probes/new.txt"
    assert "turret" in (await after.fetch("corpus://probes/luna-9.md")).text
    assert (await after.search("kourou", limit=3)).hits == ()
    with pytest.raises(FetchRefused):
        await after.fetch("corpus://probes/etoile.txt")
    assert await first(before, "kourou") == "corpus://probes/etoile.txt", "who has the old index open goes on reading it"


async def test_an_update_and_a_new_build_answer_alike(folder: Path, opened: Open, tmp_path: Path) -> None:
    opened(folder)
    (folder / "new.txt").write_text("Zond 5 carried tortoises around the Moon.")
    (folder / "etoile.txt").unlink()
    updated, built = opened(folder), LocalCorpus.open(folder, tmp_path / "other index")
    assert updated.identity == built.identity
    for query in ("moon", "voyager launch", "tortoises"):
        assert [hit.url for hit in (await updated.search(query, limit=5)).hits] == [
            hit.url for hit in (await built.search(query, limit=5)).hits
        ]


@pytest.mark.parametrize("damage", ["pointer", "entries", "index"])
async def test_a_damaged_index_is_built_again(folder: Path, opened: Open, tmp_path: Path, damage: str) -> None:
    opened(folder)
    (home,) = (tmp_path / "index").iterdir()
    (generation,) = home.glob("g-*")
    match damage:
        case "pointer":
            (home / "current").write_text("g-gone")
        case "entries":
            (generation / "entries.parquet").write_bytes(b"PAR1")
        case "index":
            (generation / "passages" / "meta.json").write_text("{")
    assert await first(opened(folder), "ocean of storms") == "corpus://probes/luna-9.md"


KILLED = """
import os, sys
from pathlib import Path
from research.search import generations, local
generations.Draft.publish = lambda *_: os._exit(9)
local.LocalCorpus.open(sys.argv[1], Path(sys.argv[2]))
"""


async def test_a_build_that_is_killed_leaves_the_last_index_as_it_was(folder: Path, opened: Open, tmp_path: Path) -> None:
    opened(folder)
    (folder / "new.txt").write_text("Zond 5 carried tortoises around the Moon.")
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED, str(folder), str(tmp_path / "index"))
    assert await killed.wait() == 9
    (home,) = (tmp_path / "index").iterdir()
    assert list(home.glob(".draft-*"))
    assert await first(opened(folder), "tortoises") == "corpus://probes/new.txt"
    assert not list(home.glob(".draft-*"))
    assert len(list(home.glob("g-*"))) == 1


def test_an_index_that_is_opened_twice_at_once_is_built_once(folder: Path, opened: Open) -> None:
    readers = NotingReaders()
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(opened(folder, readers=readers).identity)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1
    assert len(readers.urls) == 4


def test_progress_is_told_while_an_index_is_built(folder: Path, opened: Open) -> None:
    told: list[tuple[int, int | None]] = []
    opened(folder, progress=lambda done, of: told.append((done, of)))
    assert told[0] == (0, 4)
    assert told[-1] == (4, 4)


async def test_a_document_s_own_html_is_had_on_request_unless_it_was_changed_since(tmp_path: Path, opened: Open) -> None:
    (tmp_path / "c").mkdir()
    html = "<html><body><h1>Ariel</h1><p>Moon of Uranus.</p></body></html>"
    (tmp_path / "c" / "ariel.html").write_text(html)
    (tmp_path / "c" / "triton.md").write_text("# Triton")
    corpus = opened(tmp_path / "c")
    page = await corpus.fetch("corpus://c/ariel.html", keep_html=True)
    assert page.html == html
    assert page.raw_hash == hashlib.sha256(html.encode()).hexdigest()
    assert (await corpus.fetch("corpus://c/ariel.html")).html is None
    assert (await corpus.fetch("corpus://c/triton.md", keep_html=True)).html is None
    (tmp_path / "c" / "ariel.html").write_text(html.replace("Uranus", "Saturn"))
    assert (await corpus.fetch("corpus://c/ariel.html", keep_html=True)).html is None
    (tmp_path / "c" / "ariel.html").unlink()
    assert (await corpus.fetch("corpus://c/ariel.html", keep_html=True)).html is None
