"""Shapes: the pieces of a sentence that may be a value, each with its shape: a date, a measure, a name, what is quoted; and how
running text spells names."""

from __future__ import annotations

import re
from calendar import day_name
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from research.models.keyless.vocabulary import is_country
from research.values.dates import dates
from research.values.durations import durations
from research.values.numerals import numbers
from research.values.units import unit_after

BIG: Final = r"[A-ZÀ-ÖØ-ÞŁŚŠŻŽČĆĐĞİА-Я]"
PARTICLES: Final = r"(?:(?:of|the|de|la|du|des|von|van|der|del|di|da|for|ibn|al)\s+){0,2}"
_WORD: Final = (
    rf"(?:\b[a-z]{{1,2}}(?=[A-Z][a-z]{{2}})|(?<!\w)){BIG}(?:[\w'’&-]|\.(?=\w))*"
    r"(?:(?:(?<=\b\w)|(?<=\b\w\w)|(?<=\b\w\w\w))\.)?"
)
"""A word of a name: `Oslo`, `eBay`. A stop ends it, unless it is short: `St. Leonard`."""
_LATER_WORD: Final = rf"(?:{_WORD}|\d[\w-]*(?:[./]\d+)*)"
NAME: Final = rf"{_WORD}(?:\s+{PARTICLES}{_LATER_WORD})*"
"""A name."""
FULL_NAME: Final = re.compile(rf"{_WORD}(?:\s+(?:(?:and|&)\s+|{PARTICLES}){_LATER_WORD})*")
"""A name that may itself hold an `and`: `Procter & Gamble`."""
PLACE: Final = re.compile(rf"{NAME}(?:,\s+{NAME}){{0,2}}")
NAMES: Final = re.compile(rf"{NAME}(?:(?:,\s+(?:and\s+)?|\s+and\s+|\s+&\s+){NAME})*")
_TAIL: Final = re.compile(r"['’]s$|[.,'’*]+$")
COMPANY: Final = re.compile(
    rf"{NAME}(?:,?\s+(?:and\s+)?(?:Inc|INC|Incorporated|INCORPORATED|LLC|L\.L\.C|LP|L\.P|LLP|Ltd|LTD|Limited|LIMITED|"
    r"Corp|CORP|Corporation|CORPORATION|Company|COMPANY|Co|CO|PLC|plc|GmbH|AG|SE|S\.A|N\.V|B\.V)\b\.?)+"
)
"""A name with what kind of company it is of behind it."""
_UNIT: Final = re.compile(r"\s?(?:%|°\s?[CFK]?|[^\W\d_]+(?:/[^\W\d_]+)?[²³]?)")
_CODE: Final = re.compile(
    r"(?<![\w.,:–$€£-])(?:(?=[A-Za-z/]*\d)(?=\d*-?[A-Za-z])[A-Za-z\d]+(?:[-/.][A-Za-z\d]+)*|\d+(?:-\d+){2,}|\d{4}-\d\d|\d{1,3}[-–:]\d{1,3})(?![\w–:-])"
)
"""Letters with figures, and groups of figures: `tI6`, `SHP-004`, `15457-96-2`, `14–6`."""
_QUOTED: Final = re.compile(r"[“\"‘']([^“”\"‘’]{2,80})[”\"’']")
_LINKING: Final = re.compile(
    r"\b(?:is|was|are|were|be|been|as|at|totals?|totaled|reach(?:es|ed)|becomes?|became|remains?|equals?)\s+(?:the\s+|an?\s+)?|:\s+|=\s*",
    re.I,
)
_PHRASE: Final = re.compile(
    r"(?:[^,;:.()—–]|(?<=\d)[.,](?=\d)){1,60}?(?=$|[;:()—–*]|[.,](?!\d)|\s(?:and|which|that|who|with|for|in|on|at|by|from|where|while|as|of)\s)"
)

_DEFINED: Final = re.compile(
    r"\b(?:is|was|are|were)\s+(?:an?|the|one of the)\s+(?P<what>(?!\w+st\b)[^,;.()]{2,60}?)"
    r"(?=[,;.()]|$|\s(?:that|which|who|whose|in|at|on|for|from|by|with|of|to|[a-z]+ed|built|made|and\s(?:is|was|has|had|its|his|her|the|an?))\b)"
)
"""What a sentence says that its subject is."""
_WHOSE: Final = re.compile(rf"(?:[12]\d{{3}}\s)?(?:{BIG}\w+(?:-{BIG}\w+)*(?:-born)?\s)+(?=[a-z])")
"""Before what something is, whose it is: `Norwegian painter`."""
_NATION: Final = re.compile(
    r"[A-Z][a-z]*(?:ish|ese|[aeiou]an|ian|rench|utch|zech|reek|wiss|thai|raqi|eli|mani|elsh|andic)(?=(?:-born)?\s[a-z])"
)
"""A nation's adjective: `Norwegian`."""

