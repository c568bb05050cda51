"""Half price: rows that go through Message Batches, and what becomes of them when anything goes wrong."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anthropic
import pandas as pd
import pytest
from flows_doubles import OnePageEach, came_to, planets, reader
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.context import FlowRunContext

from flows.enrichment import enrich
from flows.run.batch import batched
from flows.run.events import BatchEnded, BatchSent, Event
from flows.run.journal import Journal
from flows.run.options import EnrichOptions
from flows.run.outcome import Enrichment
from flows.run.prepare import prepare_enrichment
from flows.run.runtime import BatchPolling, Runtime, use_runtime
from research.errors import BudgetExhausted, InvalidInput
from research.models.anthropic.caller import Caller, CallTimes
from research.models.claude import ClaudeModel
from research.models.claude.quotes import find_quote
from research.money.budget import Budget
from research.money.charge_file import ChargeFile
from research.money.processors import load_processors
from research.pages.page_store import PageStore, StoringFetcher
from research.ports.page import Passage
from research.ports.world import World
from research.tables.run_folder.reader import open_run
from research.task.task import Task
from research.testing import (
    Batches,
    ModelServer,
    Request,
    Served,
    WebPage,
    WebServer,
    errored,
    expired,
    fail,
    refusal,
    structured,
    web_search,
)
from research.web.opening import open_web
from research.web.settings import WebSettings
from research.world import Settings, open_world

SCHEMA = {"moons": "integer", "colour": "its colour"}
OBJECTIVE = "How many moons has {name}, and what colour is it?"
ROW = "Planet"


WEB = WebSettings(allow_private_hosts=("127.0.0.1",), host_delay_seconds=0.0, retry_seconds=0.2)


def page_of(name: str) -> str:
    return (
        f"<html><body><h1>{name}</h1><p>{name} has {len(name)} moons,\n and   its colour is blue.</p>"
        "<p>Another sentence.</p></body></html>"
    )


@pytest.fixture
def web() -> Iterator[WebServer]:
    with WebServer({f"/{i:04}": page_of(f"{ROW} {i}") for i in range(20)}) as server:
        yield server


def row_of(request: Request) -> str:
    return next(f"{i:04}" for i in range(20) if f'"{i:04}"' in request.text)


Rule = Callable[[Request], Any]


def rule(web: WebServer, change: Callable[[str, dict[str, Any]], None] | None = None) -> Rule:
    """A model that finds each row's page, and quotes it."""

    def answer(request: Request) -> Any:
        row = row_of(request)
        name = f"{ROW} {int(row)}"
        url = f"{web.url}/{row}"
        words = f"{name} has {len(name)} moons, and its colour is blue."
        said: dict[str, Any] = {
            "quotes": [{"id": "p1", "url": url, "quote": words}],
            "answers": [found("moons", len(name)), found("colour", "blue")],
            "not_found": [],
            "summary": f"{name} is blue [p1].",
        }
        if change is not None:
            change(row, said)
        return web_search(name, WebPage(url, name, words)) + structured(said)

    return answer


def found(field: str, value: Any) -> dict[str, Any]:
    return {"field": field, "reasoning": "It says so.", "value": value, "passages": ["p1"], "against": [], "confidence": "high"}


def runtime(server: ModelServer, heard: list[Event] | None = None) -> Runtime:
    @asynccontextmanager
    async def opener(_settings: Settings, pages: Any) -> AsyncIterator[World]:
        table = load_processors()
        http = anthropic.DefaultAsyncHttpxClient(verify=False)  # there is no TLS on loopback
        async with anthropic.AsyncAnthropic(base_url=server.url, api_key="test", http_client=http) as client:
            caller = Caller(client, table.prices, times=CallTimes(budget=5, first_wait=0.01, longest_wait=0.05))
            model = ClaudeModel(caller, table, today=lambda: date(2026, 1, 1))
            with TemporaryDirectory() as cache:
                async with open_web(WEB, Path(cache)) as fetcher:
                    yield World(model, OnePageEach(), StoringFetcher(fetcher, PageStore(pages)), table)

    polling = BatchPolling(gather=0.1, first_look=0.01, longest_look=0.05)
    return Runtime(listener=[].append if heard is None else heard.append, opener=opener, retry_delays=(0.0, 0.0), polling=polling)


async def enriched(
    folder: Path, server: ModelServer, rows: int | list[dict[str, Any]], heard: list[Event] | None = None, **options: Any
) -> Enrichment:
    with use_runtime(runtime(server, heard)):
        return await came_to(enrich(**{**options_of(folder, rows), **options}))


