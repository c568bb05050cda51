"""Asking: how an investigation puts questions to people and leaves off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from research.money.usage import Usage
from research.ports.model import Ask
from research.ports.waiting import QuestionsAsked, Suspended, ToolsState
from research.ports.work import SubQuery
from research.task.decisions import Asked, Question

QUESTIONS: Final = 5
"""What one investigation may ask people, at most."""


class Asking(QuestionsAsked):
    """An investigation asks, and hands over the state of its model."""

    def __init__(self, questions: Sequence[Question], state: Mapping[str, Any]) -> None:
        super().__init__(questions)
        self._state = state

    def suspended(
        self, subquery: SubQuery, asked: tuple[Asked, ...], tools: ToolsState, usage: Usage, cost_usd: float | None
    ) -> Suspended:
        """What is stored until the answers come.

        Args:
            asked: what was asked before, with the answers.
            usage: of all so far.
            cost_usd: likewise.
        """
        return Suspended(
            subquery=subquery,
            questions=self.action.questions,
            asked=asked,
            model=dict(self._state),
            tools=tools,
            usage=usage,
            cost_usd=cost_usd,
        )


def numbered(questions: Sequence[Ask], subquery: SubQuery, first: int) -> tuple[Question, ...]:
    """Questions of a sub-query, with their ids from a number on."""
    return tuple(
        Question(id=f"s{subquery.index}q{number}", text=each.text, choices=tuple(each.choices), fields=subquery.fields)
        for number, each in enumerate(questions, start=first)
    )
