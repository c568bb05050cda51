"""Prose: the sentences of a page that may state a field of the entity, and the values that they state, each with what stands
around it: the field's words, the entity's name, other names."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final, NamedTuple

from research.evidence.ranking import words
from research.models.keyless.candidates import MIN_ABOUT, Asked, Candidate, is_label
from research.models.keyless.casting import Cast, cast
from research.models.keyless.entities import Entity, mentions
from research.models.keyless.questions import Question
from research.models.keyless.reading import Reading, Sentence, stem, tokens
from research.models.keyless.shapes import FULL_NAME, shapes
from research.models.keyless.statements import speaks_of_another
from research.models.keyless.vocabulary import STOP, concepts, in_order, sequences, weight
from research.values.units import Unit, measured

MAX_SENTENCES: Final = 40
"""Sentences that are looked at for one field of one page, the most promising first."""
MAX_SILENT: Final = 8
"""Of these, such as name the entity, or begin the page, but say nothing of the field."""
EARLY: Final = 8
"""Sentences that begin a page."""
LATE: Final = 30
"""Sentences from here on are late on a page."""
_MAX_WORDS: Final = 220
"""Words of a sentence that is looked at. What is longer is a list of things."""
SPOKEN: Final = 0.5
"""How surely a sentence that is not silent about a field speaks of it."""
_OPENING: Final = re.compile(
    r"[*_\s]*(?:(?:It|He|She|They|We|This)(?=\s(?:is|was|has|had|\w+ed|\w+s)\b)|"
    r"(?:The|This|An?|Its|His|Her|Their)\s(?P<noun>[a-z][\w-]*(?:\s[a-z][\w-]*){0,2}?)(?=\s(?:is|was|are|were|has|had|of|for|in|shall|will|\w+ed|\w+s)\b))"
)
"""A pronoun, or a thing without a name, that a sentence begins with."""
_GATES: Final = {"here": 0.75, "part": 0.6, "before": 0.6, "passage": 0.6}
"""How surely a sentence speaks of the entity by where the entity is named, as seen from it."""
_GLUED: Final = 7
"""Letters of a word that may be two (`publicnetwork`) if the page does not know it."""
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
_DEFINED: Final = re.compile(r"[^()]{0,60}\((?:[^()]{0,40}\s)?[“\"‘']")
"""Behind a name, what it is called from here on: `Acme, Inc. (the “Company”)`."""


class _Spoken(NamedTuple):
    """How a page may speak of a field."""

    cues: frozenset[str]
    """Words that do: its name's, and those of names that mean the same."""
    names: frozenset[str]
    """Words of its own name."""
    phrases: tuple[tuple[str, ...], ...]
    """Names of several words, as stems in order."""


@lru_cache(maxsize=64)
def _spoken_of(question: Question, reading: Reading) -> _Spoken:
    """The words and phrases that speak of a field. A word that the page does not know may be two that it has side by side."""
    index, divided = reading.sentences_with, dict[str, frozenset[str]]()
    for word in question.surface:
        if len(word) >= _GLUED and stem(word) not in index:
            pairs = [(stem(word[:at]), stem(word[at:])) for at in range(3, len(word) - 2)]
            both = {pair: len({*index[pair[0]]} & {*index[pair[1]]}) for pair in pairs if pair[0] in index and pair[1] in index}
            if both and max(both.values()):
                divided[stem(word)] = frozenset(max(both.items(), key=lambda pair: pair[1])[0])
    names = frozenset(part for name in question.name_words for part in divided.get(name, (name,)))
    cues = question.cues | names | (question.negative if question.kind == "boolean" else frozenset())
    ordered = tuple(w for w in words(question.label) if w not in STOP)
    return _Spoken(cues, names, (*((ordered,) if len(ordered) > 1 else ()), *sequences(question.name_words)))


