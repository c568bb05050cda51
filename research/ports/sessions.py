"""Sessions: the earlier tasks that a task goes on from, and the port to where they are kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from research.identity import content_key
from research.ports.fetcher import Fetcher
from research.ports.page import Page
from research.ports.search import Search
from research.records import Record


class EarlierPage(Record):
    """A page that an earlier task read."""

    url: str
    """The URL by which it was read."""
    title: str
    page_hash: str


class EarlierTask(Record):
    """One finished task of a session: its question, its answer, and the pages that it read. Of the row that it was asked of, only
    what its question says."""

    task_id: str
    """Names it in its session: a task that is saved again replaces itself."""
    task: str
    """Its objective."""
    output: dict[str, Any] | str | None = None
    answer: str = ""
    """The output as text for people."""
    pages: tuple[EarlierPage, ...] = ()
    """Those that its answer cites, then the others that it read."""
    completed_at: datetime


class Session(Record):
    """What is kept of a session."""

    session_id: str
    tasks: tuple[EarlierTask, ...] = ()
    """In the order in which they were completed."""

    @property
    def digest(self) -> str:
        """Changes whenever a task that goes on from it may be answered otherwise. Its name is no part of it."""
        return content_key("session", tasks=[task.model_dump(mode="json") for task in self.tasks])


class Sessions(Protocol):
    """Where sessions are kept. Each belongs to its end user: the same id of another end user, or of none, is another session."""

    async def load(self, session_id: str, end_user_id: str | None) -> Session:
        """An end user's session with the tasks that it has so far.

        Raises:
            UnknownSession: this end user has no such session. Whether somebody else has one is not told.
        """
        ...

    async def save(self, session_id: str, end_user_id: str | None, task: EarlierTask, pages: Sequence[Page]) -> None:
        """Add a finished task to a session, which begins with its first one. All or nothing, also where several tasks of one
        session end at once.

        Args:
            pages: those of the task's pages that could be found, without their HTML.

        Raises:
            SurroundingsFault: it cannot be written.
        """
        ...

    async def page(self, session_id: str, end_user_id: str | None, page_hash: str) -> Page:
        """A page of one of the session's tasks.

        Raises:
            PageUnreadable: it is not kept, or is damaged.
        """
        ...


class PagesAtHand(Search, Fetcher, Protocol):
    """Pages of earlier tasks: searched and read without asking anybody."""

    def holds(self, url: str) -> bool:
        """Whether it has a page of this address."""
        ...
