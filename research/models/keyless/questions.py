"""Questions: what one output field asks, read from its name, its description and its schema."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Any, Final, Literal

from research.evidence.ranking import words
from research.identity import canonical_json
from research.models.keyless.facts import head
from research.models.keyless.vocabulary import EXPECTED, LIGHT, STOP, THERE_IS, VARIANTS, concepts, key_words, spellings, weight
from research.models.keyless.wording import marks, wording_of
from research.output_schema.output_spec import Field
from research.values.coordinates import AXES, Axis
from research.values.counted import NOTHING, counted_in
from research.values.dates import PARTIAL_DATE
from research.values.identifiers import Identifier, identifier_of
from research.values.names import spaced
from research.values.units import CURRENCIES, UNITS, Unit

Kind = Literal["date", "year", "number", "integer", "boolean", "enum", "list", "object", "text"]

_IN_UNIT: Final = re.compile(
    r"\b(?:in|as|of)\s+((?:square |cubic |metric )?[^\W\d_]+(?:\s?/\s?[^\W\d_]+| per \w+)?[²³]?)|\(([^()]{1,20})\)", re.I
)
_NEGATIVE: Final = re.compile(r"(?:\bor not\b|\bfalse (?:if|when|for)\b|\belse\b|\bno (?:if|when)\b)\s*:?\s*\(?([^().;]*)", re.I)
_OF_THE: Final = re.compile(r"\b(?:of|for|by|from|to|in|on|at|with|that) (?:the|a|an|this|its|their|your) [^\W\d_]+", re.I)
"""What a description says of the thing that has the property (`brand of the product`), not of the property."""
_NAME_OF: Final = re.compile(r"^\s*(?:full )?names? of (?:the |its )?", re.I)
"""What follows is the property: `name of the president`."""
_CLAUSE: Final = re.compile(r"\b(?:that|which|who|whom|whose|where|when)\b", re.I)
"""Where a description turns from what the property is to what it does."""
_A_YEAR: Final = re.compile(
    r"\byear\Z|\A[^\n]*\byear\n|\n(?:the |four-digit )?year (?:of|in|when|that|the|it|he|she|they)\b", re.I
)
_OF_A_YEAR: Final = re.compile(r"\Ayear (?:of|built|born|made|won|\w+ed)\b|\byear\Z")
"""The name of a number that is a year: `founded year`, `year of birth`."""
_NO_YEAR: Final = re.compile(
    r"\byears\b|\b(?:last|this|next|first|final|previous|prior|each|per|over|kwh|mwh|usd|eur|gbp|a|fiscal) year\b", re.I
)
"""`sales last year`, `energy kwh year`"""
_A_DATE: Final = re.compile(r"\A[^\n]*\bdate\n|\n(?:the )?(?:date|day) (?:of|on|when|that|the|it|he|she|they)\b", re.I)
"""A name (first line) or a description (second) that asks for a year, or a day, whatever type holds it."""
_HAPPENED: Final = re.compile(
    r"born|died|founded|established|built|opened|closed|completed|discovered|invented|introduced|launched|released|"
    r"published|formed|created|incorporated|inaugurated|commissioned|decommissioned|abolished|dissolved|demolished|"
    r"enacted|ratified|signed|isolated|composed|written|premiered|renovated|restored|elevated"
)
"""What an integer counts that has such a name: the year in which it happened."""
_WHEN: Final = re.compile(rf"\b(?:{_HAPPENED.pattern})(?: in| on)?$")
"""The end of a name that asks when something happened."""
_PART_OF_PLACE: Final = re.compile(r"(?:the )?(city|country)(?: (?:of|in|where|that|which|it|its)\b|\W*\Z)", re.I)
"""How the description of a place begins that asks for a part of it: `city of its head office`."""
_GRADES: Final = frozenset(("rating", "ratings"))
"""The last word of what is as often a grade as a number: `mpaa_rating`, `energy_rating`."""
_PLURAL: Final = re.compile(r"(?<=[^\W\d_]{3})(?:\(e?s\)| s)$")
"""The end of a name for one thing or several: `Platform(s)`, and what is left of it in `platform_s`."""
_IN_SECONDS: Final = re.compile(
    r"time|duration|period|delay|latency|\blap\b|\bage\b|interval|length|span|elapsed|pace|record|wait"
)
"""What a name that ends in ` s` is about, if the `s` means seconds: `lap_time_s`."""
_AGENT: Final = re.compile(r"(?:[a-z]{3}(?:er|or|ist|ian|ect)s?)$")
_PERSONS: Final = frozenset(
    ("=author", "=ceo", "=chair", "=judge", "=spouse", "=director", "=founder", "=inventor", "=architect", "=owner", "=operator")
)
"""Names that ask for who does or did it."""
ENDS: Final = {"min": frozenset(words("min minimum lowest least")), "max": frozenset(words("max maximum highest most top"))}
"""Words of a field that asks for an end of what is possible."""
_SENTENCE_END: Final = re.compile(r"[.;](?:\s|$)")
_VERBATIM: Final = re.compile(r"`[^`]*`|\"[^\"]*\"")
_EXAMPLE: Final = re.compile(r"(?:,|;|\()?\s*(?:e\.\s?g\.|for example|such as|i\.\s?e\.)[^.;)]*", re.I)


@dataclasses.dataclass(frozen=True)
class Question:
    """What one field asks. Words are stems as `research.evidence.ranking.words` gives them."""

    field: str
    schema: Mapping[str, Any] = dataclasses.field(hash=False, compare=False)
    description: str
    kind: Kind
    unit: Unit | None
    name_words: frozenset[str]
    head: str
    """The word of the name that the others only narrow: `vehicle` in `launch_vehicle`; "" if no word tells what it is about."""
    surface: frozenset[str]
    """The name's words as they are spelled; of a yes or no those that tell what it is about: of `is_free` no `is`."""
    about: frozenset[str]
    """Words of the description that are not in the name."""
    negative: frozenset[str]
    """For a yes or no: words that the description gives for no."""
    fingerprint: str

    @cached_property
    def label(self) -> str:
        """A few words for people: `launch date`."""
        return _spaced(self.field)

    @cached_property
    def letters(self) -> str:
        """The name's letters and digits, however they are divided; of a yes or no those that tell what it is about."""
        name = " ".join(filter(self.surface.__contains__, self.label.split())) if self.kind == "boolean" else self.field
        return re.sub(r"[\W_]+", "", name).casefold()

    @cached_property
    def counting(self) -> re.Pattern[str] | None:
        """For a number whose name has several words and ends with no unit known here: its last word, which may stand behind the
        number as its unit does (`noise_db`, `seats_business`)."""
        before, _, last = self.label.rpartition(" ")
        is_free = before and self.unit is None and self.name_words.issuperset(words(last))
        if not is_free or self.kind not in ("number", "integer"):
            return None
        return re.compile(rf"\s?{'[·⋅∙]?'.join(map(re.escape, last))}(?!\w)", re.IGNORECASE)

    @cached_property
    def end(self) -> str:
        """The end of a range that is asked for, of `ENDS`; "" where none is."""
        return next((end for end, spelled in ENDS.items() if self.name_words & spelled), "")

    @cached_property
    def is_of_a_person(self) -> bool:
        """It asks something of a person: `author country`."""
        is_agent = _AGENT.search(self.label.rpartition(" ")[0]) and "=headquarters" not in self.concepts
        return bool(self.concepts & _PERSONS or is_agent)

    @cached_property
    def axis(self) -> Axis | None:
        """The part of a position that is asked for."""
        return next((axis for axis in AXES if f"={axis}" in self.concepts), None)

    @cached_property
    def identifier(self) -> Identifier | None:
        """The kind of identifier that is asked for."""
        return identifier_of(self.field)

    @cached_property
    def concepts(self) -> frozenset[str]:
        return concepts(self.name_words)

    @cached_property
    def cues(self) -> frozenset[str]:
        """Words by which a sentence may speak of the field."""
        return spellings(self.name_words)

    @cached_property
    def about_cues(self) -> frozenset[str]:
        """Words of the description by which a sentence may speak of the field."""
        return frozenset(word for word in self.about if weight(word) >= 1)

    @cached_property
    def expects(self) -> str:
        """What a text should hold, as far as its name tells: `measure`, `person`, `agent` (a person, or what only
        sounds like one: a generator), `event` (when it happened), a kind of `vocabulary.EXPECTED`, or `any`."""
        if counted_in(self.label, self.description) != NOTHING:
            return "measure"
        if self.identifier:
            return "code"
        if self.label.rpartition(" ")[2] in _GRADES:
            return "any"
        listed = (kind for kind, listed in EXPECTED.items() if self.name_words & listed)
        kind = "event" if _WHEN.search(self.label) else next(listed, "any")
        if kind in ("place", "any") and (part := _PART_OF_PLACE.match(self.description)):
            return part[1].casefold()
        if kind not in ("date", "any"):
            return kind
        is_person = self.label.endswith(" by") or self.concepts & _PERSONS
        return "person" if is_person else "agent" if _AGENT.search(self.label) else kind

    @property
    def wants_sign(self) -> bool:
        """A currency's sign (`€`), not its code, is asked for."""
        return "=price currency" in self.concepts and bool(
            re.search(r"\b(?:symbol|sign|as shown|as displayed)\b", self.description, re.I)
        )

    @property
    def open(self) -> bool:
        """A text whose name says nothing: the objective itself is the question."""
        return self.kind == "text" and self.field.casefold() in ("answer", "response", "result", "output", "answer_text")


