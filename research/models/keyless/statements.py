"""Statements: what sentences of common English forms say, as facts: `was founded in 1984 by A and B`, `Its president is C`.

A statement's subject is kept, since a sentence on a page about one thing may speak of another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from research.evidence.ranking import words
from research.models.keyless.facts import Fact, head, stems
from research.models.keyless.shapes import BIG, NAME, NAMES, PLACE
from research.models.keyless.vocabulary import is_country
from research.values.dates import dates

MAX_SENTENCES: Final = 150
FIRST: Final = 4
"""Sentences of a page that may say what its subject is."""
_LINKS: Final = 5
"""Phrases after one verb that are looked at."""

_NATION: Final = r"[A-Z][a-z]+(?:ish|ese|[aeiou]an|ian|ch|ech|eek|wiss|iss|ai|qi|ari|eli|mani|elsh|andic|dic)"
_BEFORE_NAME: Final = re.compile(rf"(?:the|a|an|its|their)?\s*(?:{_NATION}\s+(?=[a-z]))?(?:[a-z][\w-]*\s+){{0,3}}?(?={BIG})")
_IRREGULAR: Final = (
    "born|built|held|made|led|run|ran|won|sold|set|lit|found|taught|laid|sunk|begun|began|drawn|sung|cut|lies|stands|flows|rises|"
    "begins|starts|opens|ends|closes|studies|works|takes place|took place|take place|"
    "written|given|taken|known|grown|shown|driven|chosen|sits"
)
_VERB: Final = re.compile(rf"\b(?P<verb>(?:first\s+|originally\s+)?(?:[a-z]{{2,}}ed|{_IRREGULAR}))\b(?!-)")
_ONE_MORE: Final = re.compile(rf",?\s+and\s+(?:the|a|an|his|her)\s+[a-z-]+\s+{BIG}")
_MAY_BE_DATE: Final = re.compile(r"\d|[A-Z][a-z]+\.?\s\d")
_LINK: Final = re.compile(r"\s*,?\s*(?:and\s+)?(?:(?P<prep>in|on|by|at|to|from|near|between|into|since|during|under)\s+)?")
_AUXILIARY: Final = re.compile(r"\b(?:is|was|are|were|be|been|has|have|had|will|would|can|could|did|does|do)\b|,\s|\s\(")
_LOCATIVE: Final = frozenset(("held", "located", "situated", "based", "headquartered", "lies", "stands", "sits", "hosted")) | {
    "takes place",
    "took place",
    "take place",
}
_EVENTFUL: Final = frozenset(("held", "takes place", "took place", "take place", "run", "ran", "scheduled", "lasted", "planned"))
_OPENING_NAME: Final = re.compile(
    rf"(?:(?:The|A|An)\s+(?:[a-z-]+\s+){{1,3}}(?:of|called|named)\s+|{BIG}[\w'’&-]+\s+){NAME}(?=,?\s+(?:[a-z]+,\s+)?(?:(?:its|a|the)\s[^,]*,\s+)?(?:is|was|has|had|were|are)\b)"
)
_COPULA: Final = re.compile(
    rf"(?:^|[,;]\s+and\s+|\s+and\s+)(?P<owner>Its|His|Her|Their|The|its|his|her|their|(?:{NAME})['’]s?)\s+"
    r"(?P<key>[a-z][\w-]*(?:\s+[a-z][\w-]*){0,3}?)\s+(?:is|was|are|were)\s+(?P<value>[^;]+)$"
)
_VALUE_END: Final = re.compile(
    r",?\s+(?:who|which|that|since|but|where|whose|while|and\s+(?:is|was|has|its|his|her|the))\b|[.;]?$|,\s"
)
_NO_VALUE: Final = re.compile(
    r"(?:not|also|now|still|being|to|so|very|more|less|most|located|based|\w+ed|\w+ing|held|built|made|born|won|in|on|at|by|from|of|for)\b"
)
_DEFINED: Final = re.compile(
    rf"(?:is|was|are|were)\s+(?:a|an|the|one of the)\s+(?:(?P<year>[12]\d{{3}})\s+)?"
    rf"(?:(?P<nation>{_NATION})(?:-born)?\s+)?(?P<noun>[^,;.()]+?)"
    r"(?=$|[,;.()]|\s+(?:that|which|who|whose|in|at|on|for|from|by|with|based|located|situated|built|made|founded|where|of|[a-z]+ed|"
    r"and\s+(?:is|was|are|were|has|had|the|its|his|her|one))\b)(?P<within>\s+in\s+(?:the\s+)?(?=[A-ZÀ-Þ]))?"
)
_LIVED: Final = re.compile(r"\((?P<span>[^()]*\d{4}\s*[-–—]\s*[^()]*\d{4})\)")
_PRONOUN: Final = re.compile(r"(?:it|he|she|they|this|we)\b", re.IGNORECASE)
_OWN: Final = frozenset(("Its", "His", "Her", "Their", "its", "his", "her", "their", "The"))
_RELATIVE: Final = re.compile(
    rf"(?P<copula>\b(?:is|was|are|were)\s+)?(?P<noun>(?:the|a|an)\s+(?:[\w-]+\s+){{0,3}}?[a-z-]+|{NAME}),?\s+(?:which|who|that)\b[^,]*$"
)
"""Before a verb of a relative clause, what the clause speaks of."""
_PARTICIPLE: Final = re.compile(r"(?:Born|Built|[A-Z][a-z]+ed)\s+(?:in|on|by|at|from)\b[^.;]*?,\s+(?:she|he|it|they|the)\b")
"""A sentence that begins with a participle which speaks of its subject: `Born in Dakar, she …`."""


Piece = tuple[str, str, str]
"""A key, its value, and what stands for the subject in the sentence; "" where that is the page's own."""