def options_of(folder: Path, rows: int | list[dict[str, Any]]) -> dict[str, Any]:
    table = folder / "planets.csv"
    pd.DataFrame(planets(rows) if isinstance(rows, int) else rows).to_csv(table, index=False)
    question = {"table": str(table), "output_schema": SCHEMA, "objective": OBJECTIVE}
    return {**question, "processor": "base", "batch": True, "out": str(folder / "run"), "shard_size": 4}


def batches(heard: list[Event], kind: type = BatchSent) -> list[Any]:
    return [event for event in heard if isinstance(event, kind)]


@pytest.mark.usefixtures("prefect_server")
async def test_rows_are_answered_by_one_batch_at_half_price_each_with_words_of_the_page_itself(
    tmp_path: Path, web: WebServer
) -> None:
    """Results come in any order and are matched by their id; equal rows are asked once; the excerpt is the page's own text."""
    heard = list[Event]()
    with ModelServer(rule(web), batches=Batches(polls=3)) as server:
        done = await enriched(tmp_path, server, [*planets(6), planets(6)[2]], heard)
        request = next(each for each in server.requests if row_of(each) == "0000")
        assert len(server.requests) == 6
        assert all(each.custom_id for each in server.requests)
    assert [(b.number, b.rows) for b in batches(heard)] == [(1, 6)]
    assert [b.became for b in batches(heard, BatchEnded)] == [{"succeeded": 6}]
    tool = request.params["tools"][0]
    assert (tool["type"], tool["max_uses"]) == ("web_search_20250305", 3)
    results = open_run(done.run).results()
    assert (done.completed, done.failed) == (7, 0)
    assert list(results["moons"]) == [8] * 7
    basis = open_run(done.run).table("basis").to_pylist()
    assert {line["support"] for line in basis} == {"stated"}
    assert basis[0]["excerpt"].endswith("has 8 moons, and its colour is blue.")

    tokens = request.answered.message["usage"]  # type: ignore[union-attr, index]
    price = load_processors().price("claude-haiku-5-5")
    assert price.input is not None
    assert price.output is not None
    assert price.cache_write is not None
    assert price.cache_read is not None
    cost = tokens["input_tokens"] * price.input + tokens["output_tokens"] * price.output
    cost += tokens["cache_creation_input_tokens"] * price.cache_write + tokens["cache_read_input_tokens"] * price.cache_read
    assert results["cost_usd"][0] == pytest.approx(cost / 1e6 / 2 + 0.01), "tokens at half price, the search at its own"
    assert done.spent_usd == pytest.approx(sum(results["cost_usd"][:6]))


@pytest.mark.usefixtures("prefect_server")
async def test_what_cannot_be_located_is_null(tmp_path: Path, web: WebServer) -> None:
    """A paraphrase, a page that may not be read, and a quote of words that do not hold the value: none becomes an answer."""

    def change(row: str, said: dict[str, Any]) -> None:
        quote = said["quotes"][0]
        if row == "0000":
            quote["quote"] = "Planet 0 has 8 moons and is of blue colour"
        if row == "0001":
            quote["url"] = "https://10.0.0.1/"
        if row == "0002":
            quote["quote"] = "Another sentence."

    with ModelServer(rule(web, change)) as server:
        done = await enriched(tmp_path, server, 4)
    results = open_run(done.run).results()
    assert done.completed == 4
    assert [None if pd.isna(each) else each for each in results["moons"]] == [None, None, None, 8]
    basis = open_run(done.run).table("basis").to_pylist()
    reasons = {(line["row_index"], line["field"]): line["reasoning"] for line in basis}
    assert "the quote does not stand there" in reasons[0, "moons"]
    assert "10.0.0.1/: its address is private" in reasons[1, "colour"]
    assert {line["url"] is None for line in basis if line["row_index"] < 3} == {True}


