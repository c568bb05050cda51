"""A small world for the flow's tests: a table of planets, one page each, and a model that reads it and keeps count."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.events import Event
from flows.runtime import Host
from research.models.scripted import ScriptedModel
from research.page import Hit, Page, page_hash
from research.ports import Desk, Draft, FieldAnswer, SubQuery, World
from research.task import SourcePolicy, Task
from research.web.page_store import PageStore, StoringFetcher
from research.world import Settings

SCHEMA = {"moons": "integer", "colour": "its colour"}
OBJECTIVE = "How many moons has {name}, and what colour is it?"

Hook = Callable[[str, SubQuery], Any]
"""Is called (and awaited) before each sub-query with the row's name. It may wait, raise or write down."""


def planets(count: int) -> list[dict[str, Any]]:
    return [{"id": f"{i:04}", "name": f"Planet {i}"} for i in range(count)]


class OnePageEach:
    """A search and a fetcher over pages that are made when they are asked for."""

    identity = "one-page-each/1"
    name = "one page each"

    async def search(self, query: str, *, limit: int, policy: SourcePolicy | None = None) -> tuple[Hit, ...]:
        return (Hit(url=f"test://{query}", title=query, snippet="", score=1.0),)

    async def fetch(self, url: str) -> Page:
        name = url.removeprefix("test://")
        text = f"# {name}\n\nMoons: {len(name)}\nColour: blue"
        return Page(
            page_hash=page_hash(text),
            url=url,
            final_url=url,
            title=name,
            media_type="text/plain",
            fetched_at=datetime(2024, 1, 1, tzinfo=UTC),
            published=None,
            text=text,
            extraction_version="1",
        )

    async def recall(self, page_hash: str) -> Page:
        raise AssertionError("the page store has every page that was read")


def expected(name: str) -> dict[str, Any]:
    return {"moons": len(name), "colour": "blue"}


def reader(hook: Hook | None = None, **options: Any) -> ScriptedModel:
    """A model that reads a planet's page for each sub-query, and cites it."""

    async def script(task: Task, subquery: SubQuery, desk: Desk) -> Draft:
        name = task.input["name"]
        if hook is not None and asyncio.iscoroutine(waited := hook(name, subquery)):
            await waited
        (hit,) = await desk.search(name)
        passages = await desk.read(hit.url)
        answers = [
            FieldAnswer(field=field, value=expected(name)[field], passages=(passages[-1].id,), confidence="high")
            for field in subquery.fields
        ]
        return Draft(answers=tuple(answers))

    return ScriptedModel(script, **options)


def host(
    model: ScriptedModel | None = None, heard: list[Event] | None = None, retry_delays: tuple[float, ...] = (0.0, 0.0)
) -> Host:
    """A host whose world is `OnePageEach` and this model."""
    judge = model or reader()

    @asynccontextmanager
    async def opener(_settings: Settings, pages: Path) -> AsyncIterator[World]:
        source = OnePageEach()
        yield World(model=judge, search=source, fetcher=StoringFetcher(source, PageStore(pages)))

    return Host(listener=[].append if heard is None else heard.append, opener=opener, retry_delays=retry_delays)


def without_times(value: Any) -> Any:
    """A table's rows without what differs between two runs of the same work."""
    if isinstance(value, Mapping):
        return {k: without_times(v) for k, v in value.items() if k not in ("completed_at", "seconds", "fetched", "fetched_at")}
    return [without_times(v) for v in value] if isinstance(value, list) else value
