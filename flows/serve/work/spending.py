"""What a task pays from: its share of what is left, and its charges, each written down."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from sqlalchemy import select

from flows.run.estimate import longest_answer_usd, task_estimate, world_search_usd
from flows.serve.database.accounts import Accounts
from flows.serve.database.database import Database, uninterrupted
from flows.serve.database.schema import charges
from flows.serve.records.task_records import TaskRecord
from research.errors import BudgetExhausted, InvalidInput
from research.finding.discovery import ROUNDS
from research.finding.find import FindRequest
from research.money.amounts import dollars, total
from research.money.budget import Budget, Charge
from research.ports.world import World
from research.search.settings import SearchSettings
from research.task.task import Task

LEAST_SHARE: Final = 0.01
"""US dollars. Of a task that is likely to cost nothing."""


class Paying:
    """A task's budget, and its charges that are not written down yet."""

    def __init__(self, database: Database, accounts: Accounts, record: TaskRecord) -> None:
        self._database = database
        self._accounts = accounts
        self._record = record
        self._unwritten: list[Charge] = []
        self.budget = Budget()
        self.may_have_more = False
        """Whether its share was a guess: where it is spent, the task goes on with a larger one."""

    def open(self, max_usd: float | None, spent_usd: float | None, *, strict: bool) -> None:
        """Set the cap.

        Args:
            max_usd: what the task may cost, with what it has spent before.
            spent_usd: that.
            strict: what is left is a share that must not be passed by a single cent.
        """
        self.budget = Budget(max_usd, spent_usd, self._unwritten.append, strict=strict)

    @uninterrupted
    async def write(self) -> None:
        """Write down what was charged since."""
        written, self._unwritten[:] = list(self._unwritten), []
        if not written:
            return
        async with self._database.writing() as connection:
            await self._accounts.write(connection, self._record.number, self._record.owner, written)


class Spending:
    """The charges of all tasks.

    Args:
        max_cost_per_task: the cap of one task, in US dollars; None: no cap.
        prices: those of search providers.
    """

    def __init__(self, database: Database, max_cost_per_task: float | None = None, prices: SearchSettings | None = None) -> None:
        self._prices = prices or SearchSettings()
        self._database = database
        self._accounts = Accounts(database)
        self._max_cost_per_task = max_cost_per_task

    @asynccontextmanager
    async def budget_of(self, record: TaskRecord, world: World, *, takes_all: bool = False) -> AsyncIterator[Paying]:
        """The budget that a task pays from: what it has paid before counts.

        Args:
            takes_all: its share is all that is left, not only what it will hardly need more than.

        Raises:
            BudgetExhausted: nothing is left for it.
            MoneyIsOut: nothing is left for now.
            InvalidInput: there is a cap, and a model whose price is not known.
        """
        paying = Paying(self._database, self._accounts, record)
        before = await self._charged(record.number)
        own_cap = self._max_cost_per_task
        if own_cap is not None and (before is None or before >= own_cap):
            raise BudgetExhausted(f"the task has spent its cap of {dollars(own_cap)}")
        likely = None if takes_all else self._likely(record, world)
        most = None if own_cap is None else own_cap - (before or 0.0)
        share = await self._accounts.take(record.number, record.owner, most, likely)
        if share.usd is not None:
            _refuse_unpriced(record, world)
        paying.may_have_more = share.is_guess
        shared = share.usd is not None and (own_cap is None or share.usd < own_cap - (before or 0.0))
        paying.open(None if share.usd is None else (before or 0.0) + share.usd, before, strict=shared)
        try:
            yield paying
        finally:
            await paying.write()
            await self._accounts.give_back(record.number)

    def _likely(self, record: TaskRecord, world: World) -> float | None:
        """What a task will hardly need more than. None: not known.

        Of a research and of searches, that is twice what all of them are estimated to cost; of a find, what the research of all
        its candidates is. To it comes what a call reserves beyond what it does cost.
        """
        task = record.task
        if record.retrieval is not None:
            searches = 0 if record.retrieval.urls else max(1, len(record.retrieval.queries))
            usd = total([world_search_usd(world, self._prices)] * 2 * searches)
        elif record.find is not None:
            usd = self._find_usd(task, record.find, world)
        else:
            usd = total([self._most_usd(task, world)] * 2)
        longest = 0.0 if world.model.keyless or record.retrieval is not None else longest_answer_usd(task, world)
        likely = total((usd, longest))
        return None if likely is None else max(LEAST_SHARE, likely)

    def _find_usd(self, task: Task, asked: FindRequest, world: World) -> float | None:
        judging = task.changed(output_schema=asked.plan.output_schema())
        judged = [self._most_usd(judging, world)] * (ROUNDS + asked.candidates)
        if asked.enrich is None:
            return total(judged)
        processor = asked.enrich.processor or task.processor
        enriching = task.changed(output_schema=asked.enrich.output_schema, processor=processor)
        return total(judged + [self._most_usd(enriching, world)] * asked.limit)

    def _most_usd(self, task: Task, world: World) -> float | None:
        """What a research is estimated to cost that makes all of its tool calls."""
        guess = task_estimate(task, world, self._prices)
        return 0.0 if guess is None else guess.high.usd

    @uninterrupted
    async def _charged(self, number: int) -> float | None:
        """What a task has paid before; None: for a call whose price is not known."""
        chosen = select(charges.c.counted_usd).where(charges.c.task_number == number)
        async with self._database.reading() as connection:
            return total((await connection.execute(chosen)).scalars().all())


def _refuse_unpriced(record: TaskRecord, world: World) -> None:
    if unpriced := world.model.unpriced(record.task.processor):
        raise InvalidInput(f"no price is known for {', '.join(unpriced)}, so no cap on the cost can be held")
