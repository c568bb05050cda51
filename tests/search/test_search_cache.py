"""Equal queries are asked once: at the same time, later, in another run and in another process."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from pydantic import SecretStr
from search_samples import PAGES, Scripted, hit, opened, settings

from research.errors import SearchFailed
from research.money.usage import Tokens, Usage
from research.money.usage_ledger import UsageLedger
from research.ports.page import Hit
from research.ports.search import SearchResult
from research.search.opening import open_search
from research.search.query_cache import FILE, CachedSearch, QueryStore, query_key
from research.task.source_policy import SourcePolicy
from research.testing import SearchServer

ANSWER = SearchResult(
    hits=(Hit(url="https://a.test/", title="A", snippet="…", score=1, published="2024-01-01"),),
    warnings=("told",),
)
TOOK = Usage(search_queries=1, tokens=Tokens(input=7))


def cached(inner: Scripted, store: QueryStore | None = None, freshness: float = 60, **more) -> CachedSearch:
    return CachedSearch(inner, store, freshness, **more)


async def test_equal_queries_in_flight_are_asked_once_and_paid_once():
    inner = Scripted("one", ANSWER, 0.05, TOOK, 0.5)
    search = cached(inner)
    ledgers = [UsageLedger() for _ in range(4)]
    queries = zip(("a b", " a  b ", "a\nb"), ledgers, strict=False)
    found = await asyncio.gather(*(search.search(query, limit=5, ledger=ledger) for query, ledger in queries))
    assert len(inner.asked) == 1
    assert await search.search("a b", limit=5, ledger=ledgers[3]) == ANSWER
    assert [(each.usage, each.cost_usd) for each in ledgers] == [(TOOK, 0.5), *[(Usage(), 0.0)] * 3]
    assert {each.hits for each in found} == {ANSWER.hits}


@pytest.mark.parametrize("freshness", [0, 10])
async def test_an_answer_in_memory_is_used_for_as_long_as_it_is_fresh(freshness: float):
    inner = Scripted("one", ANSWER)
    time = [0.0]
    search = cached(inner, freshness=freshness, clock=lambda: time[0])
    await search.search("q", limit=5, ledger=UsageLedger())
    time[0] = 9.9
    await search.search("q", limit=5, ledger=UsageLedger())
    assert len(inner.asked) == (1 if freshness else 2)
    time[0] = 10.0
    await search.search("q", limit=5, ledger=UsageLedger())
    assert len(inner.asked) == (2 if freshness else 3)


async def test_another_limit_policy_or_provider_is_another_query():
    inner = Scripted("one", ANSWER)
    search = cached(inner)
    policy = SourcePolicy(include_domains=("a.test", "b.test"))
    for asked in ({}, {"policy": SourcePolicy()}, {"policy": policy}, {"policy": SourcePolicy(after_date="2020-01-01")}):
        await search.search("q", limit=5, **asked, ledger=UsageLedger())
    await search.search("q", limit=6, ledger=UsageLedger())
    await search.search("Q", limit=5, ledger=UsageLedger())
    await search.search("q", limit=5, policy=SourcePolicy(include_domains=("b.test", "a.test")), ledger=UsageLedger())
    assert len(inner.asked) == 5, "no policy and an empty one are the same, and so are domains in another order"
    assert query_key("one", "q", 5, None) != query_key("two", "q", 5, None)


async def test_a_second_run_asks_nobody(tmp_path: Path):
    first, second = Scripted("one", ANSWER, 0.0, TOOK, 0.5), Scripted("one", ANSWER, 0.0, TOOK, 0.5)
    await cached(first, QueryStore(tmp_path)).search("q", limit=5, ledger=UsageLedger())
    ledger = UsageLedger()
    assert await cached(second, QueryStore(tmp_path)).search("q", limit=5, ledger=ledger) == ANSWER
    assert second.asked == []
    assert (ledger.usage, ledger.cost_usd) == (Usage(), 0.0)


async def test_an_answer_on_disk_grows_old(tmp_path: Path):
    time = [1_000_000.0]
    store = QueryStore(tmp_path, clock=lambda: time[0])
    await cached(Scripted("one", ANSWER), store).search("q", limit=5, ledger=UsageLedger())
    for now, asked in ((1_000_059.0, 0), (1_000_060.0, 1), (999_000.0, 1)):
        time[0] = now
        inner = Scripted("one", SearchFailed("not this time"))
        with contextlib.suppress(SearchFailed):
            await cached(inner, store).search("q", limit=5, ledger=UsageLedger())
        assert len(inner.asked) == asked


async def test_a_failure_is_not_kept(tmp_path: Path):
    inner = Scripted("one", SearchFailed("rain"), 0.02)
    search = cached(inner, QueryStore(tmp_path))

    async def row() -> SearchFailed:
        with pytest.raises(SearchFailed, match="rain") as caught:
            await search.search("q", limit=5, ledger=UsageLedger())
        return caught.value

    ended = await asyncio.gather(row(), row(), row())
    assert len(inner.asked) == 1
    assert len({id(error) for error in ended}) == 3, "each row has an error of its own"
    inner.answer = ANSWER
    assert (await search.search("q", limit=5, ledger=UsageLedger())).hits == ANSWER.hits
    assert len(inner.asked) == 2


async def test_nothing_found_while_something_was_amiss_is_not_kept(tmp_path: Path):
    inner = Scripted("one", SearchResult(warnings=("engines were silent",)))
    search = cached(inner, QueryStore(tmp_path))
    await search.search("q", limit=5, ledger=UsageLedger())
    await search.search("q", limit=5, ledger=UsageLedger())
    assert len(inner.asked) == 2


async def test_one_caller_that_gives_up_does_not_take_the_answer_from_the_others():
    inner = Scripted("one", ANSWER, 0.1)
    search = cached(inner)
    first = asyncio.create_task(search.search("q", limit=5, ledger=UsageLedger()))
    second = asyncio.create_task(search.search("q", limit=5, ledger=UsageLedger()))
    await asyncio.sleep(0.02)
    first.cancel()
    assert (await second).hits == ANSWER.hits
    assert len(inner.asked) == 1


@pytest.mark.parametrize("damage", ["garbage", "another table", "a folder"])
async def test_a_database_that_cannot_be_used_is_one_warning_and_no_failure(damage: str, tmp_path: Path):
    if damage == "garbage":
        (tmp_path / FILE).write_bytes(b"this is no database" * 1000)
    elif damage == "a folder":
        (tmp_path / FILE).mkdir()
    else:
        with sqlite3.connect(tmp_path / FILE) as other:
            other.execute("CREATE TABLE answers (something TEXT)")
    inner = Scripted("one", SearchResult(hits=ANSWER.hits))
    search = cached(inner, QueryStore(tmp_path))
    found = [await search.search(query, limit=5, ledger=UsageLedger()) for query in ("a", "b", "c")]
    assert len(inner.asked) == 3
    assert [len(each.warnings) for each in found] == [1, 0, 0]
    assert FILE in found[0].warnings[0]


async def test_a_stored_answer_that_cannot_be_read_is_asked_for_again(tmp_path: Path):
    await cached(Scripted("one", ANSWER), QueryStore(tmp_path)).search("q", limit=5, ledger=UsageLedger())
    with sqlite3.connect(tmp_path / FILE) as database:
        database.execute("UPDATE answers SET found = '{\"hits\": 7}'")
    inner = Scripted("one", ANSWER)
    assert (await cached(inner, QueryStore(tmp_path)).search("q", limit=5, ledger=UsageLedger())).hits == ANSWER.hits
    assert len(inner.asked) == 1


_WRITER = """
import sys
import threading
from pathlib import Path
from research.ports.page import Hit
from research.ports.search import SearchResult
from research.search.query_cache import QueryStore
store, name = QueryStore(Path(sys.argv[1])), sys.argv[2]
for number in range(100):
    store.put(f"{name}-{number}", SearchResult(hits=(Hit(url=f"https://{name}.test/{number}", title="", snippet="", score=1),)))
    store.put("shared", SearchResult())
    assert store.get("shared", 60) is not None
