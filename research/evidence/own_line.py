"""Own lines: whether a yes or a no stands on a line that speaks of its field, and not on a neighbour's."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from research.evidence.passages import Span
from research.evidence.ranking import words
from research.output_schema.output_spec import Field
from research.ports.page import Passage
from research.values.answers import opposite
from research.values.names import spaced

_EMPTY: Final = frozenset(
    words(
        "is are was were be been has have had can could does do did will would may whether it its the a an of in on at to for "
        "from by with and or if any all not no yes true false this that there which who what when where how"
    )
)
"""Words of a field's name or description that tell nothing of what it asks."""
_ENOUGH: Final = 2
"""Words of a description that must stand on a line which has no word of the field's name."""


def speaks_of(field: Field, text: str) -> bool:
    """Whether a text speaks of a field: it has a telling word of its name or the opposite of one (`uncrewed` of `crewed`), or two
    of its description."""
    said = words(text)
    there = {*said, *map("".join, pairwise(said))}  # `Wi-Fi` is `wifi`
    label = spaced(field.name)
    name = {*words(label)} - _EMPTY
    if name & there or any(opposite(word, [*name]) for word in there) or (len(name) > 1 and label.replace(" ", "") in there):
        return True
    about = {*words(field.description)} - _EMPTY - name
    return len(about & there) >= min(_ENOUGH, len(about) or _ENOUGH)


def own_places(field: Field, passage: Passage, units: Sequence[Span], places: Sequence[Span]) -> list[Span]:
    """Of the places of a yes or a no in a passage, those on a line that speaks of the field. A line is read with the heading
    above it and the question before it, a table's cell with its head and the first cell of its row."""
    return [place for place in places if speaks_of(field, _line(passage, units, place))]


def _line(passage: Passage, units: Sequence[Span], place: Span) -> str:
    text = passage.text
    at = next((n for n, (start, end) in enumerate(units) if start <= place[0] < end), None)
    if at is None:
        return text
    start, end = units[at]
    if passage.kind == "table":
        column = text.count("|", start, place[0]) - (text[start] == "|")
        cells = [cell.strip() for cell in text[start:end].strip("| ").split("|")]
        head = [cell.strip() for cell in (passage.columns or text[slice(*units[0])]).strip("| ").split("|")]
        return " ".join(
            [*head[column : column + 1], *(cells[:1] if column else []), cells[column] if column < len(cells) else ""]
        )
    before = text[slice(*units[at - 1])] if at else ""
    asked = before if before.rstrip().endswith(("?", ":")) else ""
    return f"{passage.heading.rpartition(' > ')[2]}\n{asked}\n{text[start:end]}"
