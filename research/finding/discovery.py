"""Discovers candidates with a model: a task of its own, whose answer is a list of names with the passages that name them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from research.errors import BUDGET_EXHAUSTED, BudgetExhausted, ResearchError
from research.finding.candidate import MOST_EXCERPT, Candidate, without_repeats
from research.pipeline import Steps, research, with_stop
from research.ports.conditions import FindPlan
from research.ports.world import World
from research.result.result import Result
from research.task.task import Task

ROUNDS: Final = 3
"""Tasks at most: each is told what the ones before have found. A round that finds nothing new is the last."""
MOST_TOLD: Final = 300
"""Names that a later round is told of."""
FIELD: Final = "candidates"
_SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {
        FIELD: {
            "type": "array",
            "items": {"type": "string"},
            "description": "The name of each thing, as the page writes it. One thing once",
        }
    },
    "required": [FIELD],
    "additionalProperties": False,
}


class NothingDiscovered(ResearchError):
    """The search for candidates failed before there was one."""


async def discover(
    objective: str, plan: FindPlan, world: World, *, most: int, steps_of: Callable[[Task], Steps], options: Mapping[str, Any]
) -> tuple[list[Candidate], list[str]]:
    """Candidates in the order in which they were found, and what went wrong on the way.

    Args:
        most: candidates that are wanted: no round begins once there are so many. The last one may bring more.
        steps_of: the steps of each task, which find what was finished before, so that the same call pays for nothing twice.
        options: fields of a task beside its objective, schema and input: processor, limits, source policy, files.

    Raises:
        NothingDiscovered: the first round failed.
        BudgetExhausted: so it did, because what may be spent is spent.
        Interruption: something around the work failed. The same call goes on.
    """
    found: list[Candidate] = []
    warnings: list[str] = []
    for number in range(ROUNDS):
        task = _task(objective, plan, found, options)
        refusals: list[ResearchError] = []
        result = await research(task, world, with_stop(steps_of(task), refusals.append))
        if refusals and result.status == "failed":
            raise refusals[0]
        if result.status == "failed":
            if not found and result.error_kind == BUDGET_EXHAUSTED:
                raise BudgetExhausted(result.error or "the budget is spent")
            if not found:
                raise NothingDiscovered(f"no candidates could be searched for: {result.error}")
            warnings.append(f"the search for more candidates failed in round {number + 1}: {result.error}")
            break
        before = len(found)
        found = without_repeats([*found, *candidates_of(result)])
        if len(found) == before or len(found) >= most:
            break
    return found, warnings


def candidates_of(result: Result) -> list[Candidate]:
    """The candidates that a discovery names. What no passage names is not in a result."""
    names = result.output.get(FIELD) if isinstance(result.output, dict) else None
    places = {part.field: part for part in result.basis}
    candidates = []
    for place, name in enumerate(names or ()):
        part = places.get(f"{FIELD}.{place}")
        citation = part.citations[0] if part is not None and part.citations else None
        mention = citation.excerpts[0].text[:MOST_EXCERPT] if citation is not None and citation.excerpts else ""
        about = {"url": citation.url, "title": citation.title} if citation is not None else {}
        candidates.append(Candidate(name=re.sub(r"\s+", " ", str(name)).strip(), mention=mention, **about))
    return candidates


def _task(objective: str, plan: FindPlan, known: Sequence[Candidate], options: Mapping[str, Any]) -> Task:
    conditions = "; ".join(each.description for each in plan.conditions)
    asked = (
        f"Make a list of {plan.kind or 'things'} that may meet all of this: {conditions}. "
        f"(In the words of whoever asks: {objective}) "
        "Look for lists, tables and overviews first. Name every one that a page names, also where you are not sure that it "
        "meets everything: each is checked by itself afterwards."
    )
    others = {"known already, leave these out": [each.name for each in known[:MOST_TOLD]]} if known else {}
    fields = {"task": asked, "input": others, "search_columns": (), "output_schema": dict(_SCHEMA), **options}
    return Task.model_validate(fields)