"""


def test_processes_share_a_folder_and_lose_nothing(tmp_path: Path):
    writers = [subprocess.Popen([sys.executable, "-c", _WRITER, str(tmp_path), name]) for name in ("a", "b", "c")]
    assert [writer.wait(120) for writer in writers] == [0, 0, 0]
    store = QueryStore(tmp_path)
    for name in ("a", "b", "c"):
        for number in range(100):
            found = store.get(f"{name}-{number}", 600)
            assert found is not None
            assert found.hits[0].url == f"https://{name}.test/{number}"


def test_a_new_file_that_another_connection_writes_to_is_waited_for(tmp_path: Path):
    """The rows of a run make the file at the same moment: the second waits, and its answer is kept too."""
    other = sqlite3.connect(tmp_path / FILE, check_same_thread=False, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    ending = threading.Timer(0.3, other.execute, ["COMMIT"])
    ending.start()
    store = QueryStore(tmp_path)
    store.put("k", ANSWER)
    ending.join()
    other.close()
    assert store.get("k", 60) == ANSWER


async def test_no_key_is_on_disk(tmp_path: Path):
    secret = "sk-0123456789" * 2
    with SearchServer(PAGES, key=secret) as server:
        asked = settings(server, brave_key=SecretStr(secret), freshness=60)
        async with open_search(["brave"], asked, tmp_path) as search:
            await search.search("voyager", limit=5, ledger=UsageLedger())
    files = [path for path in tmp_path.rglob("*") if path.is_file()]  # noqa: ASYNC240
    assert files
    assert not [path for path in files if secret.encode() in path.read_bytes()]


async def test_a_second_run_over_all_providers_sends_nothing(tmp_path: Path):
    with SearchServer(PAGES) as server:
        for _ in range(2):
            async with opened(server, tmp_path, freshness=60) as search:
                ledger = UsageLedger()
                found = await search.search("voyager", limit=5, ledger=ledger)
        assert len(server.queries) == 4
    assert (ledger.usage.search_queries, ledger.cost_usd, len(found.hits)) == (0, 0.0, 3)


async def test_closing_ends_what_is_under_way():
    inner = Scripted("one", ["https://a.test/"], 60)
    search = cached(inner)
    row = asyncio.create_task(search.search("q", limit=5, ledger=UsageLedger()))
    await asyncio.sleep(0.01)
    await search.close()
    with pytest.raises(asyncio.CancelledError):
        await row


def test_hit_is_what_it_was(tmp_path: Path):
    store = QueryStore(tmp_path)
    found = SearchResult(hits=(hit("https://a.test/ü?x=1", "“…” 𝕏", "2024-01-01T00:00:00+00:00", "T"),))
    store.put("k", found)
    assert store.get("k", 60) == found
