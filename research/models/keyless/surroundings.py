"""Surroundings: what stands around a value in its sentence: the field's words, the entity's name, the ends of the clause; each a
mark with a learned weight of its own."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from research.evidence.ranking import words
from research.models.keyless.casting import Cast
from research.models.keyless.entities import Entity, together
from research.models.keyless.questions import Question
from research.models.keyless.reading import tokens
from research.models.keyless.shapes import FULL_NAME
from research.models.keyless.vocabulary import STOP, weight
from research.values.answers import says_over
from research.values.belonging import CLAUSE_ENDS, OCCASION, belonging
from research.values.names import without_legal_form
from research.values.neighbours import aside_of, is_former, is_name_denied, is_of_its_name

_LONGEST: Final = 14
"""Words of a text that a sentence states."""
_STOPS: Final = frozenset((*"(),.;:", ""))
"""Signs right behind a value; "" is the sentence's end."""
WORD: Final = "word "
"""How the marks begin that name a word near a value."""
_NEAR: Final = 4
_AROUND: Final = 10
"""Words on either side of a value that are near it, and around it."""


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
        self._placed = tokens(text)
        self._said = [said for said, _, _ in self._placed]
        self._starts, self._ends = [start for _, start, _ in self._placed], [end for _, _, end in self._placed]
        cues = spoken.cues | question.about_cues
        self._cue_at = [i for i, said in enumerate(self._said) if said in cues and (weight(said) >= 0.6 or len(cues) == 1)]
        self._asks_over = says_over(question.label)
        self._over_at = set[int]() if self._asks_over else {at for at in self._cue_at if self._is_over(at)}
        self._breaks = [match.start() for match in CLAUSE_ENDS.finditer(text)]
        spellings = (entity.words, *entity.others) if entity.named else ()
        self._own = next((spelled for spelled in spellings if spelled <= {*self._said}), frozenset[str]())
        self._named_at = together(self._own, self._said)
        self._names = [(m.span(), frozenset(words(m[0]))) for m in FULL_NAME.finditer(text)]
        self._own_at = [self._starts[at] for at in self._named_at]
        self._others = [at for at, name in self._names if self._own and not (name <= self._own or self._own <= name)]
        asides = [aside_of(text, self._others, self._starts[i], self._ends[i], self._own_at) for i in self._cue_at]
        self._is_beside = bool(asides) and all(map(is_of_its_name, asides))

    def marks(self, one: Cast, shape: str) -> tuple[int, list[str]] | None:
        """What is true of a value where it stands, and how far it stands from what it may belong to; None for no value."""
        question, spoken, text, said = self._question, self._spoken, self._text, self._said
        first, last = bisect_left(self._ends, one.start + 1), bisect_left(self._ends, one.end)
        of_value = {*said[first : last + 1]}
        is_text = question.kind in ("text", "list")
        if is_text and (not of_value - STOP or of_value <= spoken.cues or len(of_value) > _LONGEST):
            return None
        if is_text and self._over_at and _nearest(self._cue_at, first, last) in self._over_at:
            return None  # `the former chief executive, Ann Lee`
        if is_text and self._asks_over and not says_over(text):
            return None
        if is_text and {*words(without_legal_form(text[one.start : one.end]))} <= self._own:
            return None  # the entity's own name, of which its legal form is no part
        is_aside = aside_of(text, self._others, one.start, one.end, self._own_at)
        if {*range(first, last + 1)} <= {*self._named_at} or self._is_beside or is_aside:
            return None  # the figure in the entity's own name, or in what is said of another
        if is_text and shape != "formed" and (is_name_denied(text, one.start) or is_former(text, one.start, one.end)):
            return None
        if shape == "name within" and any(s < one.start < e and name & spoken.names - of_value for (s, e), name in self._names):
            return None  # `Leeds`, for the university, in `University of Leeds`
        from_cue, side = _distance(self._cue_at, first, last)
        from_name, name_side = _distance(self._named_at, first, last)
        lead = "start" if not first else said[first - 1] if said[first - 1] in STOP else "other"
        tail = text[one.end :].lstrip(" *_")[:1]
        marks = [
            *(f"before:{'word' if tail.isalnum() else tail if tail in _STOPS else 'sign'}", f"shape:{shape}", f"side:{side}"),
            *(f"cue:{_bin(from_cue)}", f"after:{lead}", f"name:{_bin(from_name)}", f"name side:{name_side}"),
            f"clause:{self._clause(first)}",
        ]
        if is_text:
            marks += [f"expects:{question.expects}/{shape}", f"after:{lead}/{question.expects}"]
        return from_cue + from_name // 2, [*marks, *self._words(first, last, shape)]

    def _is_over(self, cue: int) -> bool:
        """Whether a word for the field is of what holds no more: each in `the former chief executive`."""
        before = next((at for at in range(cue - 1, -1, -1) if at not in self._cue_at), None)
        if before is None or CLAUSE_ENDS.search(self._text, self._ends[before], self._starts[cue]):
            return False
        return says_over(self._text[self._starts[before] : self._ends[before]])

    def belonging(self, values: Sequence[Cast]) -> list[Cast]:
        """The numbers or days of a sentence that the field's words belong to."""
        question, names = self._question, {w for w in self._spoken.names if weight(w) >= 1 or w.isdigit()}
        is_day, is_when = question.kind == "date", question.expects in ("date", "event") or bool(OCCASION.search(question.label))
        spans, main = [(one.start, one.end) for one in values], "" if is_day else question.head
        return [values[place] for place in belonging(self._text, spans, self._placed, names, main, may_be_year=is_when)]

    def _words(self, first: int, last: int, shape: str) -> Iterator[str]:
        """The words right before and right behind a value; and all around one that is known by its form, of which a text may hold
        many that mean something else: `within 30 days of notice`, `in effect for two years`. The words of the field's name are
        left out: their distance is a mark of its own (`cue:`)."""
        said, behind = self._said, last + 1
        around = [("before", said[max(first - 1, 0) : first]), ("behind", said[behind : behind + 1])]
        for title, most in (("near", _NEAR), ("around", _AROUND)) if shape == "formed" else ():
            around.append((title, said[max(first - most, 0) : first] + said[behind : behind + most]))
        for title, near in around:
            yield from (f"{WORD}{title}:{'#' if word.isdigit() else word}" for word in near if word not in self._spoken.names)

    def _clause(self, first: int) -> str:
        """What stands in the clause of a value's first word: the field's words, the entity's name, both or none."""
        here = bisect_left(self._breaks, self._starts[first]) if first < len(self._starts) else -1
        told = {"cue": self._cue_at, "name": self._named_at}
        near = [what for what, at in told.items() if here in {bisect_left(self._breaks, self._starts[i]) for i in at}]
        return " and ".join(near) or "alone"


def _bin(distance: int) -> str:
    return str(distance) if distance <= 2 else next((str(most) for most in (4, 8, 16) if distance <= most), "far")


def _nearest(marks: Sequence[int], first: int, last: int) -> int:
    """The mark nearest to a value."""
    return min(marks, key=lambda at: (max(first - at - 1, at - last - 1, 0), at))


def _distance(marks: Sequence[int], first: int, last: int) -> tuple[int, str]:
    """How many words lie between a value and the nearest mark, and on which side of the value that is."""
    if not marks:
        return 99, "none"
    at = _nearest(marks, first, last)
    away = max(first - at - 1, at - last - 1, 0)
    return away, "before" if at < first else "after" if at > last else "inside"