Span = tuple[int, int, str]


@lru_cache(maxsize=4096)
def shapes(text: str) -> tuple[Span, ...]:
    """The pieces of a sentence that may be a value: `(start, end, shape)`, each place once."""
    found: dict[tuple[int, int], str] = {}
    for start, end, shape in (*_figures(text), *_named(text)):
        found.setdefault((start, end), shape)
    return tuple((start, end, shape) for (start, end), shape in found.items())


def _figures(text: str) -> Iterator[Span]:
    """Dates, lengths of time, codes, and numbers with what they count."""
    stated = dates(text)
    whole = [(d.start, d.end) for d in stated]
    for date in stated:
        yield date.start, date.end, "date" if date.day is not None else "month" if date.month is not None else "year"
    for length in durations(text):
        yield length.start, length.end, "duration"
    for match in _CODE.finditer(text):
        if not any(start <= match.start() and match.end() <= end for start, end in whole):
            yield *match.span(), "code"
            whole.append(match.span())
    for number in numbers(text):
        spelled = text[number.start : number.end]
        if any(start <= number.start and number.end <= end for start, end in whole) or spelled.istitle():
            continue  # `Six`, of `Six Flags`
        unit = _UNIT.match(text, number.end)
        is_measured = unit and (unit_after(text, number.end) or unit[0].strip() in ("%", "°", "percent"))
        if unit and is_measured:
            yield number.start, unit.end(), "measure"
        yield number.start, number.end, "measured number" if is_measured else "number"
        if number.scaled and (figures := re.match(r"[\d.,]*\d", spelled)):
            yield number.start, number.start + figures.end(), "figures"


def _named(text: str) -> Iterator[Span]:
    """Names, lists of names, what is quoted, and what follows a verb that links."""
    stated = [(d.start, d.end) for d in dates(text)]
    for match in FULL_NAME.finditer(text):
        name = bare(match[0])
        before = text[max(match.start() - 2, 0) : match.start()]
        is_unit = before[:1].isdigit() and before[1:] == " " and unit_after(text, match.start() - 1)  # `MW`, of `860 MW`
        if is_unit or any(start < match.end() and match.start() < end for start, end in stated):
            continue
        is_day = name in day_name and text.endswith("on ", 0, match.start())
        if len(name) > 1 and not is_day and not (match.start() == 0 and " " not in name):
            is_nation = " " not in name and _NATION.match(text, match.start())
            yield match.start(), match.start() + len(name), "country" if is_country(name) else "nation" if is_nation else "name"
            if (inner := name.rfind(" of ")) > 0:
                start = inner + 4 + 4 * name.startswith("the ", inner + 4)
                yield match.start() + start, match.start() + len(name), "name within"
    for match in COMPANY.finditer(text):
        yield *match.span(), "company"
    for pattern, shape in ((PLACE, "names"), (NAMES, "list of names")):
        for match in pattern.finditer(text):
            is_several = re.search(r",|\s(?:and|&)\s" if shape == "list of names" else ",", match[0])
            if is_several and (match.start() or " " in match[0].partition(",")[0]):
                yield match.start(), match.start() + len(bare(match[0])), shape
    for match in _QUOTED.finditer(text):
        yield *match.span(1), "quoted"
    for start, end in defined(text):
        yield start, end, "defined"
    for link in _LINKING.finditer(text):
        start = link.end()
        while start < len(text) and text[start] in "*_ \"“‘'":
            start += 1
        if (phrase := _PHRASE.match(text, start)) and phrase.end() > start and not text[start].isdigit():
            yield start, phrase.end(), "phrase"


def defined(text: str) -> Iterator[tuple[int, int]]:
    """What a sentence says that its subject is, without its nation: `painter and sculptor`."""
    for match in _DEFINED.finditer(text):
        whose = _WHOSE.match(text, *match.span("what"))
        yield whose.end() if whose else match.start("what"), match.end("what")


def bare(name: str) -> str:
    """A name without the possessive and the stops behind it."""
    return _TAIL.sub("", name)
