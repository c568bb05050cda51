"""Lesson 4: a model, a search and a fetcher of your own. Each is a small protocol, and the rules of evidence hold for all."""

from __future__ import annotations

import research
from research.models.scripted import ScriptedModel, quoting
from research.pipeline import research as research_task
from research.ports.model import ResearchTools
from research.ports.work import Draft, FieldAnswer, SubQuery
from research.testing import Pages

PAGES = Pages({"https://trinity.example/eddystone": "# Eddystone Lighthouse\n\nHeight: 49 m\n\nJames Douglass built it."})
TASK = research.Task.model_validate({"task": "Facts about the Eddystone Lighthouse", "output_schema": {"height_m": "number"}})


async def test_a_model_searches_reads_and_names_the_passages_it_rests_on() -> None:
    """It gets tools and gives values with the ids of passages. The engine copies the excerpts."""

    async def script(task: research.Task, subquery: SubQuery, tools: ResearchTools) -> Draft:
        [hit] = await tools.search("Eddystone Lighthouse height")
        passages = await tools.read(hit.url)
        passage = next(each for each in passages if "49" in each.text)
        return Draft(answers=(FieldAnswer(field="height_m", value=49, passages=(passage.id,), confidence="high"),))

    world = research.World(model=ScriptedModel(script), search=PAGES, fetcher=PAGES)
    result = await research_task(TASK, world)
    assert result.output == {"height_m": 49}
    assert result.basis[0].citations[0].excerpts[0].text == "Height: 49 m"


async def test_a_model_that_makes_a_value_up_gets_null() -> None:
    """Whatever it claims: no passage that it read says 490."""
    boastful = ScriptedModel(quoting(lambda task: {"height_m": 490}))
    result = await research_task(TASK, research.World(model=boastful, search=PAGES, fetcher=PAGES))
    assert result.output == {"height_m": None}
