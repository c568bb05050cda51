"""What a task names itself: a page to begin with, and documents that are searched and cited like any source."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from research.errors import FetchRefused, PageUnreadable, SearchFailed
from research.models.keyless.model import KeylessModel
from research.models.scripted import ScriptedModel
from research.money.usage import Usage
from research.money.usage_ledger import UsageLedger
from research.pages.attached_files import AttachedFilesFetcher
from research.pages.page_store import PageStore, StoringFetcher
from research.pages.routing import Nowhere
from research.pipeline import research
from research.ports.model import Model, ResearchTools
from research.ports.page import Hit
from research.ports.search import SearchResult
from research.ports.work import Draft, FieldAnswer, SubQuery
from research.ports.world import World
from research.result.result import Result
from research.task.source_policy import SourcePolicy
from research.task.task import Task
from research.testing import Pages

SCHEMA = {"operator": "who operates it", "moons": "integer"}
WEB = {
    "https://probes.example/luna-9": "# Luna 9\n\nOperator: Lavochkin\nMoons: 4",
    "https://other.example/luna-9": "# Luna 9\n\nOperator: Somebody else\nMoons: 7",
}


class Web(Pages):
    """Some pages, and an address that may not be read."""

    def __init__(self, pages: Mapping[str, str] = WEB) -> None:
        super().__init__(pages, cost_usd=0.005)

    def refusal(self, url: str) -> str | None:
        return f"{url}: a private address" if "localhost" in url else None


@asynccontextmanager
async def world_of(tmp_path: Path, web: Web | None, model: Model | None = None) -> AsyncIterator[World]:
    store = PageStore(tmp_path / "store")
    nowhere = Nowhere()
    yield World(
        model=model or KeylessModel(),
        search=web or nowhere,
        fetcher=StoringFetcher(web or nowhere, store),
        attached=StoringFetcher(AttachedFilesFetcher(web), store),
    )


async def run(tmp_path: Path, web: Web | None, model: Model | None = None, **fields: Any) -> Result:
    async with world_of(tmp_path, web, model) as world:
        return await research(Task.model_validate({"task": "Facts about Luna 9", "output_schema": SCHEMA, **fields}), world)


def cited(result: Result) -> set[str]:
    return {citation.url for basis in result.basis for citation in basis.citations}


async def test_a_start_page_that_suffices_is_the_only_page_and_nothing_is_searched(tmp_path: Path) -> None:
    web = Web()
    result = await run(tmp_path, web, start_url="https://probes.example/luna-9")
    assert result.output == {"operator": "Lavochkin", "moons": 4}
    assert (web.queries, set(web.fetched)) == ([], {"https://probes.example/luna-9"})
    assert result.usage.search_queries == 0
    assert cited(result) == {"https://probes.example/luna-9"}


async def test_a_start_page_that_does_not_suffice_is_read_first_and_then_others_are_looked_for(tmp_path: Path) -> None:
    web = Web({**WEB, "https://start.example/": "# Luna 9\n\nOperator: Lavochkin"})
    result = await run(tmp_path, web, start_url="https://start.example/")
    assert web.fetched[0] == "https://start.example/"
    assert isinstance(result.output, dict)
    assert result.output["moons"] in (4, 7)


async def test_a_start_page_that_cannot_be_read_is_a_warning_and_research_goes_on(tmp_path: Path) -> None:
    result = await run(tmp_path, Web(), start_url="https://gone.example/")
    assert result.status == "completed"
    assert any("start_url could not be read: https://gone.example/: 404" in warning for warning in result.warnings)
    assert result.usage.search_queries


async def test_a_start_page_that_may_not_be_read_fails_the_task_before_anything_is_spent(tmp_path: Path) -> None:
    web = Web()
    result = await run(tmp_path, web, start_url="http://localhost/admin")
    assert result.status == "failed"
    assert "/start_url: http://localhost/admin: a private address" in (result.error or "")
    assert (web.queries, web.fetched) == ([], [])


async def test_given_files_are_found_read_and_cited_without_anything_else_to_search(tmp_path: Path) -> None:
    file = tmp_path / "the brief.md"
    file.write_text("# Luna 9\n\nOperator: Lavochkin\nMoons: 4\n")
    result = await run(tmp_path, None, files=[str(file)])
    assert result.output == {"operator": "Lavochkin", "moons": 4}
    (url,) = cited(result)
    assert url == f"files:///{str(file).replace(' ', '%20')}"
    assert result.usage.search_queries == 0
    assert [source.url for source in result.sources_detailed if source.read] == [url]


async def test_the_source_policy_is_about_the_web_and_not_about_given_files(tmp_path: Path) -> None:
    file = tmp_path / "brief.md"
    file.write_text("# Luna 9\n\nOperator: Lavochkin\nMoons: 4\n")
    policy = {"include_domains": ["nasa.gov"], "after_date": "2020-01-01"}
    result = await run(tmp_path, Web(), files=[str(file)], source_policy=policy)
    assert result.output == {"operator": "Lavochkin", "moons": 4}
    assert cited(result) == {f"files:///{file}"}


async def test_a_given_file_that_holds_nothing_to_read_is_a_warning(tmp_path: Path) -> None:
    picture = tmp_path / "photo.md"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\x00" * 50)
    seen: list[tuple[Hit, ...]] = []

    async def script(task: Task, subquery: SubQuery, tools: ResearchTools) -> Draft:
        seen.append(await tools.documents())
        return Draft(answers=tuple(FieldAnswer(field=name) for name in subquery.fields))

    result = await run(tmp_path, Web(), ScriptedModel(script), files=[str(picture)])
    assert seen[0] == ()
    assert any("photo.md: this is a picture" in warning for warning in result.warnings)


async def test_a_model_reads_no_file_that_the_task_does_not_name(tmp_path: Path) -> None:
    secret, given = tmp_path / "secret.md", tmp_path / "given.md"
    secret.write_text("# The key\n\nhunter2")
    given.write_text("# Luna 9")
    refused: list[str] = []

    async def script(task: Task, subquery: SubQuery, tools: ResearchTools) -> Draft:
        for url in (f"files:///{secret}", f"file://{secret}", f"files:///{given}/../secret.md"):
            try:
                await tools.read(url)
            except (FetchRefused, PageUnreadable):
                refused.append(url)
        return Draft(answers=tuple(FieldAnswer(field=name) for name in subquery.fields))

    result = await run(tmp_path, Web(), ScriptedModel(script), files=[str(given)])
    assert len(refused) == 3 * len(result.findings)
    assert "hunter2" not in result.model_dump_json()


async def test_the_last_page_s_html_is_on_the_result_if_it_was_asked_for(tmp_path: Path) -> None:
    asked = await run(tmp_path / "a", Web(), start_url="https://probes.example/luna-9", include_html_dump=True)
    assert asked.html_dump == f"<pre>{WEB['https://probes.example/luna-9']}</pre>"
    assert (await run(tmp_path / "b", Web(), start_url="https://probes.example/luna-9")).html_dump is None


async def test_the_cost_of_searches_is_a_cost_of_the_task(tmp_path: Path) -> None:
    web = Web()
    result = await run(tmp_path, web)
    assert result.usage.search_queries == len(web.queries) > 0
    assert result.cost_usd == pytest.approx(0.005 * len(web.queries))


async def test_a_page_without_a_date_is_kept_under_after_date_with_a_warning(tmp_path: Path) -> None:
    result = await run(tmp_path, Web(), source_policy={"after_date": "2020-01-01"})
    assert result.status == "completed"
    assert any("its date is not known" in warning for warning in result.warnings)


async def test_what_was_paid_beside_a_provider_that_failed_is_counted_once(tmp_path: Path) -> None:
    class HalfDown(Web):
        async def search(
            self, query: str, *, limit: int, policy: SourcePolicy | None = None, ledger: UsageLedger
        ) -> SearchResult:
            ledger.add(Usage(search_queries=1), 0.01)
            raise SearchFailed("one provider did not answer")

    result = await run(tmp_path, HalfDown())
    assert result.status == "failed"
    assert result.cost_usd == pytest.approx(0.01 * result.usage.search_queries)
    assert result.usage.search_queries == result.usage.tool_calls > 0
