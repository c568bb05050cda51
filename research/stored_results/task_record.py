"""`TaskRecord`: which task a folder of stored results is about, and what its session held when it began.

So the same task goes on from there although its session has gone on since (by itself, if by nothing else), and an id that
comes back with another content is a conflict.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from research.durable.surroundings import writing
from research.errors import TaskConflict
from research.identity import content_key
from research.records import Record
from research.tables.layout.durable import write_whole
from research.tables.run_folder.request import differences
from research.task.task import Task


class TaskRecord(Record):
    """One task of a folder."""

    content: dict[str, Any]
    """What makes it the task that it is."""
    session_id: str | None = None
    """The session that it goes on from, or began."""
    earlier: tuple[str, ...] = ()
    """The tasks that the session held when it began, by their ids."""


def find_record(folder: Path, task: Task) -> TaskRecord | None:
    """The folder's record of a task. A damaged one reads as absent.

    Raises:
        TaskConflict: the folder has the task's id, with another content.
    """
    try:
        record = TaskRecord.model_validate_json(_file(folder, task).read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValidationError):
        return None
    if task.task_id is not None and (faults := list(differences(record.content, _content(task), holder="the folder"))):
        raise TaskConflict(
            f"{folder} has a task {task.task_id!r:.200} with another content. Give this one another id, or ask the same:", faults
        )
    return record


def write_record(folder: Path, task: Task, session_id: str | None, earlier: tuple[str, ...]) -> None:
    """Write down what a task asks, beside its stored results.

    Raises:
        SurroundingsFault: it cannot be written.
    """
    record = TaskRecord(content=_content(task), session_id=session_id, earlier=earlier)
    file = _file(folder, task)
    with writing(folder, "the folder of stored results"):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, record.model_dump_json().encode())


def _content(task: Task) -> dict[str, Any]:
    """The same task in the same session of the same end user is the same task."""
    return {**task.identity(), "session_id": task.session_id, "end_user_id": task.end_user_id}


def _file(folder: Path, task: Task) -> Path:
    name = _content(task) if task.task_id is None else task.task_id
    return folder / "tasks" / f"{content_key('task record', name=name)}.json"
