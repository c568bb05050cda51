"""Values that are called stated: whether their excerpts state them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import pyarrow as pa

from research.tables.layout.result_columns import ResultColumns
from research.values.values import places

_Parts = list[tuple[str, Any, Mapping[str, Any]]]


def not_stated(columns: ResultColumns, results: pa.Table, basis: pa.Table) -> Iterator[tuple[int, str, Any]]:
    """Row index, path and value of the basis rows that say `stated` of a value that their excerpt does not state.

    Moments (`format: date-time`) are passed over: a column keeps them in UTC, and a page states them in its own time.
    """
    place_of = {row: place for place, row in enumerate(results[columns.row_index].to_pylist())}
    values = {output.field: output.json_values(results[output.column]) for output in columns.outputs}
    schemas = {output.field: output.schema for output in columns.outputs}

    @lru_cache(maxsize=4096)
    def parts(row: int, field: str) -> dict[str, tuple[Any, Mapping[str, Any]]]:
        return {path: (value, schema) for path, value, schema in _parts(field, values[field][place_of[row]], schemas[field])}

    claims = basis.select(["row_index", "field", "excerpt", "support"]).to_pylist()
    for claim in claims:
        row, path, field = claim["row_index"], claim["field"], columns.field_of(claim["field"])
        if claim["support"] != "stated" or claim["excerpt"] is None or field is None or row not in place_of:
            continue
        value, schema = parts(row, field).get(path, (None, {}))
        if schema.get("format") == "date-time" or _stands(path, value, schema, claim["excerpt"]):
            continue
        yield row, path, value


def _stands(path: str, value: Any, schema: Mapping[str, Any], excerpt: str) -> bool:
    if isinstance(value, str) and value and value in excerpt:  # most do, letter for letter; the rule takes 50 times as long
        return True
    return bool(places(value, schema, excerpt, path.rpartition(".")[2]))


def _parts(path: str, value: Any, schema: Mapping[str, Any]) -> _Parts:
    """A value and its parts, each with its path and its schema ({} where unions or the like hide it)."""
    found: _Parts = [(path, int(value) if isinstance(value, float) and value.is_integer() else value, schema)]
    if isinstance(value, Mapping):
        for name, item in value.items():
            found += _parts(f"{path}.{name}", item, _inner(schema, "properties", name))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            found += _parts(f"{path}.{place}", item, _inner(schema, "items"))
    return found


def _inner(schema: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    inner: Any = schema
    for key in keys:
        inner = inner.get(key) if isinstance(inner, Mapping) else None
    return inner if isinstance(inner, Mapping) else {}
