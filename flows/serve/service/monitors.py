"""Monitors: tasks on schedules, whose results are compared with the last ones.

The schedule is in the records. A look (the service's sweep) begins the runs that are due, submits those that are begun, and turns
tasks that have ended into events. Each step is written once, so that any number of processes may look, and one that was killed
in the middle is followed by the next look.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from flows.serve.cursors import first_page, number_of
from flows.serve.database.monitor_store import MonitorStore
from flows.serve.database.task_store import TaskStore
from flows.serve.errors import OverLimit
from flows.serve.records.monitor_records import Monitor, MonitorPage, MonitorRun, MonitorSpec, MonitorStatus, Outcome, RunPage
from flows.serve.records.task_records import Owner
from flows.serve.service.acceptance import Acceptance
from flows.serve.service.monitor_changes import changed_fields
from flows.serve.work.claims import Claims
from research.display.printable import printable_logger
from research.errors import ResearchError

Owners = Callable[[str], Owner | None]
"""Who an owner is by now, by its id. None: it may not ask any more."""

_log: Final = printable_logger(__name__)


class Monitors:
    """The monitors of all owners. Every method but `sweep` takes the owner, and sees nothing of another's.

    Args:
        store: the monitors in the records.
        acceptance: accepts their runs, which are tasks as any other.
        tasks: the tasks in the records.
        claims: the claims on them.
        owners: who an owner is by now; None: whoever has made a monitor may still ask.
    """

    def __init__(
        self, store: MonitorStore, acceptance: Acceptance, tasks: TaskStore, claims: Claims, owners: Owners | None = None
    ) -> None:
        self._store = store
        self._acceptance = acceptance
        self._tasks = tasks
        self._claims = claims
        self._owners = owners or (lambda id: Owner(id=id))

    async def create(self, owner: Owner, spec: MonitorSpec, *, baseline: str | None = None) -> Monitor:
        """Make a monitor. Without a baseline its first run begins at once.

        Args:
            baseline: a completed task, with whose result the first one is compared.

        Raises:
            InvalidTask: its runs would not be accepted, or its webhook cannot be told.
            OverLimit: the owner has too many monitors.
        """
        self._acceptance.check(owner, spec.submission.changed(webhook=spec.webhook))
        monitor = await self._store.create(owner.id, spec, baseline=baseline, runs_now=baseline is None)
        await self._send_all(monitor.number)
        return monitor

    async def get(self, owner: Owner, id: str) -> Monitor:
        """A monitor. What its last run came to is written down first.

        Raises:
            UnknownMonitor: this owner has no such monitor.
        """
        await self._settle((await self._store.get(owner.id, id)).number)
        return await self._store.get(owner.id, id)

    async def page(
        self, owner: Owner, *, cursor: str | None, limit: int, statuses: Sequence[MonitorStatus], kinds: Sequence[str] = ()
    ) -> MonitorPage:
        """An owner's monitors, the latest first.

        Raises:
            InvalidTask: the cursor is none.
        """
        found = await self._store.page(owner.id, before=number_of(cursor), limit=limit + 1, statuses=statuses, kinds=kinds)
        shown, following = first_page(found, limit)
        return MonitorPage(monitors=shown, next_cursor=following)

    async def change(self, owner: Owner, id: str, spec: MonitorSpec) -> Monitor:
        """Have the next runs be of another spec.

        Raises:
            UnknownMonitor, MonitorCancelled, InvalidTask
        """
        self._acceptance.check(owner, spec.submission.changed(webhook=spec.webhook))
        return await self._store.change(owner.id, id, spec)

    async def pause(self, owner: Owner, id: str) -> Monitor:
        """No run begins by the schedule until it is resumed. A run that is under way goes on.

        Raises:
            UnknownMonitor, MonitorCancelled
        """
        return await self._store.set_status(owner.id, id, "paused")

    async def resume(self, owner: Owner, id: str) -> Monitor:
        """Go on with the schedule. If a run has become due, it begins with the next look.

        Raises:
            UnknownMonitor, MonitorCancelled
        """
        return await self._store.set_status(owner.id, id, "active")

    async def cancel(self, owner: Owner, id: str) -> Monitor:
        """End a monitor for good, and the run that is under way. Its events stay.

        Raises:
            UnknownMonitor: this owner has no such monitor.
        """
        monitor = await self._store.set_status(owner.id, id, "cancelled")
        await self._stop(monitor)
        return monitor

    async def delete(self, owner: Owner, id: str) -> None:
        """Cancel a monitor and take it away with its events. The tasks of its runs stay.

        Raises:
            UnknownMonitor: this owner has no such monitor.
        """
        await self.cancel(owner, id)
        await self._store.delete(owner.id, id)

    async def run(self, owner: Owner, id: str) -> None:
        """Begin a run now, unless one is under way. The schedule stays.

        Raises:
            UnknownMonitor, MonitorCancelled
        """
        monitor = await self.get(owner, id)
        await self._store.begin(owner.id, id)
        await self._send_all(monitor.number)

    async def runs(
        self,
        owner: Owner,
        monitor: Monitor,
        *,
        cursor: str | None = None,
        limit: int,
        outcomes: Sequence[Outcome],
        run_id: str | None = None,
    ) -> RunPage:
        """Runs of an owner's monitor that have ended, the latest first.

        Raises:
            InvalidTask: the cursor is none.
            UnknownMonitor: the monitor is not there any more.
        """
        number = (await self.get(owner, monitor.id)).number
        found = await self._store.runs(number, before=number_of(cursor), limit=limit + 1, outcomes=outcomes, id=run_id)
        shown, following = first_page(found, limit)
        return RunPage(runs=shown, next_cursor=following)

    async def sweep(self) -> None:
        """Begin what is due, submit what is begun, and write down what has ended."""
        await self._store.begin_due()
        await self._send_all(None)
        await self._settle(None)

    async def _send_all(self, monitor: int | None) -> None:
        for run in await self._store.unsent(monitor):
            try:
                await self._send(run)
            except Exception:  # noqa: BLE001 - the others go on, and the next look tries this one again
                _log.warning("the run %s of a monitor could not be submitted; trying again", run.id, exc_info=True)

    async def _send(self, run: MonitorRun) -> None:
        """Submit a run. Whoever submits it twice finds the same task, by its idempotency key."""
        monitor = await self._store.monitor_of(run)
        if monitor is None:
            return
        owner = self._owners(run.owner)
        if owner is None:
            await self._store.finish(run, monitor, "failed", error="no key of its owner is accepted any more")
            return
        try:
            record = await self._acceptance.submit(owner, run.submission)
        except OverLimit:
            return  # until some of the owner's tasks are done
        except ResearchError as error:
            await self._store.finish(run, monitor, "failed", error=str(error))
            return
        if not await self._store.sent(run, record.id):
            await self._claims.cancel(run.owner, record.id)

    async def _settle(self, monitor: int | None) -> None:
        for run in await self._store.ended(monitor):
            try:
                await self._end(run)
            except Exception:  # noqa: BLE001 - the others go on, and the next look tries this one again
                _log.warning("the end of the run %s of a monitor could not be written; trying again", run.id, exc_info=True)

    async def _end(self, run: MonitorRun) -> None:
        monitor = await self._store.monitor_of(run)
        if monitor is None or run.task_id is None:
            return
        record = await self._tasks.get(run.owner, run.task_id)
        if record.status != "completed" or record.result is None:
            why = record.error.message if record.error is not None else f"the run was {record.status}"
            await self._store.finish(run, monitor, "failed", task_number=record.number, error=why)
            return
        outcome: Outcome
        if monitor.baseline is None:
            outcome, fields = "baseline" if monitor.spec.tells_baseline else "unchanged", tuple(record.result.fields)
        else:
            before = (await self._tasks.get(run.owner, monitor.baseline)).result
            fields = tuple(record.result.fields) if before is None else changed_fields(before, record.result)
            outcome = "changed" if fields else "unchanged"
        await self._store.finish(run, monitor, outcome, task_number=record.number, fields=fields)

    async def _stop(self, monitor: Monitor) -> None:
        for run in await self._store.under_way(monitor.number):
            if run.task_id is not None:
                await self._claims.cancel(run.owner, run.task_id)
