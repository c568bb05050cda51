"""The content keys of a task's steps: two pieces of work with one key are the same work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from research.identity import content_key
from research.ports.work import Claim, Investigated, SubQuery
from research.task.task import Task

VERSIONS: Final[Mapping[str, int]] = {"plan": 2, "investigate": 3, "grade": 2, "synthesize": 1, "verify": 1, "judge": 1, "row": 4}
"""Raise a step's version whenever its code gives other results from the same input: what was kept before is then done again.
`row` covers the pipeline: the order of the steps and what code makes of a draft."""

WAITING: Final[Mapping[str, int]] = {"ask": 1, "decide": 1}
"""The same for what is stored of a task that waits for people. It makes no other results, so no run's key has it."""


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
        """The key under which a whole row's result is stored.

        Args:
            kept: the digest of what an earlier run has of the row.
        """
        return self._key("row", steps=dict(VERSIONS), **({} if kept is None else {"kept": kept}))

    def plan(self) -> str:
        return self._key("plan")

    def investigate(self, subquery: SubQuery, max_fetches: int) -> str:
        return self._key("investigate", subquery=_subquery(subquery), max_fetches=max_fetches)

    def ask(self, subquery: SubQuery, max_fetches: int, number: int) -> str:
        """Of an investigation that waits for answers.

        Args:
            number: how many questions it had asked before. Each state has its own key: which of two records of one key is the
                later is not known.
        """
        return self._key("ask", subquery=_subquery(subquery), max_fetches=max_fetches, number=number)

    def decide(self, number: int) -> str:
        """Of what people have decided about the task, after `number` decisions before."""
        return self._key("decide", number=number)

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
        return f"{step}-{content_key(step, task=self.task, world=self.world, version={**VERSIONS, **WAITING}[step], **parts)}"


def _subquery(subquery: SubQuery) -> dict[str, Any]:
    """Without marks that came later, where they say nothing: keys of before stay good."""
    return subquery.model_dump(mode="json", exclude={name for name in ("edited", "agent") if not getattr(subquery, name)})


def _digest(work: Sequence[Investigated]) -> str:
    parts = [{**part.model_dump(mode="json", exclude={"asked"}), "subquery": _subquery(part.subquery)} for part in work]
    return content_key("work", parts=parts)
