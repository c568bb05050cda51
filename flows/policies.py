"""What makes two steps the same step, what is tried again, and what a task run is called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from prefect import Task as PrefectTask
from prefect.client.schemas.objects import State, TaskRun

from research.errors import ModelUnavailable, TransientError
from research.identity import content_key
from research.ports import Claim, Investigated, SubQuery
from research.task import Task

VERSIONS: Final[Mapping[str, int]] = {"plan": 1, "investigate": 2, "grade": 1, "synthesize": 1, "verify": 1, "judge": 1, "row": 2}
"""Raise a step's version whenever its code gives other results from the same input: what was kept before is then done again.
`row` covers the pipeline: the order of the steps and what code makes of a draft."""

RETRY_DELAYS: Final = (1.0, 4.0)
"""Seconds before a sub-query whose search or fetch failed in passing is tried again, and once more. Models have their own
retries (`research/models/calling.py`)."""

NAME_LENGTH: Final = 60


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one task's work. Two pieces of work with one key are the same work, in this run and in any later one."""

    task: str
    """The digest of `Task.identity()`."""
    world: str
    """`World.identity`: the model, the search and the fetcher, each with its version."""

    @classmethod
    def of(cls, task: Task, world: str) -> Keys:
        return cls(task=content_key("task", **task.identity()), world=world)

    def row(self, kept: str | None = None) -> str:
        """
        Args:
            kept: the digest of what an earlier run has of the row.
        """
        return self._key("row", steps=dict(VERSIONS), **({} if kept is None else {"kept": kept}))

    def plan(self) -> str:
        return self._key("plan")

    def investigate(self, subquery: SubQuery, max_fetches: int) -> str:
        return self._key("investigate", subquery=subquery.model_dump(mode="json"), max_fetches=max_fetches)

    def grade(self, work: Sequence[Investigated], max_subqueries: int) -> str:
        return self._key("grade", work=_digest(work), max_subqueries=max_subqueries)

    def synthesize(self, work: Sequence[Investigated]) -> str:
        return self._key("synthesize", work=_digest(work))

    def verify(self, claims: Sequence[Claim]) -> str:
        return self._key("verify", claims=[claim.model_dump(mode="json") for claim in claims])

    def judge(self, claims: Sequence[Claim]) -> str:
        return self._key("judge", claims=[claim.model_dump(mode="json") for claim in claims])

    def _key(self, step: str, **parts: Any) -> str:
        """`<step>-<64 hex>`."""
        return f"{step}-{content_key(step, task=self.task, world=self.world, version=VERSIONS[step], **parts)}"


def _digest(work: Sequence[Investigated]) -> str:
    return content_key("work", parts=[part.model_dump(mode="json") for part in work])


def is_transient(_task: PrefectTask[Any, Any], _run: TaskRun, state: State[Any]) -> bool:
    """Whether a failed task run may be tried again: its exception's type decides, and nothing else.

    A model that did not answer was asked again for as long as its time budget lasts; to begin anew would only multiply that.
    """
    error = getattr(state.data, "result", state.data)
    return isinstance(error, TransientError) and not isinstance(error, ModelUnavailable)


def row_label(row: int, values: Mapping[str, Any]) -> str:
    """`row 17 · Voyager 1`: its place in the input and its first cell that reads like a name."""
    texts = (value for value in values.values() if isinstance(value, str) and any(c.isalpha() for c in value))
    return _label(f"row {row}", next(texts, ""))


def subquery_label(subquery: SubQuery) -> str:
    """`sub-query 2 · launch date`."""
    return _label(f"sub-query {subquery.index}", subquery.label or subquery.question)


def shard_label(shard: int, row_start: int, rows: int) -> str:
    """`shard 3 · rows 300-399`. With a hyphen: the letters of Prefect's run graph have no dash."""
    return _label(f"shard {shard}", f"rows {row_start}-{row_start + rows - 1}")


def _label(place: str, words: str) -> str:
    words = " ".join(words.split())
    if len(words) > NAME_LENGTH:
        words = f"{words[: NAME_LENGTH - 1].rstrip()}…"
    return f"{place} · {words}" if words else place
