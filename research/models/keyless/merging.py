"""Merging: several answers to one field become one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from research.models.keyless.questions import Question
from research.ports.work import FieldAnswer
from research.result.result import CONFIDENCE_ORDER, Confidence
from research.values.values import same

_WEIGHT: Final[dict[Confidence | None, int]] = {"high": 4, "medium": 2, "low": 1, None: 0}


def merge(question: Question, answers: Sequence[FieldAnswer]) -> FieldAnswer:
    """The value with the most evidence behind it. Answers that agree add their passages; others are named in the reasoning and
    lower the confidence by one step."""
    given = [a for a in answers if a.value is not None]
    if not given:
        reason = next((a.reasoning for a in answers if a.reasoning), f"No page that was read states the {question.label}.")
        return FieldAnswer(field=question.field, reasoning=reason)
    groups: list[list[FieldAnswer]] = []
    for answer in given:
        group = next((g for g in groups if same(g[0].value, answer.value, question.schema)), None)
        if group is None:
            groups.append([answer])
        else:
            group.append(answer)
    groups.sort(key=lambda g: -sum(_WEIGHT[a.confidence] for a in g))
    best = groups[0]
    lead = max(best, key=lambda a: _WEIGHT[a.confidence])
    confidence, reasoning = lead.confidence, lead.reasoning
    if len(groups) > 1 and confidence is not None:
        confidence = CONFIDENCE_ORDER[max(0, CONFIDENCE_ORDER.index(confidence) - 1)]
        reasoning = f"{reasoning} Another search found otherwise: {groups[1][0].reasoning}"
    return FieldAnswer(
        field=question.field,
        value=lead.value,
        passages=tuple(dict.fromkeys(p for a in (lead, *best) for p in a.passages)),
        against=tuple(dict.fromkeys(p for a in (lead, *best) for p in a.against)),
        reasoning=reasoning,
        confidence=confidence,
        conflicting=len(groups) > 1 or lead.conflicting,
    )
