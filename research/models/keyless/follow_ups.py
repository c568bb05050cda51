"""A question that names nothing (`When was it first lit?`) is about what an earlier task of its session was about."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from research.models.keyless.entities import entity_of
from research.models.keyless.vocabulary import NAMING
from research.ports.sessions import EarlierTask
from research.task.task import Task

_OWNING: Final = re.compile(r"\b(?:its|his|their)\b", re.I)
_NAMING: Final = re.compile(r"\b(?:it|he|she|they|him|them|that one|this one)\b", re.I)
"""Words that stand for a name; `her`, which may be either, is left alone."""


def name_for(task: Task, earlier: Sequence[EarlierTask]) -> tuple[str, str | None]:
    """The name of what the newest earlier task was about that names anything; "" where the task's question or a naming
    column of its row names something, or none of them does. With it, what people should know."""
    entity = entity_of(task)
    if not earlier or (entity.named and (not entity.column or entity.column.casefold() in NAMING)):
        return "", None
    names = (entity_of(Task(task=each.task)).name for each in reversed(earlier))
    if name := next(filter(None, names), ""):
        return name, f"session: the question names nothing, so it was taken to be about {name}, which an earlier one names"
    return "", "session: neither the question nor an earlier one names anything, so it was answered as it stands"


def with_name(task: Task, name: str) -> Task:
    """The task, with its question about `name`; the same task where that is empty."""
    if not name:
        return task
    return task.changed(task=_named(task.task, name), input={"name": name, **task.input} if task.input else {})


def _named(question: str, name: str) -> str:
    for pattern, said in ((_NAMING, name), (_OWNING, f"{name}'s")):
        if found := pattern.search(question):
            return question[: found.start()] + said + question[found.end() :]
    return f"{question} ({name})"
