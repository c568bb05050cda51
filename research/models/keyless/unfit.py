"""What a page says under a field's own key and is no value of the field: said in the reason of an empty cell, so that a person
sees that the page was understood, and what the schema would have to ask for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from research.faults import shortened
from research.models.keyless.candidates import Asked, gate_of, setting_of
from research.models.keyless.casting import cast
from research.models.keyless.keys import affinity
from research.models.keyless.questions import Question, item_of
from research.models.keyless.reading import Reading

OWN_KEY: Final = 0.8
"""A key that fits a field so well is the field's own."""
MIN_GATE: Final = 0.5
"""What is as surely as this about the entity is named."""
_NEVER_ITEMS: Final = ("object", "list")
"""What no item of a list is read as: a text tells neither which part is which, nor where an item ends."""
_WANTED: Final = {
    "date": "no date: the field asks for a day (YYYY-MM-DD)",
    "year": "no year",
    "number": "no number",
    "integer": "no whole number",
    "boolean": "neither yes nor no",
    "enum": "none of the values that the schema allows",
}


def why_unfit(question: Question, pages: Iterable[tuple[str, Asked, Reading]]) -> str:
    """A sentence on the first such text, or on why none could be; "" if there is neither. Each page comes with its title, and the
    question as it is asked."""
    if question.kind == "object" or (question.kind == "list" and item_of(question).kind in _NEVER_ITEMS):
        what = "lists of objects or of lists" if question.kind == "list" else "objects whose properties the schema does not name"
        return f"The keyless model does not fill {what}: ask for fields of their own, or use a language model."
    facts = ((title, asked, reading, fact) for title, asked, reading in pages for fact in reading.facts)
    for title, asked, reading, fact in facts if question.kind in _WANTED else ():
        if fact.origin == "list" or affinity(question, fact) < OWN_KEY or gate_of(asked, reading, fact)[0] < MIN_GATE:
            continue
        if not any(cast(question, value, setting_of(fact, reading)) for value in fact.values):
            where = f"“{title}” says" if title else "A page says"
            return f"{where} `{fact.key}: {shortened(fact.values[0], 60)}`: {_WANTED[question.kind]}."
    return ""