def effective(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """A schema without its null: `type: [x, "null"]` and `anyOf: [x, null]` become x; keywords beside a union are kept."""
    for union in ("anyOf", "oneOf"):
        options = [option for option in schema.get(union, ()) if isinstance(option, Mapping) and option.get("type") != "null"]
        if options:
            return effective({**{k: v for k, v in schema.items() if k != union}, **options[0]})
    kinds = schema.get("type")
    if isinstance(kinds, (list, tuple)):
        left = [kind for kind in kinds if kind != "null"]
        return {**schema, "type": left[0] if left else "null"}
    return schema


def question_of(asked: Field) -> Question:
    """Read a field. Equal fields give the same question, made once."""
    return _question(asked.name, asked.description, canonical_json(asked.schema))


def item_of(question: Question) -> Question:
    """What one item of a list field asks."""
    items = question.schema.get("items")
    schema = items if isinstance(items, Mapping) else {"type": "string"}
    return _question(question.field, question.description, canonical_json(schema))


def parts_of(question: Question) -> dict[str, Question]:
    """What an object field asks, by its properties: of `hq: {city, country}` what fields `hq city` and `hq country` would."""
    parts = {name: schema for name, schema in question.schema.get("properties", {}).items() if isinstance(schema, Mapping)}
    return {name: _question(f"{question.field} {name}", "", canonical_json(schema)) for name, schema in parts.items()}


def less_exact(question: Question) -> Question:
    """The question for a day, asked for as much of it as is known."""
    return _question(question.field, question.description, canonical_json({"type": "string", "pattern": PARTIAL_DATE}))


def asked_for(asked: str, about: frozenset[str]) -> Question | None:
    """What a question in plain words asks of a thing, as a field would: `When was Apollo 11 launched?` is `launched`, a date.

    Args:
        about: the words of the thing's name.
    """
    wording = wording_of(asked)
    told = [mark for mark in marks(asked) if mark.tells and not (about | STOP).issuperset(mark.stems)]
    if wording.focus and wording.kind != "what is":  # of `Which rocket launched it?` the rocket, of `What rocket did it use?` too
        told = [mark for mark in told if mark.kind != "ed" and not wording.focus.isdisjoint(mark.stems)]
    if not told or wording.is_yes_or_no or wording.kind in ("how", "why"):
        return None
    name = " ".join(mark.text for mark in told) + " by" * (wording.kind == "who")
    of_type = "integer" if wording.kind == "how many" else "string"
    return _question(name, "date of" * (wording.kind in ("when", "what date")), canonical_json({"type": of_type}))


@lru_cache(maxsize=1024)
def _question(name: str, description: str, fingerprint: str) -> Question:
    schema = effective(json.loads(fingerprint))
    said = _EXAMPLE.sub(" ", description or str(schema.get("description", "")) or str(schema.get("title", "")))
    negative_text = " ".join(match[1] for match in _NEGATIVE.finditer(said))
    name_text = _spaced(name)
    kind = _kind(schema, name_text, said)
    counted = counted_in(name_text, said) if kind in ("number", "integer") else NOTHING
    unit = counted.unit or (_unit(said) if kind in ("number", "integer") else None)
    spelled = key_words(name_text)
    told = [*spelled]
    for word in {*words(" ".join(counted.words))} & {*spelled}:
        told.pop(-1 - told[::-1].index(word))  # the last: of `min_flow_l_min` the minute, not the least
    name_words = frozenset(told) - STOP or frozenset(spelled)
    first = _SENTENCE_END.split(_OF_THE.sub(" ", _NAME_OF.sub("", _VERBATIM.sub(" ", said))), maxsplit=1)[0]
    telling = next((part for part in _CLAUSE.split(first, maxsplit=1) if part.strip()), "")
    said_of = [w for w in words(telling) if w not in STOP and w not in LIGHT]
    about = frozenset(form for w in said_of for form in VARIANTS.get(w, (w,))) - name_words
    negative = frozenset(w for w in words(negative_text) if w not in STOP) - name_words if kind == "boolean" else frozenset()
    surface = frozenset(name_text.split())
    if kind == "boolean":
        name_words = name_words - THERE_IS or name_words
        surface = frozenset(word for word in surface if not name_words.isdisjoint(key_words(word))) or surface
    named = re.split(r"\s(?:against|under|over)\b", name_text)[0].split()  # `votes`, of `votes against`
    main = head(" ".join(word for word in named if name_words.issuperset(key_words(word)) or word in STOP))
    return Question(name, schema, said, kind, unit, name_words, main, surface, about - negative, negative, fingerprint)


def _kind(schema: Mapping[str, Any], name: str, said: str) -> Kind:
    if "enum" in schema:
        return "enum"
    match schema.get("type"):
        case "integer":
            of_year = re.search(r"\byear\b", name) or _HAPPENED.fullmatch(name) or _A_YEAR.search(f"\n{said}")
            is_length = re.search(r"\byears\b|\bper year\b", f"{name} {said}") or _NO_YEAR.search(name)
            return "year" if of_year and not is_length else "integer"
        case "number":
            of_year = _OF_A_YEAR.search(name) or re.match(r"(?:the |four-digit )?year (?:of|in|when|that|the|it)\b", said, re.I)
            return "year" if of_year and not _NO_YEAR.search(name) else "number"
        case "boolean":
            return "boolean"
        case "array":
            return "list"
        case "object":
            return "object"
    if schema.get("format") in ("date", "date-time") or schema.get("pattern") == PARTIAL_DATE:
        return "date"
    if "properties" in schema:
        return "object"
    if "format" in schema or "pattern" in schema:
        return "text"
    return "year" if _A_YEAR.search(f"{name}\n{said}") else "date" if _A_DATE.search(f"{name}\n{said}") else "text"


def _spaced(name: str) -> str:
    """A field's name in words, of one thing or several: `launch date` of `launchDate`, `platform` of `Platform(s)`."""
    said = spaced(name)
    return said if _IN_SECONDS.search(said) else _PLURAL.sub("", said)


def _unit(said: str) -> Unit | None:
    """The unit that a description asks for."""
    for match in _IN_UNIT.finditer(said):
        phrase = (match[1] or match[2]).casefold().removeprefix("in ")
        if phrase in CURRENCIES:
            return CURRENCIES[phrase]
        tokens = phrase.split()
        if spelled := next((s for s in (phrase, " ".join(tokens[:2]), " ".join(tokens[:1])) if s in UNITS), None):
            return UNITS[spelled]
    first = next(iter(said.casefold().split()), "")
    return UNITS.get(first) if len(first) > 2 else None
