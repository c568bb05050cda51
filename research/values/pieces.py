"""Pieces: the parts of a text that are of a kind: addresses, telephone numbers, identifiers, prices, lengths of time, days,
clock times."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from research.values.clocks import Bound, clocks
from research.values.dates import dates
from research.values.doubts import NONE, Doubt
from research.values.durations import durations
from research.values.identifiers import Identifier
from research.values.kinds import address_in, email_in, phone_in
from research.values.neighbours import neighbour_doubts
from research.values.prices import asked_price
from research.values.quantities import amounts_in

Kind = Literal["address", "full address", "email", "phone", "price", "length of time", "day", "time of day"]


_NOTICE: Final = re.compile(r"['’]?(?:\s(?:prior|advance|previous|written|or|and|more)){0,4}\snotice\b", re.IGNORECASE)
"""Behind the length of time of a notice: `30 days' prior written notice`."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text; `value` is the part as it is written, or a length of time in digits."""

    value: str
    start: int
    end: int
    doubts: frozenset[Doubt] = NONE


def pieces(kind: Kind | Identifier, text: str, words: frozenset[str] = frozenset(), bound: Bound | None = None) -> list[Piece]:
    """The parts of `text` that are of a kind; `words` are those of the field that asks for it, in lower case. `bound`: the end
    of a span of time that is asked for."""
    if isinstance(kind, Identifier):
        found = kind.found_in(text)
        return [Piece(match[0], *match.span(), NONE if is_valid else frozenset(("unlikely_kind",))) for match, is_valid in found]
    if kind == "price":
        return _prices(text, words)
    if kind == "length of time":
        stated = [d for d in durations(text) if "notice" in words or not _NOTICE.match(text, d.end)]
        doubts: frozenset[Doubt] = frozenset(("several",)) if len({d.seconds for d in stated}) > 1 else NONE
        return [Piece(d.spelled or text[d.start : d.end], d.start, d.end, doubts) for d in stated]
    if kind == "time of day":
        told = dict.fromkeys(text[start:end] for start, end in clocks(text, bound))
        unsure: frozenset[Doubt] = frozenset(("several",)) if len(told) > 1 else NONE
        return [Piece(value, at := text.find(value), at + len(value), unsure) for value in told]
    if kind == "day":
        return [Piece(text[d.start : d.end], d.start, d.end) for d in dates(text)]
    match = _FINDERS[kind](text)
    return [Piece(match[0], *match.span())] if match else []


_FINDERS: Final[Mapping[str, Callable[[str], re.Match[str] | None]]] = {
    "address": address_in,
    "full address": lambda text: address_in(text, full=True),
    "email": email_in,
    "phone": phone_in,
}


def _prices(text: str, words: frozenset[str]) -> list[Piece]:
    """The amount asked with its currency, or the range of amounts. A number alone may be one; with words it is something else."""
    pairs = amounts_in(text)
    spans = [at for _, at in pairs]
    asked = [spans[at] for at in asked_price(text, spans, [number.value for number, _ in pairs], words)]
    if not any(at.unit for at in asked):
        is_bare = len(pairs) == 1 and not re.search(r"[^\W\d_]", text)
        return [Piece(text, 0, len(text), frozenset(("unlikely_kind",)))] if is_bare else []
    is_range = len(asked) > 1 and "range" in neighbour_doubts(text, asked[0].start, asked[0].end)
    start, end = asked[0].start, asked[1 if is_range else 0].end
    doubts: frozenset[Doubt] = frozenset(("range",) if is_range else ("several",) if len(asked) > 1 else ())
    return [Piece(text[start:end], start, end, doubts)]
