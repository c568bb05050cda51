"""What Prefect is told of a run that has ended: events with documented names, and the results as an asset with its lineage."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pandas as pd
import pytest
import yaml
from flows_doubles import OBJECTIVE, SCHEMA, reader, runtime
from flows_seen import task_runs
from prefect.client.orchestration import get_client
from prefect.events.filters import EventFilter, EventRelatedFilter
from prefect.events.schemas.automations import AutomationCore, EventTrigger

from flows import assets
from flows.enrichment import enrich
from flows.run.announcements import (
    BUDGET_REACHED,
    CELLS_CHANGED,
    NAMES,
    ROWS_FAILED,
    ROWS_WAITING,
    RUN_FINISHED,
    announcements,
    of_waiting,
)
from flows.run.events import STOPPED_AFTER_PILOT
from flows.run.options import EnrichOptions
from flows.run.outcome import Enrichment
from flows.run.runtime import use_runtime
from flows.run.second_look import NOT_TRIED, FailedRow, SecondLook
from research.errors import BUDGET_EXHAUSTED, PageUnreadable
from research.ports.work import SubQuery

DOCS = Path(__file__).parents[2] / "docs"
DONE = Enrichment(run=Path("/runs/x"), rows=10, completed=7, failed=3, cost_usd=0.5, spent_usd=0.6, model="m", seconds=2)


def told(causes: Mapping[str, int], *failed: FailedRow) -> dict[str, Mapping[str, Any]]:
    tried = sum(number for kind, number in causes.items() if kind not in NOT_TRIED)
    look = SecondLook(failed, tried, (), 4, causes)
    return {each.name: each.payload for each in announcements(DONE, look, max_cost=0.6)}


def test_a_run_without_failures_is_told_as_finished_only() -> None:
    assert list(told({})) == [RUN_FINISHED]


def test_rows_that_wait_are_told_by_an_event_of_their_own() -> None:
    waiting = of_waiting(DONE.model_copy(update={"waiting": 2}))
    assert (waiting.name, waiting.payload["waiting"]) == (ROWS_WAITING, 2)
    assert {f"`{name}`" for name in waiting.payload} <= set(re.findall(r"`\w+`", (DOCS / "prefect.md").read_text()))


def test_rows_that_nobody_tried_are_left_and_have_not_failed() -> None:
    events = told({BUDGET_EXHAUSTED: 2, STOPPED_AFTER_PILOT: 1})
    assert list(events) == [RUN_FINISHED, BUDGET_REACHED]
    assert (events[RUN_FINISHED]["failed"], events[RUN_FINISHED]["left"]) == (0, 3)
    assert (events[BUDGET_REACHED]["left"], events[BUDGET_REACHED]["max_cost_usd"]) == (2, 0.6)


def test_failed_rows_are_counted_by_cause_and_the_first_are_named_harmlessly() -> None:
    rows = [FailedRow(n, f"row {n}", "a\n\x1b[2Jb" + "c" * 1000, "search_failed") for n in range(9)]
    event = told({"search_failed": 9, BUDGET_EXHAUSTED: 1}, *rows)[ROWS_FAILED]
    assert (event["failed"], event["causes"]) == (9, {"search_failed": 9})
    assert [row["row"] for row in event["first"]] == [0, 1, 2, 3, 4]
    assert event["first"][0]["error"].startswith(r"a \x1b[2Jbccc")
    assert len(event["first"][0]["error"]) == 300


@pytest.mark.parametrize("name", NAMES)
def test_every_event_stands_in_the_docs(name: str) -> None:
    assert f"`{name}`" in (DOCS / "prefect.md").read_text()


@pytest.mark.parametrize(
    "name", sorted({*told({"x": 1})[ROWS_FAILED], *told({BUDGET_EXHAUSTED: 1})[BUDGET_REACHED], *told({})[RUN_FINISHED]})
)
def test_every_part_of_a_payload_stands_in_the_docs(name: str) -> None:
    assert f"`{name}`" in (DOCS / "prefect.md").read_text()


def test_the_automations_that_ship_are_about_these_events_and_say_what_their_payloads_hold() -> None:
    text = (DOCS.parent / "automations.yaml").read_text().replace("BLOCK_ID", str(uuid4()))
    made = [AutomationCore.model_validate(each) for each in yaml.safe_load(text)["automations"]]
    expected = [name for each in made if isinstance(each.trigger, EventTrigger) for name in each.trigger.expect]
    assert expected == [ROWS_FAILED, BUDGET_REACHED, CELLS_CHANGED, "prefect.flow-run.Suspended"]
    payloads = [told({"x": 1})[ROWS_FAILED], told({BUDGET_EXHAUSTED: 1})[BUDGET_REACHED], {"changed", "new", "first", "run"}, {}]
    for automation, payload in zip(made, payloads, strict=True):
        assert {*re.findall(r"event\.payload\.(\w+)", automation.model_dump_json())} <= {*payload}, automation.name


def test_a_key_of_an_asset_holds_what_prefect_accepts_and_no_secret() -> None:
    assert assets.asset_key("s3://me:secret@bucket/a b/x.csv?X-Sig=1#f") == "s3://bucket/a_b/x.csv"
    assert assets.asset_key("/data/100%/[x].csv") == "file:///data/100_/_x_.csv"
    long = [assets.asset_key(f"/{'x' * 600}/{name}") for name in "ab"]
    assert len({*long}) == 2
    assert max(map(len, long)) <= assets.LONGEST_KEY


def test_the_results_are_made_of_the_table_and_of_the_run_that_is_reused() -> None:
    assert list(assets.inputs(EnrichOptions("t.csv", reuse="runs/old/"))) == ["t.csv", "runs/old/results"]


async def events_of(flow_run: UUID, wanted: set[str]) -> dict[str, Any]:
    """The events of a flow run by name, once these are among them."""
    related = EventFilter(related=EventRelatedFilter(id=[f"prefect.flow-run.{flow_run}"]))
    async with get_client() as client, asyncio.timeout(60):
        while True:
            body = {"filter": related.model_dump(mode="json"), "limit": 50}
            page = (await client.request("POST", "/events/filter", json=body)).json()
            found = {event["event"]: event for event in page["events"]}
            if wanted <= found.keys():
                return found
            await asyncio.sleep(0.2)


@pytest.mark.usefixtures("prefect_server")
async def test_a_run_tells_prefect_once_what_it_came_to_and_shows_its_results_as_an_asset(tmp_path: Path) -> None:
    def hook(name: str, _: SubQuery) -> None:
        if name == "Planet 1":
            raise PageUnreadable("the page is empty")

    table = tmp_path / "told.csv"
    pd.DataFrame([{"name": f"Planet {n}"} for n in range(3)]).to_csv(table, index=False)
    with use_runtime(runtime(reader(hook))):
        await enrich(str(table), output_schema=SCHEMA, objective=OBJECTIVE, out=str(tmp_path / "run"))
    flow_run, _ = await task_runs("enrich told · 3 rows")
    made = "prefect.asset.materialization.succeeded"
    events = await events_of(flow_run.id, {RUN_FINISHED, ROWS_FAILED, made})
    assert not {BUDGET_REACHED, CELLS_CHANGED} & events.keys()
    assert events[ROWS_FAILED]["payload"]["first"][0]["label"] == "row 1 · Planet 1"
    assert events[RUN_FINISHED]["resource"]["research.run"] == str(tmp_path / "run")
    asset = events[made]
    assert asset["resource"]["prefect.resource.id"] == assets.asset_key(f"{tmp_path}/run/results")
    assert assets.asset_key(str(table)) in [each["prefect.resource.id"] for each in asset["related"]]
    assert asset["payload"]["schema"]["moons"] == {"column": "moons", "type": "int64", "filled": 2}
    assert asset["payload"]["confidence"]["high"] == 4
