"""Belonging: which of several values of a sentence the words and the years that stand beside them belong to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence, Set
from typing import Final

Span = tuple[int, int]
Word = tuple[str, int, int]
"""A word's stem and where it stands."""
CLAUSE_ENDS: Final = re.compile(r"[;:()—–]|,(?!\d)|\*{2,}|\s-\s|\s(?:while|whereas|but|which|who|where|although)\s")
"""Where another clause begins."""
YEAR: Final = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_ASIDE: Final = re.compile(rf"\((?:in )?({YEAR.pattern})")
_DIVIDING: Final = {"and": 1, "to": 1, **dict.fromkeys(("from", "against", "compared", "versus", "than"), 6)}
"""Words that divide two values of a sentence, and by how many words."""
_WHEN: Final = re.compile(r"(?<!\w)(?:in|since|during|until|till)\s\Z", re.IGNORECASE)
_WORD: Final = re.compile(r"[^\W_]+")


def is_of_other_years(asked: Iterable[str], *texts: str) -> bool:
    """Whether the first of some texts that names a year names none of those asked for; never where none is."""
    years = {*filter(YEAR.fullmatch, asked)}
    told = next(filter(None, map(YEAR.findall, texts)), [])
    return bool(years) and years.isdisjoint(told)


def telling_years(text: str) -> frozenset[str]:
    """The years that tell the values of a sentence apart: several, or one in brackets (`9,312 (2022: 8,004)`)."""
    years = frozenset(YEAR.findall(text))
    return years if len(years) > 1 else frozenset(_ASIDE.findall(text))


def belonging(
    text: str, values: Sequence[Span], words: Sequence[Word], names: Set[str], main: str = "", *, may_be_year: bool = False
) -> list[int]:
    """Places of the values of a sentence that a field's words belong to. None is the figure in the field's own name, a year that
    tells when something was, or stands in a part of the sentence that lacks a word which another part has. Of several, the years
    in the field's name tell first, then its other words; but these not where one stands beside the word that they narrow, since
    it is said of that one then: `crane charges: £65 an hour`.

    Args:
        values: where each stands in `text`.
        words: the sentence's, by their stems.
        names: the stems of the field's name that tell something.
        main: of these the one that the others narrow; "" if none is.
    """
    telling = {word for word in names if not YEAR.fullmatch(word)} - {main}
    said = [word for word, _, _ in words]
    spoken = telling & {*said}
    places = [
        place
        for place, (start, end) in enumerate(values)
        if not names >= _within(words, start, end)
        and (may_be_year or not _tells_when(text, start, end))
        and spoken <= _within(words, *_part(text, start))
    ]
    is_beside = main and any(main in said[max(at - 2, 0) : at + 3] for at, word in enumerate(said) if word in telling)
    for narrowing in (names & telling_years(text), set() if is_beside else telling):
        told = [word for word in words if word[0] in narrowing]
        places = [places[place] for place in most_fitting(text, [values[place] for place in places], told)]
    return places


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


def _tells_when(text: str, start: int, end: int) -> bool:
    """Whether a number only says when something was: `in 2025,`, and not `in 2025 houses`."""
    is_year = YEAR.fullmatch(text, start, end) is not None and not re.match(r"\s[a-z]", text[end:])
    return is_year and _WHEN.search(text, 0, start) is not None


def _away(between: str) -> int:
    """How far apart two pieces of a sentence are: the words between them, with more for what divides them; a colon joins them."""
    said = _WORD.findall(between)
    return len(said) + sum(_DIVIDING.get(word, 0) for word in said) + 3 * len(CLAUSE_ENDS.findall(between.replace(":", "")))
