"""Scales: the words and letters beside a number that multiply it: `million`, `Mrd.`, `lakh`, `k` (by `numerals.toml`)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from research.records import read_table
from research.values.units import currency_at

_TABLE: Final = read_table("research.values", "numerals.toml")
SCALES: Final = {name.casefold(): Decimal(entry["factor"]) for entry in _TABLE["scales"] for name in entry.get("names", ())}
"""Words of their own, with their case folded: `χιλιάδες` ends in a `σ`."""
_SHORT: Final = {name.casefold(): Decimal(entry["factor"]) for entry in _TABLE["scales"] for name in entry.get("short", ())}
_MONEY: Final = {name.casefold(): Decimal(entry["factor"]) for entry in _TABLE["scales"] for name in entry.get("money", ())}
MONEY_WORDS: Final = frozenset((*_SHORT, *_MONEY))
"""Abbreviations that are scales beside an amount of money only."""
GLUED: Final = {name: Decimal(entry["factor"]) for entry in _TABLE["scales"] for name in entry.get("glued", ())}
_AMBIGUOUS: Final = {name: tuple(map(Decimal, factors)) for name, factors in _TABLE["ambiguous_scales"].items()}
_LETTERS: Final = {letter: Decimal(factor) for letter, factor in _TABLE["letter_scales"].items()}
_MONEY_LETTERS: Final = _LETTERS | {letter: Decimal(factor) for letter, factor in _TABLE["money_letter_scales"].items()}
_ONE: Final = Decimal(1)
DOZEN: Final = Decimal(12)


def alternatives(names: Iterable[str]) -> str:
    """A pattern that matches any of some names, the longest first."""
    return "|".join(sorted(map(re.escape, names), key=len, reverse=True))


_WORDS: Final = alternatives([*SCALES, *_SHORT, *_MONEY, *_AMBIGUOUS])
_SPACE: Final = r"[ \u00a0\u202f\u2009-]?"
_WORD: Final = re.compile(rf"{_SPACE}(?:(?:de|of)[ \u00a0])?(?P<word>{_WORDS})(?!\w)(?P<stop>\.?)", re.IGNORECASE)
_LETTER: Final = re.compile(rf"(?P<space>{_SPACE})(?P<letter>{alternatives(_MONEY_LETTERS)})(?![^\W\d_]|['’])")
_BEFORE_MONEY: Final = re.compile(
    rf"(?P<space>{_SPACE})(?P<letter>{alternatives(_MONEY_LETTERS)})(?=[€$£]|EUR|USD|GBP|CHF|SEK|NOK|DKK|kr(?!\w))"
)
_CHINESE: Final = re.compile(rf"{_SPACE}(?P<word>{alternatives(GLUED)})")
_PREFIX: Final = re.compile(r"(?<!\w)(?P<scale>[kKTMm]|MM|Mio\.?|Mrd\.?)[ \u00a0]?(?:€|EUR|USD|GBP|CHF)[ \u00a0]?$")
_PREFIXES: Final = {"k": "1e3", "K": "1e3", "T": "1e3", "M": "1e6", "m": "1e6", "MM": "1e6", "Mio": "1e6", "Mrd": "1e9"}
"""Before a currency's code and a number: `TEUR 500`, `k€ 12`."""


@dataclass(frozen=True, slots=True)
class Scale:
    """What multiplies a number, and where it ends in the text."""

    end: int
    factors: tuple[Decimal, ...]
    """The likeliest first; more than one where it is open which is meant."""


def scale_at(text: str, start: int, end: int) -> Scale | None:
    """The scale of the number that is `text[start:end]`."""
    factor, glued_end = _ONE, end
    while match := _CHINESE.match(text, glued_end):  # `3千万` is thirty million
        factor, glued_end = factor * GLUED[match["word"]], match.end()
    if glued_end > end:
        return Scale(glued_end, (factor,))
    if scale := _word_scale(text, start, end):
        if (second := _word_scale(text, start, scale.end)) and len(second.factors) == 1:
            # `5 mil millones`, `two hundred thousand`: the first alone may be ambiguous, both together are not.
            return Scale(second.end, (scale.factors[0] * second.factors[0],))
        return scale
    if match := _BEFORE_MONEY.match(text, end):
        return Scale(match.end(), (Decimal("1e3") if match["letter"] == "T" else _MONEY_LETTERS[match["letter"]],))
    if match := _LETTER.match(text, end):
        letter = match["letter"]
        if currency_at(text, start, match.end()):
            return Scale(match.end(), (_MONEY_LETTERS[letter],))
        if letter in _LETTERS and not match["space"]:
            return Scale(match.end(), (_LETTERS[letter], _ONE))
    elif match := _PREFIX.search(text, max(0, start - 9), start):
        return Scale(end, (Decimal(_PREFIXES[match["scale"].rstrip(".")]),))
    return None


def _word_scale(text: str, start: int, end: int) -> Scale | None:
    match = _WORD.match(text, end)
    if match is None:
        return None
    word = match["word"].casefold()
    # A full stop belongs to an abbreviation; behind a whole word it ends the sentence.
    stop = match.end() if match["stop"] and len(word) <= 5 and text[match.end() : match.end() + 1] != "\n" else match.end("word")
    if factor := SCALES.get(word):
        if factor == DOZEN and currency_at(text, start, end):
            return None  # `$5 a dozen`
        return Scale(match.end("word") if len(word) > 5 else stop, (factor,))
    if factors := _AMBIGUOUS.get(word):
        return Scale(stop, (*factors, _ONE))
    if currency_at(text, start, match.end("word")):
        return Scale(stop, (_SHORT.get(word) or _MONEY[word],))
    return Scale(stop, (_SHORT[word],)) if match["stop"] and word in _SHORT else None
