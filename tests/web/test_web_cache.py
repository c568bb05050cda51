"""One HTTP cache for all rows, runs and processes."""

from __future__ import annotations

import asyncio
import gzip
import logging
import sqlite3
import sys
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx
import pytest
from hishel import Headers, Request, Response
from hypothesis import given
from hypothesis import strategies as st
from web_opened import IMPATIENT, PAGE, asked, opened

from research.errors import PageUnreadable, ResearchError
from research.pages.page_store import PageStore, StoringFetcher
from research.ports.page import Page
from research.testing import Served, WebServer, redirect
from research.testing.loopback import HttpRequest
from research.web.freshness import ARRIVED, complete_headers
from research.web.http_cache import FILE, HttpCache

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def ago(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) - timedelta(seconds=seconds), usegmt=True)


async def fetch_twice(
    folder: Path, answer: Served, *, path: str = "/a", **settings: object
) -> tuple[list[HttpRequest], Page, Page]:
    """One page by two fetchers on one folder, one after the other, as two runs would."""
    pages = []
    with WebServer({path: answer}) as web:
        for _ in range(2):
            async with opened(folder, **settings) as fetcher:
                pages.append(await fetcher.fetch(web.url + path))
        return web.requests, pages[0], pages[1]


def conditional(requests: list[HttpRequest]) -> list[bool]:
    return ["if-none-match" in each.headers or "if-modified-since" in each.headers for each in requests]


@pytest.mark.parametrize(
    ("headers", "second"),
    [
        ({}, "none"),
        ({"cache-control": "max-age=600"}, "none"),
        ({"cache-control": "public"}, "none"),
        ({"cache-control": "private"}, "none"),
        ({"cache-control": "s-maxage=0"}, "none"),  # for caches that many share
        ({"expires": ago(-86_400)}, "none"),  # of when the tests are collected: far beyond how long they take
        ({"vary": "Accept-Encoding, User-Agent"}, "none"),
        ({"set-cookie": "session=1"}, "none"),
        ({"cache-control": "max-age=0", "etag": '"1"'}, "conditional"),
        ({"cache-control": "no-cache", "etag": '"1"'}, "conditional"),
        ({"cache-control": "no-cache", "last-modified": ago(999)}, "conditional"),
        ({"pragma": "no-cache", "etag": '"1"'}, "conditional"),
        ({"expires": "0", "etag": '"1"'}, "conditional"),
        ({"cache-control": "max-age=600", "age": "700", "etag": '"1"'}, "conditional"),
        ({"cache-control": "max-age=600", "date": ago(700), "etag": '"1"'}, "conditional"),
        ({"vary": "*", "etag": '"1"'}, "conditional"),
        ({"cache-control": "max-age=0"}, "plain"),
        ({"cache-control": "no-store", "etag": '"1"'}, "plain"),
    ],
)
async def test_the_second_run_asks_as_rfc_9111_says(tmp_path: Path, headers: dict[str, str], second: str) -> None:
    requests, first, again = await fetch_twice(tmp_path, Served(PAGE, headers=headers))
    assert {1: "none", 2: "conditional" if conditional(requests)[-1] else "plain"}[len(requests)] == second
    assert first.page_hash == again.page_hash
    assert (first.fetched_at == again.fetched_at) is (second == "none")


async def test_a_page_that_did_not_change_keeps_the_moment_when_its_bytes_came(tmp_path: Path) -> None:
    requests, first, again = await fetch_twice(tmp_path, Served(PAGE, etag=True, headers={"cache-control": "no-cache"}))
    assert conditional(requests) == [False, True]
    assert first == again


async def test_a_page_that_changed_is_new(tmp_path: Path) -> None:
    with WebServer(
        {"/a": [Served(PAGE, etag=True, headers={"cache-control": "no-cache"}), Served("<h1>New</h1><p>text", etag=True)]}
    ) as web:
        titles = []
        for _ in range(3):
            async with opened(tmp_path) as fetcher:
                titles.append((await fetcher.fetch(f"{web.url}/a")).title)
    assert titles == ["The probe", "New", "New"]
    assert conditional(web.requests) == [False, True]


async def test_how_long_silence_keeps_fresh_is_a_setting(tmp_path: Path) -> None:
    requests, _, _ = await fetch_twice(tmp_path, Served(PAGE, etag=True), freshness_seconds=0)
    assert conditional(requests) == [False, True]


async def test_a_refresh_asks_again_for_a_page_that_is_fresh_and_a_server_need_not_send_it(tmp_path: Path) -> None:
    fresh = Served(PAGE, etag=True, headers={"cache-control": "max-age=600"})
    with WebServer({"/a": fresh}) as web:
        async with opened(tmp_path) as fetcher:
            first = await fetcher.fetch(f"{web.url}/a")
        async with opened(tmp_path, revalidate=True) as fetcher:
            again = await fetcher.fetch(f"{web.url}/a")
    assert conditional(web.requests) == [False, True]
    assert first == again


