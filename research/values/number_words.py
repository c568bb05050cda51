"""Number words: `a hundred and two`, `two and a half million`, in English."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from research.records import read_table
from research.values.scales import alternatives

_TABLE: Final = read_table("research.values", "numerals.toml")["number_words"]
_SMALL: Final = {word: Decimal(value) for value, word in enumerate(_TABLE["small"])}
_TENS: Final = {word: Decimal(10 * value) for value, word in enumerate(_TABLE["tens"], start=2)}
_SCALES: Final = {word: Decimal(factor) for word, factor in _TABLE["scales"].items()}
_PARTS: Final = {word: Decimal(part) for word, part in _TABLE["parts"].items()}
ORDINALS: Final = {word: value for value, word in enumerate(_TABLE["ordinals"], start=1)}
"""`first` to `thirty-first`: the days of a month."""
_FRACTIONS: Final = [word + s for word, value in ORDINALS.items() if value > 2 and "-" not in word for s in ("", "s")]
_UNREAD: Final = frozenset((*_TABLE["unread"], *_FRACTIONS))
_BEGIN: Final = rf"(?:{alternatives([*_SMALL, *_TENS, *_SCALES])})|an?(?=[ ](?:{alternatives(_SCALES)})\b)|half(?= an?\b)"
_MORE: Final = alternatives([*_SMALL, *_TENS, *_SCALES, *_PARTS, *_UNREAD, "a", "an", "and"])
_RUN: Final = re.compile(rf"(?<![\w-])(?:{_BEGIN})(?:\b[ \u00a0-]+(?:{_MORE})\b)*\b", re.IGNORECASE)
_TAIL: Final = re.compile(r"(?:[ \u00a0-]+(?:an?|and))+$", re.IGNORECASE)
_BEFORE_A_PRONOUN: Final = re.compile(
    r"\b(?:the|this|that|which|each|every|another|any|no|(?:half|part|instead) of)\s+\Z", re.IGNORECASE
)
_BEHIND_A_PRONOUN: Final = re.compile(
    r"\s+(?:with|in|on|at|from|to|for|by|and|is|was|has|had)\b|\s*(?:[^\w\s-]|\Z)", re.IGNORECASE
)
"""Before and behind a `one` that stands for a thing: `the one with a crew`, `half of one.`; not `the one kilogram left`."""
_NO_ONE: Final = re.compile(r"\bno\s+\Z", re.IGNORECASE)
_ONE_OF: Final = re.compile(r"\s+(?:of (?:the|its|his|her|their|our|these|those)|another|that|which|who)\b", re.IGNORECASE)


_PART_OF: Final = re.compile(rf"\b(?:half|halves|quarters?|{alternatives(_FRACTIONS)})\s+of\s+\Z", re.IGNORECASE)
"""Before a number of which only a part is meant: `a quarter of a million`."""


class Words(NamedTuple):
    """A number in words, and where it stands."""

    start: int
    end: int
    value: Decimal


def number_words(text: str) -> Iterator[Words]:
    """Every number that `text` writes in words. Words that make no number together (`nineteen eighty-four`) are none alone."""
    for match in _RUN.finditer(text):
        spelled = _TAIL.sub("", match[0])
        if spelled.casefold() == "one" and _is_pronoun(text, match.start(), match.start() + len(spelled)):
            continue
        if _PART_OF.search(text, max(match.start() - 16, 0), match.start()):
            continue
        value = _value(re.split(r"[ \u00a0-]+", spelled.casefold()))
        if value is not None:
            yield Words(match.start(), match.start() + len(spelled), value)


def _is_pronoun(text: str, start: int, end: int) -> bool:
    """Whether a `one` stands for a thing and counts nothing."""
    stands_for = _BEFORE_A_PRONOUN.search(text, max(start - 16, 0), start) and _BEHIND_A_PRONOUN.match(text, end)
    return bool(stands_for or _NO_ONE.search(text, max(start - 4, 0), start) or _ONE_OF.match(text, end))


def _value(words: Sequence[str]) -> Decimal | None:
    """What a run of words comes to; None if they make no number."""
    done, group, last = Decimal(0), Decimal(0), Decimal("Infinity")
    """The thousands so far, the part below a thousand, and the scale that was named last."""
    open_, article, scaled, joined = True, False, Decimal(1), False
    for place, word in enumerate(words):
        if word in ("a", "an"):
            article = True
            continue
        if word == "and":
            joined = True
            if place == 0:
                return None
            continue
        if word in _PARTS:
            if place and not (joined and article):
                return None
            return _with_part(words[place + 1 :], done, group, scaled, _PARTS[word])
        if word in _UNREAD:
            return None
        if word in _SCALES:
            factor = _SCALES[word]
            if not group and article and not done:
                group = Decimal(1)
            if (joined and not group) or not group or (factor == 100 and group > 99) or (factor > 100 and factor >= last):
                return None
            if factor == 100:
                group, open_ = group * 100, True
            else:
                done, group, last, open_ = done + group * factor, Decimal(0), factor, True
            scaled = factor
        else:
            value = _SMALL.get(word, _TENS.get(word, Decimal(0)))
            follows_tens = word in _SMALL and 0 < value < 10 and group % 100 in _TENS.values() and not joined
            if (article and place) or not (open_ or follows_tens) or (group and value == 0):
                return None
            group, open_, scaled = group + value, False, Decimal(1)
        article = joined = False
    return done + group if not (article or joined) else None


def _with_part(rest: Sequence[str], done: Decimal, group: Decimal, scaled: Decimal, part: Decimal) -> Decimal | None:
    """`two and a half`, `two and a half million`, `a million and a half`, `half a million`."""
    rest = [word for word in rest if word not in ("a", "an")]
    if any(word not in _SCALES for word in rest) or len(rest) > 1 or (done and group):
        return None
    if rest:
        return (group + part) * _SCALES[rest[0]] if not done and scaled == 1 else None
    whole = done + group
    if not whole:
        return None  # `half a …` of something that is no number
    return whole + part * (scaled if scaled > 100 else Decimal(1)) if scaled != 100 else None
