"""Choosing: from the candidates of several pages to one answer, its confidence, its reason, and what speaks against it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from research.faults import shortened
from research.models.keyless.candidates import ITSELF, OF_ANOTHER, Candidate
from research.models.keyless.questions import Question
from research.models.keyless.scoring import NONE, Scorer, Standing, confidence, scorer
from research.ports.work import FieldAnswer
from research.result.result import Confidence
from research.values.doubts import OPEN, UNSURE, Doubt
from research.values.values import same

MAX_GROUPS: Final = 16
"""Different values that are weighed."""
MAX_CITED: Final = 4
"""Places that are cited for a choice or a yes, beside the likeliest of each page."""
OWN: Final = 0.8
"""What is less surely about the entity than this share of the surest is about something else: it gives way to any other."""
_FIGURES: Final = re.compile(r"[\W_]*\d[\d\W_]*")
RIVAL: Final = 1.5
"""A value contradicts the best one if its log-odds are at most this much less, and a page says so that does not say the other."""


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
    log_odds: float = 0.0


@dataclass(slots=True)
class Group:
    """Candidates that say the same, the likeliest first."""

    value: Any
    backings: list[Backing] = field(default_factory=list)

    @property
    def best(self) -> Backing:
        return self.backings[0]

    @property
    def suspected(self) -> bool:
        """Nothing but pages that seem to instruct a model say so."""
        return all(backing.suspected for backing in self.backings)

    @property
    def gate(self) -> float:
        """How surely any of them speaks of the entity."""
        return max(backing.candidate.gate for backing in self.backings)

    def is_doubted(self, doubts: frozenset[Doubt]) -> bool:
        """Wherever it was read, one of some doubts leaves open whether it was read right."""
        return all(backing.candidate.cast is not None and backing.candidate.cast.doubts & doubts for backing in self.backings)

    @property
    def most(self) -> Confidence:
        """The most confidence that it can be of. `low`: what was read says as well something else. `medium`: it may be read in
        another way, or nothing but one page's sentences say it (the public sets hold too little prose to tell 97 % from 90)."""
        if self.is_doubted(UNSURE) or all(backing.candidate.narrowed for backing in self.backings):
            return "low"
        said_only = all(b.candidate.source in ("sentence", "statement") for b in self.backings)
        return "medium" if self.is_doubted(OPEN) or (said_only and len(self.by_page()) == 1) else "high"

    def by_page(self) -> dict[str, Backing]:
        """The likeliest of each page, pages that seem to instruct a model last."""
        found: dict[str, Backing] = {}
        for backing in sorted(self.backings, key=lambda b: b.suspected):
            found.setdefault(backing.page, backing)
        return found


def choose(question: Question, backings: Sequence[Backing]) -> FieldAnswer:
    """The value that the evidence speaks for, or null."""
    groups = grouped(question, backings, scorer())
    standings = [standing(question, groups, place) for place in range(len(groups))]
    surest = max((b.candidate.gate for g in groups for b in g.backings if b.log_odds >= -1.0 and not b.suspected), default=0.0)
    ranked = sorted(
        zip(groups, map(scorer().probability, standings), strict=True),
        key=lambda one: (one[0].suspected, one[0].gate < OWN * surest, -one[1], -one[0].best.log_odds),
    )
    most: Confidence = "low" if ranked and _is_one_of_several(ranked[0][0], groups) else ranked[0][0].most if ranked else "low"
    sure = confidence(ranked[0][1], most=most) if ranked else None
    if sure is None:
        weak = f" The nearest ({_shown(ranked[0][0].value)}) was too weak." if ranked else ""
        return FieldAnswer(field=question.field, reasoning=f"No page that was read states the {question.label}.{weak}")
    best = ranked[0][0]
    pages = best.by_page()
    rival = next(
        (g for g, _ in ranked[1:] if g.best.log_odds >= best.best.log_odds - RIVAL and g.by_page().keys() - pages.keys()), None
    )
    return FieldAnswer(
        field=question.field,
        value=best.value,
        passages=tuple(dict.fromkeys(p for backing in (*pages.values(), *_also(question, best)) for p in backing.passages)),
        against=() if rival is None else tuple(dict.fromkeys(p for b in rival.by_page().values() for p in b.passages)),
        reasoning=_reasoning(best, rival),
        confidence="low" if best.suspected else sure,
        conflicting=rival is not None,
    )


def grouped(question: Question, backings: Sequence[Backing], weights: Scorer) -> list[Group]:
    """Candidates by what they say, the likeliest group first."""
    for backing in backings:
        backing.log_odds = weights.log_odds(question, backing.candidate)
    groups: list[Group] = []
    for backing in sorted(backings, key=lambda b: -b.log_odds):
        group = next((g for g in groups if same(g.value, backing.candidate.value, question.schema)), None)
        if group is None:
            if len(groups) >= MAX_GROUPS:
                continue
            group = Group(backing.candidate.value)
            groups.append(group)
        group.backings.append(backing)
    return groups


def standing(question: Question, groups: Sequence[Group], place: int) -> Standing:
    """How one of some groups stands among them."""
    group = groups[place]
    best = group.best
    here = [b for b in group.backings if b.page == best.page]
    rivals = [b for g in groups if g is not group for b in g.backings if b.page == best.page]
    if ITSELF in best.candidate.marks:
        rivals = [b for b in rivals if OF_ANOTHER not in b.candidate.marks]
    mine, others = (sum(math.exp(b.log_odds) for b in backings) for backings in (here, rivals))
    return Standing(
        best=best.log_odds,
        source=best.candidate.source,
        kind="formed text" if "shape:formed" in best.candidate.marks else question.kind,
        sources=len({b.candidate.source for b in here if b.log_odds >= best.log_odds - 3}),
        times=len({b.passages for b in here if b.log_odds >= best.log_odds - 3}),
        pages=len({b.page for b in group.backings if b.log_odds >= best.log_odds - 2 and not b.suspected}),
        rival=max((b.log_odds for b in rivals), default=NONE),
        share=math.log(mine / (1 + others)),
    )


def _is_one_of_several(group: Group, groups: Sequence[Group]) -> bool:
    """Whether all that says a value are lines of a list of facts in which other lines with the same key, but for its figures, say
    otherwise: `Population (2010)` and `Population (2020)`, the floor of the one office and of the other."""
    lines = [(_key(backing), _order(backing)) for other in groups if other is not group for backing in other.backings]
    return all(
        backing.candidate.source == "facts" and any(key == _key(backing) and order != _order(backing) for key, order in lines)
        for backing in group.backings
    )


def _key(backing: Backing) -> tuple[tuple[str, ...], str]:
    return backing.passages, _FIGURES.sub("", backing.candidate.how.casefold())


def _order(backing: Backing) -> str:
    return next((mark for mark in backing.candidate.marks if mark.startswith("order:")), "")


def _also(question: Question, best: Group) -> list[Backing]:
    """What else says a choice or a yes: the likeliest place (`Add to basket`) need not be the one that states it."""
    return best.backings[:MAX_CITED] if question.kind in ("enum", "boolean") else []


def _reasoning(best: Group, rival: Group | None) -> str:
    lead, *others = best.by_page().values()
    agree = f"; {_counted(len(others))} {'agrees' if len(others) == 1 else 'agree'}" if others else ""
    where = f" of “{lead.title}”" if lead.title else ""
    against = ""
    if rival is not None:
        other = next(iter(rival.by_page().values()))
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
