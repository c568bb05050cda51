"""Half price: rows wait together, are sent as batches, and go on when their batch has ended.

A row's research stays what it is: a task run with its sub-query, kept under its key. Only its one request to the model goes
through the `BatchQueue`, which gathers those of all rows, reserves their money, makes a batch (a task run of its own) and waits.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from anthropic.types import Message

from flows.run.events import BatchEnded, BatchSent, Listener
from flows.run.journal import SUCCEEDED, Batch, Journal
from flows.run.runner import Runner
from flows.run.runtime import BatchPolling
from research.display.figures import count
from research.errors import InvalidInput, ModelUnavailable, ResearchError
from research.models.anthropic.batches import BatchClient, BatchGone, Ended, FateUnknown
from research.models.anthropic.caller import Caller
from research.models.claude import ClaudeModel
from research.models.claude.batched import BatchedClaude
from research.money.budget import Budget, Reservation
from research.ports.world import World
from research.search.local import LocalCorpus
from research.task.agent_profile import AgentProfile
from research.task.task import Task

PURPOSE: Final = "batch"
ROWS: Final = 1_000
"""Rows that wait at once; a batch has at most so many entries. Each is a task run that stays open for as long as its batch."""
TRIES: Final = 3
"""Batches in which one entry is tried: expired, canceled and broken ones go back into the queue."""
SKEW: Final = timedelta(minutes=10)
"""How far our clock and the service's may be apart, when a batch whose id was lost is looked for."""


def batched(
    world: World,
    sample: Task,
    *,
    agents: Iterable[AgentProfile] = (),
    escalate: str | None = None,
    start_url: str | None = None,
) -> World:
    """The same world, whose model answers in batches once it has a queue.

    Args:
        sample: a row's task, but for what makes it that row's.
        agents: those that a column of the table names.
        escalate: as the run is asked for it.
        start_url: the template of the rows' start pages.

    Raises:
        InvalidInput: this cannot be done in batches.
    """
    if without := [agent.id for agent in (*sample.agent_profiles, *agents) if not (agent.may("search") and agent.may("read"))]:
        raise InvalidInput(
            f"--batch lets the service search and read the web, which {', '.join(without)} may not by the `tools` of the profile."
            " Leave out --batch, or choose another agent"
        )
    if sample.processor not in ("base", "core"):
        raise InvalidInput(
            f"--batch is for the processors base and core, and not for {sample.processor}: a batch is one request a row"
        )
    if sample.verify_loops:
        raise InvalidInput("--verify-loops cannot be had with --batch: a batch is one request a row, and takes no second look")
    if sample.mode == "plan" or sample.allow_questions:
        raise InvalidInput(
            "--mode plan and --allow-questions cannot be had with --batch: a batch is one request a row, and waits for nobody"
        )
    if start_url or sample.files:
        raise InvalidInput(
            "--start-url and --file cannot be had with --batch, where the service itself chooses what it reads: leave them out, "
            "or leave --batch out"
        )
    if sample.mcp_servers:
        raise InvalidInput(
            "--mcp-server cannot be had with --batch: a server's tool is called in the middle of a conversation, and a batch is "
            "one request a row, answered hours later. Leave one of the two out"
        )
    if escalate:
        raise InvalidInput("--escalate cannot be had with --batch: let the batch end, and escalate with another command")
    model = world.model
    if not isinstance(model, ClaudeModel) or not isinstance(model.calls, Caller):
        raise InvalidInput(
            f"--batch asks the service's Message Batches, and the model {model.name} is not asked there: set ANTHROPIC_API_KEY "
            "and leave --model out, or leave --batch out"
        )
    if isinstance(world.search, LocalCorpus) and not world.search.holds_web_pages:
        raise InvalidInput(
            "--batch lets the service search the web, and this corpus would not be searched: none of its documents has a web "
            "address. Leave --corpus out, or --batch"
        )
    return replace(world, model=BatchedClaude(model, BatchClient(model.calls)))


@asynccontextmanager
async def through_batches(
    world: World, state: Path, runner: Runner, listener: Listener, polling: BatchPolling
) -> AsyncIterator[World]:
    """A batched world with its queue, for as long as the block lasts.

    Args:
        state: the run folder's `.state`, where the journal of batches is.
        listener: is called when a batch is sent, and when it has ended.
    """
    model = world.model
    if not isinstance(model, BatchedClaude):
        raise TypeError(f"{model.name} does not answer in batches")
    journal = await asyncio.to_thread(Journal, state)
    async with BatchQueue(model, journal, world.budget, runner, listener, polling) as queue:
        yield replace(world, model=model.with_queue(queue))


