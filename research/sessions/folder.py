"""`FolderSessions`: sessions as files, a folder for each.

<folder>/<64 hex digits of end user and session id>/
    tasks/<64 hex digits of the task's id>.json     one finished task
    pages/<64 hex digits of the page's hash>.json.gz

Every file is written aside, made safe on the disk and renamed; a task's pages before the task. So several processes may write to
one session: a task is there with all of its pages, or not at all. Nothing is ever removed but by removing a session's folder.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import shutil
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from research.durable.surroundings import writing
from research.errors import Fault, PageUnreadable, UnknownSession
from research.identity import content_key
from research.ports.page import Page, page_hash
from research.ports.sessions import EarlierTask, Session
from research.tables.layout.durable import write_whole

_WHAT: Final = "the folder of sessions"


class FolderSessions:
    """Sessions in a folder, which is made when the first one is saved.

    Args:
        folder: whoever can read it can read every session in it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def load(self, session_id: str, end_user_id: str | None) -> Session:
        tasks = await asyncio.to_thread(_tasks, self._place(session_id, end_user_id) / "tasks")
        if not tasks:
            raise unknown(session_id, end_user_id)
        return Session(session_id=session_id, tasks=tasks)

    async def save(self, session_id: str, end_user_id: str | None, task: EarlierTask, pages: Sequence[Page]) -> None:
        place = self._place(session_id, end_user_id)

        def write() -> None:
            with writing(self.folder, _WHAT):
                for page in pages:
                    file = _page_file(place, page.page_hash)
                    if not file.exists():
                        _write(file, gzip.compress(page.changed(html=None).model_dump_json().encode("utf-8", "surrogatepass"), 6))
                _write(place / "tasks" / f"{content_key('task', id=task.task_id)}.json", task.model_dump_json().encode())

        await asyncio.to_thread(write)

    async def page(self, session_id: str, end_user_id: str | None, page_hash: str) -> Page:
        return await asyncio.to_thread(_page, _page_file(self._place(session_id, end_user_id), page_hash), page_hash)

    async def remove(self, session_id: str, end_user_id: str | None) -> None:
        """Remove a session and its pages. One that is not there is no error.

        Raises:
            SurroundingsFault: it cannot be removed.
        """
        place = self._place(session_id, end_user_id)

        def remove() -> None:
            with writing(self.folder, _WHAT):
                if place.exists():
                    shutil.rmtree(place)

        await asyncio.to_thread(remove)

    def _place(self, session_id: str, end_user_id: str | None) -> Path:
        """A name that is safe on every disk, whatever the ids hold."""
        return self.folder / content_key("session", owner=end_user_id, id=session_id)


def unknown(session_id: str, end_user_id: str | None) -> UnknownSession:
    """The refusal of a session that is not there, or is somebody else's: it does not tell which."""
    whose = "without an end user" if end_user_id is None else "of this end user"
    return UnknownSession(
        "The task cannot go on from its session:",
        [Fault("/session_id", f"{session_id!r:.200} is no session {whose}; leave it out to begin a new one")],
    )


def _tasks(folder: Path) -> tuple[EarlierTask, ...]:
    """In the order in which they were completed. A damaged file reads as absent."""
    tasks = []
    for file in folder.glob("*.json"):
        try:
            tasks.append(EarlierTask.model_validate_json(file.read_bytes()))
        except (OSError, ValidationError):
            continue
    return tuple(sorted(tasks, key=lambda task: (task.completed_at, task.task_id)))


def _page_file(place: Path, hash_: str) -> Path:
    return place / "pages" / f"{content_key('page', hash=hash_)}.json.gz"


def _page(file: Path, hash_: str) -> Page:
    try:
        page = Page.model_validate(json.loads(gzip.decompress(file.read_bytes()).decode("utf-8", "surrogatepass")))
    except (OSError, EOFError, zlib.error, ValueError):
        page = None
    if page is None or page_hash(page.text) != hash_:
        raise PageUnreadable(f"no page with the hash {hash_} is kept in this session; its file is missing or damaged")
    return page


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, content)
