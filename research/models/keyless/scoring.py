"""Scoring: how surely a candidate, and how surely an answer, is right, by weights that were learned from real pages.

Two models, one over the other. The first weighs what is true of one candidate (`features`) against its rivals and against there
being no answer (a conditional logit): its log-odds are those against none. The second, a logistic one, weighs how a value stands
among all that was found: its share of the likelihood, candidates that say the same, the best of those that say otherwise. What it
gives is the probability that the answer is right, which the confidence states.
`tests/benchmarks/keyless_training.py` learns both and writes `weights.toml`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

from research.models.keyless.candidates import Candidate
from research.models.keyless.questions import Question
from research.records import read_table
from research.result.result import Confidence

HIGH: Final = 0.97
MEDIUM: Final = 0.80
LOW: Final = 0.50
"""The least probability of each confidence. Below the last there is no answer."""
SURE: Final = 2.0
"""Log-odds of a candidate that needs no further page."""
_FIT: Final = ((1.0, "same"), (0.97, "synonym"), (0.9, "near"), (0.8, "most"), (0.7, "half"), (0.0, "part"))
_GATE: Final = ((1.0, "named"), (0.95, "own"), (0.85, "sure"), (0.7, "likely"), (0.5, "maybe"), (0.0, "doubtful"))
_QUALITY: Final = ((0.95, "full"), (0.85, "good"), (0.7, "fair"), (0.5, "poor"), (0.0, "bad"))
_SIZE: Final = ((31, "long"), (13, "sentence"), (6, "phrase"), (3, "words"), (0, "word"))
_KINDS: Final = {"integer": "number", "enum": "choice", "boolean": "choice"}


def features(question: Question, candidate: Candidate) -> tuple[str, ...]:
    """What is true of a candidate, by name; each name has a weight of its own."""
    source, kind = candidate.source, _KINDS.get(question.kind, question.kind)
    found = [source, f"{source} {kind}", f"{source} fit {_step(_FIT, candidate.fit)}", f"gate {_step(_GATE, candidate.gate)}"]
    if source == "sentence":
        found.append(f"sentence gate {_step(_GATE, candidate.gate)}")
        found.extend(_together(question, candidate))
    if candidate.cast is not None:
        found.append(f"{kind} quality {_step(_QUALITY, candidate.cast.quality)}")
        found.extend(f"doubt {doubt}" for doubt in sorted(candidate.cast.doubts))
    if kind == "text":
        size = _step(_SIZE, len(str(candidate.value).split()))
        found += [f"size {size}", f"{source} size {size}", f"expects {question.expects} {_form(str(candidate.value))}"]
        found.extend(f"{mark} size {size}" for mark in candidate.marks if mark.startswith("thing:"))
    if kind == "list":
        found.append(f"list expects {question.expects} {_form(str(candidate.value[0]))}")
    found.extend(f"{source} {mark}" for mark in candidate.marks)
    return tuple(found)


def _together(question: Question, candidate: Candidate) -> Iterator[str]:
    """What a sentence is and where a value stands in it, of which the one says more with the other."""
    told: dict[str, str] = {}
    for mark in candidate.marks:
        title, _, what = mark.partition(":")
        told.setdefault(title, what)
    fit = "silent" if "silent" in told else _step(_FIT, candidate.fit)
    kind = "text" if question.kind in ("text", "list") else "typed"
    yield f"sentence of {told.get('entity')}, fit {fit}"
    yield f"sentence cue {told.get('cue')}, after {told.get('after')}, {told.get('side')}"
    yield f"sentence name {told.get('name')}, {told.get('name side')}"
    yield f"sentence {kind} {told.get('shape')}, cue {told.get('cue')}"
    yield f"sentence clause {told.get('clause')}, fit {fit}"
    yield f"sentence rank {told.get('rank')}, fit {fit}"


def _form(text: str) -> str:
    """What a text is made of."""
    if not re.search(r"\d", text):
        return "name" if text[:1].isupper() else "words"
    return "with figures" if re.search(r"[^\W\d_]{3}", text) else "figures"


def _step(steps: Sequence[tuple[float, str]], value: float) -> str:
    return next(name for least, name in steps if value >= least)


class Scorer:
    """Learned weights at work."""

    def __init__(self, weights: Mapping[str, Mapping[str, float]]) -> None:
        self._candidate = weights["candidate"]
        self._answer = weights["answer"]

    def log_odds(self, question: Question, candidate: Candidate) -> float:
        """Of a candidate by itself."""
        return self.sum(dict.fromkeys(features(question, candidate)))

    def sum(self, names: Iterable[str]) -> float:
        """What some features of a candidate, each named once, amount to."""
        return self._candidate.get("bias", 0.0) + sum(self._candidate.get(name, 0.0) for name in names)

    def probability(self, standing: Mapping[str, float]) -> float:
        """That an answer is right, by how it stands among all that was found (`choosing.standing`)."""
        odds = self._answer["bias"] + sum(value * self._answer.get(name, 0.0) for name, value in standing.items())
        return 1 / (1 + math.exp(-odds))


@lru_cache(maxsize=1)
def scorer() -> Scorer:
    """The weights that lie beside this module."""
    return Scorer(read_table("research.models.keyless", "weights.toml"))


def confidence(probability: float, *, most: Confidence = "high") -> Confidence | None:
    """None: too unlikely to be an answer. `most`: what it can be at most, whatever the probability."""
    if probability < LOW:
        return None
    if probability < MEDIUM or most == "low":
        return "low"
    return "high" if probability >= HIGH and most == "high" else "medium"
