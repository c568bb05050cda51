"""Stated: the values of a sentence, each with what stands around it: the field's words, the entity's name, other names."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from research.evidence.ranking import words
from research.models.keyless.casting import Cast, cast
from research.models.keyless.entities import Entity, mentions
from research.models.keyless.questions import Question
from research.models.keyless.reading import Reading, Sentence, tokens
from research.models.keyless.shapes import FULL_NAME, shapes
from research.models.keyless.spoken import Spoken
from research.models.keyless.vocabulary import STOP, weight
from research.values.units import Unit, measured

Stated = tuple[Cast, str, tuple[str, ...]]
"""A value, its shape, and what is true of it among its sentence's other words."""

_LONGEST: Final = 14
"""Words of a text that a sentence states."""
_NO_PERSON: Final = frozenset(("date", "month", "year", "number", "measure", "measured number", "figures", "duration", "code"))
"""What is no answer to who did something."""
_COUNTS: Final = frozenset(("number", "measure", "measured number", "figures"))
_FIGURES: Final = re.compile(r"[\d.,\s]*\d")
_STOPS: Final = frozenset((*"(),.;:", ""))
"""Signs right behind a value; "" is the sentence's end."""
_LEADS: Final = frozenset(
    words("is was are of by in at on from to as for between and than with the a an start since until within")
)
"""Words right before a value that tell what it is to the sentence."""
_FOLLOWS: Final = frozenset(words("from after following thereafter prior before notice ago later old per each until unless"))
"""Words right behind a value that tell what it is."""
_HEDGES: Final = frozenset(words("over nearly about approximately around roughly almost under than some exceeding surpassing"))
_LINK_WORDS: Final = frozenset(words("is was are were be been it at of for to by in the a an as and from total with on s"))
DEFINED: Final = re.compile(r"[^()]{0,60}\((?:[^()]{0,40}\s)?[“\"‘']")
"""Behind a name, what it is called from here on: `Acme, Inc. (the “Company”)`."""


def values_in(question: Question, entity: Entity, spoken: Spoken, reading: Reading, sentence: Sentence) -> Iterator[Stated]:
    """The values of a sentence that are of the kind asked for."""
    around = _Around(question, entity, spoken, sentence.text)
    found: list[tuple[int, Cast, str, list[str]]] = []
    times = Counter[str]()
    for one, shape in _pieces(question, sentence.text):
        if (placed := around.marks(one, shape)) is None:
            continue
        distance, marks = placed
        if reading.stressed:
            marks.append("stressed" if reading.is_stressed(sentence.place, sentence.start + one.start) else "not stressed")
        times[shape] += 1
        found.append((distance, one, shape, [*marks, f"nth:{min(times[shape], 3)}", f"shape:{shape}"]))
    nearest = min((distance for distance, *_ in found), default=0)
    is_alone = len({repr(one.value) for _, one, *_ in found}) == 1
    for distance, one, shape, marks in found:
        yield one, shape, (*marks, "rank:alone" if is_alone else "rank:nearest" if distance == nearest else "rank:farther")