async def test_each_hop_is_cached_by_itself(tmp_path: Path) -> None:
    with WebServer({"/forever": redirect("/a", 301), "/today": redirect("/a", 302), "/a": PAGE}) as web:
        for _ in range(2):
            async with opened(tmp_path) as fetcher:
                for path in ("/forever", "/today"):
                    assert (await fetcher.fetch(web.url + path)).final_url == f"{web.url}/a"
        assert asked(web) == ["/forever", "/a", "/today", "/today"]


async def test_errors_are_asked_for_again_by_the_next_run_and_pages_that_are_not_there_after_an_hour(tmp_path: Path) -> None:
    with WebServer({"/a": Served(status=403, headers={"cache-control": "max-age=9999"})}) as web:
        for _ in range(2):
            async with opened(tmp_path) as fetcher:
                for path in ("/a", "/missing"):
                    with pytest.raises(PageUnreadable):
                        await fetcher.fetch(web.url + path)
        assert asked(web) == ["/a", "/missing", "/a"]


@pytest.mark.parametrize(
    "broken",
    [
        Served(PAGE, ending="cut"),
        Served(PAGE, ending="cut", drip=0.001, piece=100),
        Served("<p>word</p>" * 100, endless=True),
        Served(PAGE, drip=0.2, piece=1),
        Served(b"\x89PNG" + bytes(5000), media_type="text/html"),
        Served(bytes(100_000), headers={"content-encoding": "gzip"}),
        Served(gzip.compress(PAGE.encode())[:-9], headers={"content-encoding": "gzip"}),
        Served(gzip.compress(bytes(2_500_000)), headers={"content-encoding": "gzip"}),
    ],
)
async def test_a_body_that_was_not_read_whole_leaves_no_entry(tmp_path: Path, broken: Served) -> None:
    with WebServer({"/a": [broken, PAGE]}) as web:
        async with opened(tmp_path, limits=IMPATIENT) as fetcher:
            with pytest.raises(ResearchError):
                await fetcher.fetch(f"{web.url}/a")
        with closing(sqlite3.connect(tmp_path / "http" / FILE)) as file:
            assert file.execute("SELECT count(*) FROM entries").fetchone() == (0,)
        async with opened(tmp_path) as fetcher:
            assert (await fetcher.fetch(f"{web.url}/a")).title == "The probe"
        assert conditional(web.requests) == [False, False]


SCRIPT = """
import asyncio, sys
from pathlib import Path
sys.path[:0] = [{root!r}, {tests!r}]
from web_opened import opened

async def main():
    async with opened(Path({folder!r}), per_host=20, at_once=20) as fetcher:
        pages = await asyncio.gather(*(fetcher.fetch({url!r} + "/" + str(n)) for n in range(15) for _ in range(3)))
    print(len(pages), len({{page.page_hash for page in pages}}))

asyncio.run(main())
"""


async def test_processes_share_one_cache_at_the_same_time(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    pages = {f"/{number}": PAGE.replace("two years", f"{number} years") for number in range(15)}
    with WebServer(pages) as web:
        script = SCRIPT.format(root=str(root), tests=str(root / "tests" / "web"), folder=str(tmp_path), url=web.url)
        pipes = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}
        processes = [await asyncio.create_subprocess_exec(sys.executable, "-c", script, **pipes) for _ in range(2)]
        for out, err in await asyncio.gather(*(process.communicate() for process in processes)):
            assert (out.strip(), err) == (b"45 15", b"")
        assert len(web.requests) <= 30
        before = len(web.requests)
        async with opened(tmp_path) as fetcher:
            for path in pages:
                await fetcher.fetch(web.url + path)
        assert len(web.requests) == before


def not_a_database(file: Path) -> None:
    file.write_bytes(b"this is no database " * 500)


