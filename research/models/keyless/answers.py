"""Answers: a question in plain words, answered by the best span of the best passages, or by none."""

from __future__ import annotations

import heapq
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final

from research.evidence.ranking import rarity, term_score, words
from research.faults import shortened
from research.models.keyless.questions import Question
from research.models.keyless.reading import ReadPage, Sentence
from research.models.keyless.spans import spans_in
from research.models.keyless.vocabulary import STOP
from research.models.keyless.wording import Wording, wording_of
from research.ports.work import FieldAnswer
from research.records import read_table

_CLOSED: Final = re.compile(r"[.!?…。।]\W*(?:\[\w+\]\W*)*$")
"""The end of a sentence: what has none is a label, a caption or a list's line."""
_PASSAGES: Final = 12
"""Passages of one page whose sentences are looked at, best first."""
_LOOKED_AT: Final = 3
"""Passages whose sentences are searched for the answer."""
_SENTENCES: Final = 6
"""Sentences whose spans are candidates."""
LEAST: Final = 0.5
"""The least probability that a question has an answer in what was read, for one to be given."""
_FLOOR: Final = 0.1
"""A passage that holds less of the question is no answer."""
_TRUST: Final = 3
"""How much the search's view of a whole page weighs against the words of one passage: measured on SQuAD, where 1, 2 and 3 cite
the right document for 94.6, 95.2 and 95.7 % of questions."""


@dataclass(frozen=True, slots=True)
class Span:
    """A candidate answer and what is true of it, by name; each name has a learned weight of its own."""

    text: str
    passage: str
    title: str
    covered: float
    features: Mapping[str, float]


class Weights:
    """Learned weights at work (`tests/benchmarks/questions_training.py` writes `question_weights.toml`): which span answers best,
    and whether any does."""

    def __init__(self, weights: Mapping[str, Mapping[str, float]]) -> None:
        self._span, self._answered = weights["span"], weights["answered"]

    def best(self, spans: Sequence[Span]) -> tuple[Span, float]:
        """The likeliest of some spans, and the probability that the question has an answer in what was read."""
        log_odds = [_sum(self._span, span.features) for span in spans]
        place = max(range(len(spans)), key=log_odds.__getitem__)
        found = answered(spans[place], math.log(sum(math.exp(each - log_odds[place]) for each in log_odds)))
        return spans[place], 1 / (1 + math.exp(-self._answered["bias"] - _sum(self._answered, found)))


def answered(best: Span, doubt: float) -> dict[str, float]:
    """What tells whether the best span is an answer at all, by name; `doubt` is minus the logarithm of its share among all."""
    kept = ("fit", "fit with context", "beside the title", "pairs", "names missing", "a name missing", "in the clause")
    return {"doubt": doubt, **{name: best.features.get(name, 0.0) for name in kept}}


def _sum(weights: Mapping[str, float], found: Mapping[str, float]) -> float:
    return sum(value * weights.get(name, 0.0) for name, value in found.items())


@lru_cache(maxsize=1)
def _weights() -> Weights:
    return Weights(read_table("research.models.keyless", "question_weights.toml"))


def answer_question(question: Question, asked: str, pages: Sequence[ReadPage]) -> FieldAnswer:
    """Answer a question from pages. Null if what was read hardly holds an answer."""
    spans = list(spans_of(asked, pages))
    if not spans:
        return FieldAnswer(field=question.field, reasoning="No passage that was read answers this.")
    best, sure = _weights().best(spans)
    if sure < LEAST:
        nearest = f"The nearest ({shortened(best.text, 80)}, in “{best.title}”) was too unlikely."
        return FieldAnswer(field=question.field, reasoning=f"No passage that was read answers this. {nearest}")
    return FieldAnswer(
        field=question.field,
        value=best.text,
        passages=(best.passage,),
        reasoning=f"The best passage, in “{best.title}”, holds {best.covered:.0%} of the question; the answer is read from it.",
        confidence="low",
    )


def spans_of(asked: str, pages: Sequence[ReadPage]) -> Iterator[Span]:
    """Candidate answers: spans of the sentences that fit best, of the best passages."""
    wording = wording_of(asked)
    if wording.is_yes_or_no:
        return  # a span says neither
    rarities = _rarities(wording.telling, pages)
    weights = {word: rare / sum(rarities.values()) for word, rare in rarities.items()}
    ranked = [one for one in _ranked(words(asked), rarities, weights, pages)[:_LOOKED_AT] if one.covered >= _FLOOR]
    found = [one for order in range(len(ranked)) for one in _sentences(asked, wording, weights, ranked, order)]
    found.sort(key=lambda one: -one[0])
    for rank, (score, passage, sentence, told) in enumerate(found[:_SENTENCES]):
        shared = {**told, f"sentence {min(rank, 4)}": 1.0, "fit, of the best": score / found[0][0]}
        place, title = passage.page.passages[passage.place].id, passage.page.title
        for start, end, features in spans_in(wording, sentence.text, weights, frozenset(words(title))):
            yield Span(sentence.text[start:end], place, title, passage.covered, {**features, **shared})


