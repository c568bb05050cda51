"""What a page says under a field's own key and is no value of the field: said in the reason of an empty cell, so that a person
sees that the page was understood, and what the schema would have to ask for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from research.faults import shortened
from research.models.keyless.candidates import Asked, unfit_facts
from research.models.keyless.questions import Question
from research.models.keyless.reading import Reading
from research.values.dates import dates

_SHOWN: Final = 60
_WANTED: Final = {
    "date": "no date: the field asks for a day (YYYY-MM-DD)",
    "year": "no year",
    "number": "no number",
    "integer": "no whole number",
    "boolean": "neither yes nor no",
    "enum": "none of the values that the schema allows",
}
_PART_OF_A_DATE: Final = "no whole date, which the field asks for (YYYY-MM-DD). An integer field, or a text, would take it"


def why_unfit(question: Question, pages: Iterable[tuple[str, Asked, Reading]]) -> str:
    """A sentence on the first such text; "" if there is none.

    Args:
        pages: each with its title, and the question as it is asked of it.
    """
    for title, asked, reading in pages:
        for fact, text in unfit_facts(asked, reading):
            wanted = _WANTED.get(question.kind)
            if question.kind == "date" and any(date.day is None for date in dates(text)):
                wanted = _PART_OF_A_DATE
            if wanted is not None:
                where = f"“{title}” says" if title else "A page says"
                return f"{where} `{fact.key}: {shortened(text, _SHOWN)}`: {wanted}."
    return ""
