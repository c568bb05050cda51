"""Claude reads an objective once: what a row is, and its conditions with their bounds; a reply without a bound is sent back."""

from __future__ import annotations

from typing import Any

import pytest
from claude_doubles import claude

from research.errors import InvalidAnswer
from research.models.claude import ClaudeModel
from research.money.usage_ledger import UsageLedger
from research.ports.conditions import FindPlan
from research.ports.model import ConditionWriter
from research.testing import ModelServer, Reply, Request, structured

NOTHING: dict[str, Any] = dict.fromkeys(("after", "before", "least", "most", "above", "below")) | {"one_of": [], "value": ""}
LAUNCHED = {**NOTHING, "name": "launch_date", "description": "launched before 1980", "kind": "date", "value": "date of launch"}
REACHED = {**NOTHING, "name": "reached outer planet", "description": "reached Jupiter or a planet beyond it", "kind": "yes"}
OBJECTIVE = "space probes that were launched before 1980 and reached an outer planet"


async def conditions(server: ModelServer) -> tuple[FindPlan, UsageLedger]:
    ledger = UsageLedger()
    async with claude(server) as model:
        assert isinstance(model, ConditionWriter)
        return await model.conditions(OBJECTIVE, "core", ledger), ledger


async def test_an_objective_becomes_conditions() -> None:
    asked: list[Request] = []

    def rule(request: Request) -> Reply:
        asked.append(request)
        return structured({"kind": "space probes", "conditions": [{**LAUNCHED, "before": "1979-12-31"}, REACHED]})

    async with ModelServer(rule) as server:
        plan, ledger = await conditions(server)
    assert plan.kind == "space probes"
    assert [(each.name, each.kind, each.before) for each in plan.conditions] == [
        ("launch_date", "date", "1979-12-31"),
        ("reached_outer_planet", "yes", None),
    ]
    assert plan.output_schema()["properties"]["launch_date"]["pattern"]
    assert (len(asked), ledger.usage.planner_calls) == (1, 1)
    assert ledger.cost_usd
    assert OBJECTIVE in asked[0].text
    assert "# What is data and what is not" in asked[0].system


async def test_a_condition_without_a_bound_is_sent_back_with_the_reason() -> None:
    asked: list[Request] = []

    def rule(request: Request) -> Reply:
        asked.append(request)
        day = None if len(asked) == 1 else "1979-12-31"
        return structured({"kind": "space probes", "conditions": [{**LAUNCHED, "before": day}]})

    async with ModelServer(rule) as server:
        plan, _ = await conditions(server)
    assert plan.conditions[0].before == "1979-12-31"
    assert "after or before" in asked[1].text


async def test_an_objective_that_becomes_no_condition_is_no_answer() -> None:
    async with ModelServer(lambda _request: structured({"kind": "", "conditions": []})) as server:
        with pytest.raises(InvalidAnswer):
            await conditions(server)


async def test_how_an_objective_is_read_is_no_part_of_what_makes_an_answer() -> None:
    """Conditions are an input of a run. Other words in their prompt leave the answers of earlier runs what they were."""
    async with ModelServer(lambda _request: structured({})) as server, claude(server) as model:
        assert isinstance(model, ClaudeModel)
        assert "conditions" not in dict(model.prompts.texts)
