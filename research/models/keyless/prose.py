"""Prose: values that sentences state, by what stands near them: the field's words, the entity, other values."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from research.evidence.ranking import words
from research.models.keyless.candidates import MIN_ABOUT, MIN_QUALITY, Asked, Candidate
from research.models.keyless.cast import Cast
from research.models.keyless.casting import cast
from research.models.keyless.entities import mentions
from research.models.keyless.names import COMPANY, FULL_NAME, PLACE, bare
from research.models.keyless.questions import Question
from research.models.keyless.reading import Reading, Sentence, tokens
from research.models.keyless.statements import speaks_of_another
from research.models.keyless.vocabulary import STOP, concepts, weight
from research.values.dates import dates
from research.values.numerals import numbers
from research.values.units import unit_after

MAX_SENTENCES: Final = 60
"""Sentences that are looked at for one field of one page, the most promising first."""
_MAX_WORDS: Final = 220
"""Words of a sentence that is looked at. What is longer is a list of things."""
_UNIT: Final = re.compile(r"\s?(?:%|°\s?[CFK]?|[^\W\d_]+(?:/[^\W\d_]+)?[²³]?)")
_QUOTED: Final = re.compile(r"[“\"‘']([^“”\"‘’]{2,80})[”\"’']")
_LINKING: Final = re.compile(
    r"\b(?:is|was|are|were|be|been|as|at|totals?|totaled|reach(?:es|ed)|becomes?|became|remains?|equals?)\s+(?:the\s+|an?\s+)?|:\s+|=\s*",
    re.I,
)
_PHRASE: Final = re.compile(
    r"[^,;:.()—–]{1,60}?(?=$|[,;:.()—–*]|\s(?:and|which|that|who|with|for|in|on|at|by|from|where|while|as|of)\s)"
)
_NO_PERSON: Final = frozenset(("date", "year", "number", "measure", "measured number"))
"""What is no answer to who did something."""
_STOPS: Final = frozenset((*"(),.;:", ""))
"""Signs right behind a value; "" is the sentence's end."""
_LEADS: Final = frozenset(
    words("is was are of by in at on from to as for between and than with the a an start since until within")
)
"""Words right before a value that tell what it is to the sentence."""
_LINK_WORDS: Final = frozenset(words("is was are were be been it at of for to by in the a an as and from total with on s"))


class _Piece(NamedTuple):
    cast: Cast
    shape: str


