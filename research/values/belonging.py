"""Belonging: which of several values of a sentence the words and the years that stand beside them belong to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence, Set
from itertools import chain
from typing import Final

from research.values.neighbours import is_denied, is_former, is_of_another
from research.values.numerals import numbers

Span = tuple[int, int]
Word = tuple[str, int, int]
"""A word's stem and where it stands."""
CLAUSE_ENDS: Final = re.compile(r"[;:()—–]|,(?!\d)|\*{2,}|\s-\s|\s(?:while|whereas|but|which|who|where|although)\s")
"""Where another clause begins."""
YEAR: Final = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_ASIDE: Final = re.compile(rf"\((?:in )?({YEAR.pattern})")
_DIVIDING: Final = {"and": 1, "to": 1, **dict.fromkeys(("from", "against", "compared", "versus", "than"), 6)}
"""Words that divide two values of a sentence, and by how many words."""
_WHEN: Final = re.compile(
    r"(?<!\w)(?:(?:in|since|during|until|till)\s(?:(?:early|late|mid)[\s-])?|(?:start|beginning|middle|end)\sof\s)\Z|\(\Z",
    re.IGNORECASE,
)
_TOGETHER: Final = re.compile(
    rf"({YEAR.pattern})(?:\s?[-–—/,]\s?|\s(?:and|or|to|until|till|through)\s(?:(?:in|for)\s)?)({YEAR.pattern})", re.IGNORECASE
)
"""Years that something is told of as a whole, or of each in turn: `between 2020 and 2022`."""
_ELSEWHEN: Final = re.compile(
    rf"(?<!\w)(?:since|until|till|before|after|(?:founded|established|opened|built|begun|started)\sin)\s{YEAR.pattern}",
    re.IGNORECASE,
)
"""A year of which a sentence tells nothing else: `founded in 2022`."""
_YEAR_BEFORE: Final = re.compile(
    r"(?<!\w)(?:(?:last|previous|prior) year|(?:year|twelve months) (?:before|earlier))(?!\w)", re.IGNORECASE
)
_SPLIT_YEAR: Final = re.compile(rf"({YEAR.pattern})[/–-](\d\d)(?!\d)")
_OF_ANOTHER_NOUN: Final = re.compile(r"\s(?P<noun>[a-z]+)\s(?:of|was|were|is|are|at|stood at|reached)\s(?:[a-z]+\s)?[€$£¥]?\d")
"""Behind a word that narrows something else, whose value follows: `annual costs of £9 million`."""
OCCASION: Final = re.compile(r"\b(?:(?:first|last) \w+(?<!s)|entered \w+|began|won|ipo|\w+i[sz]ed)$", re.IGNORECASE)
"""The end of a field's name that a year may be the answer to: `first flight`."""
_ITS: Final = re.compile(r"(?<!\w)(?:its|their)\s", re.IGNORECASE)
_WORD: Final = re.compile(r"[^\W_]+")


def is_of_other_years(asked: Iterable[str], said: str, before: str = "", *above: str) -> bool:
    """Whether a sentence is of other years than those asked for; never where none is. It is of those that it names, or else of
    the last one before it, or else of those in the headings above. What began or ended in a year (`since 2022`) is not of it."""
    years = {*filter(YEAR.fullmatch, asked)}
    if not years:
        return False
    told = chain((_years(said) or _YEAR_BEFORE.findall(said), _years(before)[-1:]), map(_years, above))
    return years.isdisjoint(next(filter(None, told), []))


def _years(text: str) -> list[str]:
    """The years that a text tells of; a split year (`2019/20`) is told by both of its parts."""
    text = _ELSEWHEN.sub("", text)
    return YEAR.findall(text) + [f"{first[:2]}{last}" for first, last in _SPLIT_YEAR.findall(text)]


def telling_years(text: str) -> frozenset[str]:
    """The years that tell the values of a sentence apart: several, or one in brackets (`9,312 (2022: 8,004)`)."""
    years = frozenset(YEAR.findall(text))
    return years if len(years) > 1 else frozenset(_ASIDE.findall(text))


