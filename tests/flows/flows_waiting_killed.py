"""Run by the kill test in a process of its own: researches planets, some of which ask, and dies of `kill -9` before the run ends.

python flows_waiting_killed.py TABLE RUN LOG
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from flows_doubles import below_prefect, expected

from flows.run.events import Event, ShardCommitted
from research.models.scripted import ScriptedModel
from research.ports.model import Ask, ResearchTools
from research.ports.work import Draft, FieldAnswer, SubQuery
from research.task.task import Task

ASKS = ("Planet 1", "Planet 4")


def asker(log: Path, asks: tuple[str, ...] = ASKS) -> ScriptedModel:
    """Reads a planet's page, asks about some planets, and writes down what it does; it costs a dime a call."""

    async def script(task: Task, subquery: SubQuery, tools: ResearchTools) -> Draft:
        name = task.input["name"]

        def note(what: str) -> None:
            with log.open("a") as lines:
                lines.write(f"{what} {name}\n")

        if tools.resumed is None:
            note("search")
            (hit,) = await tools.search(name)
            passages = await tools.read(hit.url)
            state = {"passage": passages[-1].id}
            if name in asks:
                note("ask")
                tools.ask([Ask(f"Which {name}?", ("the inner", "the outer"))], state)
        else:
            note(f"answered {tools.resumed.answers['s1q1']}")
            state = dict(tools.resumed.state)
        answers = [
            FieldAnswer(field=field, value=expected(name)[field], passages=(state["passage"],), confidence="high")
            for field in subquery.fields
        ]
        return Draft(answers=tuple(answers))

    return ScriptedModel(script, keyless=False, cost_usd=0.1)


def main(table: str, run: str, log: str) -> None:
    committed = 0

    def listener(event: Event) -> None:
        nonlocal committed
        committed += isinstance(event, ShardCommitted)
        if committed == 2:
            os.kill(os.getpid(), signal.SIGKILL)

    model = asker(Path(log))
    asyncio.run(
        below_prefect(Path(table), Path(run), model=model, shard_size=3, concurrency=1, listener=listener, allow_questions=True)
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