@pytest.mark.usefixtures("prefect_server")
async def test_expired_and_broken_entries_are_asked_again_and_rejected_ones_fail_their_row(
    tmp_path: Path, web: WebServer
) -> None:
    tries = Counter[str]()

    def answer(request: Request) -> Any:
        row = row_of(request)
        tries[row] += 1
        if row == "0001" and tries[row] == 1:
            return expired()
        if row == "0002" and tries[row] == 1:
            return errored(529)
        if row == "0003":
            return errored(400, "this prompt is not liked")
        return expired() if row == "0004" else rule(web)(request)

    heard = list[Event]()
    with ModelServer(answer) as server:
        done = await enriched(tmp_path, server, 5, heard)
    assert tries == {"0000": 1, "0001": 2, "0002": 2, "0003": 1, "0004": 3}
    assert [b.rows for b in batches(heard)] == [5, 3, 1]
    results = open_run(done.run).results()
    assert list(results["status"]) == ["completed"] * 3 + ["failed"] * 2
    assert "this prompt is not liked" in results["error"][3]
    assert "3 batches brought no answer" in results["error"][4]
    assert results["cost_usd"][4] == 0.0


@pytest.mark.usefixtures("prefect_server")
@pytest.mark.parametrize("torn", [False, True], ids=["id written", "id not written"])
async def test_a_run_that_is_killed_while_it_waits_picks_its_batch_up_again(tmp_path: Path, web: WebServer, torn: bool) -> None:
    """Also if it was killed between making the batch and writing down its id: then the batch is found in the service's list."""
    heard = list[Event]()
    with ModelServer(rule(web), batches=Batches(polls=1_000)) as server:
        running = asyncio.create_task(enriched(tmp_path, server, 5, heard))
        while not batches(heard):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        journal = tmp_path / "run" / ".state" / "batches.jsonl"
        lines = journal.read_text().splitlines(keepends=True)
        assert [("making" in line, "made" in line) for line in map(json.loads, lines)] == [(True, False), (False, True)]
        if torn:
            journal.write_text(lines[0] + lines[1][: len(lines[1]) // 2])
        server._batches._polls = 1  # the service has got on with it meanwhile
        heard.clear()
        done = await enriched(tmp_path, server, 5, heard)
        assert len(server.requests) == 5, "nothing was asked twice"
    assert (done.completed, done.failed) == (5, 0)
    assert [b.number for b in batches(heard)] == [1]
    assert done.spent_usd == pytest.approx(done.cost_usd)
    payments = (tmp_path / "run" / ".state" / "spending.jsonl").read_text().splitlines()
    assert len(payments) == 5


@pytest.mark.usefixtures("prefect_server")
async def test_an_answer_is_paid_once_and_taken_again_when_its_pages_did_not_arrive_and_asked_again_when_it_is_gone(
    tmp_path: Path, web: WebServer
) -> None:
    """An outage of the pages fails the row and not its answer; a batch that the service has deleted is asked for again."""
    up = WebServer(
        {"/0000": [Served(status=503), page_of("Planet 0")], "/0001": [Served(status=503)] * 2 + [page_of("Planet 1")]}
    )
    with up, ModelServer(rule(up)) as server:
        done = await enriched(tmp_path, server, 2)
        assert (done.failed, done.spent_usd) == (2, pytest.approx(done.cost_usd))
        assert "503" in open_run(done.run).results()["error"][0]
        again = await enriched(tmp_path, server, 2)
        assert len(server.requests) == 2
        assert (again.completed, again.failed, again.spent_usd) == (1, 1, done.spent_usd)
        server._batches._batches.clear()
        last = await enriched(tmp_path, server, 2)
        assert len(server.requests) == 3
    assert last.completed == 2
    assert last.spent_usd is not None
    assert done.spent_usd is not None
    assert last.spent_usd > done.spent_usd


@pytest.mark.usefixtures("prefect_server")
async def test_an_answer_that_is_of_no_use_is_not_taken_again(tmp_path: Path, web: WebServer) -> None:
    with ModelServer(lambda _: refusal()) as server:
        done = await enriched(tmp_path, server, 1)
        assert done.failed == 1
        assert "declined" in open_run(done.run).results()["error"][0]
    with ModelServer(rule(web)) as server:
        assert (await enriched(tmp_path, server, 1)).completed == 1
        assert len(server.requests) == 1


@pytest.mark.usefixtures("prefect_server")
async def test_a_batch_whose_making_got_no_answer_is_found_and_not_made_again(tmp_path: Path, web: WebServer) -> None:
    lost: list[str] = []

    def gate(http: Any) -> Any:
        if http.method == "POST" and http.path.endswith("/batches") and not lost:
            lost.append(http.path)
            return fail("lost")
        return None

    with ModelServer(rule(web), gate=gate) as server:
        done = await enriched(tmp_path, server, 3)
        assert lost
        assert len(server.requests) == 3
    assert done.completed == 3


@pytest.mark.usefixtures("prefect_server")
async def test_a_cap_makes_smaller_batches_and_then_none(tmp_path: Path, web: WebServer) -> None:
    """Each batch holds what is left of the cap at worst; the last row alone may exceed it."""
    heard = list[Event]()
    with ModelServer(rule(web)) as server:
        done = await enriched(tmp_path, server, 12, heard, max_cost=0.09)
    assert all(event.rows < 12 for event in batches(heard))
    assert 0 < done.completed < 12
    assert done.stopped
    costs = open_run(done.run).results()["cost_usd"]
    assert done.spent_usd is not None
    assert done.spent_usd < 0.09 + max(costs)
    with ModelServer(rule(web)) as server:
        done = await enriched(tmp_path, server, 12, max_cost=9.0)
        assert len(server.requests) < 12
    assert (done.completed, done.stopped) == (12, None)


@pytest.mark.usefixtures("prefect_server")
async def test_every_batch_and_every_row_is_a_task_run_that_ends_as_it_should(tmp_path: Path, web: WebServer) -> None:
    flow_runs: list[Any] = []

    def heard(_event: Event) -> None:
        if (context := FlowRunContext.get()) is not None and context.flow_run is not None:
            flow_runs.append(context.flow_run.id)

    def answer(request: Request) -> Any:
        return errored(400, "no") if row_of(request) == "0001" else rule(web)(request)

    table = tmp_path / "planets.csv"
    pd.DataFrame(planets(3)).to_csv(table, index=False)
    with ModelServer(answer) as server:
        by = runtime(server)
        with use_runtime(Runtime(listener=heard, opener=by.opener, polling=by.polling)):
            asked = {"processor": "base", "batch": True, "out": str(tmp_path / "run")}
            await enrich(str(table), output_schema=SCHEMA, objective=OBJECTIVE, **asked)  # type: ignore[arg-type]
    async with get_client() as client:
        runs = await client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[flow_runs[0]])))
    states = Counter((run.name.split(" · ")[0].split(" ")[0], run.state_name) for run in runs)
    assert ("batch", "Completed") in states
    assert [run.name for run in runs if run.name.startswith("batch")] == ["batch 1 · 3 rows"]
    assert Counter(run.state_name for run in runs)["Failed"] == 1, "the row"
    assert {run.state_name for run in runs} == {"Completed", "Failed"}


