"""Judges and copies evidence: from a value and the passages it names to excerpts, support and confidence.

The rules, in order:

1. An excerpt is copied: the smallest run of sentences (or lines) of a cited passage in which the value stands; of several, the
   one that shares most words with the field, and then with what the task is about.
2. A value that stands there is `stated`; a yes or a no only where its line speaks of the field. A value that may follow from
   the words (a yes or no, one of a list of choices, a quantity in another unit or in the scale of its table, a text most of
   whose words stand there) is `inferred`, and its confidence is lowered by one step. Anything else has support `none`. Where a
   model has judged what is not stated, its verdict decides between the two.
3. Where every cited passage gives `none`, the value is dropped: null, confidence null, and the reason says so.
4. Where only pages that seem to instruct a model support a value, its confidence is `low`, and the reason says so. Beside any
   other page they add nothing.
5. Passages that an answer names as saying otherwise are shown after those that support it, with support `against`, and lower its
   confidence by one step: a disagreement is never hidden.
6. A list keeps its supported items; an object keeps its supported properties. Each leaf has a basis of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, NamedTuple

from research.evidence.own_line import own_places, speaks_of
from research.evidence.passages import Span, lines, sentences
from research.evidence.ranking import words
from research.faults import shortened
from research.identity import canonical_json
from research.output_schema.field_paths import field_of
from research.output_schema.output_spec import Field, OutputSpec
from research.ports.page import Passage
from research.ports.work import FieldAnswer, ReadPage, Verdict
from research.result.result import CONFIDENCE_ORDER, Citation, Confidence, Excerpt, FieldBasis, Support
from research.values.answers import availability
from research.values.labels import NOTHING, measure
from research.values.quantities import amounts_in
from research.values.units import UNITS
from research.values.values import places
from research.values.wanted import scale_of

MAX_EXCERPTS: Final = 5
"""Excerpts kept for one leaf, best first: more prove nothing more."""
MAX_AGAINST: Final = 3
"""Excerpts kept that say otherwise."""
NO_SOURCE: Final = "No source was found that answers this."
ONLY_SUSPECTED: Final = "Only a page that looks as if it tries to instruct a model says this, so its confidence is low."
LONG_TEXT_WORDS: Final = 8
"""A string of more words is read as prose, which may be drawn together from what the passages say."""


class Cited(NamedTuple):
    """A passage with the page it was read on."""

    passage: Passage
    page: ReadPage


class Grounded(NamedTuple):
    """A field after its evidence was judged."""

    value: Any
    """None where nothing supports a value."""
    basis: list[FieldBasis]
    """One entry a leaf."""


class Evidence:
    """The passages that the values of one task may cite, by id, and a model's verdicts on them.

    Args:
        about: what the task is about, in words.
    """

    def __init__(self, cited: Mapping[str, Cited], verdicts: Iterable[Verdict] = (), about: str = "") -> None:
        self.cited = cited
        self._about = tuple(words(about))
        self._verdicts = {_verdict_key(v.field, v.value, v.passage): v.supports for v in verdicts}

    def excerpt(self, path: str, value: Any, schema: Mapping[str, Any], field: Field, passage: Passage) -> Excerpt:
        """What a passage says of the value at a path, and how well it supports it."""
        found = self.statement(value, schema, field, passage)
        supports = self._verdicts.get(_verdict_key(path, value, passage.id))
        if found.support == "stated" or supports is None:
            return found
        return found.changed(support="inferred" if supports else "none")

    def statement(self, value: Any, schema: Mapping[str, Any], field: Field, passage: Passage) -> Excerpt:
        """What a passage says of a value by its words alone, whatever a model made of it."""
        return excerpt(value, schema, field, passage, self._about)


def _verdict_key(path: str, value: Any, passage: str) -> tuple[str, str, str]:
    return path, canonical_json(value), passage


def ground(field: Field, answers: Sequence[FieldAnswer], evidence: Evidence) -> Grounded:
    """Judge one top-level field.

    Args:
        field: the field of the output.
        answers: the answer for the field itself, and those for paths inside it.
        evidence: the passages that may be named. Ids that are not in it are passed over.
    """
    by_path = {answer.field: answer for answer in answers}
    top = by_path.get(field.name)
    if top is None:
        return _unsupported(field.name, NO_SOURCE)
    return _Grounding(field, by_path, evidence).ground(top.value, field.schema, field.name, field.name)


def answers_of(field: Field, spec: OutputSpec, answers: Iterable[FieldAnswer]) -> list[FieldAnswer]:
    """Those of some answers that are for a field or for a part of it."""
    return [answer for answer in answers if field_of(answer.field, spec.names) == field.name]


@dataclass(frozen=True, slots=True)
class _Grounding:
    """Judges one field, down to its leaves. A value's `model_path` is the path in the model's answer, its `path` the one in the
    output: they part where list items are dropped."""

    field: Field
    answers: Mapping[str, FieldAnswer]
    """By path."""
    evidence: Evidence

    def ground(self, value: Any, schema: Mapping[str, Any], model_path: str, path: str) -> Grounded:
        if isinstance(value, Mapping) and value:
            kept: dict[str, Any] = {}
            basis: list[FieldBasis] = []
            for key, part in value.items():
                grounded = self.ground(part, child(schema, key), f"{model_path}.{key}", f"{path}.{key}")
                kept[key] = grounded.value
                basis += grounded.basis
            if any(part is not None for part in kept.values()):
                return Grounded(kept, basis)
            return _unsupported(path, basis[0].reasoning)
        if isinstance(value, (list, tuple)) and value:
            items: list[Any] = []
            basis = []
            dropped: list[FieldBasis] = []
            for index, part in enumerate(value):
                grounded = self.ground(part, child(schema, index), f"{model_path}.{index}", f"{path}.{len(items)}")
                if grounded.value is None:
                    dropped += grounded.basis
                else:
                    items.append(grounded.value)
                    basis += grounded.basis
            return Grounded(items, basis) if items else _unsupported(path, dropped[0].reasoning)
        return self._leaf(value, schema, model_path, path)

    def _leaf(self, value: Any, schema: Mapping[str, Any], model_path: str, path: str) -> Grounded:
        answer = nearest(model_path, self.answers)
        cited = self.evidence.cited
        if value is None or value in ("", [], {}):
            return _unsupported(path, answer.reasoning or NO_SOURCE)
        excerpts = [
            (cited[i], self.evidence.excerpt(model_path, value, schema, self.field, cited[i].passage))
            for i in dict.fromkeys(answer.passages)
            if i in cited
        ]
        supporting = [(where, found) for where, found in excerpts if found.support != "none"]
        if not supporting:
            what = "the cited passages do not support it" if excerpts else "it names no passage"
            return _unsupported(
                path, f"A value was proposed ({shortened(str(value), 80)}), but {what}. {answer.reasoning}".strip()
            )
        supporting.sort(key=lambda pair: (pair[0].page.suspected_injection is not None, pair[1].support != "stated"))
        support = supporting[0][1].support
        suspected = supporting[0][0].page.suspected_injection is not None
        against = [
            (cited[i], self.evidence.statement(value, schema, self.field, cited[i].passage))
            for i in dict.fromkeys(answer.against)
            if i in cited and i not in answer.passages
        ]
        otherwise = [(where, found) for where, found in against if found.support != "stated"]
        otherwise = [(where, found.changed(support="against")) for where, found in otherwise[:MAX_AGAINST]]
        confidence: Confidence = "low" if suspected else lowered(answer.confidence, support)
        entry = FieldBasis(
            field=path,
            citations=citations([*supporting[:MAX_EXCERPTS], *otherwise]),
            reasoning=f"{answer.reasoning} {ONLY_SUSPECTED}".strip() if suspected else answer.reasoning,
            confidence=lowered(confidence, "inferred") if otherwise else confidence,
        )
        return Grounded(value, [entry])


def _unsupported(path: str, reasoning: str) -> Grounded:
    return Grounded(None, [FieldBasis(field=path, reasoning=reasoning)])


def excerpt(value: Any, schema: Mapping[str, Any], field: Field, passage: Passage, about: Sequence[str] = ()) -> Excerpt:
    """Copy from a passage what bears on a value, and say how well it supports it.

    Args:
        about: words of what the task is about. Of several lines that state the value (a table in which others have the same),
            the one that has most of them in a row is copied: `Apollo 14`, not `Apollo 12` on a 14 November.
    """
    units = sentences(passage.text) if passage.kind == "paragraph" else lines(passage.text)
    stated = places(value, schema, passage.text, field.name)
    if isinstance(value, bool):
        stated = own_places(field, passage, units, stated)
    if stated:
        runs = {_run(units, place) for place in stated}
        asked = frozenset(words(f"{field.name} {field.description}"))

        def nearness(run: Span) -> tuple[int, int, int, int]:
            there = words(passage.text[run[0] : run[1]])
            return len(asked.intersection(there)), _in_a_row(about, there), run[0] - run[1], -run[0]

        start, end = max(runs, key=nearness)
        support: Support = "stated"
    else:
        support = "inferred" if may_follow(value, schema, field, passage) else "none"
        said = frozenset(words(f"{field.name} {field.description} {value}"))

        def likeness(unit: Span) -> tuple[int, int]:
            there = words(passage.text[unit[0] : unit[1]])
            shared, named = len(said.intersection(there)), _in_a_row(about, there)
            return (named, shared) if passage.kind == "table" else (shared, named)  # a table's head has the field's words

        start, end = max(units, key=likeness, default=(0, len(passage.text)))
    return Excerpt(
        text=passage.text[start:end],
        page_hash=passage.page_hash,
        start=passage.start + start,
        end=passage.start + end,
        support=support,
    )


def may_follow(value: Any, schema: Mapping[str, Any], field: Field, passage: Passage) -> bool:
    """Whether a value that does not stand in a passage may still follow from it. Cautious: what code cannot see, it denies."""
    there = {*words(passage.text), *words(passage.heading)}
    asked = str(value) if isinstance(value, str) else field.name.replace("_", " ")
    said, stock = availability(asked), availability(passage.text)
    is_stock = said is not None and said[1:] == (0, len(asked))  # not `parking available`
    if isinstance(value, bool) and is_stock and said and stock and value == (said[0] == stock[0]):
        return True  # `OutOfStock`, for a field `in_stock`
    if isinstance(value, bool) and not speaks_of(field, f"{passage.text}\n{passage.heading}"):
        return bool(places(field.name, {}, passage.text))
    if isinstance(value, bool) or value in schema.get("enum", ()):
        named = bool(places(field.name, {}, passage.text))  # `in_stock` by "InStock", which is one word to `words`.
        named = named or (said is not None and stock is not None and said[0] == stock[0])  # `InStock` by "Add to basket".
        return named or bool(there & {*words(f"{field.name} {field.description} {value}")})
    if isinstance(value, (int, float)):
        return _converted(Decimal(str(value)) * scale_of(field.name, field.description), passage)
    if isinstance(value, str):
        stems = words(value)
        share = sum(word in there for word in stems) / len(stems) if stems else 0.0
        return share >= (0.5 if len(stems) > LONG_TEXT_WORDS else 0.75)
    return False


def _converted(value: Decimal, passage: Passage) -> bool:
    """Whether a passage states a quantity that is `value` in another unit of its kind, to 0.1 % (for rounding), or in the scale
    or unit that a label of the passage gives: `12,500` below `in thousands of euros`."""
    if not value:
        return False
    around = f"{passage.heading}\n{passage.columns}\n{passage.text}"
    parts = re.split(r"\n|: | \| | > ", around)
    labels = {measure(f"({part})" if passage.kind == "data" else part) for part in parts} | {NOTHING}
    for number, at in amounts_in(passage.text):
        for label in labels:
            unit, scale = at.unit or label.unit, Decimal(1) if number.scaled or number.percent else label.scale
            others = {other for other in UNITS.values() if unit and other.kind == unit.kind}
            amounts = [reading * scale for reading in number.readings]
            amounts += [unit.convert(reading * scale, other) for reading in number.readings for other in others if unit]
            if any(abs(amount - value) <= abs(value) / 1000 for amount in amounts):
                return True
    return False


def citations(found: Iterable[tuple[Cited, Excerpt]]) -> list[Citation]:
    """Group excerpts by page, in order, without repeats."""
    by_page: dict[str, tuple[ReadPage, dict[tuple[int, int], Excerpt]]] = {}
    for where, piece in found:
        _, kept = by_page.setdefault(where.page.page_hash, (where.page, {}))
        kept.setdefault((piece.start, piece.end), piece)
    return [Citation(url=page.url, title=page.title, excerpts=list(kept.values())) for page, kept in by_page.values()]


def lowered(confidence: Confidence | None, support: Support) -> Confidence:
    """The confidence that a support allows. A model that names none is taken to be of medium confidence."""
    claimed: Confidence = confidence or "medium"
    if support == "stated":
        return claimed
    return CONFIDENCE_ORDER[max(0, CONFIDENCE_ORDER.index(claimed) - 1)]


def child(schema: Mapping[str, Any], key: str | int) -> Mapping[str, Any]:
    """The schema of one property or one item, through unions; {} where the schema says nothing of it."""
    for option in (schema, *(o for union in ("anyOf", "oneOf", "allOf") for o in schema.get(union, ()))):
        if not isinstance(option, Mapping):
            continue
        if isinstance(key, int):
            prefix = option.get("prefixItems", ())
            found = prefix[key] if key < len(prefix) else option.get("items")
        else:
            found = option.get("properties", {}).get(key, option.get("additionalProperties"))
        if isinstance(found, Mapping):
            return found
    return {}


def nearest(path: str, by_path: Mapping[str, FieldAnswer]) -> FieldAnswer:
    """The answer for a path, or for the closest one above it that names passages."""
    parts = path.split(".")
    above = [".".join(parts[:n]) for n in range(len(parts), 0, -1)]
    known = [by_path[p] for p in above if p in by_path]
    return next((answer for answer in known if answer.passages), known[0])


def _run(units: Sequence[Span], place: Span) -> Span:
    """The smallest run of units that holds a place."""
    touched = [unit for unit in units if unit[0] < place[1] and place[0] < unit[1]]
    return (min(touched[0][0], place[0]), max(touched[-1][1], place[1])) if touched else place


def _in_a_row(asked: Sequence[str], there: Sequence[str]) -> int:
    """The most words that stand in both one after the other."""
    best, before = 0, [0] * len(asked)
    for word in there:
        before = [(before[place - 1] if place else 0) + 1 if word == each else 0 for place, each in enumerate(asked)]
        best = max(best, *before) if before else 0
    return best
