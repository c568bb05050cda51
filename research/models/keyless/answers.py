"""Answers: a question in plain words, answered by the best span of the best passage."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

from research.evidence.ranking import rarity, term_score, words
from research.faults import shortened
from research.models.keyless.names import FULL_NAME, bare
from research.models.keyless.questions import Question
from research.models.keyless.reading import Reading, Sentence, stem, tokens
from research.models.keyless.scoring import confidence, scorer
from research.models.keyless.vocabulary import STOP
from research.ports.page import Hit, Passage
from research.ports.work import FieldAnswer
from research.values.dates import dates
from research.values.numerals import numbers

Sought = Literal["person", "date", "place", "number", "thing"]

_PASSAGES: Final = 12
"""Passages of one page whose sentences are looked at, best first."""
_LOOKED_AT: Final = 3
"""Passages whose sentences are searched for the answer."""
LEAST: Final = 0.05
"""The least probability of an answer in plain words. It is less than a field's: whoever asks in plain words is helped by the
sentence, which is its evidence, also where the span in it is not exact."""
_NAMED: Final = re.compile(r"(?<!^)\b(?:[A-ZÀ-Þ][\w'’-]+|\d[\d.,]*)")
"""What a question names: a passage that lacks it hardly answers."""
_LEADS: Final = frozenset(
    ("by", "in", "of", "the", "a", "an", "to", "was", "is", "were", "as", "at", "on", "for", "and", "called")
)
_FLOOR: Final = 0.1
"""A passage that holds less of the question is no answer."""
_TRUST: Final = 3
"""How much the search's view of a whole page weighs against the words of one passage: measured on SQuAD, where 1, 2 and 3 cite
the right document for 94.6, 95.2 and 95.7 % of questions."""
_BREAK: Final = re.compile(
    r"[,;:()–—]|\s(?:which|that|who|whom|when|where|while|because|although|but|is|are|was|were|has|have|had|will|would|can|could|did|does|do|by|"
    r"in|on|at|from|with|for|to|as|and|or|than|of)\s|[.?!]$"
)
_AGE: Final = re.compile(r"\b\d{1,2}(?:st|nd|rd|th)(?:[ -]century)?\b|\b[12]\d{2}0s\b")
_FOCUS: Final = re.compile(r"\b(?:what|which)\s+(?:(?:kinds?|types?|sorts?) of\s+)?([^\W\d_]{3,})", re.IGNORECASE)
"""The noun that a question asks for: `river` in "which river …"."""
_MEASURED: Final = re.compile(r"\bhow (?:much|old|long|far|tall|high|large|big|fast)\b|\bpercent", re.IGNORECASE)
_UNIT: Final = re.compile(r"\s*%|[ -][^\W\d_]+")
_ARTICLE: Final = re.compile(r"(?:the|a|an|its|their|his|her)\s+", re.IGNORECASE)
_VERBAL: Final = re.compile(r"(?:ed|ing|ly)\s*$")
_PLACES: Final = "city|country|place|location|region|state|town|county|continent|island|river"
_SOUGHT: Final[dict[Sought, re.Pattern[str]]] = {
    "number": re.compile(
        r"\bhow (?:many|much|old|long|far|tall|high|large|big|fast|often)\b|\bpopulation\b|"
        r"\bwhat (?:percent|number|amount|proportion|share|fraction)",
        re.IGNORECASE,
    ),
    "date": re.compile(r"\bwhen\b|\b(?:what|which) (?:year|date|day|month|century|decade|time)\b", re.IGNORECASE),
    "person": re.compile(r"\bwho(?:m|se)?\b", re.IGNORECASE),
    "place": re.compile(rf"\bwhere\b|\b(?:what|which) (?:{_PLACES})\b", re.IGNORECASE),
}


@dataclass(frozen=True, slots=True)
class Passages:
    """A page that was read, as `answer_question` needs it."""

    hit: Hit
    passages: tuple[Passage, ...]
    reading: Reading


@dataclass(frozen=True, slots=True)
class Span:
    """A candidate answer and what is true of it, by name; each name has a learned weight of its own."""

    text: str
    passage: str
    title: str
    covered: float
    features: Mapping[str, float]


def answer_question(question: Question, asked: str, pages: Sequence[Passages]) -> FieldAnswer:
    """Answer a question from pages. Null if nothing that was read is likely enough to answer it."""
    best, sure = max(
        ((span, scorer().span(span.features)) for span in spans_of(asked, pages)), key=lambda one: one[1], default=(None, 0.0)
    )
    if best is None or sure < LEAST:
        nearest = f" The nearest ({shortened(best.text, 80)}, in “{best.title}”) was too unlikely." if best else ""
        return FieldAnswer(field=question.field, reasoning=f"No passage that was read answers this.{nearest}")
    return FieldAnswer(
        field=question.field,
        value=best.text,
        passages=(best.passage,),
        reasoning=f"The best passage, in “{best.title}”, holds {best.covered:.0%} of the question; the answer is read from it.",
        confidence=confidence(sure) or "low",
    )


def spans_of(asked: str, pages: Sequence[Passages]) -> Iterator[Span]:
    """Candidate answers in the best passages."""
    stems = words(asked)
    ranked = [one for one in _ranked(stems, pages)[:_LOOKED_AT] if one.covered >= _FLOOR]
    named = frozenset(w for match in _NAMED.finditer(asked) for w in words(match[0])) - STOP
    for order, one in enumerate(ranked):
        reading = one.page.reading
        title = one.page.hit.title or next(iter(reading.titles), "")
        there = {*words(reading.text(one.place)), *words(reading.heading(one.place)), *words(title)}
        missing = len(named - there)
        of_passage = {
            f"passage {order}": 1.0,
            "score": min(one.score / (ranked[0].score or 1.0), 1.0),
            "covered": one.covered,
            "covered, most": max(one.covered - 0.7, 0.0),
            f"names missing {min(missing, 2)}": 1.0,
            "names missing, share": missing / max(len(named), 1),
        }
        for text, features in _spans(asked, stems, reading.sentences_of.get(one.place, ())):
            yield Span(text, one.page.passages[one.place].id, title, one.covered, {**of_passage, **features})


@dataclass(frozen=True, slots=True)
class _Ranked:
    score: float
    page: Passages
    place: int
    covered: float
    """The share of the question's words, by rarity, that the passage holds."""


