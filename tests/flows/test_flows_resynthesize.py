"""Resynthesis: new columns, or another model, over what a run has stored. Nothing is searched for, nothing is fetched."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from flows_doubles import OBJECTIVE, SCHEMA, OnePageEach, expected, finished_steps, planets, reader, runtime, tables_of
from flows_resynthesis_killed import IN_FLIGHT, WIDER, again
from prefect.settings import get_current_settings

import flows
from flows.enrichment import enrich
from flows.resynthesis import resynthesize
from flows.run.events import Event, RowFinished
from flows.run.runtime import Runtime, use_runtime
from research.errors import FetchRefused, InvalidInput, InvalidRun, PageUnreadable
from research.models.scripted import ScriptedModel
from research.money.usage_ledger import UsageLedger
from research.pages.row_pages import RowPages, Stored
from research.ports.model import ResearchTools
from research.ports.work import Draft, FieldAnswer, SubQuery
from research.ports.world import World
from research.tables.audit.verify import verify
from research.tables.run_folder.reader import open_run
from research.tables.run_folder.run_document import read_document, write_document
from research.task.task import Task
from research.world import Settings

pytestmark = pytest.mark.usefixtures("prefect_server")

DATA = Path(__file__).parents[2] / "data"


def offline(model: ScriptedModel, web: OnePageEach, heard: list[Event] | None = None) -> Runtime:
    """A runtime whose world would count a row that asks anybody but its own stored pages."""

    @asynccontextmanager
    async def opener(_settings: Settings, _pages: RowPages) -> AsyncIterator[World]:
        yield World(model=model, search=web, fetcher=web)

    @asynccontextmanager
    async def never(_settings: Settings, _pages: Path) -> AsyncIterator[World]:
        raise AssertionError("a world with a search was opened")
        yield

    return Runtime(
        listener=[].append if heard is None else heard.append, opener=never, stored_opener=opener, retry_delays=(0.0, 0.0)
    )


async def enriched(folder: Path, count: int, *failing: str) -> Path:
    """The run folder of a table of planets, some of which fail."""

    def hook(planet: str, _: SubQuery) -> None:
        if planet in failing:
            raise PageUnreadable("nothing to read")

    table = folder / "planets.csv"
    pd.DataFrame(planets(count)).to_csv(table, index=False)
    with use_runtime(runtime(reader(hook))):
        done = await enrich(str(table), output_schema=SCHEMA, objective=OBJECTIVE, out=str(folder / "old"), shard_size=2)
    return done.run


ENRICHED: dict[int, Path] = {}
"""Finished runs by their number of rows: each is made once, far from where its copies stand."""


async def first_run(folder: Path, count: int = 4) -> Path:
    """A copy of a finished run whose table has been deleted: nothing can be read but what the run folder holds."""
    if count not in ENRICHED:
        made = await enriched(folder, count)
        (folder / "planets.csv").unlink()
        ENRICHED[count] = made.rename(folder / "made")
    return Path(shutil.copytree(ENRICHED[count], folder / "old"))


def headings(hook: Any = None, **options: Any) -> ScriptedModel:
    """Searches in vain words, reads what it finds, and answers from it."""

    async def script(task: Task, subquery: SubQuery, desk: ResearchTools) -> Draft:
        if hook is not None:
            hook(task)
        hits = await desk.search("no page holds these words")
        passages = [passage for hit in hits for passage in await desk.read(hit.url)]
        values = {**expected(task.input["name"]), "heading": task.input["name"]}
        return Draft(
            answers=tuple(
                FieldAnswer(field=field, value=values[field], passages=tuple(p.id for p in passages), confidence="high")
                for field in subquery.fields
            )
        )

    return ScriptedModel(script, **{"name": "second", "identity": "second/1", **options})


def used(run: Path) -> int:
    usage = open_run(run).usage()
    return int(usage[["search_queries", "pages_fetched"]].sum().sum())


async def test_a_column_is_added_to_a_finished_run_with_zero_searches_and_zero_fetches(tmp_path: Path) -> None:
    old = await first_run(tmp_path)
    web, model, heard = OnePageEach(), headings(), list[Event]()
    with use_runtime(offline(model, web, heard)):
        done = await resynthesize(str(old), output_schema=WIDER, out=str(tmp_path / "new"))
    assert (done.completed, done.failed, done.model) == (4, 0, "second")
    assert (web.queries, web.fetched) == ([], [])
    assert used(done.run) == 0
    assert open_run(done.run).usage()["tool_calls"].tolist() == [2] * 4, "a tool call is one, whatever it reads"
    before, after = open_run(old).results(), open_run(done.run).results()
    assert before[["id", "name", "moons", "colour"]].equals(after[["id", "name", "moons", "colour"]])
    assert list(after["heading"]) == [f"Planet {n}" for n in range(4)]
    cell = open_run(done.run).cell(2, "heading")
    assert next((found.excerpt, found.support) for found in cell.evidence) == ("# Planet 2", "stated")
    assert {found.url for found in cell.evidence} == {"test://Planet 2"}, "a row sees its own pages only"
    assert verify(done.run).ok
    assert len([event for event in heard if isinstance(event, RowFinished)]) == 4

    calls = model.calls.total()
    with use_runtime(offline(model, web)):
        again = await resynthesize(str(old), output_schema=WIDER, out=str(tmp_path / "new"))
    assert (again.completed, model.calls.total()) == (4, calls)


async def test_another_model_answers_every_field_over_the_same_evidence(tmp_path: Path) -> None:
    """Without a schema it is the run's own, with its fields in order; the folder may have moved, and its table be gone."""
    old = await first_run(tmp_path)
    shutil.rmtree(old / ".state")
    moved = old.rename(tmp_path / "moved-0123abcd")
    asked: list[list[str]] = []
    web, model = OnePageEach(), headings(lambda task: asked.append([field.name for field in task.output_schema.fields]))
    with use_runtime(offline(model, web)):
        done = await resynthesize(str(moved), all_fields=True, processor="ultra", out=str(tmp_path / "new"))
    results = open_run(done.run).results()
    assert (set(results["model"]), set(results["processor"])) == ({"second"}, {"ultra"})
    assert list(results["moons"]) == [8] * 4
    assert list(results["name"]) == [f"Planet {n}" for n in range(4)]
    assert not any("kept" in str(warnings) for warnings in results["warnings"])
    assert (web.queries, web.fetched, used(done.run)) == ([], [], 0)
    assert verify(done.run).ok
    assert asked == [list(SCHEMA)] * len(asked)
    assert asked