def _strength(question: Question, spoken: _Spoken, sentence: Sentence) -> tuple[float, tuple[str, ...]]:
    """How surely a sentence speaks of a field (0.5 and more where it does), and how."""
    said = frozenset(sentence.words)
    wanted = question.concepts
    best = sum(map(weight, concepts(said & question.cues) & wanted)) / (sum(map(weight, wanted)) or 1.0)
    best = max(best, 0.8 * sum(map(weight, said & spoken.names)) / (sum(map(weight, spoken.names)) or 1.0))
    described = len(said & question.about_cues) / max(len(question.about_cues), 1)
    marks = [f"described:{'yes' if described >= 0.5 else 'no'}"]
    if any(phrase[0] in said and in_order(phrase, sentence.words) for phrase in spoken.phrases):
        best = max(best, 0.9)
        marks.append("phrase")
    if (question.kind == "boolean" and question.negative & said) or described >= 0.5:
        best = max(best, 0.8 if question.kind == "boolean" else 0.5)
    return best, tuple(marks)


class _Promising(NamedTuple):
    """A sentence that may state the field of the entity."""

    fit: float
    """How surely it speaks of the field."""
    gate: float
    marks: tuple[str, ...]
    sentence: Sentence


def of_sentences(asked: Asked, reading: Reading) -> Iterator[Candidate]:
    """What sentences state near the words that speak of the field and the name that stands for the entity."""
    question, spoken = asked.question, _spoken_of(asked.question, reading)
    for fit, gate, marks, sentence in _promising(asked, reading, spoken):
        for one, shape, around in _values_in(question, asked.entity, spoken, reading, sentence):
            silent = (f"silent:{question.expects}/{shape}",) if fit < SPOKEN else ()
            told = (*marks, *around, *silent)
            narrowed = is_label(question, reading, sentence)
            yield Candidate(one.value, (sentence.place,), "a sentence", "sentence", fit, gate, one, told, narrowed)


def _promising(asked: Asked, reading: Reading, spoken: _Spoken) -> list[_Promising]:
    """Sentences that may speak of the field and of the entity, the best first."""
    question, entity = asked.question, asked.entity
    cues = spoken.cues | question.about_cues
    index = reading.sentences_with
    touched = {at for cue in cues if weight(cue) >= 0.6 or len(cues) == 1 for at in index.get(cue, ())}
    for phrase in spoken.phrases:
        touched |= set(index.get(phrase[0], ())).intersection(*(index.get(word, ()) for word in phrase[1:]))
    named, partly = _naming(entity, reading)
    is_another = asked.about < MIN_ABOUT and entity.named
    found: list[_Promising] = []
    silent = set(named if is_another else range(min(EARLY, len(reading.sentences))))
    if question.expects in ("person", "organisation") and not is_another:
        silent |= {at for at, said in enumerate(reading.sentences[:LATE]) if _DEFINED.search(said.text)}
    for at in sorted(touched | silent):
        sentence = reading.sentences[at]
        where = _where(at, named, partly, reading)
        if len(sentence.words) > _MAX_WORDS or (where == "page" and is_another and asked.gate(reading, sentence.place) <= 0):
            continue
        fit, marks = _strength(question, spoken, sentence)
        if fit < SPOKEN and at not in silent:
            continue
        gate = max(asked.gate(reading, sentence.place), _GATES.get(where, 0.0))
        if gate <= 0 or (where != "here" and asked.about >= MIN_ABOUT and asked.is_beside(reading, sentence.place)):
            continue
        if where != "here" and entity.named and speaks_of_another(sentence.text, entity.words | reading.subject_words):
            continue
        order = "early" if at < EARLY else "middle" if at < LATE else "late"
        opening = _opening(asked, spoken, reading, sentence)
        if opening == "thing" and question.expects == "person" and not spoken.names & {*sentence.words}:
            continue  # `The catalogue was written by …` says whose work the catalogue is
        place = (f"entity:{where}", f"entity:{where}, opens:{opening}", order)
        found.append(_Promising(fit, gate, (*place, *marks), sentence))
    found.sort(
        key=lambda one: (
            *(one.fit < SPOKEN, one.marks[0] != "entity:here", -one.fit),
            not reading.is_stressed(one.sentence.place, one.sentence.start + 4),
        )
    )
    telling = sum(one.fit >= SPOKEN for one in found)
    return found[: min(telling + MAX_SILENT, MAX_SENTENCES)]


