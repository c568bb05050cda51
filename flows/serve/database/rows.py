"""Rows of the database as records."""

from __future__ import annotations

from typing import Any, TypeVar

from sqlalchemy.engine import RowMapping

from research.records import Record

R = TypeVar("R", bound=Record)


def record_of(kind: type[R], row: RowMapping, **given: Any) -> R:
    """A record whose fields are the columns of their names, but for those that are given. Seconds since 1970 become times."""
    columns = {name: row[name] for name in kind.model_fields if name not in given}
    return kind.model_validate(columns | given)


def from_json(kind: type[R], text: str | None) -> R | None:
    """The record that a column holds; None where it is null."""
    return None if text is None else kind.model_validate_json(text)


def to_json(record: Record | None) -> str | None:
    """A record as a column holds it; None is null."""
    return None if record is None else record.model_dump_json()