def profile(folder: Path, name: str, text: str) -> None:
    file = folder / "agents" / f"{name}.toml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"processor": "ultra"}, "not for ultra"),
        ({"processor": "research"}, "not for research"),
        ({"verify_loops": 1}, "takes no second look"),
        ({"escalate": "low:core"}, "escalate with another command"),
        ({"agent_ids": ["reader"]}, "which reader may not by the `tools`"),
        ({"mcp_servers": ["crm=https://crm.example/mcp"]}, "in the middle of a conversation"),
    ],
)
async def test_what_cannot_be_had_in_batches_is_refused_by_name(
    tmp_path: Path, web: WebServer, options: dict[str, Any], words: str
) -> None:
    profile(tmp_path, "reader", 'tools = ["read"]')
    with ModelServer(rule(web)) as server:
        asked = EnrichOptions(**{**options_of(tmp_path, 1), **options}, agents_dir=str(tmp_path / "agents"))
        with pytest.raises(InvalidInput, match=words):
            async with prepare_enrichment(asked, runtime(server)):
                raise AssertionError("it was prepared")
        assert not server.requests
    assert not (tmp_path / "run").exists()


async def test_a_keyless_model_has_no_batches(tmp_path: Path, web: WebServer) -> None:
    @asynccontextmanager
    async def opener(_settings: Settings, pages: Any) -> AsyncIterator[World]:
        yield World(reader(), OnePageEach(), StoringFetcher(OnePageEach(), PageStore(pages)))

    with pytest.raises(InvalidInput, match="set ANTHROPIC_API_KEY"):
        async with prepare_enrichment(EnrichOptions(**options_of(tmp_path, 1)), Runtime(opener=opener)):
            raise AssertionError("it was prepared")


async def test_a_corpus_without_web_addresses_is_refused_because_nobody_would_search_it(tmp_path: Path, web: WebServer) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "mars.md").write_text("# Mars\n\nMars has 2 moons.\n")
    with ModelServer(rule(web)) as server:
        asked = {"api_key": "k", "base_url": server.url, "service_searches": True}
        settings = Settings(cache_dir=tmp_path / "cache", corpus=str(tmp_path / "pages"), **asked)
        async with open_world(settings, tmp_path / "store") as world:
            with pytest.raises(InvalidInput, match="this corpus would not be searched"):
                batched(world, Task.model_validate({"task": "x", "processor": "base"}))