def another_layout(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database:
        database.execute("CREATE TABLE entries (id BLOB)")
        database.commit()


def a_folder(file: Path) -> None:
    file.mkdir()


@pytest.mark.parametrize("damage", [not_a_database, another_layout, a_folder])
async def test_a_cache_that_cannot_be_used_costs_one_warning_and_no_page(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: object
) -> None:
    (tmp_path / "http").mkdir()
    damage(tmp_path / "http" / FILE)  # type: ignore[operator]
    with WebServer({f"/{number}": PAGE for number in range(10)}) as web, caplog.at_level(logging.WARNING):
        async with opened(tmp_path) as fetcher:
            pages = await asyncio.gather(*(fetcher.fetch(f"{web.url}/{number}") for number in range(10)))
    assert {page.title for page in pages} == {"The probe"}
    assert [record.name for record in caplog.records] == ["research.web.cache"]
    assert "cannot be used" in caplog.text
    assert "pages are fetched without it" in caplog.text


async def test_a_cache_that_breaks_while_it_is_used_costs_one_warning_and_no_page(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with WebServer({f"/{number}": PAGE for number in range(10)}) as web, caplog.at_level(logging.WARNING):
        async with opened(tmp_path) as fetcher:
            await fetcher.fetch(f"{web.url}/0")
            with closing(sqlite3.connect(tmp_path / "http" / FILE)) as file:
                file.executescript("DROP TABLE bodies; DROP TABLE entries;")
            for number in range(10):
                assert (await fetcher.fetch(f"{web.url}/{number}")).title == "The probe"
    assert [record.name for record in caplog.records] == ["research.web.cache"]


async def test_a_cache_that_another_process_holds_locked_costs_no_page(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with WebServer({f"/{number}": PAGE for number in range(3)}) as web, caplog.at_level(logging.WARNING):
        async with opened(tmp_path) as fetcher:
            with closing(sqlite3.connect(tmp_path / "http" / FILE, isolation_level=None)) as file:
                file.execute("BEGIN IMMEDIATE")
                for number in range(3):
                    assert (await fetcher.fetch(f"{web.url}/{number}")).title == "The probe"
                file.execute("ROLLBACK")
    assert len(caplog.records) == 1


async def stored(cache: HttpCache, name: str, size: int) -> bytes | None:
    """The body under a name, of which `size` bytes are stored if it is not there yet."""

    async def answer() -> AsyncIterator[bytes]:
        yield bytes(size)

    if entries := await cache.get_entries(name):
        assert entries[0].response.headers.get_list("set-cookie") == ["a=1", "b=2"]
        stream = entries[0].response.stream
    else:
        response = Response(200, Headers({"set-cookie": ["a=1", "b=2"]}), answer())
        stream = (await cache.create_entry(Request("GET", name), response, name)).response.stream
    assert isinstance(stream, AsyncIterable)
    body = b"".join([piece async for piece in stream])
    return body if entries else None


async def test_a_full_cache_drops_what_was_stored_first_and_never_keeps_a_body_that_is_too_long(tmp_path: Path) -> None:
    cache = HttpCache(tmp_path, max_bytes=1_000_000, max_body_bytes=200_000)
    await cache.open()
    for number in range(30):
        assert await stored(cache, f"page {number}", 100_000) is None
    assert await stored(cache, "page 29", 0) == bytes(100_000)
    assert await stored(cache, "page 0", 1) is None
    assert await stored(cache, "long", 200_001) is None
    assert await cache.get_entries("long") == []
    await cache.close()
    assert await cache.get_entries("page 29") == []
    with closing(sqlite3.connect(tmp_path / FILE)) as file:
        pages, free, size = (
            file.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
        assert (pages - free) * size <= 1_000_000 + 2 * size
        assert file.execute("SELECT count(*) FROM bodies WHERE id NOT IN (SELECT id FROM entries)").fetchone() == (0,)


HEADERS = st.dictionaries(
    st.sampled_from(
        ["cache-control", "expires", "date", "age", "pragma", "vary", "etag", "last-modified", "set-cookie", ARRIVED]
    ),
    st.sampled_from(
        ["max-age=5", "no-store", "no-cache", "public", "*", "0", "-1", "9" * 30, "Fri, 31 Dec 9999 23:59:59 GMT", ago(9)]
    )
    | st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=30),
)


@given(st.sampled_from([200, 203, 204, 206, 301, 302, 304, 307, 308, 403, 404, 410, 429, 500]), HEADERS)
def test_any_headers_can_be_completed_and_the_moment_of_arrival_is_ours(status: int, headers: dict[str, str]) -> None:
    response = httpx.Response(status, headers=headers)
    complete_headers(response, 600, NOW.timestamp())
    if status == 304:
        assert ARRIVED not in response.headers
    else:
        assert datetime.fromisoformat(response.headers[ARRIVED]) == NOW
    if "no-store" in headers.get("cache-control", "") or status in (403, 429, 500):
        assert "no-store" in response.headers["cache-control"]
    if "date" in response.headers and "no-store" not in response.headers.get("cache-control", ""):
        assert response.headers["date"].endswith("GMT")


async def test_many_rows_fetch_each_page_once_and_the_same_day_again_none_or_only_conditionally(tmp_path: Path) -> None:
    """Acceptance: rows that share pages, and a second run."""
    kinds = [{}, {"cache-control": "no-cache"}, {"cache-control": "max-age=0"}, {"cache-control": "max-age=600"}]
    pages = {
        f"/{number}": Served(PAGE.replace("two", str(number)), etag=True, headers=kinds[number % len(kinds)])
        for number in range(20)
    }
    with WebServer({"/robots.txt": Served("User-agent: *\nAllow: /", media_type="text/plain"), **pages}) as web:
        counts = []
        for run in range(2):
            before = len(web.requests)
            async with opened(tmp_path, obey_robots=True) as inner:
                fetcher = StoringFetcher(inner, PageStore(tmp_path / f"run{run}"))
                rows = [[f"/{(row * 7 + n) % 20}" for n in range(6)] for row in range(100)]

                async def read(paths: list[str], fetcher: StoringFetcher = fetcher) -> None:
                    for path in paths:
                        assert (await fetcher.fetch(web.url + path)).title == "The probe"

                await asyncio.gather(*(read(paths) for paths in rows))
            sent = web.requests[before:]
            counts.append((len(sent), sum(conditional(sent))))
    assert counts == [(21, 0), (10, 10)]
