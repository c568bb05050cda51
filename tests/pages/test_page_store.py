"""The page store: a page is there from the moment it was read, once, whole, or not at all."""

from __future__ import annotations

import asyncio
import gzip
import os
import threading
from pathlib import Path

import pytest

from research.durable.work import working_for
from research.errors import FetchFailed, PageUnreadable
from research.models.scripted import ScriptedModel
from research.pages.page_store import PageStore, StoringFetcher
from research.ports.page import Page
from research.task.source_policy import SourcePolicy
from research.testing import Pages, make_page
from research.world import Settings, open_world

URL = "https://example.org/"


def page(text: str, url: str = URL) -> Page:
    return make_page(url, text)


class Gated(Pages):
    """A page that arrives when the gate is opened."""

    def __init__(self) -> None:
        super().__init__({URL: f"text of {URL}"})
        self.gate = asyncio.Event()

    async def fetch(self, url: str, *, policy: SourcePolicy | None = None, keep_html: bool = False) -> Page:
        page = await super().fetch(url, policy=policy)
        await self.gate.wait()
        return page


def test_a_page_comes_back_as_it_was_stored(tmp_path: Path) -> None:
    stored = page("Ünïcode 🚀 text\n\nmore")
    PageStore(tmp_path).put(stored)
    assert PageStore(tmp_path).get(stored.page_hash) == stored


def file_of(folder: Path) -> Path:
    (file,) = folder.rglob("*.jsonl")
    return file


@pytest.mark.parametrize("damage", [b"", b"\x1f\x8b\x08\x00", b"no page"])
def test_a_damaged_file_reads_as_absent(tmp_path: Path, damage: bytes) -> None:
    store, stored = PageStore(tmp_path), page("x")
    store.put(stored)
    file_of(tmp_path).write_bytes(damage)
    for reader in (store, PageStore(tmp_path)):
        assert reader.get(stored.page_hash) is None


def test_a_cut_file_reads_as_absent(tmp_path: Path) -> None:
    store, stored = PageStore(tmp_path), page("x" * 1000)
    store.put(stored)
    path = file_of(tmp_path)
    whole = path.read_bytes()
    for length in range(0, len(whole) - 1, 7):
        path.write_bytes(whole[:length])
        for reader in (store, PageStore(tmp_path)):
            assert reader.get(stored.page_hash) is None


def test_a_changed_byte_reads_as_absent(tmp_path: Path) -> None:
    store, stored = PageStore(tmp_path), page("The mass is 825.5 kg. " * 20)
    store.put(stored)
    path = file_of(tmp_path)
    whole = path.read_bytes()
    for place in range(0, len(whole) - 1, 5):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        assert store.get(stored.page_hash) is None


def test_each_shard_holds_the_pages_that_its_rows_have_read_until_it_is_committed(tmp_path: Path) -> None:
    """So that one can be swept, whatever the others have read; and pages that an unfinished row may rest on stay."""
    store, both, own = PageStore(tmp_path), page("read by both"), page("read by one")
    for shard, pages in ((0, [both, own]), (1, [both])):
        with working_for(shard, 0):
            for read in pages:
                store.put(read)
                assert store.has(read)
    store.sweep(0, keep={own.page_hash}.__contains__)
    for reader in (store, PageStore(tmp_path)):
        assert reader.get(own.page_hash) == own
        assert reader.get(both.page_hash) == both
    store.sweep(1)
    assert [reader.get(both.page_hash) for reader in (store, PageStore(tmp_path))] == [None, None]
    store.sweep(0)
    assert list(tmp_path.iterdir()) == []


async def test_a_page_that_is_in_memory_is_stored_for_every_shard_that_reads_it(tmp_path: Path) -> None:
    store = PageStore(tmp_path)
    inner = Pages({URL: "text"})
    fetcher = StoringFetcher(inner, store)
    for shard in (0, 1):
        with working_for(shard, 7):
            read = await fetcher.fetch(URL)
    fetcher.sweep(0)
    assert inner.fetched == [URL]
    assert fetcher.recall(read.page_hash) == read


def test_a_page_without_its_html_is_stored_again_with_it(tmp_path: Path) -> None:
    plain = page("text")
    with_html = plain.model_copy(update={"html": "<p>text"})
    store = PageStore(tmp_path)
    for put in (plain, with_html, plain):
        store.put(put)
    assert store.get(plain.page_hash) == with_html
    assert len(file_of(tmp_path).read_text().splitlines()) == 2