def _ranked(asked: Sequence[str], pages: Sequence[Passages]) -> list[_Ranked]:
    """Passages with prose, best first: BM25 over the passages that were read, the search's own view of the page, and how much of
    the question one sentence holds, words that stand side by side counting more."""
    telling = [w for w in dict.fromkeys(asked) if w not in STOP]
    indexes = [page.reading.prose_postings for page in pages]
    count = sum(len(lengths) for _, lengths in indexes)
    if not count or not telling:
        return []
    mean = sum(sum(lengths.values()) for _, lengths in indexes) / count
    holding = {w: sum(len(postings.get(w, ())) for postings, _ in indexes) for w in telling}
    idf = {w: rarity(count, held) for w, held in holding.items()}
    total = sum(idf.values())
    pairs = dict.fromkeys(pairwise(asked), 0.03)
    for pair in pairwise(telling):
        pairs[pair] = pairs.get(pair, 0.0) + 0.05
    top = max(page.hit.score for page in pages) or 1.0
    found = []
    for page, (postings, lengths) in zip(pages, indexes, strict=True):
        scores: dict[int, float] = dict.fromkeys(lengths, 0.0)
        covered: dict[int, float] = dict.fromkeys(lengths, 0.0)
        for word in telling:
            for place, times in postings.get(word, ()):
                scores[place] += term_score(idf[word], times, lengths[place] / mean)
                covered[place] += idf[word] / total
        for place in heapq.nlargest(_PASSAGES, scores, key=scores.__getitem__):
            held = max((_held(s, idf, pairs) for s in page.reading.sentences_of.get(place, ())), default=0.0)
            score = scores[place] * (page.hit.score / top) ** _TRUST + 15 * held + 5 * covered[place]
            found.append(_Ranked(score, page, place, covered[place]))
    return sorted(found, key=lambda ranked: -ranked.score)


