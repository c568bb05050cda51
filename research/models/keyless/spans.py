"""Spans: the pieces of a sentence that may answer a question in plain words, and what is true of each.

Any run of words is a candidate that begins and ends with a word that tells something, and holds one that the question does not.
What makes it likely is learned: what it is made of against what is asked for, what stands before and behind it, and where the
question's own words stand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from research.models.keyless.wording import CONTENT, Mark, Wording, marks

MOST: Final = 8
"""Words of a span."""
_ENDS: Final = frozenset((";", ":", "—", "?", "!", ".", "(", ")"))
"""Marks that no span goes across."""
_CLAUSES: Final = frozenset((",", ";", ":", "—", "–"))
_COUNTED: Final = frozenset(("number", "numeral", "year"))
_TIMED: Final = frozenset(("year", "month", "time", "ordinal"))
_NAMED: Final = frozenset(("name",))
HOLDS: Final = {
    **dict.fromkeys(("when", "what date"), _TIMED),
    **dict.fromkeys(("how many", "what number"), _COUNTED),
    **dict.fromkeys(("who", "where", "what person"), _NAMED),
}
"""Classes of words of which the answer to such a question holds one."""
_FAR: Final = 6
"""Distances from here on are one."""
Features = dict[str, float]


def spans_in(
    wording: Wording, sentence: str, weights: Mapping[str, float], title: frozenset[str]
) -> Iterator[tuple[int, int, Features]]:
    """The spans of a sentence as `(start, end, features)`.

    Args:
        weights: how much each of the question's words tells; all together 1.
        title: the words of the page's title.
    """
    place = _Place(wording, marks(sentence), weights, title)
    wanted = HOLDS.get(wording.kind, frozenset())
    for first, mark in enumerate(place.marks):
        if not mark.tells and mark.kind != "$":
            continue
        count = 0
        fresh, is_of_kind = False, not wanted
        for last in range(first, len(place.marks)):
            end = place.marks[last]
            count += bool(end.stems)
            if end.kind in _ENDS or count > MOST:
                break
            fresh = fresh or (end.tells and not place.asked[last])
            is_of_kind = is_of_kind or (end.kind in wanted and not place.asked[last])
            if fresh and is_of_kind and (end.tells or end.kind == "%"):
                cut = 2 if end.text[-2:] in ("'s", "’s") else 0
                yield mark.start, end.end - cut, place.features(first, last, count)


class _Place:
    """A sentence beside a question."""

    def __init__(self, wording: Wording, found: Sequence[Mark], weights: Mapping[str, float], title: frozenset[str]) -> None:
        self.wording, self.marks = wording, found
        self.asked = [next((stem for stem in mark.stems if stem in wording.telling), "") for mark in found]
        """The word of the question that each mark is; "" for most."""
        self._hits = [(place, weights.get(stem, 0.0)) for place, stem in enumerate(self.asked) if stem]
        self._clause = [sum(mark.kind in _CLAUSES for mark in found[: place + 1]) for place in range(len(found))]
        self._focus = [not wording.focus.isdisjoint(mark.stems) for mark in found]
        self._title = [not title.isdisjoint(mark.stems) for mark in found]
        self._at = {
            name: [place for place, stem in enumerate(self.asked) if word and stem == word]
            for name, word in (("first", wording.first), ("last", wording.last))
        }

    def features(self, first: int, last: int, count: int) -> Features:
        """What is true of `marks[first:last + 1]`, which are `count` words."""
        kind, form = self.wording.kind, self.wording.form
        before = first - 1
        while before >= 0 and self.marks[before].kind in ("det", "poss"):
            before -= 1
        classes = [mark.kind for mark in self.marks[first : last + 1]]
        start, end, shape = classes[0], classes[-1], _shape(classes)
        left, right = self._kind(before), self._kind(last + 1)
        outside = [(place, weight) for place, weight in self._hits if not first <= place <= last]
        found = {
            f"shape {shape}": 1.0,
            f"{kind}: {shape}": 1.0,
            f"{kind}: after {left}": 1.0,
            f"{kind}: words {min(count, _FAR)}": 1.0,
            f"words {count}": 1.0,
            f"after {left}{' asked' if before >= 0 and self.asked[before] and left in CONTENT else ''}": 1.0,
            f"before {right}{' asked' if last + 1 < len(self.marks) and self.asked[last + 1] else ''}": 1.0,
            f"begins {start}": 1.0,
            f"ends {end}": 1.0,
            f"{left} > {start}": 1.0,
            f"{end} > {right}": 1.0,
            f"article {self._kind(first - 1) if before < first - 1 else 'none'}": 1.0,
            "begins inside a name": float(start == self._kind(first - 1) == "name"),
            "ends inside a name": float(end == right == "name"),
            "near": sum(weight / (0.65 + 0.35 * _gap(first, last, place)) for place, weight in outside),
            "within four": sum(weight for place, weight in outside if _gap(first, last, place) <= 4),
            "in the clause": sum(weight for place, weight in outside if self._clause[place] == self._clause[first]),
            "of the question": (len(self._hits) - len(outside)) / count,
            "of the title": sum(self._title[first : last + 1]) / count,
            f"{form}: left": sum(weight for place, weight in outside if place < first),
            f"{form}: right": sum(weight for place, weight in outside if place > last),
        }
        if self.wording.focus:
            found[f"focus {self._where_focus(first, last, before)}"] = 1.0
        if self.wording.lead:
            is_same = before >= 0 and self.marks[before].text.casefold() == self.wording.lead
            found[f"lead {'same' if is_same else 'other'}"] = 1.0
        for name, places in self._at.items():
            if places:
                nearest = min(places, key=lambda place: _gap(first, last, place))
                side = "left" if nearest < first else "right" if nearest > last else "inside"
                found[f"{name}, {form}: {side}"] = 1.0
                found[f"{name}, {form}: {side} {min(_gap(first, last, nearest), _FAR)}"] = 1.0
            else:
                found[f"{name}: none"] = 1.0
        return found

    def _kind(self, place: int) -> str:
        return self.marks[place].kind if 0 <= place < len(self.marks) else "end"

    def _where_focus(self, first: int, last: int, before: int) -> str:
        """Where the noun asked for stands."""
        if any(self._focus[first : last + 1]):
            return "ends it" if self._focus[last] else "begins it" if self._focus[first] else "inside"
        if any(self._focus[last + 1 : last + 3]):
            return "behind" if self._focus[last + 1] else "shortly behind"
        if any(self._focus[max(before - 1, 0) : before + 1]):
            return "before" if self._focus[before] else f"before {self._kind(before)}"
        return "elsewhere" if any(self._focus) else "missing"


def _gap(first: int, last: int, place: int) -> int:
    """Marks from a span to a place; 0 inside."""
    return max(first - place, place - last, 0)


def _shape(classes: Sequence[str]) -> str:
    """What a span is made of."""
    held = set(classes)
    if "month" in held or (classes[0] == "year" and len(classes) == 1):
        return "date"
    if classes[0] in ("number", "numeral", "$"):
        return "number" if held <= {"number", "numeral", "%", "$"} else "number of"
    if held & {"number", "numeral", "year"}:
        return "with a number"
    if "name" in held:
        if held <= {"name", "of", "det", "and", ",", "-", "–"}:
            return "names" if held & {"and", ","} else "name"
        return "name and words" if classes[0] == "name" else "words and name" if classes[-1] == "name" else "words around a name"
    if held & {"be", "have", "do", "rel", "ask"}:
        return "clause"
    if held & {"and", ","}:
        return "list"
    if classes[0] in ("ed", "ing"):
        return "verb" if len(classes) == 1 else "verb and words"
    return classes[-1] if classes[-1] in ("plural", "ly") else "words"