def statements(sentences: Sequence[tuple[int, str]], facts: Sequence[Fact]) -> tuple[Fact, ...]:
    """What a page's sentences say, and the parts of what its facts say: the days of a span, the city and country of a place.

    Sentences come with the places of their passages. A fact's `subjects` hold the words that stand for its subject in the
    sentence; none where it is the page's own.
    """
    found: list[Fact] = []
    for order, (place, text) in enumerate(sentences[:MAX_SENTENCES]):
        found.extend(_fact(key, value, place, subject) for key, value, subject in _said(text, first=order < FIRST))
    for fact in facts:
        if fact.origin == "facts" and not fact.subjects and len(fact.values) == 1:
            found.extend(_fact(key, value, fact.places[0], "") for key, value, _ in _parts(fact.key, fact.words, fact.values[0]))
    return tuple(found)


def _fact(key: str, value: str, place: int, subject: str) -> Fact:
    return Fact(key, stems(key), head(key), frozenset(), (value,), (place,), "statement", subjects=(subject,) if subject else ())


def _parts(key: str, stemmed: frozenset[str], value: str) -> Iterator[Piece]:
    if stemmed <= stems("date when held event conference") and len(dates(value)) > 1:
        yield "start date", value, ""
        yield "end date", value, ""
    if stemmed & stems("location venue place where located") and len(stemmed) == 1 and len(value) <= 80:
        yield from _located(value, "")


def speaks_of_another(text: str, known: frozenset[str]) -> bool:
    """Whether a sentence begins with the name, of two words or more, of something that none of the known words name, or with
    `The village of` such a thing."""
    match = _OPENING_NAME.match(text)
    return match is not None and not known & {*words(match[0])}


def _said(text: str, first: bool) -> Iterator[Piece]:
    auxiliary = _AUXILIARY.search(text)
    lowered = text[:1].lower() + text[1:] if _PARTICIPLE.match(text) else text
    verbs = list(_VERB.finditer(lowered))
    opening = min([m.start() for m in verbs] + ([auxiliary.start()] if auxiliary else []) + [len(text)])
    subject = _subject(text[:opening])
    for verb in verbs:
        clause = _RELATIVE.search(text, 0, verb.start())
        yield from _linked(text, verb, clause["noun"] if clause and not clause["copula"] else subject)
    if match := _COPULA.search(text):
        owner = match["owner"]
        value = match["value"][: next((m.start() for m in _VALUE_END.finditer(match["value"])), None)].strip()
        if value and not _NO_VALUE.match(value) and len(value) <= 120:
            yield match["key"], _named(value), "" if owner in _OWN else owner
    if first:
        yield from _defined(text, subject)


