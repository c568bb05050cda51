"""The sessions of tasks in the database: an owner's completed tasks are their tasks, and their pages lie beside them, so that a
worker on any machine goes on from what another one has read."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress

from sqlalchemy import insert, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from flows.serve.database.database import Database
from flows.serve.database.schema import session_pages, tasks
from flows.serve.records.task_records import TaskRecord
from research.errors import PageUnreadable, SurroundingsFault
from research.faults import first_line
from research.ports.page import Page, page_hash
from research.ports.sessions import EarlierTask, Session
from research.result.result import Result
from research.sessions.continuing import earlier_task


class TaskSessions:
    """The session of one task, as `research.ports.sessions.Sessions`: the tasks of its owner that had completed when it was
    accepted. So it goes on from the same ones, however often it is begun.

    Whose a session is was seen when the task was accepted (`TaskStore`).
    """

    def __init__(self, database: Database, record: TaskRecord) -> None:
        self._database = database
        self._record = record

    async def load(self, session_id: str, end_user_id: str | None) -> Session:
        mine = (tasks.c.owner == self._record.owner, tasks.c.session_id == session_id)
        before = tasks.c.completed_at <= self._record.created_at.timestamp()
        chosen = select(tasks.c.id, tasks.c.result).where(*mine, tasks.c.status == "completed", before)
        async with self._database.reading() as connection:
            rows = (await connection.execute(chosen.order_by(tasks.c.completed_at, tasks.c.number))).all()
        earlier = [earlier_task(Result.model_validate_json(row.result)) for row in rows if row.result is not None]
        return Session(session_id=session_id, tasks=tuple(earlier))

    async def save(self, session_id: str, end_user_id: str | None, task: EarlierTask, pages: Sequence[Page]) -> None:
        """Keep a task's pages. The task itself is kept by its record."""
        try:
            await self._keep({page.page_hash: page for page in pages})
        except DBAPIError as error:
            raise SurroundingsFault(f"the pages could not be written: {first_line(error)}", place=self._database.name) from error

    async def _keep(self, pages: Mapping[str, Page]) -> None:
        owner = self._record.owner
        mine = select(session_pages.c.page_hash).where(session_pages.c.owner == owner, session_pages.c.page_hash.in_(list(pages)))
        async with self._database.writing() as connection:
            for known in (await connection.execute(mine)).scalars().all():
                pages = {hash_: page for hash_, page in pages.items() if hash_ != known}
            for hash_, page in pages.items():
                text = page.changed(html=None).model_dump_json().encode("utf-8", "surrogatepass")
                row = {"owner": owner, "page_hash": hash_, "content": gzip.compress(text, 6)}
                with suppress(IntegrityError):  # another task of the owner has just written it
                    async with connection.begin_nested():
                        await connection.execute(insert(session_pages).values(row))

    async def page(self, session_id: str, end_user_id: str | None, page_hash: str) -> Page:
        chosen = select(session_pages.c.content).where(
            session_pages.c.owner == self._record.owner, session_pages.c.page_hash == page_hash
        )
        async with self._database.reading() as connection:
            content = (await connection.execute(chosen)).scalar_one_or_none()
        page = None if content is None else _page(content)
        if page is None or not _is_whole(page, page_hash):
            raise PageUnreadable(f"no page with the hash {page_hash} is kept in this session")
        return page


def _page(content: bytes) -> Page | None:
    try:
        return Page.model_validate(json.loads(gzip.decompress(content).decode("utf-8", "surrogatepass")))
    except (OSError, EOFError, zlib.error, ValueError):
        return None


def _is_whole(page: Page, wanted: str) -> bool:
    return page_hash(page.text) == wanted
