"""`SessionOfTask`: the session that one task goes on from, or begins."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from research.errors import SurroundingsFault
from research.ports.sessions import Session, Sessions
from research.ports.world import World
from research.result.result import Result
from research.sessions.continuing import continue_session, keep_task
from research.task.task import Task


class SessionOfTask:
    """One task's session, from before it is researched until after.

    Args:
        task: an ephemeral one has none.
        sessions: where sessions are kept.
        new_id: what a session is called that begins with this task; None: a new random id.
    """

    def __init__(self, task: Task, sessions: Sessions, new_id: str | None = None) -> None:
        self._task = task
        self._sessions = sessions
        self._before: Session | None = None
        self.id = None if task.ephemeral else task.session_id or new_id or uuid.uuid4().hex

    async def load(self) -> None:
        """Find what the task goes on from. Costs nothing.

        Raises:
            UnknownSession: its session is not there, or is another end user's.
        """
        if self._task.session_id is not None:
            self._before = await self._sessions.load(self._task.session_id, self._task.end_user_id)

    @property
    def earlier(self) -> tuple[str, ...]:
        """The tasks that it goes on from, by their ids."""
        return () if self._before is None else tuple(task.task_id for task in self._before.tasks)

    def only(self, tasks: Collection[str]) -> None:
        """Go on from these tasks of the session alone: those that it held when the task was first begun."""
        if self._before is not None:
            self._before = self._before.changed(tasks=tuple(each for each in self._before.tasks if each.task_id in tasks))

    async def continued(self, world: World) -> World:
        """The world that the task is researched in."""
        if self._before is None:
            return world
        return await continue_session(self._task, world, self._sessions, self._before, self._task.end_user_id)

    async def kept(self, result: Result, world: World) -> Result:
        """The result, which names its session; a completed one is kept there for the next task. That this failed is a warning:
        the answer is there."""
        result = result.changed(session_id=self.id)
        if self.id is not None and result.status == "completed":
            try:
                await keep_task(self._sessions, self.id, self._task.end_user_id, result, world)
            except SurroundingsFault as fault:
                return result.changed(warnings=[*result.warnings, f"session: this task could not be kept for later: {fault}"])
        return result
