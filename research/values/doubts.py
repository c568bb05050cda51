"""Doubts: what leaves it open whether a value that was read from a text is the one meant. Typed, for a scorer to weigh."""

from __future__ import annotations

from typing import Final, Literal

Doubt = Literal[
    "ambiguous_separator",  # `1.234 €`: thousands or decimals
    "ambiguous_scale",  # `5 mil`: thousand in Spanish, million in Czech
    "ambiguous_order",  # `03/04/2021`: day first or month first
    "ambiguous_century",  # `3.4.21`
    "other_calendar",  # `1403/05/12`: a year of the Iranian calendar, as likely as one of ours
    "partial",  # `£1 10s`, `CR 500.00`, one of a net and a gross price: more stands there than the number says
    "approximate",  # `about 300`, `circa 1850`
    "bound",  # `from 20 €`, `over 300`, `before 1850`: a limit, and not the value
    "change",  # `down 4 %`, `rose £2m`, `loss of $2m`: by how much something has changed, or less than nothing
    "hypothetical",  # `target: 500`, `500 if the merger goes ahead`: it is not so yet
    "range",  # `10–20`: one of its ends
    "several",  # one of several values of the kind, none marked as the one meant
    "bracketed",  # `(1,200)` in running text: minus, or an aside
    "scale_from_label",  # the scale word stands in the key, the head cell or the caption
    "unit_from_label",  # the unit does
    "unit_unstated",  # the field asks for a unit, and neither the text nor its label names one
    "unit_unasked",  # the text names a unit, and the field does not say which it wants
    "converted",  # from another unit of the kind
    "percent",  # `25 %` for a field that does not speak of a share
    "yearlike",  # a bare number that may be a year
    "unread_neighbour",  # a word or sign beside the value that is not understood
    "qualified",  # `Yes, but …`, `Mostly`: the answer holds in part
    "negated",  # a negation stands near: the value was read as the opposite of a word that stands there
    "part_of_sentence",  # the value is a piece of a longer text
    "unlikely_kind",  # the text is not of the kind that such a field has: an author with digits in the name
]

NONE: Final[frozenset[Doubt]] = frozenset()

OPEN: Final[frozenset[Doubt]] = frozenset(
    (
        *("ambiguous_separator", "ambiguous_scale", "ambiguous_order", "ambiguous_century"),
        *("bound", "change", "range", "several", "bracketed", "unlikely_kind", "unit_unstated", "unread_neighbour"),
        *("other_calendar", "partial", "hypothetical"),
    )
)
"""Doubts of which each leaves the value itself open: such a value is never of high confidence."""

UNSURE: Final[frozenset[Doubt]] = frozenset(
    (
        *("ambiguous_separator", "ambiguous_scale", "ambiguous_order", "bound", "change", "range", "bracketed", "unit_unstated"),
        *("qualified", "other_calendar", "partial", "hypothetical"),
    )
)
"""Doubts of which each says that another value is about as likely: such a value is of low confidence."""
