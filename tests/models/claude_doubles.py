"""Claude on the double of its service, in a world of a few pages in memory."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

import anthropic

from research.models.anthropic.caller import Caller, CallTimes
from research.models.claude import ClaudeModel
from research.money.processors import Processors, load_processors
from research.pipeline import research
from research.ports.world import World
from research.result.result import Result
from research.task.task import Task
from research.testing import ModelServer, Pages, Reply, Request, structured

VOYAGER = (
    "# Voyager 1\n\nVoyager 1 is a space probe. NASA launched it on 5 September 1977 from Cape Canaveral.\n\n"
    "Operator: NASA\nMass: 721.9 kg\n\nIt carries a golden record with sounds of Earth."
)
GAZETTE = "# The gazette\n\nThe gazette says that Voyager 1 was launched on 6 September 1977.\n\nIts mass is 825 kg."
PAGES = {"https://probe.example/voyager": VOYAGER, "https://gazette.example/1977": GAZETTE}
SCHEMA = {"launched": "date", "operator": "who ran it"}


@asynccontextmanager
async def claude(server: ModelServer, processors: Processors | None = None, **options: Any) -> AsyncIterator[ClaudeModel]:
    table = processors or load_processors()
    http = anthropic.DefaultAsyncHttpxClient(verify=False)  # there is no TLS on loopback
    async with anthropic.AsyncAnthropic(base_url=server.url, api_key="test", http_client=http) as client:
        caller = Caller(client, table.prices, times=CallTimes(budget=5, first_wait=0.01, longest_wait=0.05))
        yield ClaudeModel(caller, table, today=lambda: date(2026, 1, 1), **options)


def task(**fields: Any) -> Task:
    return Task.model_validate({"task": "Facts about Voyager 1", "output_schema": SCHEMA, "processor": "core", **fields})


async def ask(
    server: ModelServer, asked: Task | None = None, pages: Pages | None = None, processors: Processors | None = None
) -> Result:
    """Research one task with Claude on the double."""
    async with claude(server, processors) as model:
        return await ask_model(model, asked, pages, processors)


async def ask_model(
    model: ClaudeModel, asked: Task | None = None, pages: Pages | None = None, processors: Processors | None = None
) -> Result:
    here = pages or Pages(PAGES)
    return await research(asked or task(), World(model, here, here, processors or load_processors()))


def found(field: str, value: Any, *passages: str, against: Sequence[str] = (), sure: str = "high") -> dict[str, Any]:
    """One entry of `answers`."""
    return {
        "field": field,
        "reasoning": "The passage says so.",
        "value": value,
        "passages": list(passages),
        "against": list(against),
        "confidence": sure,
    }


def answer(*answers: Mapping[str, Any], missing: Sequence[str] = (), summary: str = "", report: str | None = None) -> Reply:
    """A whole answer, as the model writes it."""
    said: dict[str, Any] = {
        "answers": list(answers),
        "not_found": [{"field": name, "reasoning": "No page says."} for name in missing],
        "summary": summary,
    }
    return structured(said if report is None else {**said, "report": report})


def role_of(request: Request) -> str:
    """What a request is for, told by the form it asks for."""
    parts = set((request.schema or {}).get("properties", {}))
    if "subqueries" in parts:
        return "plan"
    if "ask" in parts:
        return "grade"
    if "report" in parts:
        return "synthesize"
    if "answers" in parts:
        return "investigate"
    items = (request.schema or {})["properties"]["claims"]["items"]["properties"]
    return "verify" if "stands" in items else "judge"


def passage_with(request: Request, words: str) -> str:
    """The id of the first passage shown in the conversation so far in which the words stand."""
    shown = "\n".join(
        [*(each.text for each in request.tool_results), *(block["text"] for m in request.messages for block in _texts(m))]
    )
    name = ""
    for line in shown.splitlines():
        if re.fullmatch(r"(?:s\d+)?p\d+", line):
            name = line
        elif line.startswith("    ") and words in line and name:
            return name
        elif not line.startswith("    "):
            name = ""
    raise AssertionError(f"no passage with {words!r} was shown")


def _texts(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    content = message["content"]
    return [block for block in content if block["type"] == "text"] if not isinstance(content, str) else [{"text": content}]
