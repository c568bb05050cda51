"""Columns of a table that name things for its rows' tasks: the row's own id, the session that it goes on from, its end user.

They are read once before anything is spent: an id that stands for two contents is a conflict, and what the sessions hold is part
of what makes the run. Nobody but the run learns what these columns hold: they are in no prompt and no query.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from research.errors import Fault, InvalidTable, InvalidTask, UnknownSession
from research.identity import content_key
from research.ports.sessions import Session, Sessions
from research.ports.world import World
from research.tables.inputs.read import Table
from research.tables.inputs.template import as_text, nearest_column
from research.task.task import LONGEST_ID, Task

CONFLICTS_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class RowIds:
    """Which columns these are, and what the sessions of the table's rows hold."""

    task_column: str | None = None
    session_column: str | None = None
    end_user_column: str | None = None
    held: Mapping[str, str] = field(default_factory=dict)
    """What each session held when the rows were read: a digest, by a digest of its end user and id. One that its end user does
    not have is not among them."""

    @property
    def hidden(self) -> frozenset[str]:
        """The columns that no model sees. An id of a row may say what it is, so it is not among them."""
        return frozenset(name for name in (self.session_column, self.end_user_column) if name is not None)

    @property
    def content(self) -> dict[str, Any]:
        """JSON: what of it the answers depend on. Empty where no column is named."""
        columns = {
            "task_id": self.task_column,
            "session_id": self.session_column,
            "end_user_id": self.end_user_column,
        }
        stated = {name: column for name, column in columns.items() if column is not None}
        return {**({"id_columns": stated} if stated else {}), **({"sessions": dict(self.held)} if self.session_column else {})}

    def check(self, columns: Sequence[str], named: Sequence[str]) -> None:
        """See that the columns exist.

        Args:
            columns: of the table.
            named: those that the objective and the start page name.

        Raises:
            InvalidTable: says which does not, or which is an end user's or a session's and would be told to a model.
        """
        for option, name in (
            ("task-id-column", self.task_column),
            ("session-id-column", self.session_column),
            ("end-user-id-column", self.end_user_column),
        ):
            if name is not None and name not in columns:
                raise InvalidTable(f"--{option} {name!r}: the table has no such column{nearest_column(name, columns)}")
            if name in self.hidden and name in named:
                raise InvalidTable(f"--{option} {name!r}: no model learns it, and the objective or start_url names it")
        if self.end_user_column is not None and self.session_column is None:
            raise InvalidTable("--end-user-id-column says whose sessions the rows go on from: name --session-id-column, too")

    def fields(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """A row's fields of its task. An empty cell says nothing."""
        named = {"task_id": self.task_column, "session_id": self.session_column, "end_user_id": self.end_user_column}
        cells = {name: as_text(values.get(column)).strip() for name, column in named.items() if column is not None}
        return {name: cell for name, cell in cells.items() if cell}

    def state_of(self, values: Mapping[str, Any]) -> str | None:
        """What the session of a row held: a digest; "" where its end user has no such session; None: it goes on from none."""
        fields = self.fields(values)
        return self.held.get(_key(fields), "") if "session_id" in fields else None

    async def world_of(self, task: Task, row: int, world: World, sessions: Sessions) -> World:
        """The world that a row is researched in: with its session's tasks and pages, where it goes on from one.

        Raises:
            UnknownSession: its end user has no such session.
            InvalidTask: the session has gone on since the rows were read, so that this would be another run.
        """
        if task.session_id is None:
            return world
        try:
            session = await sessions.load(task.session_id, task.end_user_id)
        except UnknownSession:
            # Neither id is named: no log learns what these columns hold, and the error stands in several.
            column = self.session_column or "session_id"
            fault = Fault(
                "/session_id", f"the end user of this row has no session as its cell in {column!r:.80} names; correct or empty it"
            )
            raise UnknownSession(f"The task of row {row} cannot go on from its session:", [fault]) from None
        key = _key({"session_id": task.session_id, "end_user_id": task.end_user_id})
        if self.held.get(key) != _digest(session):
            raise InvalidTask(
                f"The task of row {row} cannot be run:",
                [Fault("/session_id", "the session has gone on since this run began: the same command begins another run")],
            )
        from research.sessions.continuing import continue_session  # a mistake in the request need not wait for the engine

        return await continue_session(task, world, sessions, session, task.end_user_id)


NO_IDS: Final = RowIds()
"""No column is named."""


async def read_row_ids(ids: RowIds, table: Table, private: frozenset[str], sessions: Sessions) -> RowIds:
    """Read these columns of all rows. Nothing but the table and the sessions is asked.

    Raises:
        InvalidTable: an id stands for rows that differ in a column that their tasks see.
    """
    if ids.task_column is not None:
        await asyncio.to_thread(_refuse_conflicts, ids.task_column, table, private | ids.hidden)
    if ids.session_column is None:
        return ids
    held: dict[str, str] = {}
    for fields in await asyncio.to_thread(_sessions_named, ids, table):
        try:
            session = await sessions.load(fields["session_id"], fields.get("end_user_id"))
        except UnknownSession:
            continue  # its rows fail, each with its error
        held[_key(fields)] = _digest(session)
    return replace(ids, held=held)


def _refuse_conflicts(column: str, table: Table, hidden: frozenset[str]) -> None:
    first: dict[str, tuple[int, str]] = {}
    conflicts: list[str] = []
    for row, values in table.rows():
        if not (name := as_text(values.get(column)).strip()):
            continue
        content = content_key("row", **{"cells": {name: value for name, value in values.items() if name not in hidden}})
        known = first.setdefault(name, (row, content))
        if known[1] != content:
            conflicts.append(f"rows {known[0]} and {row} are both {name!r:.100}")
            if len(conflicts) > CONFLICTS_SHOWN:
                break
    if conflicts:
        more = ", …" if len(conflicts) > CONFLICTS_SHOWN else ""
        raise InvalidTable(
            f"--task-id-column {column!r}: the same id is the same task, and these rows differ: "
            f"{'; '.join(conflicts[:CONFLICTS_SHOWN])}{more}"
        )


def _sessions_named(ids: RowIds, table: Table) -> list[dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for _, values in table.rows():
        fields = ids.fields(values)
        if "session_id" in fields and len(fields.get("end_user_id", "")) <= LONGEST_ID:
            found.setdefault(_key(fields), fields)
    return list(found.values())


def _key(fields: Mapping[str, str | None]) -> str:
    """Names a session without telling its id or its end user's."""
    return content_key("session of a row", session=fields["session_id"], owner=fields.get("end_user_id"))[:24]


def _digest(session: Session) -> str:
    return session.digest[:24]
