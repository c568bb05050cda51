"""A cell as text, and back; and the key of an input row. What people see, sort and correct is text in one form everywhere.

| the column holds | its text |
|---|---|
| text, dates, moments | as it is |
| all else: numbers, yes and no, lists, objects, JSON text | JSON |
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa

from research.identity import content_key
from research.tables.layout.columns import JSON_TEXT

_KEY_DIGITS: Final = 16


def is_json(column: pa.Field[Any]) -> bool:
    """Whether the text of an output column's cells is JSON."""
    kind = column.type
    plain = pa.types.is_string(kind) or pa.types.is_date(kind) or pa.types.is_timestamp(kind)
    return not plain or (column.metadata or {}).items() >= JSON_TEXT.items()


def cell_text(column: pa.Field[Any], value: Any) -> str | None:
    """The text of a value, None of an empty cell.

    Args:
        column: the output column.
        value: as `OutputColumn.json_values` gives it.
    """
    if value is None:
        return None
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) if is_json(column) else str(value)


def value_of(column: pa.Field[Any], text: str | None) -> Any:
    """The JSON value that a text stands for in an output column.

    Raises:
        ValueError: the text is not JSON, where the column's text is.
    """
    return json.loads(text) if text is not None and is_json(column) else text


def row_key(cells: Mapping[str, Any]) -> str:
    """What an input row is known by, whatever its place: 16 hex digits of the hash of its cells.

    Args:
        cells: as `json_rows` gives them.
    """
    return content_key("row", cells=dict(cells))[:_KEY_DIGITS]