async def test_another_question_keeps_no_answer(tmp_path: Path) -> None:
    old = await first_run(tmp_path)
    asked: list[str] = []
    with use_runtime(offline(headings(lambda task: asked.append(task.input["name"])), OnePageEach())):
        done = await resynthesize(str(old), objective="Describe {name}", out=str(tmp_path / "new"))
    assert Counter(asked) == {f"Planet {n}": 2 for n in range(4)}, "both fields of every row"
    assert open_run(done.run).request["objective"] == {"template": "Describe {name}", "column": None}


async def test_a_row_that_failed_there_fails_here_and_says_what_helps(tmp_path: Path) -> None:
    old = await enriched(tmp_path, 4, "Planet 1")
    with use_runtime(offline(headings(), OnePageEach())):
        done = await resynthesize(str(old), output_schema=WIDER, out=str(tmp_path / "new"))
        assert (done.completed, done.failed) == (3, 1)
        assert "row 1 is not completed in old, so none of its pages is stored" in open_run(done.run).results()["error"][1]
    await enriched(tmp_path, 4)
    with use_runtime(offline(headings(), OnePageEach())):
        done = await resynthesize(str(old), output_schema=WIDER, out=str(tmp_path / "new"))
    assert (done.completed, done.failed) == (4, 0)
    assert verify(done.run).ok


async def test_a_row_that_read_nothing_has_null_for_the_new_field_without_a_call(tmp_path: Path) -> None:
    async def reads_nothing(task: Task, subquery: SubQuery, desk: ResearchTools) -> Draft:
        return Draft(answers=tuple(FieldAnswer(field=field) for field in subquery.fields))

    table = tmp_path / "planets.csv"
    pd.DataFrame(planets(2)).to_csv(table, index=False)
    with use_runtime(runtime(ScriptedModel(reads_nothing))):
        old = await enrich(str(table), output_schema=SCHEMA, objective=OBJECTIVE, out=str(tmp_path / "old"))
    model = headings()
    with use_runtime(offline(model, OnePageEach())):
        done = await resynthesize(str(old.run), output_schema=WIDER, out=str(tmp_path / "new"))
    assert (done.completed, model.calls.total()) == (2, 0)
    assert open_run(done.run).cell(0, "heading").reasoning == "The row read no page in old, so there is nothing to find it in."
    assert verify(done.run).ok


async def test_a_resynthesis_that_was_stopped_goes_on(tmp_path: Path) -> None:
    old = await first_run(tmp_path, 6)
    model = headings(keyless=False, cost_usd=0.10)
    with use_runtime(offline(model, OnePageEach())):
        half = await resynthesize(
            str(old), output_schema=WIDER, out=str(tmp_path / "new"), max_cost=0.35, concurrency=1, shard_size=2
        )
        assert half.stopped
        assert 0 < half.completed < 6
        done = await resynthesize(str(old), output_schema=WIDER, out=str(tmp_path / "new"))
    assert (done.completed, done.spent_usd) == (6, pytest.approx(0.60))
    assert verify(done.run).ok


