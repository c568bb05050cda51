"""What a task names itself reaches Claude on every tier: the page to begin with, read, and the documents that came with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from claude_doubles import PAGES, SCHEMA, VOYAGER, answer, claude, found, passage_with, role_of, task

from research.money.processors import PROCESSOR_NAMES, load_processors
from research.pages.attached_files import AttachedFilesFetcher
from research.pages.page_store import PageStore, StoringFetcher
from research.pages.routing import Nowhere
from research.pipeline import research
from research.ports.world import World
from research.result.result import Result
from research.testing import ModelServer, Pages, Reply, Request, call, structured, tool_calls

START = next(iter(PAGES))


def answering(request: Request) -> Reply:
    """Answers from what it was shown, without a search; plans and grades where its tier has that."""
    role = role_of(request)
    if role == "plan":
        return structured({"subqueries": [{"question": "When, and who?", "fields": list(SCHEMA), "label": "all"}]})
    if role == "grade":
        return structured({"fields": [], "ask": []})
    if role == "judge":
        return structured({"claims": []})
    launched, operator = passage_with(request, "5 September 1977"), passage_with(request, "Operator: NASA")
    report = {"report": f"It was launched in 1977 [{launched}]."} if role == "synthesize" else {}
    return answer(found("launched", "1977-09-05", launched), found("operator", "NASA", operator), **report)


async def researched(server: ModelServer, folder: Path, web: Pages | None, **fields: Any) -> Result:
    store = PageStore(folder / "store")
    search, fetcher = (web, web) if web is not None else (Nowhere(), Nowhere())
    async with claude(server) as model:
        given = StoringFetcher(AttachedFilesFetcher(web), store)
        world = World(model, search, StoringFetcher(fetcher, store), load_processors(), given)
        return await research(task(**fields), world)


@pytest.mark.parametrize("tier", PROCESSOR_NAMES)
async def test_a_start_page_is_read_before_the_first_turn_and_where_it_suffices_nothing_is_searched(
    tmp_path: Path, tier: Any
) -> None:
    shelf = Pages(PAGES)
    with ModelServer(answering) as server:
        result = await researched(server, tmp_path, shelf, processor=tier, start_url=START)
        (first,) = [request for request in server.requests if role_of(request) == "investigate"]
    assert "# The page to begin with" in first.text
    assert result.output == {"launched": "1977-09-05", "operator": "NASA"}
    assert (shelf.queries, shelf.fetched) == ([], [START])
    assert (result.usage.tool_calls, result.usage.pages_fetched, result.usage.search_queries) == (1, 1, 0)
    assert {citation.url for basis in result.basis for citation in basis.citations} == {START}


@pytest.mark.parametrize("tier", PROCESSOR_NAMES)
async def test_given_files_are_listed_searched_and_cited(tmp_path: Path, tier: Any) -> None:
    file = tmp_path / "voyager.md"
    file.write_text(VOYAGER)

    def rule(request: Request) -> Reply:
        if role_of(request) == "investigate" and request.turn == 0:
            assert f"url: files:///{file}" in request.text
            return tool_calls(call("search", query="launched by NASA"))
        if role_of(request) == "investigate" and request.turn == 1:
            (hits,) = request.tool_results
            assert f"files:///{file}" in hits.text
            return tool_calls(call("read", url=f"files:///{file}", about="launch and operator"))
        return answering(request)

    with ModelServer(rule) as server:
        result = await researched(server, tmp_path, None, processor=tier, files=[str(file)])
    assert result.output == {"launched": "1977-09-05", "operator": "NASA"}
    assert {citation.url for basis in result.basis for citation in basis.citations} == {f"files:///{file}"}
    assert result.usage.search_queries == 0


@pytest.mark.parametrize("tier", PROCESSOR_NAMES)
async def test_fetches_and_steps_have_their_limits_on_every_tier(tmp_path: Path, tier: Any) -> None:
    shelf = Pages({f"https://probe.example/{n}": f"{VOYAGER}\n\nCopy {n}." for n in range(9)})

    def rule(request: Request) -> Reply:
        if role_of(request) == "investigate" and request.tools:
            return tool_calls(call("read", url=f"https://probe.example/{request.turn}", about="launch"))
        return answering(request)

    with ModelServer(rule) as server:
        result = await researched(server, tmp_path, shelf, processor=tier, max_fetches=2, max_steps=4)
        turns = [request.turn for request in server.requests if role_of(request) == "investigate"]
    assert result.status == "completed"
    assert len(shelf.fetched) == result.usage.pages_fetched == 2
    assert max(turns) < 4


async def test_a_start_page_that_cannot_be_read_is_told_and_searching_goes_on(tmp_path: Path) -> None:
    shelf = Pages(PAGES)

    def rule(request: Request) -> Reply:
        if request.turn == 0:
            assert "https://gone.example/: 404" in request.text
            return tool_calls(call("read", url=START, about="launch"))
        return answering(request)

    with ModelServer(rule) as server:
        result = await researched(server, tmp_path, shelf, start_url="https://gone.example/")
    assert result.status == "completed"
    assert any("start_url could not be read" in warning for warning in result.warnings)
