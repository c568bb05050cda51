"""What is looked for: conditions, each a field that is researched for every candidate and a test of the value."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, model_validator

from research.records import Record
from research.values.dates import PARTIAL_DATE

MAX_CONDITIONS: Final = 12
MAX_TEXT: Final = 500
"""Characters of a condition in words."""

RESERVED: Final = frozenset(("name", "url", "title", "mention", "reason", "row_index"))
"""Columns of the tables of candidates and of what was found."""

Kind = Literal["yes", "date", "number", "text"]

_DAY: Final = r"^\d{4}-\d{2}-\d{2}$"


class Condition(Record):
    """One condition. Its value is looked up for every candidate, with evidence; whether the value will do is decided by code."""

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,59}$")
    """Names the output field."""
    description: str = Field(min_length=1, max_length=MAX_TEXT)
    """The condition in words: `launched before 1980`."""
    kind: Kind = "yes"
    """`yes`: whether it is so. Else what is looked up is a date, a number or a text, which is compared."""
    value: str = Field(default="", max_length=MAX_TEXT)
    """What is looked up, in words: `when it was launched`, `launch mass in kg`. "" for `yes`."""
    after: Annotated[str, Field(pattern=_DAY)] | None = None
    """The first day that meets it."""
    before: Annotated[str, Field(pattern=_DAY)] | None = None
    """The last day that meets it."""
    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None
    """Bounds of a number: `least` and `most` belong to it, `above` and `below` do not."""
    one_of: tuple[str, ...] = ()
    """Texts, one of which the value has to be, or to hold word by word."""

    @model_validator(mode="after")
    def _has_a_test(self) -> Self:
        tests: dict[Kind, bool] = {
            "yes": True,
            "date": self.after is not None or self.before is not None,
            "number": any(bound is not None for bound in (self.least, self.most, self.above, self.below)),
            "text": any(text.strip() for text in self.one_of),
        }
        if not tests[self.kind]:
            raise ValueError(f"a condition on a {self.kind} needs a bound: {_BOUNDS[self.kind]}")
        for day in (self.after, self.before):
            if day is not None:
                date.fromisoformat(day)
        return self

    def field(self) -> dict[str, Any]:
        """The JSON Schema of what is looked up. A date may be a year, or a month of a year, as the page says it."""
        about = self.value or self.description
        if self.kind == "date":
            as_exact = f"{about}: YYYY-MM-DD, YYYY-MM or YYYY, as exactly as the page says it"
            return {"type": "string", "pattern": PARTIAL_DATE, "description": as_exact}
        return {"type": {"yes": "boolean", "number": "number"}.get(self.kind, "string"), "description": about}


_BOUNDS: Final = {"date": "after or before", "number": "least, most, above or below", "text": "one_of", "yes": ""}


class FindPlan(Record):
    """What is looked for."""

    kind: str = ""
    """What a row is: `space probes`. "" if the objective does not tell."""
    conditions: tuple[Condition, ...] = Field(min_length=1, max_length=MAX_CONDITIONS)

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [condition.name.casefold() for condition in self.conditions]
        columns = [*names, *(f"{name}_{part}" for name in names for part in ("confidence", "excerpt", "url")), *RESERVED]
        if len(set(columns)) < len(columns):
            raise ValueError("each condition needs a name of its own, which no column of the tables has")
        return self

    def output_schema(self) -> dict[str, Any]:
        """The output schema by which a candidate is judged."""
        return {
            "type": "object",
            "properties": {each.name: each.field() for each in self.conditions},
            "required": [each.name for each in self.conditions],
            "additionalProperties": False,
        }


def field_name(text: str, taken: Iterable[str] = ()) -> str:
    """A field's name made of words, which no other has."""
    stem = re.sub(r"[^a-z0-9]+", "_", text.casefold()).strip("_")
    stem = stem if stem[:1].isalpha() else f"is_{stem}".rstrip("_")
    stem = stem[:50].rstrip("_")
    others, name, number = {each.casefold() for each in taken} | RESERVED, stem, 2
    while name in others:
        name, number = f"{stem}_{number}", number + 1
    return name