class _Around:
    """A sentence as it is seen from its values."""

    def __init__(self, question: Question, entity: Entity, spoken: Spoken, text: str) -> None:
        self._question, self._spoken, self._text = question, spoken, text
        placed = tokens(text)
        self._said = [said for said, _, _ in placed]
        self._starts, self._ends = [start for _, start, _ in placed], [end for _, _, end in placed]
        cues = spoken.cues | question.about_cues
        self._cue_at = [i for i, said in enumerate(self._said) if said in cues and (weight(said) >= 0.6 or len(cues) == 1)]
        self._own = entity.words if entity.named and mentions(entity, {*self._said}) else frozenset[str]()
        self._named_at = _together(self._own, self._said)
        self._whole = [f"name is:{_spelled(entity.name, text)}"] if self._named_at else []
        names = [(m.span(), frozenset(words(m[0]))) for m in FULL_NAME.finditer(text) if m.start()] if self._own else []
        self._others = [span for span, name in names if name - self._own and not self._own <= name]

    def marks(self, one: Cast, shape: str) -> tuple[int, list[str]] | None:
        """What is true of a value where it stands, and how far it stands from what it may belong to; None for no value."""
        question, spoken, text, said = self._question, self._spoken, self._text, self._said
        first, last = bisect_left(self._ends, one.start + 1), bisect_left(self._ends, one.end)
        of_value = {*said[first : last + 1]}
        is_text = question.kind == "text"
        if is_text and (not of_value - STOP or of_value <= self._own or of_value <= spoken.cues or len(of_value) > _LONGEST):
            return None
        from_cue, side = _distance(self._cue_at, first, last)
        from_name, name_side = _distance(self._named_at, first, last)
        before = max((i for i in (*self._cue_at, *self._named_at) if i < first), default=-1)
        gap = sum(word not in _LINK_WORDS for word in said[before + 1 : first]) if before >= 0 else 9
        lead = said[first - 1] if first else "start"
        lead = lead if lead in _LEADS or not first else "hedge" if lead in _HEDGES else "other"
        tail = text[one.end :].lstrip(" *_")[:1]
        marks = [
            *self._whole,
            f"after:{lead}",
            f"before:{'word' if tail.isalnum() else tail if tail in _STOPS else 'sign'}",
            *(f"then:{word}" for word in said[last + 1 : last + 2] if word in _FOLLOWS),
            f"cue:{_bin(from_cue)}",
            f"side:{side}",
            f"name:{_bin(from_name)}",
            f"name side:{name_side}",
            f"gap:{min(gap, 4)}",
        ]
        if is_text:
            marks += [f"expects:{question.expects}/{shape}", f"after:{lead}/{question.expects}"]
            if spoken.names < of_value and not of_value & self._own:
                marks.append("of its kind")  # `Court of Appeal`, for a `court`
            if of_value & self._own:
                marks.append("own words")
            if DEFINED.match(text, one.end):
                marks.append("defined")
            if question.asked_unit is not None and shape in _COUNTS:
                marks.append(f"unit:{_unit_of(text, one, question.asked_unit)}")
        if self._cue_at:
            word = said[min(self._cue_at, key=lambda at: min(abs(at - first), abs(at - last)))]
            marks.append(f"cue is:{'name' if word in spoken.names else 'synonym' if word in spoken.cues else 'described'}")
        if self._named_at:
            marks.append(f"between:{self._between(one)}")
        return from_cue + from_name // 2, marks

    def _between(self, one: Cast) -> str:
        """Whether another's name stands between a value and the nearest mention of the entity."""
        before = max((self._ends[i] for i in self._named_at if self._ends[i] <= one.start), default=None)
        after = min((self._starts[i] for i in self._named_at if self._starts[i] >= one.end), default=None)
        if before is not None and (after is None or one.start - before <= after - one.end):
            low, high = before, one.start
        elif after is not None:
            low, high = one.end, after
        else:
            return "inside"
        return "another" if any(low <= start and end <= high for start, end in self._others) else "none"


def _together(own: frozenset[str], said: Sequence[str]) -> list[int]:
    """Places of the words of the entity's name where all of it stands together."""
    size = len(own) + 1
    return [i for i, word in enumerate(said) if word in own and own <= {*said[max(0, i - size) : i + size + 1]}]


def _spelled(name: str, text: str) -> str:
    """How a sentence spells the entity's name."""
    if re.search(rf"[“\"‘']{re.escape(name)}[”\"’']", text, re.IGNORECASE):
        return "quoted"
    return "whole" if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE) else "words"


def _unit_of(text: str, one: Cast, unit: Unit) -> str:
    """Whether a number is counted in what is asked for."""
    figures = _FIGURES.match(text, one.start, one.end)
    found = measured(text, one.start, figures.end() if figures else one.end).unit
    return "none" if found is None else "same" if found == unit else "other" if found.kind == unit.kind else "of another kind"


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


def _pieces(question: Question, text: str) -> Iterator[tuple[Cast, str]]:
    """The values of a sentence that are of the kind asked for, each with its shape."""
    if question.kind != "text":
        most = 1 if question.kind == "boolean" else 12
        yield from ((one, question.kind) for one in cast(question, text)[:most])
        return
    particular = [one for one in cast(question, text) if one.end - one.start < 0.6 * len(text)]
    if particular:  # the field asks for a kind of text that is known by its form: a duration, an address
        yield from ((one, "formed") for one in particular[:12])
        return
    for start, end, shape in shapes(text):
        if question.expects != "person" or shape not in _NO_PERSON:
            for one in cast(question, text[start:end])[:1]:
                yield replace(one, start=start, end=end), shape