@pytest.mark.usefixtures("prefect_server")
async def test_the_agent_of_each_row_has_its_own_instructions_and_sources(tmp_path: Path, web: WebServer) -> None:
    profile(tmp_path, "brief", 'instructions = "Be brief."\nsource_policy = { exclude_domains = ["bad.example"] }')
    profile(tmp_path, "thorough", 'instructions = "Be thorough."')
    rows = [{**row, "by": by} for row, by in zip(planets(3), ("brief", "thorough", ""), strict=True)]
    with ModelServer(rule(web)) as server:
        done = await enriched(tmp_path, server, rows, agent_column="by", agents_dir=str(tmp_path / "agents"))
        told = {row_of(request): request for request in server.requests}
    assert done.completed == 3
    assert ["Be brief." in request.system for _, request in sorted(told.items())] == [True, False, False]
    assert ["Be thorough." in request.system for _, request in sorted(told.items())] == [False, True, False]
    assert ["blocked_domains" in request.params["tools"][0] for _, request in sorted(told.items())] == [True, False, False]
    assert [list(agents) for agents in open_run(done.run).results()["agents"]] == [["brief"], ["thorough"], []]


@pytest.mark.usefixtures("prefect_server")
async def test_domains_of_the_source_policy_are_passed_through(tmp_path: Path, web: WebServer) -> None:
    with ModelServer(rule(web)) as server:
        await enriched(tmp_path, server, 1, source_policy={"exclude_domains": ["bad.example", ".gov"]})
        await enriched(tmp_path, server, 1, source_policy={"include_domains": ["good.example"]}, out=str(tmp_path / "b"))
        await enriched(tmp_path, server, 1, source_policy={"include_domains": [".gov"]}, out=str(tmp_path / "c"))
        tools = [request.params["tools"][0] for request in server.requests]
    assert tools[0]["blocked_domains"] == ["bad.example"]
    assert tools[1]["allowed_domains"] == ["good.example"]
    assert not {"allowed_domains", "blocked_domains"} & set(tools[2])


def test_a_quote_is_found_letter_for_letter_whatever_its_white_space() -> None:
    texts = ["# A ship", "She was built in 1977. She  sank.", "Length: 12 m\nBeam: 4 m"]
    passages = [
        Passage(id=f"p{n}", page_hash="0" * 64, start=0, end=len(text), text=text, kind="paragraph")
        for n, text in enumerate(texts, start=1)
    ]
    assert find_quote("built in\n1977. She sank.", passages) == ("p2",)
    assert find_quote("She sank. Length: 12 m", passages) == ("p2", "p3")
    assert find_quote("built In 1977", passages) == ()
    assert find_quote("built in 1977 She sank", passages) == ()
    assert find_quote("built … 1977", passages) == ()
    assert find_quote("  ", passages) == ()


async def test_a_resumed_charge_counts_even_when_the_cap_is_reached() -> None:
    """A batch of an earlier invocation is paid whatever is left, and other calls wait for it."""
    budget = Budget(1.0, spent_usd=0.9)
    with budget.resume_charge(0.5) as resumed:
        assert not budget.fits(0.05)
        resumed.settle(0.3)
    assert budget.spent_usd == pytest.approx(1.2)
    with pytest.raises(BudgetExhausted):
        async with budget.reserve(0.01):
            pass
    free = Budget(1.0)
    with free.resume_charge(0.6):
        assert free.fits(0.4)
        assert not free.fits(0.5)
    assert free.fits(0.5)
    assert free.spent_usd == 0


async def test_the_journal_survives_half_a_line(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    batch = await journal.making("claude", {"a": 0.1, "b": None})
    await journal.made(batch, "msgbatch_1")
    await journal.became(batch, {"a": "succeeded", "b": "expired"})
    with (tmp_path / "batches.jsonl").open("a") as file:
        file.write('{"making": 2, "at"')
    again = Journal(tmp_path)
    assert again.batches == {1: batch}
    assert again.holding("a") == batch
    assert again.holding("b") is None
    await again.discard(["a"])
    assert Journal(tmp_path).holding("a") is None
    assert ChargeFile(tmp_path).usd == 0
