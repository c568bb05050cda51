"""Run by a kill test in a process of its own: resynthesizes a run, writes down every sub-query it does, dies of `kill -9`.

python flows_resynthesis_killed.py OLD NEW LOG DIE_AFTER
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from flows_doubles import SCHEMA, expected

from flows.resynthesis import resynthesize
from flows.run.runtime import Runtime, use_runtime
from research.models.scripted import ScriptedModel
from research.pages.row_pages import RowPages
from research.ports.model import ResearchTools
from research.ports.work import Draft, FieldAnswer, SubQuery
from research.ports.world import World
from research.task.task import Task
from research.world import Settings

WIDER = {**SCHEMA, "heading": "what its page is called"}
IN_FLIGHT = 3


def reading(note: Callable[[str], Any]) -> Runtime:
    """A runtime whose model reads all pages that a row has, and tells each planet that it is asked for."""

    async def script(task: Task, subquery: SubQuery, desk: ResearchTools) -> Draft:
        name = task.input["name"]
        note(name)
        passages = [passage for hit in await desk.search(name) for passage in await desk.read(hit.url)]
        values = {**expected(name), "heading": name}
        ids = tuple(passage.id for passage in passages)
        return Draft(
            answers=tuple(FieldAnswer(field=f, value=values[f], passages=ids, confidence="high") for f in subquery.fields)
        )

    @asynccontextmanager
    async def opener(_settings: Settings, pages: RowPages) -> AsyncIterator[World]:
        yield World(model=ScriptedModel(script), search=pages, fetcher=pages)

    return Runtime(stored_opener=opener, retry_delays=(0.0, 0.0))


async def again(old: str, new: str, note: Callable[[str], Any]) -> None:
    with use_runtime(reading(note)):
        await resynthesize(old, output_schema=WIDER, out=new, shard_size=4, concurrency=IN_FLIGHT)


def main(old: str, new: str, log: str, die_after: int) -> None:
    done = 0

    def note(name: str) -> None:
        nonlocal done
        with Path(log).open("a") as lines:
            lines.write(f"{name}\n")
        done += 1
        if done == die_after:
            os.kill(os.getpid(), signal.SIGKILL)

    asyncio.run(again(old, new, note))


if __name__ == "__main__":
    main(*sys.argv[1:4], int(sys.argv[4]))
