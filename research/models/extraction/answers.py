"""Answers: a question in plain words, answered by the best span of the best passage."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from research.dates import dates
from research.models.extraction.questions import Question
from research.models.extraction.reading import Reading, tokens
from research.models.extraction.vocabulary import STOP
from research.numerals import numbers
from research.page import Hit, Passage
from research.ports import FieldAnswer
from research.ranking import Bm25, words

Sought = Literal["person", "date", "place", "number", "thing"]

_PASSAGES: Final = 6
"""Passages whose sentences are looked at, best first."""
_NAME: Final = re.compile(
    r"[A-ZÀ-ÞА-Я][\w'’.&-]*(?:\s+(?:(?:of|the|de|la|du|von|van|der|and|&|ibn)\s+)?(?:[A-ZÀ-ÞА-Я][\w'’&-]*|\d[\w-]*))*"
)
_BREAK: Final = re.compile(
    r"[,;:()–—]|\s(?:which|that|who|whom|when|where|while|because|although|but|is|are|was|were|has|have|had|will|would|can|could|did|does|do|by|in|on|at|from|with|for|to|as|and|or|than|of)\s|[.?!]$"
)
_SOUGHT: Final[tuple[tuple[Sought, re.Pattern[str]], ...]] = (
    ("number", re.compile(r"\bhow (?:many|much|old|long|far|tall|high|large|big|fast|often)\b|\bwhat (?:percent|number|amount|proportion|share|fraction)|\bpopulation\b", re.I)),
    ("date", re.compile(r"\bwhen\b|\b(?:what|which|in what|in which) (?:year|date|day|month|century|decade|time)\b", re.I)),
    ("person", re.compile(r"\bwho(?:m|se)?\b", re.I)),
    ("place", re.compile(r"\bwhere\b|\b(?:what|which) (?:city|country|place|location|region|state|town|county|continent|island|river)\b", re.I)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Passages:
    """A page that was read, as `answer_question` needs it."""

    hit: Hit
    passages: tuple[Passage, ...]
    reading: Reading


@dataclass(frozen=True, slots=True)
class _Span:
    text: str
    score: float


def answer_question(question: Question, asked: str, pages: Sequence[Passages]) -> FieldAnswer:
    """Answer a question from pages. Null if no passage holds enough of its words."""
    telling = [w for w in dict.fromkeys(words(asked)) if w not in STOP]
    ranked = _ranked(telling, pages)
    if not ranked or not telling:
        return FieldAnswer(field=question.field, reasoning="No passage that was read speaks of this.")
    score, page, place, covered = ranked[0]
    title = page.hit.title or next(iter(page.reading.titles), "")
    best: _Span | None = None
    if covered >= 0.4:
        for passage_score, other, at, _ in ranked[:1]:
            for span in _spans(asked, telling, other.reading.text(at)):
                value = span.score * passage_score / score
                if best is None or value > best.score:
                    best = _Span(span.text, value)
    if best is None:
        return FieldAnswer(
            field=question.field, reasoning=f"The nearest passage, in “{title}”, holds too little of what was asked."
        )
    return FieldAnswer(
        field=question.field,
        value=best.text,
        passages=(page.passages[place].id,),
        reasoning=f"The passage of “{title}” that fits the question best holds {covered:.0%} of its telling words; the answer is read from it.",
        confidence="medium" if covered >= 0.75 else "low",
    )


def _ranked(telling: Sequence[str], pages: Sequence[Passages]) -> list[tuple[float, Passages, int, float]]:
    """Passages with prose, best first: `(score, page, place, share of the question's words, by rarity, that it holds)`."""
    spots = [
        (page, place)
        for page in pages
        for place in range(len(page.passages))
        if page.reading.kind(place) not in ("heading", "data")
    ]
    index = Bm25.of_words([page.reading.passage_words[place] for page, place in spots])
    weights = {w: index.idf(w) for w in telling}
    total = sum(weights.values()) or 1.0
    top = max((page.hit.score for page in pages), default=0.0) or 1.0
    found = []
    for score, (page, place) in zip(index.scores_of(telling), spots, strict=True):
        held = {*page.reading.passage_words[place]}
        covered = sum(weight for w, weight in weights.items() if w in held) / total
        found.append((score * (0.7 + 0.3 * page.hit.score / top), page, place, covered))
    return sorted(found, key=lambda item: -item[0])


def _sought(asked: str) -> Sought:
    return next((kind for kind, pattern in _SOUGHT if pattern.search(asked)), "thing")


def _spans(asked: str, telling: Sequence[str], text: str) -> Iterator[_Span]:
    """Candidate answers in a passage, each scored by its sentence's fit and its nearness to the question's words."""
    from research.passages import sentences

    sought = _sought(asked)
    wanted = set(telling)
    for start, end in sentences(text):
        sentence = text[start:end]
        marks = tokens(sentence)
        hits = [place for place, (stem, _, _) in enumerate(marks) if stem in wanted]
        fit = len({marks[place][0] for place in hits}) / len(wanted)
        for piece_start, piece_end, quality in _pieces(sought, sentence):
            inside = [place for place, (_, s, e) in enumerate(marks) if piece_start <= s and e <= piece_end]
            if not inside:
                continue
            fresh = [place for place in inside if marks[place][0] not in wanted]
            if not fresh:
                continue
            near = sum(1 / (1 + min(abs(h - inside[0]), abs(h - inside[-1]))) for h in hits if h not in inside) / max(
                len(hits), 1
            )
            yield _Span(sentence[piece_start:piece_end].strip(), (fit + 0.05) * (quality + near) * (len(fresh) / len(inside)))


def _pieces(sought: Sought, sentence: str) -> Iterator[tuple[int, int, float]]:
    """Spans of the kind sought, with how well they are of it."""
    if sought == "date":
        yield from ((d.start, d.end, 1.0) for d in dates(sentence))
    if sought == "number":
        yield from ((n.start, n.end, 1.0) for n in numbers(sentence))
    if sought in ("person", "place", "thing"):
        for match in _NAME.finditer(sentence):
            yield match.start(), match.end(), 0.6 if sought != "thing" else 0.35
    quality = 0.3 if sought == "thing" else 0.05
    at = 0
    for match in [*_BREAK.finditer(sentence), None]:
        end = match.start() if match else len(sentence)
        piece = sentence[at:end]
        if 0 < len(piece.split()) <= 10:
            lead = len(piece) - len(piece.lstrip())
            skip = re.match(r"(?:the|a|an)\s+", piece.lstrip(), re.I)
            yield at + lead + (len(skip[0]) if skip else 0), end, quality
        at = match.end() if match else end
