"""The parts of the service put together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from flows.serve.database.accounts import SERVICE, Accounts
from flows.serve.database.database import Database
from flows.serve.database.event_store import EventStore
from flows.serve.database.monitor_store import MonitorStore
from flows.serve.database.task_store import TaskStore
from flows.serve.service.acceptance import MOST_OPEN, Acceptance
from flows.serve.service.admission import Admission
from flows.serve.service.monitors import Monitors, Owners
from flows.serve.service.outbox import Outbox, Words
from flows.serve.service.service import Service
from flows.serve.work.capacity import Capacity
from flows.serve.work.claims import LEASE_SECONDS, Claims
from flows.serve.work.dispatch import SWEEP_SECONDS, Dispatcher, InProcess, Sweeper
from flows.serve.work.spending import Spending
from flows.serve.work.worker import Worker
from flows.serve.work.worlds import Worlds
from research.webhooks.delivery import Patience


@dataclass(frozen=True)
class Records:
    """What is kept in one database."""

    database: Database
    events: EventStore
    tasks: TaskStore
    claims: Claims
    capacity: Capacity
    monitors: MonitorStore

    @classmethod
    def of(cls, database: Database, lease_seconds: float = LEASE_SECONDS) -> Records:
        events = EventStore(database)
        claims = Claims(database, events, lease_seconds)
        return cls(database, events, TaskStore(database, events), claims, Capacity(database), MonitorStore(database))


def worker_of(records: Records, worlds: Worlds, max_cost_per_task: float | None = None) -> Worker:
    """A worker for the tasks of a database."""
    spending = Spending(records.database, max_cost_per_task, worlds.prices)
    return Worker(records.database, records.tasks, records.claims, spending, records.capacity, worlds)


@dataclass(frozen=True)
class Door:
    """A service, and what runs beside it."""

    service: Service
    records: Records
    dispatcher: Dispatcher
    outbox: Outbox
    accounts: Accounts
    max_cost: float | None = None
    sweep_seconds: float = SWEEP_SECONDS

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """In this block, accepted tasks are worked on.

        Raises:
            InvalidInput: the database or the world cannot be used.
        """
        await self.records.database.open()
        await self.accounts.cap(SERVICE, self.max_cost)
        await self.dispatcher.start()
        sweeper = Sweeper(self.records.claims, self.dispatcher, self.sweep_seconds, before=self.service.monitors.sweep)
        sweeper.start()
        self.outbox.start()
        try:
            yield
        finally:
            await self.outbox.stop()
            await sweeper.stop()
            await self.dispatcher.stop()
            await self.service.close()
            await self.records.database.close()


def open_door(
    records: Records,
    dispatcher: Callable[[Records], Dispatcher],
    admission: Admission,
    max_open: int = MOST_OPEN,
    words: Mapping[str, Words] | None = None,
    patience: Patience | None = None,
    max_cost: float | None = None,
    sweep_seconds: float = SWEEP_SECONDS,
    owners: Owners | None = None,
) -> Door:
    """A service over some records.

    Args:
        words: what webhooks are told in some dialects, by their names.
        patience: how long webhooks are tried.
        max_cost: what all tasks together may cost, in US dollars; None: no cap.
        sweep_seconds: between two looks for work that nobody holds, and for monitors that are due.
        owners: who an owner is by now, by its id, and whether it may still ask; None: whoever has made a monitor may.
    """
    dispatching, accounts = dispatcher(records), Accounts(records.database)
    acceptance = Acceptance(records.tasks, dispatching, admission, accounts, max_open)
    monitors = Monitors(records.monitors, acceptance, records.tasks, records.claims, owners)
    service = Service(records.tasks, records.claims, records.events, dispatching, acceptance, monitors)
    outbox = Outbox(records.database, records.tasks, records.events, admission, words or {}, patience)
    return Door(service, records, dispatching, outbox, accounts, max_cost, sweep_seconds)


def in_process(worlds: Worlds, limit: int = 4, max_cost_per_task: float | None = None) -> Callable[[Records], InProcess]:
    """A dispatcher that works on tasks in this process."""
    return lambda records: InProcess(worker_of(records, worlds, max_cost_per_task), limit)