def _opening(asked: Asked, spoken: _Spoken, reading: Reading, sentence: Sentence) -> str:
    """What a sentence begins with: `It`, the entity, `The museum`, a word for the field, or another thing: `The catalogue`."""
    match = _OPENING.match(sentence.text)
    if match is None:
        return "other"
    said = frozenset(words(match[0])) - STOP
    if not match["noun"]:
        return "pronoun"
    is_first = sentence is reading.sentences[0]  # what a page speaks of from the start is its subject
    if said & (asked.entity.words | reading.subject_words) or (is_first and asked.about >= MIN_ABOUT):
        return "subject"
    return "field" if said & (spoken.cues | asked.question.about_cues) else "thing"


def _where(at: int, named: frozenset[int], partly: frozenset[int], reading: Reading) -> str:
    """Where the entity is named, as seen from a sentence."""
    if at in named or at in partly:
        return "here" if at in named else "part"
    if at - 1 in named:
        return "before"
    place = reading.sentences[at].place
    before = at - 1
    while before >= 0 and reading.sentences[before].place == place:
        if before in named:
            return "passage"
        before -= 1
    return "page"


@lru_cache(maxsize=64)
def _naming(entity: Entity, reading: Reading) -> tuple[frozenset[int], frozenset[int]]:
    """Places of the sentences that name the entity, and of those that name it by a word which the page has mostly in its name."""
    if not entity.named:
        return frozenset(), frozenset()
    index = reading.sentences_with
    found: set[int] = set()
    for spelled in (entity.words, *entity.others):
        lists = sorted((index.get(word, []) for word in spelled), key=len)
        if lists:
            found.update(set(lists[0]).intersection(*lists[1:]))
    telling = [index[w] for w in entity.words if len(w) > 3 and w in index and 3 * len(found) >= len(index[w]) > len(found)]
    return frozenset(found), frozenset(at for places in telling for at in places) - found


def _values_in(
    question: Question, entity: Entity, spoken: _Spoken, reading: Reading, sentence: Sentence
) -> Iterator[tuple[Cast, str, tuple[str, ...]]]:
    """The values of a sentence that are of the kind asked for, each with its shape and what is true of it among the sentence's
    other words."""
    around = _Around(question, entity, spoken, sentence.text)
    found: list[tuple[int, Cast, str, list[str]]] = []
    times = Counter[str]()
    for one, shape in _pieces(question, sentence.text):
        if (placed := around.marks(one, shape)) is not None:
            distance, marks = placed
            if reading.stressed:
                marks.append("stressed" if reading.is_stressed(sentence.place, sentence.start + one.start) else "not stressed")
            times[shape] += 1
            found.append((distance, one, shape, [*marks, f"nth:{min(times[shape], 3)}"]))
    nearest = min((distance for distance, *_ in found), default=0)
    is_alone = len({repr(one.value) for _, one, *_ in found}) == 1
    for distance, one, shape, marks in found:
        yield one, shape, (*marks, "rank:alone" if is_alone else "rank:nearest" if distance == nearest else "rank:farther")


class _Around:
    """A sentence as it is seen from its values."""

    def __init__(self, question: Question, entity: Entity, spoken: _Spoken, text: str) -> None:
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
            *(f"then:{word}" for word in said[last + 1 : last + 2] if word in _FOLLOWS),
            *(f"after:{lead}", f"before:{'word' if tail.isalnum() else tail if tail in _STOPS else 'sign'}", f"shape:{shape}"),
            *(f"cue:{_bin(from_cue)}", f"side:{side}", f"name:{_bin(from_name)}", f"name side:{name_side}", f"gap:{min(gap, 4)}"),
        ]
        if is_text:
            marks += [f"expects:{question.expects}/{shape}", f"after:{lead}/{question.expects}"]
            if spoken.names < of_value and not of_value & self._own:
                marks.append("of its kind")  # `Court of Appeal`, for a `court`
            if of_value & self._own:
                marks.append("own words")
            if _DEFINED.match(text, one.end):
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
