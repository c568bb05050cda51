"""Choosing: from the candidates of several pages to one answer, its confidence and its reason.

Confidence, by rule:
    high    structure whose key means what was asked, on a page about the entity, with no other page saying otherwise;
            or two pages that agree
    medium  structure or a sentence that fits less exactly; or `high` that another page contradicts
    low     whatever is left above the floor; or `medium` that another page contradicts; or what only pages say that seem to
            instruct a model: such a value gives way to any other
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from research.faults import shortened
from research.models.keyless.candidates import Candidate
from research.models.keyless.questions import Question
from research.ports.work import FieldAnswer
from research.result.result import CONFIDENCE_ORDER, Confidence
from research.values.values import same

FLOOR: Final = 0.34
"""Below this a candidate is no answer."""
RIVAL: Final = 0.7
"""A value of another page contradicts the best one if its score is at least this share of the best."""


OWN: Final = 0.8
"""What is less surely about the entity than this share of the surest fact is about something else."""


@dataclass(slots=True)
class Backing:
    """A candidate with the page it was found on."""

    candidate: Candidate
    page: str
    """The page's hash."""
    title: str
    passages: tuple[str, ...]
    suspected: bool = False
    """The page looks as if it tries to instruct a model."""


@dataclass(slots=True)
class _Group:
    """Candidates that say the same."""

    value: Any
    backings: list[Backing] = field(default_factory=list)

    def best_by_page(self) -> dict[str, Backing]:
        best: dict[str, Backing] = {}
        for backing in sorted(self.backings, key=lambda b: (b.suspected, -b.candidate.score)):
            best.setdefault(backing.page, backing)
        return best

    @property
    def suspected(self) -> bool:
        """Nothing but pages that seem to instruct a model say so."""
        return all(backing.suspected for backing in self.backings)

    @property
    def score(self) -> float:
        """Pages that agree add up as independent witnesses do, but never to certainty."""
        doubt = 1.0
        for backing in self.best_by_page().values():
            doubt *= 1 - 0.95 * min(backing.candidate.score, 1.0)
        return 1 - doubt


def choose(question: Question, backings: Sequence[Backing]) -> FieldAnswer:
    """The value that the evidence speaks for, or null."""
    groups = _grouped(question, backings)
    if not groups or groups[0].score < FLOOR:
        weak = f" The nearest ({_shown(groups[0].value)}) was too weak." if groups else ""
        return FieldAnswer(field=question.field, reasoning=f"No page that was read states the {question.label}.{weak}")
    groups = _own_first(groups)
    best = groups[0]
    pages = best.best_by_page()
    rival = next((g for g in groups[1:] if g.score >= RIVAL * best.score and g.best_by_page().keys() - pages.keys()), None)
    lead = next(iter(pages.values()))
    passages = tuple(dict.fromkeys(p for backing in pages.values() for p in backing.passages))
    return FieldAnswer(
        field=question.field,
        value=best.value,
        passages=passages,
        reasoning=_reasoning(best, lead, rival),
        confidence=_confidence(best, lead, rival),
        conflicting=rival is not None,
    )


def _own_first(groups: list[_Group]) -> list[_Group]:
    """What stands on a page about the entity under a key that fits goes before anything that stands elsewhere, however well its
    key fits: other pages can only agree or disagree. Last comes what only suspected pages say."""
    surest = max(
        (
            b.candidate.gate
            for g in groups
            if g.score >= FLOOR
            for b in g.backings
            if b.candidate.structured and b.candidate.score >= FLOOR and not b.suspected
        ),
        default=0.0,
    )
    groups = sorted(groups, key=lambda g: g.score < FLOOR or max(b.candidate.gate for b in g.backings) < OWN * surest)
    return sorted(groups, key=lambda g: (g.score < FLOOR, g.suspected))


def _grouped(question: Question, backings: Sequence[Backing]) -> list[_Group]:
    groups: list[_Group] = []
    for backing in sorted(backings, key=lambda b: -b.candidate.score):
        group = next((g for g in groups if same(g.value, backing.candidate.value, question.schema)), None)
        if group is None:
            if len(groups) >= 12:
                continue
            group = _Group(backing.candidate.value)
            groups.append(group)
        group.backings.append(backing)
    return sorted(groups, key=lambda g: -g.score)


def _confidence(best: _Group, lead: Backing, rival: _Group | None) -> Confidence:
    if best.suspected:
        return "low"
    candidate = lead.candidate
    agreeing = sum(b.candidate.score >= 0.5 and not b.suspected for b in best.best_by_page().values())
    exact = candidate.structured and candidate.affinity >= 0.85 and candidate.gate >= 0.75 and candidate.score >= 0.6
    if exact or agreeing >= 2:
        confidence: Confidence = "high"
    elif candidate.score >= 0.45:
        confidence = "medium"
    else:
        confidence = "low"
    return CONFIDENCE_ORDER[max(0, CONFIDENCE_ORDER.index(confidence) - 1)] if rival else confidence


def _reasoning(best: _Group, lead: Backing, rival: _Group | None) -> str:
    others = len(best.best_by_page()) - 1
    agree = f"; {_counted(others)} {'agrees' if others == 1 else 'agree'}" if others else ""
    where = f" of “{lead.title}”" if lead.title else ""
    against = ""
    if rival is not None:
        other = next(iter(rival.best_by_page().values()))
        against = f", but “{other.title}” says {_shown(rival.value)}"
    how = lead.candidate.how
    return f"{how[0].upper()}{how[1:]}{where} says {_shown(best.value)}{agree}{against}."


def _counted(pages: int) -> str:
    return "one other page" if pages == 1 else f"{pages} other pages"


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return f"{len(value)} items"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{k}: {_shown(v)}" for k, v in value.items() if v is not None)
    return shortened(str(value), 80)
