"""Choosing: from the candidates of several pages to one answer, its confidence, its reason, and what speaks against it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from research.faults import shortened
from research.models.keyless.candidates import FIRST, ITSELF, OF_ANOTHER, Candidate
from research.models.keyless.keys import OF_ITS_KIND
from research.models.keyless.questions import Question
from research.models.keyless.scoring import Scorer, confidence, scorer
from research.ports.work import FieldAnswer
from research.result.result import CONFIDENCE_ORDER, Confidence
from research.values.doubts import OPEN, UNSURE, Doubt
from research.values.values import same

MAX_GROUPS: Final = 16
"""Different values that are weighed."""
MAX_CITED: Final = 4
"""Places that are cited for a choice or a yes, beside the likeliest of each page."""
OWN: Final = 0.8
"""What is less surely about the entity than this share of the surest is about something else: it gives way to any other."""
_FIGURES: Final = re.compile(r"[\W_]*\d[\d\W_]*")
_WEIGHT: Final[dict[Confidence | None, int]] = {"high": 4, "medium": 2, "low": 1, None: 0}
NOTHING: Final = "No page that was read gives a value for “{}”."
NONE: Final = -6.0
"""The log-odds of a rival where there is none."""
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
        another way, its keys say only of what kind it is (`Date`), or nothing but one page's sentences say it (the public sets
        hold too little prose to tell 97 % from 90)."""
        told = [(b.candidate.source, b.passages, b.candidate.narrowed) for b in self.backings]
        again = {("sentence", passages) for source, passages, narrowed in told if narrowed and source == "facts"}
        if self.is_doubted(UNSURE) or all(narrowed or (source, passages) in again for source, passages, narrowed in told):
            return "low"
        said_only = all(b.candidate.source == "sentence" for b in self.backings)
        loosely = all(b.candidate.fit <= OF_ITS_KIND for b in self.backings)
        return "medium" if loosely or self.is_doubted(OPEN) or (said_only and len(self.by_page()) == 1) else "high"

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
        return FieldAnswer(field=question.field, reasoning=NOTHING.format(question.label) + weak)
    best = ranked[0][0]
    pages = best.by_page()
    rival = next(
        (g for g, _ in ranked[1:] if g.best.log_odds >= best.best.log_odds - RIVAL and g.by_page().keys() - pages.keys()), None
    )
    # What else says a choice or a yes: the likeliest place (`Add to basket`) need not be the one that states it.
    also = best.backings[:MAX_CITED] if question.kind in ("enum", "boolean") else []
    return FieldAnswer(
        field=question.field,
        value=best.value,
        passages=tuple(dict.fromkeys(p for backing in (*pages.values(), *also) for p in backing.passages)),
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
            groups.append(group := Group(backing.candidate.value))
        group.backings.append(backing)
    return groups


def standing(question: Question, groups: Sequence[Group], place: int) -> dict[str, float]:
    """How one of some groups stands among them, by name; each has a weight of its own. Rivals are those of its best candidate's
    page: what other pages say against a value lowers its confidence by a step (`research.evidence.grounding`)."""
    group = groups[place]
    best = group.best
    here = [b for b in group.backings if b.page == best.page]
    rivals = [b for g in groups if g is not group for b in g.backings if b.page == best.page]
    if ITSELF in best.candidate.marks:
        rivals = [b for b in rivals if OF_ANOTHER not in b.candidate.marks]
    mine, others = (sum(math.exp(b.log_odds) for b in backings) for backings in (here, rivals))
    near = [b for b in here if b.log_odds >= best.log_odds - 3]
    pages = {b.page for b in group.backings if b.log_odds >= best.log_odds - 2 and not b.suspected}
    share, source = math.log(mine / (1 + others)), best.candidate.source
    kind = "formed text" if "shape:formed" in best.candidate.marks else question.kind
    rival = max((b.log_odds for b in rivals), default=NONE)
    lead = min(max(best.log_odds - rival, -4.0), 4.0)
    return {
        "best": best.log_odds,
        "best, capped": min(best.log_odds, 2.0),
        "best, high": max(best.log_odds - 2.0, 0.0),
        "rival": max(rival, -4.0),
        "lead": lead,
        "lead, short": min(lead, 1.0),
        "share": share,
        f"share {'prose' if source == 'sentence' else 'structure'}": share,
        f"source {source}": 1.0,
        f"kind {kind}": 1.0,
        f"source {source} kind {kind}": 1.0,
        f"sources {min(len({b.candidate.source for b in near}), 4)}": 1.0,
        f"times {min(len({b.passages for b in near}), 4)}": 1.0,
        f"pages {min(len(pages), 3)}": 1.0,
    }


def whole(question: Question, parts: Mapping[str, FieldAnswer]) -> FieldAnswer:
    """The answer of an object field, as sure as the least sure of its parts; null if no part has a value."""
    given = [part for part in parts.values() if part.value is not None]
    return FieldAnswer(
        field=question.field,
        value={name: part.value for name, part in parts.items()} if given else None,
        passages=tuple(dict.fromkeys(p for part in given for p in part.passages)),
        against=tuple(dict.fromkeys(p for part in given for p in part.against)),
        reasoning=" ".join(f"{name}: {part.reasoning}" for name, part in parts.items()),
        confidence=min((part.confidence for part in given if part.confidence), key=CONFIDENCE_ORDER.index, default=None),
        conflicting=any(part.conflicting for part in given),
    )


def merge(question: Question, answers: Sequence[FieldAnswer]) -> FieldAnswer:
    """The value with the most evidence behind it. Answers that agree add their passages; others are named in the reasoning and
    lower the confidence by one step."""
    given = [a for a in answers if a.value is not None]
    if not given:
        reason = next((a.reasoning for a in answers if a.reasoning), NOTHING.format(question.label))
        return FieldAnswer(field=question.field, reasoning=reason)
    groups: list[list[FieldAnswer]] = []
    for answer in given:
        group = next((g for g in groups if same(g[0].value, answer.value, question.schema)), None)
        if group is None:
            groups.append(group := [])
        group.append(answer)
    groups.sort(key=lambda g: -sum(_WEIGHT[a.confidence] for a in g))
    best = groups[0]
    lead = max(best, key=lambda a: _WEIGHT[a.confidence])
    sure, reasoning = lead.confidence, lead.reasoning
    if len(groups) > 1 and sure is not None:
        sure = CONFIDENCE_ORDER[max(0, CONFIDENCE_ORDER.index(sure) - 1)]
        reasoning = f"{reasoning} Another search found otherwise: {groups[1][0].reasoning}"
    return FieldAnswer(
        field=question.field,
        value=lead.value,
        passages=tuple(dict.fromkeys(p for a in (lead, *best) for p in a.passages)),
        against=tuple(dict.fromkeys(p for a in (lead, *best) for p in a.against)),
        reasoning=reasoning,
        confidence=sure,
        conflicting=len(groups) > 1 or lead.conflicting,
    )


def _is_one_of_several(group: Group, groups: Sequence[Group]) -> bool:
    """Whether all that says a value are lines of a list of facts in which other lines with the same key, but for its figures, say
    otherwise: `Population (2010)` and `Population (2020)`, the floor of the one office and of the other."""

    def line(backing: Backing) -> tuple[tuple[str, ...], str, bool]:
        return backing.passages, _FIGURES.sub("", backing.candidate.how.casefold()), FIRST in backing.candidate.marks

    others = {line(backing) for other in groups if other is not group for backing in other.backings}
    mine = ((backing, *line(backing)) for backing in group.backings)
    return all(one.candidate.source == "facts" and (passages, key, not first) in others for one, passages, key, first in mine)


def _reasoning(best: Group, rival: Group | None) -> str:
    lead, *others = best.by_page().values()
    agree = "; one other page agrees" if len(others) == 1 else f"; {len(others)} other pages agree" if others else ""
    where = f" of “{lead.title}”" if lead.title else ""
    against = f", but “{next(iter(rival.by_page().values())).title}” says {_shown(rival.value)}" if rival else ""
    how = lead.candidate.how
    return f"{how[0].upper()}{how[1:]}{where} says {_shown(best.value)}{agree}{against}."


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return f"{len(value)} items"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return shortened(str(value), 80)