def of_sentences(asked: Asked, reading: Reading) -> Iterator[Candidate]:
    """What sentences state near the words that speak of the field and the name that stands for the entity."""
    question, entity = asked.question, asked.entity
    cues = question.cues | question.about_cues
    for strength, gate, marks, sentence in _promising(asked, reading):
        text = sentence.text
        placed = tokens(text)
        ends = [end for _, _, end in placed]
        cue_at = [i for i, (stem, _, _) in enumerate(placed) if stem in cues and (weight(stem) >= 0.6 or len(cues) == 1)]
        own = entity.words if entity.named and mentions(entity, {stem for stem, _, _ in placed}) else frozenset()
        named_at = [i for i, (stem, _, _) in enumerate(placed) if stem in own]
        pieces = list(_pieces(question, text))
        near: list[tuple[int, Candidate]] = []
        for cast_value, shape in pieces:
            first, last = bisect_left(ends, cast_value.start + 1), bisect_left(ends, cast_value.end)
            said = {placed[i][0] for i in range(first, min(last + 1, len(placed)))}
            if question.kind == "text" and (not said - STOP or said <= own | question.cues or len(said) > 14):
                continue
            from_cue, side = _distance(cue_at, first, last)
            from_name, _ = _distance(named_at, first, last)
            before = max((i for i in (*cue_at, *named_at) if i < first), default=-1)
            lead = placed[first - 1][0] if first and placed[first - 1][0] in _LEADS else "other" if first else "start"
            tail = text[cast_value.end :].lstrip(" *_")[:1]
            beside = [f"after:{lead}", f"before:{'word' if tail.isalnum() else tail if tail in _STOPS else 'sign'}"]
            if question.kind == "text":
                beside += [f"expects:{question.expects}/{shape}", f"after:{lead}/{question.expects}"]
                if question.name_words < said and not said & own:
                    beside.append("of its kind")  # `Court of Appeal`, for a `court`
            gap = sum(placed[i][0] not in _LINK_WORDS for i in range(before + 1, first)) if before >= 0 else 9
            placing = (f"cue:{_bin(from_cue)}", f"side:{side}", f"name:{_bin(from_name)}", f"gap:{min(gap, 4)}")
            found = Candidate(
                cast_value.value, (sentence.place,), "a sentence", "sentence", strength, gate, cast_value,
                (*marks, *beside, *placing, f"shape:{shape}"),
            )  # fmt: skip
            near.append((from_cue + from_name // 2, found))
        nearest = min((distance for distance, _ in near), default=0)
        alone = len({repr(c.value) for _, c in near}) == 1
        for distance, found in near:
            rank = "rank:alone" if alone else "rank:nearest" if distance == nearest else "rank:farther"
            yield Candidate(
                found.value, found.places, found.how, found.source, found.fit, found.gate, found.cast, (*found.marks, rank)
            )


def _bin(distance: int) -> str:
    return (
        str(distance) if distance <= 2 else "4" if distance <= 4 else "8" if distance <= 8 else "16" if distance <= 16 else "far"
    )


def _distance(marks: Sequence[int], first: int, last: int) -> tuple[int, str]:
    """How many words lie between a value and the nearest mark, and on which side of the value that is."""
    best, side = 99, "none"
    for at in marks:
        away = first - at - 1 if at < first else at - last - 1 if at > last else 0
        if away < best:
            best, side = away, "before" if at < first else "after" if at > last else "inside"
    return best, side


def _promising(asked: Asked, reading: Reading) -> list[tuple[float, float, tuple[str, ...], Sentence]]:
    """Sentences that may speak of the field and of the entity: `(strength, gate, marks, sentence)`, the best first."""
    question, entity = asked.question, asked.entity
    cues = question.cues | question.about_cues | (question.negative if question.kind == "boolean" else frozenset())
    index = reading.sentences_with
    touched = {at for cue in cues if weight(cue) >= 0.6 or len(cues) == 1 for at in index.get(cue, ())}
    named = _naming(asked, reading)
    if asked.about < 0.5 and entity.named:
        touched = {at for at in touched if at in named or at - 1 in named} if len(named) else set()
    wanted = question.concepts
    total = sum(map(weight, wanted)) or 1.0
    whole = sum(map(weight, question.name_words)) or 1.0
    found: list[tuple[float, float, tuple[str, ...], Sentence]] = []
    for at in sorted(touched):
        sentence = reading.sentences[at]
        if len(sentence.words) > _MAX_WORDS:
            continue
        said = frozenset(sentence.words)
        strength = sum(map(weight, concepts(said & question.cues) & wanted)) / total
        strength = max(strength, 0.8 * sum(map(weight, said & question.name_words)) / whole)
        described = len(said & question.about_cues) / max(len(question.about_cues), 1)
        if question.kind == "boolean" and question.negative & said:
            strength = max(strength, 0.8)
        if strength < 0.5 and described < 0.5:
            continue
        where = "entity:here" if at in named else "entity:before" if at - 1 in named else "entity:page"
        gate = max(asked.gate(reading, sentence.place), 0.75 if at in named else 0.6 if at - 1 in named else 0.0)
        if gate <= 0 or (at not in named and asked.about >= MIN_ABOUT and asked.is_beside(reading, sentence.place)):
            continue
        if at not in named and entity.named and speaks_of_another(sentence.text, entity.words | reading.subject_words):
            continue
        marks = (
            where,
            f"described:{'yes' if described >= 0.5 else 'no'}",
            "early" if at < 8 else "middle" if at < 30 else "late",
        )
        found.append((strength, gate, marks, sentence))
    found.sort(key=lambda one: (one[2][0] != "entity:here", -one[0] - 0.3 * (one[2][1] == "described:yes")))
    return found[:MAX_SENTENCES]


def _naming(asked: Asked, reading: Reading) -> frozenset[int]:
    """Places of the sentences that name the entity."""
    if not asked.entity.named:
        return frozenset()
    index = reading.sentences_with
    found: set[int] = set()
    for spelled in (asked.entity.words, *asked.entity.others):
        lists = sorted((index.get(word, []) for word in spelled), key=len)
        if lists:
            found.update(set(lists[0]).intersection(*lists[1:]))
    return frozenset(found)


def _pieces(question: Question, text: str) -> Iterator[_Piece]:
    """The values of a sentence that are of the kind asked for."""
    if question.kind != "text":
        casts = [one for one in cast(question, text) if one.quality >= MIN_QUALITY][: 1 if question.kind == "boolean" else 12]
        yield from (_Piece(one, question.kind) for one in casts)
        return
    particular = [one for one in cast(question, text) if one.end - one.start < 0.6 * len(text)]
    if particular:  # the field asks for a kind of text that is known by its form: a duration, an address
        yield from (_Piece(one, "formed") for one in particular[:12])
        return
    seen: set[tuple[int, int]] = set()
    for start, end, shape in _spans(text):
        if (start, end) in seen or (question.expects == "person" and shape in _NO_PERSON):
            continue
        seen.add((start, end))
        for one in cast(question, text[start:end])[:1]:
            yield _Piece(Cast(one.value, start, end, one.quality, one.doubts), shape)


def _spans(text: str) -> Iterator[tuple[int, int, str]]:
    """Phrases of a sentence that may be a value: dates, numbers with what they count, names, quoted text, what follows a verb
    that links."""
    stated = dates(text)
    for date in stated:
        yield date.start, date.end, "date" if date.month is not None else "year"
    for number in numbers(text):
        if any(d.start <= number.start and number.end <= d.end for d in stated):
            continue
        unit = _UNIT.match(text, number.end)
        if (unit and unit_after(text, number.end)) or (unit and unit[0].strip() in ("%", "°")):
            yield number.start, unit.end(), "measure"
            yield number.start, number.end, "measured number"
        else:
            yield number.start, number.end, "number"
    for match in FULL_NAME.finditer(text):
        name = bare(match[0])
        if any(d.start < match.end() and match.start() < d.end for d in stated):
            continue
        if len(name) > 1 and not (match.start() == 0 and " " not in name):
            yield match.start(), match.start() + len(name), "name"
            if (inner := name.rfind(" of ")) > 0:
                start = inner + 4 + 4 * name.startswith("the ", inner + 4)
                yield match.start() + start, match.start() + len(name), "name within"
    for match in COMPANY.finditer(text):
        yield match.start(), match.end(), "company"
    for match in PLACE.finditer(text):
        if "," in match[0]:
            yield match.start(), match.start() + len(bare(match[0])), "names"
    for match in _QUOTED.finditer(text):
        yield match.start(1), match.end(1), "quoted"
    for link in _LINKING.finditer(text):
        start = link.end()
        while start < len(text) and text[start] in "*_ \"“‘'":
            start += 1
        if (phrase := _PHRASE.match(text, start)) and phrase.end() > start and not text[start].isdigit():
            yield start, phrase.end(), "phrase"