async def test_a_killed_resynthesis_repeats_nothing_that_was_finished_and_ends_as_if_it_had_not_been_killed(
    tmp_path: Path,
) -> None:
    old, new, log = await first_run(tmp_path, 20), tmp_path / "new", tmp_path / "log"
    script = Path(__file__).with_name("flows_resynthesis_killed.py")
    environment = {**os.environ, "PREFECT_API_URL": str(get_current_settings().api.url), "PREFECT_LOGGING_LEVEL": "ERROR"}
    killed = await asyncio.create_subprocess_exec(
        sys.executable, str(script), str(old), str(new), str(log), "10", env=environment
    )
    assert await killed.wait() == -signal.SIGKILL
    begun = log.read_text().splitlines()
    kept = finished_steps(new, "investigate", of_a_row=1)
    assert (len(begun), kept >= 10 - IN_FLIGHT) == (10, True)

    asked: list[str] = []
    await again(str(old), str(new), asked.append)
    assert len(asked) == 20 - kept, "each that was finished is not asked again"
    assert {*begun, *asked} == {f"Planet {n}" for n in range(20)}
    await again(str(old), str(tmp_path / "unbroken"), asked.append)
    assert tables_of(new) == tables_of(tmp_path / "unbroken")
    assert verify(new).ok


async def test_nothing_to_research_is_refused_and_so_is_a_run_that_still_goes_on(tmp_path: Path) -> None:
    old = await first_run(tmp_path)
    with use_runtime(offline(headings(), OnePageEach())):
        with pytest.raises(InvalidInput, match="nothing would be researched"):
            await resynthesize(str(old))
        write_document(old, {**read_document(old), "status": "running"})
        with pytest.raises(InvalidRun, match="is not finished"):
            await resynthesize(str(old), output_schema=WIDER)


async def test_the_sample_gets_a_column_from_its_stored_pages_by_the_keyless_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The public functions; the corpus is gone when the column is added."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RESEARCH_CACHE_DIR", str(tmp_path / "cache"))
    schema = json.loads((DATA / "missions.schema.json").read_text())
    narrow = {**schema, "properties": {n: schema["properties"][n] for n in ("launch_date", "operator")}, "required": []}
    wide = {
        **schema,
        "properties": {n: schema["properties"][n] for n in ("operator", "launch_vehicle", "launch_date")},
        "required": [],
    }
    corpus = tmp_path / "corpus"
    shutil.copytree(DATA / "corpus", corpus)
    old = await flows.enrich(
        DATA / "missions.csv",
        output_schema=narrow,
        objective="Facts about the space mission {mission}",
        corpus=str(corpus),
        limit=8,
        model="extractive",
    )
    shutil.rmtree(corpus)
    done = await flows.resynthesize(old.run, output_schema=wide, model="extractive")
    assert (done.completed, used(done.run)) == (8, 0)
    assert done.run.parent == old.run.parent
    assert done.run.name.startswith("missions-")
    before, after = open_run(old.run).results(), open_run(done.run).results()
    assert before[["launch_date", "operator"]].equals(after[["launch_date", "operator"]])
    assert after["launch_vehicle"].notna().sum() >= 4
    assert all(open_run(done.run).cell(row, "launch_vehicle").evidence for row in after[after["launch_vehicle"].notna()].index)
    assert verify(done.run).ok


async def test_a_row_s_world_holds_its_own_pages_and_refuses_all_others() -> None:
    source = OnePageEach()
    pages = {page.page_hash: page for page in [await source.fetch(f"test://Planet {n}") for n in range(3)]}
    hashes = list(pages)
    mine = RowPages([Stored("test://Planet 0", hashes[0]), Stored("test://Planet 1", hashes[1])], pages.__getitem__)
    ledger = UsageLedger()
    found = await mine.search("Planet 1", limit=10, ledger=ledger)
    assert ([hit.url for hit in found.hits], ledger.usage.search_queries) == (["test://Planet 1", "test://Planet 0"], 0)
    assert (await mine.fetch("test://Planet 1#top")).page_hash == hashes[1]
    with pytest.raises(FetchRefused):
        await mine.fetch("test://Planet 2")
    nothing = RowPages([], pages.__getitem__)
    assert (await nothing.search("Planet", limit=3, ledger=ledger)).hits == ()
    assert mine.identity != nothing.identity