@dataclass(slots=True)
class _Entry:
    name: str
    params: Mapping[str, Any]
    max_usd: float | None
    answer: asyncio.Future[Message] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    tries: int = 0


class BatchQueue:
    """The batches of one run, on one event loop.

    Args:
        model: whose batches they are, and who knows what an answer cost.
        journal: the batches of earlier invocations, and where new ones are written down.
        budget: pays.
        runner: does each batch.
        listener: is called when a batch is sent, and when it has ended.
    """

    def __init__(
        self, model: BatchedClaude, journal: Journal, budget: Budget, runner: Runner, listener: Listener, polling: BatchPolling
    ) -> None:
        self._model = model
        self._client = model.client
        self._journal = journal
        self._budget = budget
        self._runner = runner
        self._listener = listener
        self._polling = polling
        self._entries: dict[str, _Entry] = {}
        """Asked and not answered."""
        self._arrived: dict[str, Message] = {}
        """Answered, and not yet asked for in this invocation."""
        self._waiting: deque[_Entry] = deque()
        self._more = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        self._followed: set[int] = set()
        self._context = contextvars.copy_context()

    async def __aenter__(self) -> Self:
        self._context = contextvars.copy_context()  # the flow's: a batch is no part of the row that happened to fill it
        self._spawn(self._gather())
        return self

    async def __aexit__(self, _type: type[BaseException] | None, _value: object, _trace: TracebackType | None) -> None:
        """Batches under way go on without us; the journal knows them."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def ask(self, name: str, params: Mapping[str, Any], max_usd: float | None) -> Message:
        if (arrived := self._arrived.pop(name, None)) is not None:
            return arrived
        entry = self._entries.get(name)
        if entry is None:
            entry = self._entries[name] = _Entry(name, params, max_usd)
            if (batch := self._journal.holding(name)) is None:
                self._enqueue(entry)
            elif batch.number not in self._followed:
                self._followed.add(batch.number)
                self._spawn(self._followed_up(batch))
        return await asyncio.shield(entry.answer)

    async def discard(self, names: Iterable[str]) -> None:
        await self._journal.discard(names)

    def _enqueue(self, entry: _Entry) -> None:
        self._waiting.append(entry)
        self._more.set()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work, context=self._context.copy())
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _gather(self) -> None:
        while True:
            await self._more.wait()
            before = 0
            while before < len(self._waiting) < ROWS:
                before = len(self._waiting)
                await asyncio.sleep(self._polling.gather)
            await self._send()
            if not self._waiting:
                self._more.clear()

    async def _send(self) -> None:
        """Reserve money for as many entries as there is some for, and make a batch of them. If that cannot be (a full disk),
        these entries fail; those of batches under way do not."""
        entries: list[_Entry] = []
        try:
            async with AsyncExitStack() as held:
                charges = await self._reserved(entries, held)
                if entries:
                    max_usd = {entry.name: entry.max_usd for entry in entries}
                    batch = await self._journal.making(str(entries[0].params["model"]), max_usd)
                    self._spawn(self._whole(batch, entries, charges, held.pop_all()))
        except Exception as error:  # noqa: BLE001  # whatever it is: rows that wait must not wait for ever
            self._fail(entries, error)

    async def _reserved(self, entries: list[_Entry], held: AsyncExitStack) -> dict[str, Reservation]:
        """Take entries of one batch out of the queue, and reserve their money."""
        charges: dict[str, Reservation] = {}
        while self._waiting and len(entries) < ROWS and (not entries or self._belongs(self._waiting[0], entries[0])):
            entry = self._waiting.popleft()
            try:
                charge = await held.enter_async_context(self._budget.reserve(entry.max_usd, purpose=PURPOSE))
            except Exception as error:  # noqa: BLE001  # the budget is spent, or its file cannot be written
                self._fail([entry], error)
                continue
            charges[entry.name] = charge
            entry.tries += 1
            entries.append(entry)
        return charges

    def _belongs(self, entry: _Entry, first: _Entry) -> bool:
        """Whether an entry can be in the same batch, and there is money for it now."""
        return entry.params["model"] == first.params["model"] and self._budget.fits(entry.max_usd)

    async def _whole(self, batch: Batch, entries: list[_Entry], charges: Mapping[str, Reservation], held: AsyncExitStack) -> None:
        """Make a batch, wait for it, hand its answers out."""

        async def work() -> None:
            try:
                batch_id = await self._client.make([(entry.name, entry.params) for entry in entries])
            except FateUnknown as lost:
                if await self._found(batch) is None:
                    await self._journal.not_made(batch)
                    self._again(entries, str(lost))
                    return
            except ResearchError:
                await self._journal.not_made(batch)
                raise
            else:
                await self._journal.made(batch, batch_id)
            await self._collected(batch, charges)

        async with held:
            await self._watched(f"batch {batch.number} · {count(len(entries), 'row')}", batch, work)

    async def _followed_up(self, batch: Batch) -> None:
        """Go on with a batch of an earlier invocation."""

        async def work() -> None:
            if batch.id is None and await self._found(batch) is None:
                await self._journal.not_made(batch)
                self._again(self._open(batch), "it was not made")
                return
            with ExitStack() as held:
                owing = [name for name in batch.entries if name not in batch.became]
                charges = {n: held.enter_context(self._budget.resume_charge(batch.entries[n], purpose=PURPOSE)) for n in owing}
                try:
                    await self._collected(batch, charges)
                except BatchGone:
                    await self._journal.became(batch, dict.fromkeys(batch.entries, "gone"))
                    self._again(self._open(batch), "the service has it no more")

        await self._watched(f"batch {batch.number} · {count(len(batch.entries), 'row')} · again", batch, work)

    async def _watched(self, label: str, batch: Batch, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do a batch as a task run; whatever ends it ends the rows that wait for it."""
        self._followed.add(batch.number)
        try:
            await self._runner.do("batch", label, work)
        except Exception as error:  # noqa: BLE001  # a bug, too, is each waiting row's error
            self._fail(self._open(batch), error)
        finally:
            self._followed.discard(batch.number)

    async def _collected(self, batch: Batch, charges: Mapping[str, Reservation]) -> None:
        """Wait for a batch, pay for its entries, hand out what came, ask again for what did not."""
        batch_id = str(batch.id)
        self._listener(BatchSent(batch.number, batch_id, len(batch.entries)))
        wait = self._polling.first_look
        while not await self._client.has_ended(batch_id):
            await asyncio.sleep(wait)
            wait = min(1.5 * wait, self._polling.longest_look)
        results = await self._client.results(batch_id)
        ended = {name: results.get(name, Ended("canceled", why="the batch has no result for it")) for name in batch.entries}
        for name, charge in charges.items():
            message = ended[name].message
            charge.settle(0.0 if message is None else self._model.cost_usd(batch.model, message))
        await self._journal.became(batch, {name: ended[name].became for name in charges})
        self._listener(BatchEnded(batch.number, batch_id, dict(Counter(each.became for each in ended.values()))))
        for name, each in ended.items():
            self._hand_out(batch, name, each)

    def _hand_out(self, batch: Batch, name: str, ended: Ended) -> None:
        entry = self._entries.get(name)
        if ended.message is not None and batch.became.get(name) == SUCCEEDED:
            if entry is None:
                self._arrived[name] = ended.message
            elif not entry.answer.done():
                del self._entries[name]
                entry.answer.set_result(ended.message)
        elif entry is None or entry.answer.done():
            return
        elif ended.error is not None:
            self._fail([entry], ended.error)
        else:
            self._again([entry], ended.why)

    def _again(self, entries: Iterable[_Entry], why: str) -> None:
        """Back into the queue, or no more."""
        for entry in entries:
            if entry.tries >= TRIES:
                self._fail([entry], ModelUnavailable(f"{TRIES} batches brought no answer: {why}"))
            else:
                self._enqueue(entry)

    async def _found(self, batch: Batch) -> str | None:
        """The id of a batch that was made, though its id was lost: the service lists batches, but not what is in them until
        they have ended. So each that may be it is waited for."""
        known = {each.id for each in self._journal.batches.values()}
        for made in reversed(await self._client.made_since(batch.at - SKEW)):
            if made.id in known or made.entries != len(batch.entries):
                continue
            wait = self._polling.first_look
            while not await self._client.has_ended(made.id):
                await asyncio.sleep(wait)
                wait = min(1.5 * wait, self._polling.longest_look)
            if set(await self._client.results(made.id)) == set(batch.entries):
                await self._journal.made(batch, made.id)
                return made.id
        return None

    def _open(self, batch: Batch) -> list[_Entry]:
        return [self._entries[name] for name in batch.entries if name in self._entries]

    def _fail(self, entries: Iterable[_Entry], error: Exception) -> None:
        for entry in entries:
            self._entries.pop(entry.name, None)
            if not entry.answer.done():
                entry.answer.set_exception(error)
                entry.answer.exception()  # marked as seen: a row that was cancelled does not fetch it