@dataclass(frozen=True, slots=True)
class _Ranked:
    """A passage."""

    score: float
    page: ReadPage
    place: int
    covered: float
    """The share of the question's words, by rarity, that the passage holds."""


def _sentences(
    asked: str, wording: Wording, weights: Mapping[str, float], ranked: Sequence[_Ranked], order: int
) -> Iterator[tuple[float, _Ranked, Sentence, Mapping[str, float]]]:
    """The sentences of a passage, each with how well it fits the question and what is true of it. Context: the sentence before,
    the heading above and the page's title."""
    passage, first = ranked[order], ranked[0]
    reading = passage.page.reading
    above = {*words(passage.page.title), *words(reading.heading(passage.place))}
    missing = len(wording.named.difference(words(reading.text(passage.place)), above))
    side_by_side = set(pairwise(words(asked)))
    beside = {word: weights[word] for word in wording.telling.difference(words(passage.page.title))}
    before: frozenset[str] = frozenset()
    for place, sentence in enumerate(reading.sentences_of.get(passage.place, ())):
        held = frozenset(sentence.words)
        around, before = held | before | above, held
        if not _CLOSED.search(sentence.text) or (beside and beside.keys().isdisjoint(held)):
            continue  # a label, or a sentence that says nothing of what is asked but what it is asked of
        fit, wider = (sum(weights[w] for w in wording.telling & near) for near in (held, around))
        pairs = len(side_by_side & set(pairwise(sentence.words)))
        score = 0.65 * fit + 0.35 * wider + 0.03 * pairs + (0.05, 0.02, 0.0)[order]
        features = {
            f"passage {order}": 1.0,
            "score": min(passage.score / (first.score or 1.0), 1.0),
            "covered": passage.covered,
            "names missing": missing / max(len(wording.named), 1),
            "a name missing": float(missing > 0),
            "fit": fit,
            "fit with context": wider,
            "pairs": min(pairs, 5) / 5,
            "first sentence": float(place == 0),
            "beside the title": sum(beside[w] for w in beside.keys() & held) / (sum(beside.values()) or 1.0),
        }
        yield score, passage, sentence, features


def _rarities(telling: frozenset[str], pages: Sequence[ReadPage]) -> dict[str, float]:
    """How rare each word of a question is among the passages that were read."""
    indexes = [page.reading.prose_postings for page in pages]
    count = sum(len(lengths) for _, lengths in indexes)
    return {w: rarity(count, sum(len(postings.get(w, ())) for postings, _ in indexes)) for w in sorted(telling)}


def _ranked(
    asked: Sequence[str], rarities: Mapping[str, float], weights: Mapping[str, float], pages: Sequence[ReadPage]
) -> list[_Ranked]:
    """Passages with prose, best first: BM25 over the passages that were read, the search's own view of the page, and how much of
    the question one sentence holds, words that stand side by side counting more."""
    telling = [w for w in dict.fromkeys(asked) if w not in STOP]
    indexes = [page.reading.prose_postings for page in pages]
    count = sum(len(lengths) for _, lengths in indexes)
    if not count or not telling:
        return []
    mean = sum(sum(lengths.values()) for _, lengths in indexes) / count
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
                scores[place] += term_score(rarities[word], times, lengths[place] / mean)
                covered[place] += weights[word]
        for place in heapq.nlargest(_PASSAGES, scores, key=scores.__getitem__):
            held = max((_held(s, weights, pairs) for s in page.reading.sentences_of.get(place, ())), default=0.0)
            score = scores[place] * (page.hit.score / top) ** _TRUST + 15 * held + 5 * covered[place]
            found.append(_Ranked(score, page, place, covered[place]))
    return sorted(found, key=lambda ranked: -ranked.score)


def _held(sentence: Sentence, weights: Mapping[str, float], pairs: Mapping[tuple[str, str], float]) -> float:
    """What a sentence holds of a question: its words by their rarity, and those that stand side by side there too."""
    said = set(sentence.words)
    words_held = sum(weight for word, weight in weights.items() if word in said)
    return words_held + sum(pairs.get(pair, 0.0) for pair in set(pairwise(sentence.words)))
