"""A model that follows a script: a shipped double, for testing flows and for trying things out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from research.money.processors import ProcessorName
from research.money.usage_ledger import UsageLedger
from research.ports.model import Checker, ResearchTools
from research.ports.page import Passage
from research.ports.tool_servers import ServerTool
from research.ports.work import Draft, FieldAnswer, Grade, Investigated, Plan, SubQuery
from research.task.task import Task
from research.values.values import places

Script = Callable[[Task, SubQuery, ResearchTools], Awaitable[Draft]]
Cost = float | Callable[[Task], float | None] | None
"""US dollars a call, or what says it for a task; None is not known."""

Answered = TypeVar("Answered", Plan, Draft, Grade)


class ScriptedModel:
    """Investigates by a script. It plans one sub-query a field, asks nothing more, and merges what the sub-queries answer.

    Args:
        script: what an investigation does; it may search, read, wait and raise, as any model may.
        name: shown as the model that answered.
        identity: change it to make earlier work count as other work.
        keyless: False makes it a paid model, which plans and grades on the `research` tier only.
        cost_usd: what each of its calls costs. It is paid from the run's budget.
        max_usd: the most that it says before a call that the call may cost; None: what it does cost.
    """

    asks = True
    """Whether it asks people is up to its script."""

    def __init__(
        self,
        script: Script,
        *,
        name: str = "scripted",
        identity: str = "scripted/1",
        keyless: bool = True,
        cost_usd: Cost = 0.0,
        max_usd: float | None = None,
    ) -> None:
        self._script = script
        self.name = name
        self.identity = identity
        self.keyless = keyless
        self.calls: Counter[str] = Counter()
        """How often each method was called."""
        self._cost_usd = cost_usd
        self._max_usd = max_usd

    def unpriced(self, processor: ProcessorName) -> tuple[str, ...]:
        return ()

    async def _paid(self, step: str, task: Task, ledger: UsageLedger, answer: Callable[[], Awaitable[Answered]]) -> Answered:
        """An answer that is paid for. A script that raises has cost nothing."""
        cost = self._cost_usd(task) if callable(self._cost_usd) else self._cost_usd
        most = cost if self._max_usd is None else self._max_usd
        async with ledger.budget.reserve(most, purpose=step) as reservation:
            self.calls[step] += 1
            answered = await answer()
            reservation.settle(cost)
        ledger.add(cost_usd=cost)
        return answered

    async def plan(self, task: Task, max_subqueries: int, ledger: UsageLedger, server_tools: Sequence[ServerTool] = ()) -> Plan:
        async def answer() -> Plan:
            names = [field.name for field in task.output_schema.fields]
            groups = [tuple(names[place::max_subqueries]) for place in range(min(max_subqueries, len(names)))]
            return Plan(
                subqueries=tuple(
                    SubQuery(
                        index=place,
                        question=f"{task.task}: {', '.join(group)}",
                        fields=group,
                        label=", ".join(group).replace("_", " "),
                    )
                    for place, group in enumerate(groups, start=1)
                )
            )

        return await self._paid("plan", task, ledger, answer)

    async def investigate(self, task: Task, subquery: SubQuery, tools: ResearchTools, ledger: UsageLedger) -> Draft:
        return await self._paid("investigate", task, ledger, lambda: self._script(task, subquery, tools))

    async def grade(
        self,
        task: Task,
        work: Sequence[Investigated],
        max_subqueries: int,
        ledger: UsageLedger,
        server_tools: Sequence[ServerTool] = (),
    ) -> Grade:
        async def answer() -> Grade:
            answered = {answer.field for done in work for answer in done.answers if answer.value is not None}
            return Grade(fields={f.name: "supported" if f.name in answered else "missing" for f in task.output_schema.fields})

        return await self._paid("grade", task, ledger, answer)

    async def synthesize(self, task: Task, work: Sequence[Investigated], check: Checker, ledger: UsageLedger) -> Draft:
        async def answer() -> Draft:
            best: dict[str, FieldAnswer] = {}
            for found in (found for done in work for found in done.answers):
                if found.field not in best or best[found.field].value is None:
                    best[found.field] = found
            return Draft(answers=tuple(best.values()))

        return await self._paid("synthesize", task, ledger, answer)


def quoting(answers: Callable[[Task], Mapping[str, Any]]) -> Script:
    """A script that knows the answers and looks for the passages that state them.

    It searches once, reads hits until every answer is found or no tool call is left, and cites every passage in which an answer
    stands. What stands nowhere is answered with null.

    Args:
        answers: the values by field name for a task.
    """

    async def script(task: Task, subquery: SubQuery, tools: ResearchTools) -> Draft:
        known = answers(task)
        schemas = {field.name: field.schema for field in task.output_schema.fields}
        wanted = {name: known[name] for name in subquery.fields if known.get(name) is not None}
        found: dict[str, list[Passage]] = {name: [] for name in wanted}
        for hit in await tools.search(subquery.question):
            if tools.tool_calls_left == 0 or all(found.values()):
                break
            for passage in await tools.read(hit.url):
                for name, value in wanted.items():
                    if places(value, schemas[name], passage.text):
                        found[name].append(passage)
        return Draft(
            answers=tuple(
                FieldAnswer(
                    field=name,
                    value=wanted[name] if found.get(name) else None,
                    passages=tuple(passage.id for passage in found.get(name, ())),
                    reasoning="The passage states it." if found.get(name) else "No page states it.",
                    confidence="high" if found.get(name) else None,
                )
                for name in subquery.fields
            )
        )

    return script
