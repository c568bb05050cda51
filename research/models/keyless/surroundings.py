"""Surroundings: what stands around a value in its sentence: the field's words, the entity's name, the ends of the clause; each a
mark with a learned weight of its own."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import Final, NamedTuple

from research.evidence.ranking import words
from research.models.keyless.casting import Cast
from research.models.keyless.entities import Entity
from research.models.keyless.questions import Question
from research.models.keyless.reading import tokens
from research.models.keyless.shapes import FULL_NAME
from research.models.keyless.vocabulary import STOP, weight

_CLAUSE_ENDS: Final = re.compile(r"[;:()—–]|,(?!\d)|\*{2,}|\s-\s|\s(?:while|whereas|but|which|who|where|although)\s")
_LONGEST: Final = 14
"""Words of a text that a sentence states."""
_STOPS: Final = frozenset((*"(),.;:", ""))
"""Signs right behind a value; "" is the sentence's end."""
_LEADS: Final = frozenset(
    words("is was are of by in at on from to as for between and than with the a an start since until within")
)
"""Words right before a value that tell what it is to the sentence."""
_FOLLOWS: Final = frozenset(words("from after following thereafter prior before notice ago later old per each until unless"))
"""Words right behind a value that tell what it is."""
_HEDGES: Final = frozenset(words("over nearly about approximately around roughly almost under than some exceeding surpassing"))
CALLED: Final = re.compile(r"[^()]{0,60}\((?:[^()]{0,40}\s)?[“\"‘']")
"""Behind a name, what it is called from here on: `Acme, Inc. (the “Company”)`."""


class Spoken(NamedTuple):
    """How a page may speak of a field."""

    cues: frozenset[str]
    """Words that do: its name's, and those of names that mean the same."""
    names: frozenset[str]
    """Words of its own name."""
    phrases: tuple[tuple[str, ...], ...]
    """Names of several words, as stems in order."""


class Surroundings:
    """A sentence as it is seen from its values."""

    def __init__(self, question: Question, entity: Entity, spoken: Spoken, text: str) -> None:
        self._question, self._spoken, self._text = question, spoken, text
        placed = tokens(text)
        self._said = [said for said, _, _ in placed]
        self._starts, self._ends = [start for _, start, _ in placed], [end for _, _, end in placed]
        cues = spoken.cues | question.about_cues
        self._cue_at = [i for i, said in enumerate(self._said) if said in cues and (weight(said) >= 0.6 or len(cues) == 1)]
        self._breaks = [match.start() for match in _CLAUSE_ENDS.finditer(text)]
        spellings = (entity.words, *entity.others) if entity.named else ()
        self._own = next((spelled for spelled in spellings if spelled <= {*self._said}), frozenset[str]())
        self._named_at = _together(self._own, self._said)
        self._names = [(m.span(), frozenset(words(m[0]))) for m in FULL_NAME.finditer(text)]

    def marks(self, one: Cast, shape: str) -> tuple[int, list[str]] | None:
        """What is true of a value where it stands, and how far it stands from what it may belong to; None for no value."""
        question, spoken, text, said = self._question, self._spoken, self._text, self._said
        first, last = bisect_left(self._ends, one.start + 1), bisect_left(self._ends, one.end)
        of_value = {*said[first : last + 1]}
        is_text = question.kind in ("text", "list")
        if is_text and (not of_value - STOP or of_value <= self._own or of_value <= spoken.cues or len(of_value) > _LONGEST):
            return None
        if {*range(first, last + 1)} <= {*self._named_at}:
            return None  # the figure in the entity's own name
        if shape == "name within" and any(s < one.start < e and name & spoken.names - of_value for (s, e), name in self._names):
            return None  # `Leeds`, for the university, in `University of Leeds`
        from_cue, side = _distance(self._cue_at, first, last)
        from_name, name_side = _distance(self._named_at, first, last)
        lead = said[first - 1] if first else "start"
        lead = lead if lead in _LEADS or not first else "hedge" if lead in _HEDGES else "other"
        tail = text[one.end :].lstrip(" *_")[:1]
        marks = [
            *(f"then:{word}" for word in said[last + 1 : last + 2] if word in _FOLLOWS),
            *(f"after:{lead}", f"before:{'word' if tail.isalnum() else tail if tail in _STOPS else 'sign'}", f"shape:{shape}"),
            *(f"cue:{_bin(from_cue)}", f"side:{side}", f"name:{_bin(from_name)}", f"name side:{name_side}"),
        ]
        if is_text:
            marks += [f"expects:{question.expects}/{shape}", f"after:{lead}/{question.expects}"]
            if spoken.names < of_value and not of_value & self._own:
                marks.append("of its kind")  # `Court of Appeal`, for a `court`
            if of_value & self._own:
                marks.append("own words")
            if CALLED.match(text, one.end):
                marks.append("defined")
        marks.append(f"clause:{self._clause(first)}")
        if self._cue_at:
            word = said[min(self._cue_at, key=lambda at: min(abs(at - first), abs(at - last)))]
            marks.append(f"cue is:{'name' if word in spoken.names else 'synonym' if word in spoken.cues else 'described'}")
        return from_cue + from_name // 2, marks

    def _clause(self, first: int) -> str:
        """What stands in the clause of a value's first word: the field's words, the entity's name, both or none."""
        here = bisect_left(self._breaks, self._starts[first]) if first < len(self._starts) else -1
        near = [
            what
            for what, places in (("cue", self._cue_at), ("name", self._named_at))
            if any(bisect_left(self._breaks, self._starts[i]) == here for i in places)
        ]
        return " and ".join(near) or "alone"


def _together(own: frozenset[str], said: Sequence[str]) -> list[int]:
    """Places of the words of the entity's name where all of it stands together."""
    size = len(own) + 1
    return [i for i, word in enumerate(said) if word in own and own <= {*said[max(0, i - size) : i + size + 1]}]


def _bin(distance: int) -> str:
    return str(distance) if distance <= 2 else next((str(most) for most in (4, 8, 16) if distance <= most), "far")


def _distance(marks: Sequence[int], first: int, last: int) -> tuple[int, str]:
    """How many words lie between a value and the nearest mark, and on which side of the value that is."""
    best, side = 99, "none"
    for at in marks:
        away = first - at - 1 if at < first else at - last - 1 if at > last else 0
        if away < best:
            best, side = away, "before" if at < first else "after" if at > last else "inside"
    return best, side
