"""One task's research, from the plan to the basis, with a scripted model over a small corpus."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from research.errors import BudgetExhausted, FetchRefused, ModelUnavailable
from research.models.scripted import Script, ScriptedModel, quoting
from research.money.usage_ledger import UsageLedger
from research.pipeline import Steps, research
from research.ports.model import ResearchTools
from research.ports.page import Page
from research.ports.work import Draft, FieldAnswer, Grade, Investigated, SubQuery
from research.ports.world import World
from research.result.result import Result
from research.steps.investigate import investigate
from research.task.source_policy import SourcePolicy
from research.task.task import Task
from research.testing import Pages
from research.world import Settings, open_world

PAGES = {
    "voyager-1.md": "# Voyager 1\n\nNASA launched Voyager 1 on 5 September 1977. It weighs 825.5 kg.\n",
    "voyager-2.md": "# Voyager 2\n\nNASA launched Voyager 2 on 20 August 1977.\n",
    "luna-9.md": "# Luna 9\n\nThe Soviet Union launched Luna 9 on 31 January 1966.\n",
}
SCHEMA = {
    "type": "object",
    "properties": {
        "launched": {"type": "string", "format": "date"},
        "operator": {"type": "string"},
        "mass_kg": {"type": "number"},
    },
    "required": ["launched", "operator", "mass_kg"],
}
TRUTH = {"launched": "1977-09-05", "operator": "NASA", "mass_kg": 825.5}

Run = Callable[..., Awaitable[Result]]


@asynccontextmanager
async def world_of(tmp_path: Path, model: ScriptedModel) -> AsyncIterator[World]:
    corpus = tmp_path / "pages"
    corpus.mkdir(exist_ok=True)
    for name, text in PAGES.items():
        (corpus / name).write_text(text)
    async with open_world(Settings(cache_dir=tmp_path / "cache", corpus=str(corpus)), tmp_path / "store", model=model) as world:
        yield world


def task(**fields: Any) -> Task:
    return Task.model_validate({"task": "Facts about Voyager 1", "output_schema": SCHEMA, **fields})


async def run(tmp_path: Path, script: Script, *, keyless: bool = True, **fields: Any) -> Result:
    async with world_of(tmp_path, ScriptedModel(script, keyless=keyless)) as world:
        return await research(task(**fields), world)


async def test_every_value_comes_with_an_excerpt_that_stands_in_a_stored_page(tmp_path: Path) -> None:
    async with world_of(tmp_path, ScriptedModel(quoting(lambda _: TRUTH))) as world:
        result = await research(task(), world)
        assert (result.status, result.output) == ("completed", TRUTH)
        assert [basis.field for basis in result.basis] == ["launched", "operator", "mass_kg"]
        for basis in result.basis:
            for citation in basis.citations:
                for excerpt in citation.excerpts:
                    page = world.fetcher.recall(excerpt.page_hash)
                    assert page.text[excerpt.start : excerpt.end] == excerpt.text


async def test_a_field_that_nothing_answers_is_null_without_confidence(tmp_path: Path) -> None:
    result = await run(tmp_path, quoting(lambda _: {**TRUTH, "mass_kg": 999.0}))
    assert result.status == "completed"
    assert isinstance(result.output, dict)
    assert result.output["mass_kg"] is None
    assert {basis.field: basis.confidence for basis in result.basis}["mass_kg"] is None


async def test_usage_counts_what_the_sub_queries_did(tmp_path: Path) -> None:
    result = await run(tmp_path, quoting(lambda _: TRUTH))
    assert result.usage.search_queries == 3
    assert result.usage.tool_calls == result.usage.search_queries + result.usage.pages_fetched
    assert len(result.findings) == 3
    assert result.read
    assert set(result.read) <= set(result.considered)
    assert [source.index for source in result.sources_detailed] == list(range(1, len(result.sources_detailed) + 1))


async def test_a_paid_model_below_the_research_tier_investigates_once_and_does_nothing_else(tmp_path: Path) -> None:
    model = ScriptedModel(quoting(lambda _: TRUTH), keyless=False)
    async with world_of(tmp_path, model) as world:
        result = await research(task(processor="core"), world)
    assert result.output == TRUTH
    assert dict(model.calls) == {"investigate": 1}


async def test_no_tier_makes_more_tool_calls_than_it_may(tmp_path: Path) -> None:
    async def greedy(task: Task, subquery: SubQuery, tools: ResearchTools) -> Draft:
        while tools.tool_calls_left:
            await tools.search("voyager")
        with pytest.raises(BudgetExhausted):
            await tools.search("voyager")
        return Draft(answers=())

    result = await run(tmp_path, greedy, keyless=False, processor="base")
    assert result.usage.tool_calls == 3


async def test_sub_queries_share_the_fetches_of_a_task(tmp_path: Path) -> None:
    async def reads_all(task: Task, subquery: SubQuery, tools: ResearchTools) -> Draft:
        for hit in await tools.search("launched"):
            try:
                await tools.read(hit.url)
            except BudgetExhausted:
                break
        return Draft(answers=())

    result = await run(tmp_path, reads_all, max_fetches=4)
    assert result.usage.pages_fetched == 4


async def test_there_are_never_more_sub_queries_than_the_task_allows(tmp_path: Path) -> None:
    result = await run(tmp_path, quoting(lambda _: TRUTH), max_subqueries=2)
    assert len(result.findings) == 2
    assert result.output == TRUTH


async def test_an_invented_passage_id_reaches_no_basis(tmp_path: Path) -> None:
    async def invents(task: Task, subquery: SubQuery, tools: ResearchTools) -> Draft:
        await tools.search("voyager")
        draft = Draft(answers=(FieldAnswer(field="operator", value="NASA", passages=("p77",), confidence="high"),))
        assert [fault.pointer for fault in tools.check(draft)] == ["/operator"]
        return draft

    result = await run(tmp_path, invents, keyless=False)
    assert isinstance(result.output, dict)
    assert result.output["operator"] is None
    assert not any(basis.citations for basis in result.basis)
    assert any("p77" in warning for warning in result.warnings)


async def test_a_passage_that_was_not_handed_over_cannot_be_cited(tmp_path: Path) -> None:
    async def guesses(task: Task, subquery: SubQuery, tools: ResearchTools) -> Draft:
        hit = (await tools.search("Voyager 1"))[0]
        shown = await tools.read(hit.url, about="mass", limit=1)
        other = "p1" if shown[0].id != "p1" else "p2"
        draft = Draft(answers=(FieldAnswer(field="operator", value="NASA", passages=(other,)),))
        assert tools.check(draft)
        return draft

    result = await run(tmp_path, guesses, keyless=False)
    assert isinstance(result.output, dict)
    assert result.output["operator"] is None


async def test_an_answer_that_breaks_the_schema_fails_the_task_with_the_validators_words(tmp_path: Path) -> None:
    async def wrong(task: Task, subquery: SubQuery, tools: ResearchTools) -> Draft:
        passages = await tools.read((await tools.search("Voyager 1"))[0].url)
        return Draft(answers=(FieldAnswer(field="mass_kg", value="825.5 kg", passages=(passages[-1].id,)),))

    result = await run(tmp_path, wrong, keyless=False)
    assert result.status == "failed"
    assert result.output is None
    assert "/mass_kg" in (result.error or "")


async def test_when_one_sub_query_fails_the_others_are_finished_first_and_their_usage_is_counted(tmp_path: Path) -> None:
    finished: list[str] = []
    first_is_done = asyncio.Event()

    async def fails_once(task: Task, subquery: SubQuery, tools: ResearchTools) -> Draft:
        if subquery.index == 1:
            raise ModelUnavailable("the model did not answer")
        return await quoting(lambda _: TRUTH)(task, subquery, tools)

    async def watched(task: Task, subquery: SubQuery, world: World, max_fetches: int, ledger: UsageLedger) -> Investigated:
        done = await investigate(task, subquery, world, max_fetches, ledger)
        if subquery.fields[0] == "operator":
            first_is_done.set()
        await asyncio.wait_for(first_is_done.wait(), 60)  # the last one ends last, long after the failure
        finished.append(subquery.fields[0])
        return done

    async with world_of(tmp_path, ScriptedModel(fails_once)) as world:
        result = await research(task(), world, Steps(investigate=watched))
    assert (result.status, result.error) == ("failed", "ModelUnavailable: the model did not answer")
    assert finished == ["operator", "mass_kg"]
    assert result.usage.search_queries == 2


async def test_the_grader_may_ask_for_another_round_within_the_tiers_rounds(tmp_path: Path) -> None:
    class Asking(ScriptedModel):
        async def grade(self, task: Task, work: Any, max_subqueries: int, ledger: UsageLedger, server_tools: Any = ()) -> Grade:
            self.calls["grade"] += 1
            more = SubQuery(index=1, question=f"again {len(work)}", fields=("mass_kg",))
            return Grade(fields={}, ask=(more,))

    model = Asking(quoting(lambda _: TRUTH))
    async with world_of(tmp_path, model) as world:
        result = await research(task(processor="research"), world)
    assert model.calls["grade"] == 2
    assert [finding.subquery for finding in result.findings][3:] == ["again 3", "again 4"]


async def test_nothing_outside_the_source_policy_is_considered_read_or_cited(tmp_path: Path) -> None:
    corpus = tmp_path / "pages.jsonl"
    corpus.write_text(
        "".join(
            json.dumps({"url": f"https://{host}/v1", "text": f"NASA launched Voyager 1 on 5 September 1977, says {host}."}) + "\n"
            for host in ("docs.good.org", "good.org", "bad.net")
        )
    )

    async def reads_bad(task: Task, subquery: SubQuery, tools: ResearchTools) -> Draft:
        with pytest.raises(FetchRefused, match=r"bad\.net.*source policy"):
            await tools.read("https://bad.net/v1")
        return await quoting(lambda _: TRUTH)(task, subquery, tools)

    asked = task(source_policy={"include_domains": ["good.org"]}, max_subqueries=1)
    settings = Settings(cache_dir=tmp_path / "cache", corpus=str(corpus))
    async with open_world(settings, tmp_path / "store", model=ScriptedModel(reads_bad)) as world:
        result = await research(asked, world)
    assert {*result.considered} == {"https://docs.good.org/v1", "https://good.org/v1"}
    assert isinstance(result.output, dict)
    assert result.output["operator"] == "NASA"


async def test_a_text_schema_gives_text(tmp_path: Path) -> None:
    async def says(task: Task, subquery: SubQuery, tools: ResearchTools) -> Draft:
        passages = await tools.read((await tools.search("Voyager 1"))[0].url)
        answer = FieldAnswer(field="answer", value="NASA launched Voyager 1 on 5 September 1977.", passages=(passages[-1].id,))
        return Draft(answers=(answer,))

    async with world_of(tmp_path, ScriptedModel(says)) as world:
        asked = Task.model_validate({"task": "Who launched Voyager 1?", "output_schema": {"type": "text"}})
        result = await research(asked, world)
    assert result.output == "NASA launched Voyager 1 on 5 September 1977."
    assert [basis.field for basis in result.basis] == ["answer"]


async def test_a_bug_is_raised_and_not_written_off_as_a_failed_row(tmp_path: Path) -> None:
    async def buggy(task: Task, subquery: SubQuery, tools: ResearchTools) -> Draft:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await run(tmp_path, buggy)


class SlowFirst(Pages):
    """Pages of which those that come first in the dict arrive last."""

    async def fetch(self, url: str, *, policy: SourcePolicy | None = None, keep_html: bool = False) -> Page:
        page = await super().fetch(url, policy=policy, keep_html=keep_html)
        for _ in range(100 * (len(self.pages) - list(self.pages).index(url))):
            await asyncio.sleep(0)
        return page


@pytest.mark.parametrize("failing", [None, "https://b.example/"])
async def test_pages_are_numbered_in_the_order_in_which_they_were_asked_for(failing: str | None):
    """Whichever arrives first: the same answers give the same sources, passages and keys in every run."""
    texts = {f"https://{name}.example/": f"# {name}\n\nNASA launched it." for name in "abcd"}
    pages = SlowFirst({url: FetchRefused("no") if url == failing else text for url, text in texts.items()})

    async def reads_all(_task: Task, _subquery: SubQuery, tools: ResearchTools) -> Draft:
        await asyncio.gather(*(tools.read(url) for url in texts), return_exceptions=True)
        return Draft(answers=())

    world = World(model=ScriptedModel(reads_all), search=pages, fetcher=pages)
    result = await research(task(), world)
    assert result.read == [url for url in texts if url != failing], result.error
