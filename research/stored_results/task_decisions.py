"""What people have decided about one task, in the store of its results."""

from __future__ import annotations

from research.pipeline import NOTHING_DECIDED
from research.result.result import Result
from research.steps.keys import Keys
from research.stored_results.store import ResultStore
from research.task.decisions import Decided, Decision, PlanDecision, refuse_unfit


class TaskDecisions:
    """The decisions about one task, each stored with all before it."""

    def __init__(self, store: ResultStore, keys: Keys) -> None:
        self._store = store
        self._keys = keys
        self._number = 0
        self.decided = NOTHING_DECIDED

    async def load(self) -> Decided:
        """What has been decided so far."""
        while isinstance(later := await self._store.get(self._keys.decide(self._number)), Decided):
            self.decided = later
            self._number += 1
        return self.decided

    async def decide(self, decision: Decision) -> Decided:
        """Store a decision. One to stop can be taken back.

        Raises:
            NotWaiting: the task does not wait for it.
        """
        stopped = self.decided.plan is not None and self.decided.plan.decision == "stop"
        if not (stopped and isinstance(decision, PlanDecision)):
            refuse_unfit(self.decided.action, decision)
        return await self._put(self.decided.with_decision(decision))

    async def ended(self, result: Result) -> None:
        """Store what the task waits for now, so that a decision about anything else is refused."""
        if result.action != self.decided.action:
            await self._put(self.decided.changed(action=result.action))

    async def _put(self, decided: Decided) -> Decided:
        self.decided = decided
        await self._store.put(self._keys.decide(self._number), decided)
        self._number += 1
        return decided