def _held(sentence: Sentence, idf: Mapping[str, float], pairs: Mapping[tuple[str, str], float]) -> float:
    """What a sentence holds of a question: its words by their rarity, and those that stand side by side there too."""
    said = set(sentence.words)
    words_held = sum(weight for word, weight in idf.items() if word in said) / sum(idf.values())
    return words_held + sum(pairs.get(pair, 0.0) for pair in set(pairwise(sentence.words)))


def _sought(asked: str) -> Sought:
    return next((kind for kind, pattern in _SOUGHT.items() if pattern.search(asked)), "thing")


def _spans(asked: str, stems: Sequence[str], found_in: Iterable[Sentence]) -> Iterator[tuple[str, dict[str, float]]]:
    """Candidate answers in a passage, each with its kind, its sentence's fit and its nearness to the question's words."""
    sought = _sought(asked)
    focus = stem(match[1]) if (match := _FOCUS.search(asked)) else ""
    wanted = {w for w in stems if w not in STOP}
    for sentence in found_in:
        marks = tokens(sentence.text)
        hits = [place for place, (word, _, _) in enumerate(marks) if word in wanted]
        fit = len({marks[place][0] for place in hits}) / max(len(wanted), 1)
        if not hits:
            continue
        for start, end, shape in _pieces(sought, asked, sentence.text):
            inside = [place for place, (_, s, e) in enumerate(marks) if start <= s and e <= end]
            said = [marks[place][0] for place in inside]
            fresh = [word for word in said if word not in wanted and word not in STOP]
            if not fresh:
                continue
            outside = [place for place in hits if place not in inside]
            near = sum(1 / (1 + min(abs(at - inside[0]), abs(at - inside[-1]))) for at in outside) / max(len(hits), 1)
            before = sentence.text[:start].split()[-1:] or [""]
            after = sentence.text[end:].split()[:1] or ["."]
            yield (
                sentence.text[start:end].strip(),
                {
                    "fit": fit,
                    "fit, most": max(fit - 0.6, 0.0),
                    "near": near,
                    "fit near": fit * near,
                    "of focus": float(focus in said),
                    "fresh": len(fresh) / len(inside),
                    f"{sought} {shape}": 1.0,
                    f"{sought} words {min(len(inside), 6)}": 1.0,
                    f"after {before[0].casefold() if before[0].casefold() in _LEADS else 'other'}": 1.0,
                    f"before {after[0][:1] if not after[0][0].isalnum() else after[0] if after[0] in _LEADS else 'other'}": 1.0,
                    "at the end": float(end >= len(sentence.text.rstrip(" .?!"))),
                },
            )


def _pieces(sought: Sought, asked: str, sentence: str) -> Iterator[tuple[int, int, str]]:
    """Spans that may be what is sought, and what each is."""
    if sought == "date":
        yield from ((d.start, d.end, "date") for d in dates(sentence))
        yield from ((*match.span(), "date") for match in _AGE.finditer(sentence))
    if sought == "number":
        counted = _MEASURED.search(asked)
        for number in numbers(sentence):
            unit = _UNIT.match(sentence, number.end) if counted else None
            yield number.start, unit.end() if unit else number.end, "number"
    if sought in ("person", "place", "thing"):
        for match in FULL_NAME.finditer(sentence):
            name = bare(match[0])
            yield match.start(), match.start() + len(name), "first word" if match.start() == 0 and " " not in name else "name"
    at = 0
    for broken in [*_BREAK.finditer(sentence), None]:
        end = broken.start() if broken else len(sentence)
        piece = sentence[at:end]
        if 0 < len(piece.split()) <= 10:
            lead = len(piece) - len(piece.lstrip())
            skip = _ARTICLE.match(piece.lstrip())
            single = len(piece.split()) == 1 and _VERBAL.search(piece)
            yield at + lead + (len(skip[0]) if skip else 0), end, "verb" if single else "thing" if skip else "phrase"
        at = broken.end() if broken else end
