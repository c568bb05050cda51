"""A pilot of a deployment is decided in Prefect: the flow run is suspended, and goes on, or ends, as the form was answered."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd
import pytest
from flows_doubles import OBJECTIVE, SCHEMA, planets, reader, runtime
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import Pause
from prefect.flow_engine import run_flow_async

from flows.cli import main
from flows.enrichment import enrich
from flows.pilot_approval import KEY, PilotDecision, PilotInPrefect, answer, describe, pilot_in_prefect
from flows.run.events import FieldSample, PilotFinished
from flows.run.options import EnrichOptions
from flows.run.runtime import use_runtime
from research.errors import InvalidInput
from research.models.scripted import ScriptedModel
from research.tables import RunFolder, open_run

PILOT = PilotFinished(4, 3, 1_200, 0.25, 0.37, 31, 74, 300, 444, 2_172, {"a|b": FieldSample(3, 2, 0, 0)})


async def deployed(folder: Path, **options: Any) -> FlowRun:
    """A flow run of a deployment, over ten planets, which begins with a pilot of four."""
    pd.DataFrame(planets(10)).to_csv(folder / "planets.csv", index=False)
    asked = {"table": str(folder / "planets.csv"), "output_schema": SCHEMA, "objective": OBJECTIVE, "out": str(folder / "run")}
    async with get_client() as client:
        deployment = await client.create_deployment(await client.create_flow(enrich), name=f"pilot-{uuid4()}")
        return await client.create_flow_run_from_deployment(
            deployment, parameters={**asked, "shard_size": 3, "pilot": 4, **options}
        )


async def run(flow_run: FlowRun, model: ScriptedModel) -> FlowRun:
    """What a worker's process does with a flow run. Returns it as it is then."""
    async with get_client() as client:
        now = await client.read_flow_run(flow_run.id)
        with use_runtime(runtime(model)), suppress(Pause):
            await run_flow_async(enrich, flow_run=now, parameters=now.parameters, return_type="state")
        return await client.read_flow_run(flow_run.id)


@pytest.mark.usefixtures("prefect_server")
async def test_a_deployment_s_run_waits_after_its_pilot_and_goes_on_under_another_cap_without_paying_twice(
    tmp_path: Path,
) -> None:
    """Ten rows at ten cents under a cap of a dollar. Four are the pilot; a cap of 75 cents ends with the eighth."""
    model = reader(keyless=False, cost_usd=0.1)
    flow_run = await run(await deployed(tmp_path, max_cost=1.0), model)
    assert (flow_run.state_name, model.calls) == ("Suspended", {"investigate": 4})
    folder = RunFolder.open(tmp_path / "run")
    assert folder.status == "stopped"
    assert "waits to be approved" in open_run(folder.path).results()["error"][4]

    await answer("run", folder.key, PilotDecision(max_cost=0.75))
    with pytest.raises(InvalidInput, match=r"no flow run at http.* waits for a decision about run"):
        await answer("run", folder.key, PilotDecision())
    flow_run = await run(flow_run, again := reader(keyless=False, cost_usd=0.1))
    assert (flow_run.state_name, again.calls) == ("Completed", {"investigate": 4})
    assert flow_run.state is not None
    assert "8 of 10 rows" in str(flow_run.state.message)


@pytest.mark.usefixtures("prefect_server")
async def test_a_run_that_shall_stop_ends_with_its_pilot(tmp_path: Path) -> None:
    flow_run = await run(await deployed(tmp_path), reader())
    await answer(str(flow_run.id), None, PilotDecision(decision="stop"))
    flow_run = await run(flow_run, model := reader())
    assert (flow_run.state_name, model.calls) == ("Completed", {})
    assert flow_run.state is not None
    assert "it was decided to stop after the pilot" in str(flow_run.state.message)


@pytest.mark.usefixtures("prefect_server")
def test_the_command_says_where_nothing_waits(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PREFECT_LOGGING_LEVEL", "WARNING")  # what the command would set for its own process
    flow_run = str(uuid4())
    assert main(["approve", flow_run, "--max-cost", "5"]) == 2
    assert f"waits for a decision about {flow_run}" in capsys.readouterr().err


async def test_only_a_deployment_s_own_run_with_a_pilot_is_asked_in_prefect() -> None:
    options, here = EnrichOptions("t.csv", pilot=4), runtime(reader())
    flow_run = FlowRun(flow_id=uuid4(), deployment_id=uuid4())
    question = await pilot_in_prefect(flow_run, options, here)
    assert question is not None
    assert not question.is_open
    assert await question.approve(PILOT) is False
    assert question.is_open

    async def yes(_: PilotFinished) -> bool:
        return True

    assert await pilot_in_prefect(flow_run, replace(options, pilot=None), here) is None
    assert await pilot_in_prefect(flow_run, options, replace(here, approve=yes)) is None
    assert await pilot_in_prefect(flow_run.model_copy(update={"deployment_id": None}), options, here) is None
    assert await pilot_in_prefect(flow_run.model_copy(update={"parent_task_run_id": uuid4()}), options, here) is None


async def test_an_answer_decides_and_may_set_the_cap() -> None:
    options = EnrichOptions("t.csv", pilot=4, max_cost=2.0)
    assert [await PilotInPrefect(PilotDecision(decision=what)).approve(PILOT) for what in ("go on", "stop")] == [True, False]
    assert PilotInPrefect(PilotDecision(max_cost=9)).applied(options).max_cost == 9
    assert PilotInPrefect(PilotDecision()).applied(options).max_cost == 2
    assert KEY == "pilot", "flow runs that are suspended in somebody's database are found by it"


def test_the_form_says_what_the_pilot_came_to() -> None:
    text = describe(PILOT, spent_usd=1.0, max_cost=None).replace("\\", "")
    facts = ("3 rows completed, 1 failed", "$0.25 (p50), $0.37 (p90)", "31 s (p50), 1 min 14 s (p90)", "| $1.00 |")
    facts += ("about $300.00 ($444.00 if all cost p90), about 36 min 12 s", "| a|b | 100 % | high 67 %, none 33 % |")
    assert [fact for fact in facts if fact not in text] == []
