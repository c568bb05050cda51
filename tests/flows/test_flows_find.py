"""Finding as a flow: conditions, candidates, evidence for each row; it goes on where it was stopped, and for more rows."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from flows_seen import artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId, FlowRunFilterName
from prefect.client.schemas.objects import Artifact

import flows.api
from flows.run.events import Event
from flows.run.finding import prepare_find
from flows.run.options import FindOptions
from flows.run.outcome import Found
from flows.run.runtime import Runtime
from research.errors import InvalidInput, InvalidRun
from research.finding.discovery import FIELD
from research.finding.found_tables import FOLDER, FOUND, MATCHES, NOT_FOUND, read_summary
from research.models.keyless.model import KeylessModel
from research.models.scripted import ScriptedModel
from research.money.processors import ProcessorName
from research.money.usage_ledger import UsageLedger
from research.pages.page_store import Folder
from research.ports.conditions import Condition, FindPlan
from research.ports.model import Model, ResearchTools
from research.ports.work import Draft, FieldAnswer, SubQuery
from research.ports.world import World
from research.tables.audit.verify import verify
from research.tables.run_folder.reader import open_run
from research.task.task import Task
from research.testing import Pages
from research.world import Settings

pytestmark = pytest.mark.usefixtures("prefect_server")

YEARS = {"Alpha": 1961, "Beta": 1965, "Gamma": 1972, "Delta": 1985, "Epsilon": 1991, "Zeta": 1969}
OBJECTIVE = "probes launched before 1980"
TABLE = "\n".join(["| Craft | Launch date |", *(f"| {name} 1 | 4 May {year} |" for name, year in YEARS.items())])
SITE = {"test://list": f"# Some old probes\n\n{TABLE}"} | {
    f"test://{name}": f"# {name} 1\n\n{name} 1 is a probe.\n\nOperator: ESA\nLaunch date: 4 May {year}"
    for name, year in YEARS.items()
}


class Finder(ScriptedModel):
    """A paid model: it reads the objective, names what a list names, and takes each launch date from the probe's own page."""

    def __init__(self, **options: Any) -> None:
        super().__init__(self._read, keyless=False, cost_usd=0.25, **options)
        self.asked: list[str] = []

    async def conditions(self, objective: str, processor: ProcessorName, ledger: UsageLedger) -> FindPlan:
        self.calls["conditions"] += 1
        launched = Condition(
            name="launched", description="launched before 1980", kind="date", value="date of launch", before="1979-12-31"
        )
        return FindPlan(kind="probes", conditions=(launched,))

    async def _read(self, task: Task, subquery: SubQuery, tools: ResearchTools) -> Draft:
        if FIELD in subquery.fields:
            return await self._discover(task, tools)
        name = task.input["name"]
        self.asked.append(name)
        passages = await tools.read((await tools.search(name))[0].url)
        line = next(passage for passage in passages if "Launch date" in passage.text)
        day = f"{YEARS[name.removesuffix(' 1')]}"
        return Draft(answers=(FieldAnswer(field="launched", value=day, passages=(line.id,), confidence="high"),))

    async def _discover(self, task: Task, tools: ResearchTools) -> Draft:
        await tools.search("list of probes")
        passages = await tools.read("test://list")
        known = task.input.get("known already, leave these out", [])
        names = [f"{name} 1" for name in YEARS if f"{name} 1" not in known]
        table = next(passage for passage in passages if passage.kind == "table")
        answer = FieldAnswer(field=FIELD, value=names or None, passages=(table.id,), confidence="high")
        return Draft(answers=(answer,))


@asynccontextmanager
async def opened(model: Model, site: Pages, settings: Settings, pages: Folder) -> AsyncIterator[World]:
    yield World(model=model, search=site, fetcher=site)


async def found(
    model: Model, folder: Path, *, site: Pages | None = None, heard: list[Event] | None = None, **options: Any
) -> Found:
    here = site or Pages(SITE)
    listener = (heard if heard is not None else []).append
    runtime = Runtime(opener=partial(opened, model, here), listener=listener)
    options = {"objective": OBJECTIVE, "out": str(folder), "concurrency": 1, **options}
    return await flows.api.run_find(FindOptions(**options), runtime)


def names(run: Path, table: str = FOUND) -> list[str]:
    return list(pd.read_parquet(run / FOLDER / table)["name"])


async def told_to_prefect(named: str) -> tuple[str, set[str], Artifact]:
    """What Prefect's server has of the flow run whose name holds a text: its state, how the names of its task runs begin, and
    what it shows as found."""
    async with get_client() as client:
        (flow_run,) = await client.read_flow_runs(flow_run_filter=FlowRunFilter(name=FlowRunFilterName(like_=named)))
        task_runs = await client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[flow_run.id])))
    assert flow_run.state is not None
    names = {run.name.split(" · ")[0] for run in task_runs}
    return f"{flow_run.state.name}: {flow_run.state.message}", names, await artifact(flow_run.id, "find-found")