def _subject(opening: str) -> str:
    """What stands for the subject at a sentence's beginning; "" for a pronoun, which stands for the page's own."""
    opening = re.sub(r"^(?:Today|Currently|Now|Originally|In [12]\d{3}|Since [12]\d{3})\b,?\s*", "", opening).strip(" ,(")
    return "" if _PRONOUN.match(opening) else opening


def _named(value: str) -> str:
    """`the engineer Maria Keller` -> `Maria Keller`; what holds no name stays, without its article."""
    before = _BEFORE_NAME.match(value)
    if before and (names := NAMES.match(value, before.end())) and names.end() >= len(value) - 1:
        return names[0].rstrip(".,")
    return re.sub(r"^(?:the|a|an)\s+", "", value)


def _linked(text: str, verb: re.Match[str], subject: str) -> Iterator[Piece]:
    """The phrases after a verb: when, by whom, where. `The opinion was written by A` also says who `opinion written by` is."""
    spelled = re.sub(r"\s+", " ", verb["verb"])
    noun = re.fullmatch(r"(?:The|A|An|Its|His|Her|Their)\s+(?:[a-z-]+\s+)*([a-z-]+)", subject)
    at = verb.end()
    for _ in range(_LINKS):
        link = _LINK.match(text, at)
        prep, start = (link["prep"] or "", link.end()) if link else ("", at)
        # Reading the dates of every sentence would cost more than all else.
        stated = dates(text) if _MAY_BE_DATE.match(text, start) else ()
        begun = next((d for d in stated if d.start == start), None)
        if begun is not None:
            last = next(
                (d for d in stated if d.start > begun.end and re.fullmatch(r"\W*\w{0,7}\W*", text[begun.end : d.start])), begun
            )
            at = last.end
            value = text[begun.start : last.end]
            yield spelled, value, subject
            if spelled in _EVENTFUL:
                yield "start date", value, subject
                if last is not begun:
                    yield "end date", value, subject
            continue
        if not prep and spelled != "married":
            return
        skipped = _BEFORE_NAME.match(text, start)
        names = (NAMES if prep == "by" else PLACE).match(text, skipped.end() if skipped else start)
        if names is None:
            return
        value, at = names[0].rstrip(".,"), names.end()
        if prep == "by" and _ONE_MORE.match(text, at):
            return  # Part of the names would be no answer.
        prep = prep or "to"  # `married B` is `married to B`.
        yield f"{spelled} {prep}", value, subject
        if noun:
            yield f"{noun[1]} {spelled} {prep}", value, ""
        if spelled in _LOCATIVE and prep in ("in", "at", "near"):
            yield "location", value, subject
            if prep == "in":
                yield from _located(value, subject)


def _located(value: str, subject: str) -> Iterator[Piece]:
    """The city and the country of `Reykjavík, Iceland`."""
    parts = [part.strip() for part in value.split(",")]
    country = is_country(parts[-1])
    if country:
        yield "country", parts[-1], subject
    if len(parts) - country >= 1 and (len(parts) == 2 or not country) and not re.search(r"\d", parts[0]):
        yield "city", parts[0], subject


def _defined(text: str, subject: str) -> Iterator[Piece]:
    """`A (1961 – 2019) was a Spanish marine biologist`: when, of what nation, what."""
    if not subject:
        return
    if (match := _LIVED.search(text)) and len(dates(match["span"])) == 2:
        born, died = dates(match["span"])
        yield "date of birth", match["span"][born.start : born.end], subject
        yield "date of death", match["span"][died.start : died.end], subject
    if match := _DEFINED.search(text):
        if match["nation"]:
            yield "nationality", match["nation"], subject
        if match["year"]:
            yield "year", match["year"], subject
        if match["within"] and (place := PLACE.match(text, match.end())):
            yield "location", place[0].rstrip(".,"), subject
            yield from _located(place[0].rstrip(".,"), subject)
        if len(match["noun"].split()) <= 5:
            yield "occupation", match["noun"], subject