def test_pages_of_earlier_versions_are_found_a_file_each(tmp_path: Path) -> None:
    stored = page("text")
    single = tmp_path / stored.page_hash[:2] / f"{stored.page_hash}.json.gz"
    single.parent.mkdir()
    single.write_bytes(gzip.compress(stored.model_dump_json().encode()))
    assert PageStore(tmp_path).get(stored.page_hash) == stored
    single.write_bytes(single.read_bytes()[:-9])
    assert PageStore(tmp_path).get(stored.page_hash) is None


async def test_equal_urls_in_flight_are_fetched_once(tmp_path: Path) -> None:
    inner = Gated()
    fetcher = StoringFetcher(inner, PageStore(tmp_path))
    waiting = [asyncio.create_task(fetcher.fetch(URL)) for _ in range(5)]
    await asyncio.sleep(0)
    inner.gate.set()
    assert len({(await one).page_hash for one in waiting}) == 1
    await fetcher.fetch(URL)
    assert inner.fetched == [URL]


async def test_one_caller_that_gives_up_does_not_take_the_page_from_the_others(tmp_path: Path) -> None:
    inner = Gated()
    fetcher = StoringFetcher(inner, PageStore(tmp_path))
    first = asyncio.create_task(fetcher.fetch(URL))
    second = asyncio.create_task(fetcher.fetch(URL))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    inner.gate.set()
    assert (await second).text == "text of https://example.org/"


async def test_a_failure_is_not_remembered(tmp_path: Path) -> None:
    pages = Pages({URL: FetchFailed("no answer")})
    fetcher = StoringFetcher(pages, PageStore(tmp_path))
    with pytest.raises(FetchFailed):
        await fetcher.fetch(URL)
    pages.pages[URL] = "here it is"
    assert (await fetcher.fetch(URL)).url == URL


async def test_a_page_read_by_one_process_is_recalled_by_the_next(tmp_path: Path) -> None:
    read = await StoringFetcher(Pages({URL: "text"}), PageStore(tmp_path)).fetch(URL)
    assert StoringFetcher(Pages({URL: "text"}), PageStore(tmp_path)).recall(read.page_hash) == read
    with pytest.raises(PageUnreadable, match="missing or damaged"):
        StoringFetcher(Pages({URL: "text"}), PageStore(tmp_path)).recall("0" * 64)


def stored(folder: Path) -> int:
    return sum(len(file.read_text().splitlines()) for file in folder.rglob("*.jsonl"))


async def test_a_fetch_that_its_caller_gave_up_ends_with_the_world(tmp_path: Path) -> None:
    """Ctrl-C cancels the rows and closes the world: what they were waiting for neither goes on nor stores a page later."""
    pipe = tmp_path / "slow.txt"
    os.mkfifo(pipe)
    others = asyncio.all_tasks()
    settings = Settings(cache_dir=tmp_path / "cache", names_pages=True)
    async with open_world(settings, tmp_path / "pages", model=ScriptedModel({})) as world:
        assert world.attached is not None
        row = asyncio.create_task(world.attached.fetch(f"files:///{pipe}"))
        file = await asyncio.to_thread(pipe.open, "wb")  # opens when the other end is read
        row.cancel()
        await asyncio.wait([row])
    still_running = asyncio.all_tasks() - others
    file.write(b"the end")
    file.close()
    await asyncio.gather(*still_running, return_exceptions=True)
    assert (len(still_running), stored(tmp_path / "pages")) == (0, 0)


async def test_a_page_that_is_being_written_is_stored_before_the_store_is_closed(tmp_path: Path) -> None:
    class Slow(PageStore):
        def put(self, page: Page) -> None:
            started.set()
            may_end.wait(5)
            super().put(page)

    started, may_end = threading.Event(), threading.Event()
    fetcher = StoringFetcher(Pages({URL: "text"}), Slow(tmp_path))
    row = asyncio.create_task(fetcher.fetch(URL))
    await asyncio.to_thread(started.wait, 5)
    closing = asyncio.create_task(fetcher.close())
    await asyncio.sleep(0)
    may_end.set()
    await closing
    assert stored(tmp_path) == 1
    assert row.cancelled() or isinstance((await asyncio.gather(row, return_exceptions=True))[0], asyncio.CancelledError)