async def test_each_row_is_admitted_by_an_excerpt_of_a_stored_page(tmp_path: Path) -> None:
    """Without a key, on a few pages: two conditions, the right rows, and the others with the reason why not. Prefect's server
    has it as a flow run, with a task run for each candidate, and shows what was found."""
    objective = "probes launched before 1980 and operated by ESA"
    done = await found(KeylessModel(), tmp_path / "run", objective=objective)
    state, task_runs, shown = await told_to_prefect("find probes-launched-before-1980-and-operated")
    assert state == f"Completed: {done}"
    assert {f"row {row}" for row in range(done.rows)} <= task_runs
    run = open_run(done.run)
    assert (done.found, done.judged, done.stopped) == (4, done.rows, None)
    assert set(names(done.run)) == {"Alpha 1", "Beta 1", "Gamma 1", "Zeta 1"}
    matches = pd.read_parquet(done.run / FOLDER / MATCHES)
    assert set(matches["condition"]) == {"launched", "operated_by"}
    for match in matches[matches["excerpt"].notna()].to_dict("records"):
        page = run.page(match["page_hash"])
        assert page.text[int(match["start"]) : int(match["end"])] == match["excerpt"]
    row = pd.read_parquet(done.run / FOLDER / FOUND).set_index("name").loc["Alpha 1"]
    assert "1961" in row["launched_excerpt"]
    assert row["operated_by"] == "ESA"
    others = pd.read_parquet(done.run / FOLDER / NOT_FOUND).set_index("name")["reason"]
    lines = json.loads(str(shown.data))
    assert (shown.description, [line["name"] for line in lines]) == ("4 rows found", names(done.run))
    assert {"launched", "launched_confidence", "operated_by", "url"} < set(lines[0])
    assert not {"launched_excerpt", "launched_url"} & set(lines[0])
    assert others["Delta 1"] == "launched before 1980: no (1985-05-04)"
    assert not verify(done.run).problems


async def test_it_stops_at_its_limit_and_goes_on_for_more_without_paying_twice(tmp_path: Path) -> None:
    model, folder = Finder(), tmp_path / "run"
    first = await found(model, folder, limit=2)
    assert (first.found, first.is_enough) == (2, True)
    assert names(first.run) == ["Alpha 1", "Beta 1"]
    assert model.asked == ["Alpha 1", "Beta 1"]
    again = await found(model, folder, limit=2)
    assert (again.found, model.asked) == (2, ["Alpha 1", "Beta 1"])
    more = await found(model, folder, extend=1)
    assert names(more.run) == ["Alpha 1", "Beta 1", "Gamma 1"]
    assert model.asked == ["Alpha 1", "Beta 1", "Gamma 1"]
    assert model.calls["conditions"] == 1
    last = await found(model, folder, limit=20)
    assert (last.found, last.judged, last.stopped) == (4, 6, None)
    assert last.spent_usd == pytest.approx(0.25 * (6 + 2))  # six candidates, and two rounds of discovery
    assert str(last) == "4 found among 6 of 6 candidates"
    told = {"kind": "probes", "found": 4, "judged": 6, "candidates": 6, "limit": 20}
    assert {name: (read_summary(folder) or {})[name] for name in told} == told


async def test_a_find_that_was_stopped_goes_on_with_what_it_had_collected(tmp_path: Path) -> None:
    class Tired(Finder):
        async def _read(self, task: Task, subquery: SubQuery, tools: ResearchTools) -> Draft:
            if len(self.asked) == 2:
                raise KeyError("a bug in the second half")
            return await super()._read(task, subquery, tools)

    folder, tired, model = tmp_path / "run", Tired(), Finder()
    half = await found(tired, folder)
    assert (half.found, half.failed) == (2, 4)
    assert "could not be researched" in pd.read_parquet(folder / FOLDER / NOT_FOUND)["reason"][0]
    whole = await found(model, folder)
    assert (whole.found, model.asked) == (4, ["Gamma 1", "Delta 1", "Epsilon 1", "Zeta 1"])
    assert model.calls["conditions"] == 0


async def test_nothing_is_admitted_without_a_passage(tmp_path: Path) -> None:
    class Sure(Finder):
        """It knows everything and cites nothing, or what does not say it."""

        async def _read(self, task: Task, subquery: SubQuery, tools: ResearchTools) -> Draft:
            if FIELD in subquery.fields:
                return await self._discover(task, tools)
            passages = await tools.read("test://Delta")
            cited = (passages[0].id,) if task.input["name"] < "C" else ()
            return Draft(answers=(FieldAnswer(field="launched", value="1961", passages=cited, confidence="high"),))

    done = await found(Sure(), tmp_path / "run")
    assert (done.found, done.judged) == (0, 6)
    assert list(pd.read_parquet(done.run / FOLDER / FOUND)["name"]) == []


async def test_a_candidate_that_no_page_names_is_not_judged(tmp_path: Path) -> None:
    class Dreamer(Finder):
        async def _discover(self, task: Task, tools: ResearchTools) -> Draft:
            draft = await super()._discover(task, tools)
            (answer,) = draft.answers
            return Draft(answers=(answer.changed(value=["Omega 1", *(answer.value or [])]),))

    done = await found(Dreamer(), tmp_path / "run")
    assert done.rows == 6


async def test_another_objective_has_no_place_in_the_folder(tmp_path: Path) -> None:
    await found(Finder(), tmp_path / "run", limit=1)
    with pytest.raises(InvalidRun, match="objective"):
        await found(Finder(), tmp_path / "run", objective="probes launched after 1980")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"objective": "probes"}, "names no condition"),
        ({"extend": 3}, "no find of this objective"),
        ({"runner": "processes"}, "/runner"),
        ({"out": "s3://bucket/run"}, "on this disk"),
        ({"source_policy": {"include_domains": ["a/b"]}}, "include_domains"),
    ],
)
async def test_what_is_wrong_is_told_before_anything_is_spent(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    model = Finder()
    asked = FindOptions(**{"objective": OBJECTIVE, "out": str(tmp_path / "run"), **options})
    with pytest.raises(InvalidInput, match=message):
        async with prepare_find(asked, Runtime(opener=partial(opened, model, Pages(SITE)))):
            pass
    assert not model.calls


async def test_the_rows_that_are_found_are_researched_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = await found(KeylessModel(), tmp_path / "run", enrich={"operator": "who operates it"})
    assert done.enriched is not None
    results = open_run(done.enriched.run).results()
    assert dict(zip(results["name"], results["operator"], strict=True)) == dict.fromkeys(names(done.run), "ESA")
