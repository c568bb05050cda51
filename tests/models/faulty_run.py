"""Rows researched by Claude's own loop, against a service that fails in every way it can."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anthropic

from research.models.anthropic.caller import Caller, CallTimes
from research.models.claude.model import ClaudeModel
from research.money.processors import load_processors
from research.money.usage import Usage
from research.money.usage_ledger import UsageLedger
from research.pipeline import research
from research.ports.page import Hit, Page
from research.ports.search import SearchResult
from research.ports.world import World
from research.result.result import Result
from research.task.source_policy import SourcePolicy
from research.task.task import Task
from research.testing import Answer, Faults, ModelServer, Pages, RateLimits, Request, call, make_page, structured, tool_calls

RATES = dict.fromkeys(("429", "529", "500", "timeout", "cut_body", "cut_stream", "off_schema"), 0.05)
"""Five in a hundred of each. What comes plain cannot be cut as a stream, and is cut as a body."""

SCHEMA = {"type": "object", "properties": {"launched": {"type": "integer"}, "operator": {"type": "string"}}}
OPERATORS = ("Meridian Tidal", "Ostrava Works", "Kestrel Line", "Blue Harbour")
PASSAGE = re.compile(r"^(p\d+)\n    (?:\(under: .*\)\n    )?(.*Launched.*)$", re.MULTILINE)


def truth(number: int) -> dict[str, Any]:
    return {"launched": 1900 + number * 7 % 120, "operator": OPERATORS[number % len(OPERATORS)]}


def page_text(number: int) -> str:
    told = truth(number)
    return f"# Station {number}\n\nA tide station.\n\nLaunched: {told['launched']}\nOperator: {told['operator']}\n"


class Stations(Pages):
    """One page a station, made when it is asked for."""

    async def search(self, query: str, *, limit: int, policy: SourcePolicy | None = None, ledger: UsageLedger) -> SearchResult:
        ledger.add(Usage(search_queries=1))
        number = int(re.findall(r"\d+", query)[0])
        hit = Hit(url=f"corpus://stations/{number}", title=f"Station {number}", snippet="A tide station.", score=1.0)
        return SearchResult(hits=(hit,))

    def page(self, url: str) -> Page:
        return make_page(url, page_text(int(url.rsplit("/", 1)[1])))


def researcher(request: Request) -> Answer:
    """Searches, reads, and answers from the passage that it was shown."""
    done = request.tool_results
    if not done:
        number = re.findall(r"Station (\d+)", request.messages[0]["content"][0]["text"])[0]
        return tool_calls(call("search", query=f"Station {number}"))
    if done[-1].name == "search":
        assert "url: " in done[-1].text, done[-1].text
        url = re.findall(r"url: (\S+)", done[-1].text)[0]
        return tool_calls(call("read", url=url, about="launch year and operator"))
    found = PASSAGE.search(next(each.text for each in done if each.name == "read"))
    assert found is not None, done[-1].text
    launched, operator = re.findall(r"Launched: (\d+)\s+Operator: (.*)", done[-1].text)[0]
    values = {"launched": int(launched), "operator": operator.strip()}
    entry = {"reasoning": "The page says so.", "passages": [found[1]], "against": [], "confidence": "high"}
    answers = [{"field": name, "value": value, **entry} for name, value in values.items()]
    return structured({"answers": answers, "not_found": [], "summary": "SearchResult."})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run of rows came to."""

    results: Sequence[Result]
    calls: int
    early: int
    """Requests that came sooner than their `retry-after` allowed."""
    faults: Mapping[str, int]

    @property
    def right(self) -> int:
        """Rows whose values are the truth, each stated by its excerpt."""
        return sum(_is_right(number, result) for number, result in enumerate(self.results))

    @property
    def errors(self) -> Counter[str]:
        return Counter(result.error or "" for result in self.results if result.status != "completed")


def _is_right(number: int, result: Result) -> bool:
    stated = {
        basis.field: any(excerpt.support == "stated" for citation in basis.citations for excerpt in citation.excerpts)
        for basis in result.basis
    }
    return result.status == "completed" and result.output == truth(number) and stated == dict.fromkeys(truth(number), True)


@asynccontextmanager
async def faulty_claude(
    seed: int,
    *,
    latency: float = 0.05,
    retry_after: tuple[float, float] = (0.1, 0.5),
    patience: float = 0.5,
    rate_limits: RateLimits | None = None,
) -> AsyncIterator[tuple[ModelServer, ClaudeModel]]:
    """A service that fails, and Claude's model that asks it.

    Args:
        latency: seconds before an answer.
        retry_after: seconds that 429 and 529 ask to wait.
        patience: seconds after which no answer is no answer.
    """
    faults = Faults(RATES, seed=seed, retry_after=retry_after)
    server = ModelServer(researcher, faults=faults, latency=latency, rate_limits=rate_limits, seed=seed)
    waits = CallTimes(attempt=patience, silence=patience, tokens_per_second=1e9, first_wait=0.05, longest_wait=1.0)
    async with (
        server,
        anthropic.AsyncAnthropic(
            base_url=server.url, api_key="test", http_client=anthropic.DefaultAsyncHttpxClient(verify=False)
        ) as sdk,
    ):
        yield server, ClaudeModel(Caller(sdk, load_processors().prices, times=waits))


async def faulty_run(rows: int, seed: int, *, at_once: int = 32, **options: Any) -> Outcome:
    """Research `rows` stations, plainly (`base`) and streamed (`core`) by turns, `at_once` at a time.

    Args:
        options: of `faulty_claude`.
    """
    free = asyncio.Semaphore(at_once)
    stations = Stations({})

    async def row(model: ClaudeModel, number: int) -> Result:
        processor = "base" if number % 2 else "core"
        given = {"task": f"When was Station {number} launched, and who runs it?", "output_schema": SCHEMA, "processor": processor}
        async with free:
            return await research(Task.model_validate(given), World(model=model, search=stations, fetcher=stations))

    async with faulty_claude(seed, **options) as (server, model):
        results = await asyncio.gather(*(row(model, number) for number in range(rows)))
    return Outcome(results, len(server.requests), len(server.early_retries()), dict(server.faults_served))
