"""Belonging: which of several values of a sentence the words and the years that stand beside them belong to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

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


def tells_when(text: str, start: int, end: int) -> bool:
    """Whether a number only says when something was: `in 2025,`, and not `in 2025 houses`."""
    return (
        _WHEN.search(text, 0, start) is not None
        and not re.match(r"\s[a-z]", text[end:])
        and YEAR.fullmatch(text, start, end) is not None
    )


def part_at(text: str, at: int) -> str:
    """The part of a sentence between semicolons that holds a place: `the dam is 38 m high; the tower is gone`."""
    return text[text.rfind(";", 0, at) + 1 :].partition(";")[0]


def telling_years(text: str) -> frozenset[str]:
    """The years that tell the values of a sentence apart: several, or one in brackets (`9,312 (2022: 8,004)`)."""
    years = frozenset(YEAR.findall(text))
    return years if len(years) > 1 else frozenset(_ASIDE.findall(text))


def most_fitting(text: str, values: Sequence[tuple[int, int]], words: Iterable[tuple[str, int, int]]) -> list[int]:
    """Places of the values that most of some words belong to, each word to the nearest value: 36, for `maternity`, of `412 beds,
    36 of them in the maternity ward`.

    Args:
        values: where each stands in `text`.
        words: each with where it stands; a word may stand in several places.
    """
    owned = [set[str]() for _ in values]
    for word, start, end in words:
        away = [_away(text[behind:start] if behind <= start else text[end:begin]) for begin, behind in values]
        for own, distance in zip(owned, away, strict=True):
            own.update({word} if distance == min(away) else ())
    most = max(map(len, owned), default=0)
    return [place for place, own in enumerate(owned) if len(own) == most]


def _away(between: str) -> int:
    """How far apart two pieces of a sentence are: the words between them, with more for what divides them; a colon joins them."""
    said = _WORD.findall(between)
    return len(said) + sum(_DIVIDING.get(word, 0) for word in said) + 3 * len(CLAUSE_ENDS.findall(between.replace(":", "")))