def belonging(
    text: str, values: Sequence[Span], words: Sequence[Word], names: Set[str], main: str = "", *, may_be_year: bool = False
) -> list[int]:
    """Places of the values of a sentence that a field's words belong to. None is the figure in the field's own name, a year that
    tells when something was, or stands in a part of the sentence that lacks a word which another part has, unless `its` height is
    told there. None is where years are told together (`2023 and 2024`), where a word narrows nothing but another noun, or where a
    word belongs to a number that is no value (`up from 8,004 in 2022`). Of several, the years in the field's name tell first,
    then its other words; but these not where one stands beside the only word that they narrow, since it is said of that one then:
    `crane charges: £65 an hour`.

    Args:
        values: where each stands in `text`.
        words: the sentence's, by their stems.
        names: the stems of the field's name that tell something.
        main: of these the one that the others narrow; "" if none is.
    """
    count = len(values)
    values = [*values, *_left_out(text, values)]
    is_year = [YEAR.fullmatch(text, start, end) is not None for start, end in values]
    years = names & telling_years(text)
    if any(years & {*match.groups()} for match in _TOGETHER.finditer(text)):
        return []
    telling = {word for word in names if not YEAR.fullmatch(word)} - {main}
    said = [word for word, _, _ in words]
    spoken = telling & {*said}
    narrowing = [
        word for word in words if word[0] in spoken and not (main in said and _is_of_another_noun(text, word, words, names))
    ]
    if spoken - {word for word, _, _ in narrowing}:
        return []
    places = [
        place
        for place, (start, end) in enumerate(values)
        if not names >= _within(words, start, end)
        and (may_be_year or not ((years and is_year[place]) or _tells_when(text, start, end, words, names)))
        and (spoken <= _within(words, *_part(text, start)) or _is_of_its_own(text, _part(text, start), words, names))
    ]
    is_beside = (
        main
        and said.count(main) < 2
        and any(main in said[max(at - 2, 0) : at + 3] for at, word in enumerate(said) if word in telling)
    )
    for told in ([word for word in words if word[0] in years], [] if is_beside else narrowing):
        places = [places[place] for place in most_fitting(text, [values[place] for place in places], told)]
    return [place for place in places if place < count]


def _left_out(text: str, values: Sequence[Span]) -> Iterator[Span]:
    """The numbers that are no values of the field, but to which words may belong: `never had 36 in the maternity ward`."""
    for number in numbers(text):
        at = number.start, number.end
        is_value = any(start < number.end and number.start < end for start, end in values)
        if not is_value and (is_denied(text, number.start) or is_former(text, *at) or is_of_another(text, *at)):
            yield at


def most_fitting(text: str, values: Sequence[Span], words: Iterable[Word]) -> list[int]:
    """Places of the values that most of some words belong to, each word to the nearest value: 36, for `maternity`, of `412 beds,
    36 of them in the maternity ward`."""
    owned = [set[str]() for _ in values]
    for word, start, end in words:
        away = [_away(text[behind:start] if behind <= start else text[end:begin]) for begin, behind in values]
        for own, distance in zip(owned, away, strict=True):
            own.update({word} if distance == min(away) else ())
    most = max(map(len, owned), default=0)
    return [place for place, own in enumerate(owned) if len(own) == most]


def _part(text: str, at: int) -> Span:
    """The part of a sentence between semicolons that holds a place: `the dam is 38 m high; the tower is gone`."""
    end = text.find(";", at)
    return text.rfind(";", 0, at) + 1, end if end >= 0 else len(text)


def _within(words: Sequence[Word], begin: int, end: int) -> Set[str]:
    """The words between two places."""
    return {word for word, start, _ in words if begin <= start < end}


def _tells_when(text: str, start: int, end: int, words: Sequence[Word], names: Set[str]) -> bool:
    """Whether a number only says when something was: `in 2025`, and not `in 2025 houses`, of houses."""
    is_count = any(word in names and text[end:begin] == " " for word, begin, _ in words)
    return not is_count and YEAR.fullmatch(text, start, end) is not None and _WHEN.search(text, 0, start) is not None


def _is_of_another_noun(text: str, word: Word, words: Sequence[Word], names: Set[str]) -> bool:
    """Whether a word narrows a noun that is none of a field's, and whose value follows: `net`, in `net assets of £9 million`."""
    other = _OF_ANOTHER_NOUN.match(text, word[2])
    return other is not None and names.isdisjoint(_within(words, *other.span("noun")))


def _is_of_its_own(text: str, part: Span, words: Sequence[Word], names: Set[str]) -> bool:
    """Whether a part of a sentence says something of the field's own by `its`: `G.W. has a dam; its height is 38 m`."""
    return any(names & _within(words, match.end(), match.end() + 1) for match in _ITS.finditer(text, *part))


def _away(between: str) -> int:
    """How far apart two pieces of a sentence are: the words between them, with more for what divides them; a colon joins them."""
    said = _WORD.findall(between)
    return len(said) + sum(_DIVIDING.get(word, 0) for word in said) + 3 * len(CLAUSE_ENDS.findall(between.replace(":", "")))
