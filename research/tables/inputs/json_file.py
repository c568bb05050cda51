"""JSON lines, and JSON arrays of objects: which keys there are, and the types that give back every value as it was written."""

# ruff: noqa: S608 (the SQL is made of our own names and of quoted ones)

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Final

import duckdb

from research.errors import InvalidTable
from research.faults import pointer
from research.tables.inputs.copies import Scratch, Spool
from research.tables.inputs.database import connection, first_line, literal, spooled

_MAX_OBJECT_BYTES: Final = 16 << 20
_EXACT: Final = 2**53
"""A double holds every whole number up to here."""


def read_json(path: Path, scratch: Scratch, shown: str, suffix: str) -> tuple[Spool, list[str]]:
    """The rows of a UTF-8 file of JSON objects, and the names of all their keys in the order in which they first stand there.

    A key that an object lacks is null. Text stays text, even if it looks like a date. Whole numbers are BIGINT, mixed numbers
    DOUBLE; lists and objects keep their form. A column in which that would change a value (a 25-digit number, text beside
    numbers, lists of different things) becomes text: strings as they are, anything else as JSON.

    Raises:
        InvalidTable: there is no object, a line is not JSON or not an object, or a key stands twice in one.
    """
    with connection() as con:
        try:
            layout = _layout(path) if suffix == ".json" else "newline_delimited"
            con.execute(
                f"CREATE TEMP VIEW objects AS SELECT json FROM read_json_objects({literal(str(path))}, format = '{layout}', "
                f"maximum_object_size = {_MAX_OBJECT_BYTES})"
            )
            names = _names(con, shown)
            columns = [f"{_column(con, name)} AS c{index}" for index, name in enumerate(names)]
            return spooled(con.sql(f"SELECT {', '.join(columns)} FROM objects"), scratch), names
        except duckdb.Error as exc:
            # DuckDB 2.0 says the place in words only. It is shown; nothing is decided by it.
            line = re.search(r"in (?:line|record/value) (\d+)", str(exc))
            where = f"{shown}, line {line[1]}" if line else shown
            raise InvalidTable(f"{where}: {first_line(exc)}") from exc


def _layout(path: Path) -> str:
    """`array` for a file that begins with `[`, else one object after another."""
    with path.open("rb") as stream:
        while byte := stream.read(1):
            if not byte.isspace():
                return "array" if byte == b"[" else "unstructured"
    return "unstructured"


def _names(con: duckdb.DuckDBPyConnection, shown: str) -> list[str]:
    other = con.sql(
        "SELECT row_number, kind FROM (SELECT row_number() OVER () AS row_number, json_type(json) AS kind FROM objects) "
        "WHERE kind <> 'OBJECT' ORDER BY row_number LIMIT 1"
    ).fetchall()
    if other:
        raise InvalidTable(f"{shown}, value {other[0][0]}: is {str(other[0][1]).lower()}, not an object")
    numbered = "SELECT row_number() OVER () AS row_number, json_keys(json) AS keys FROM objects"
    twice = con.sql(f"SELECT row_number, keys FROM ({numbered}) WHERE len(keys) <> len(list_distinct(keys)) LIMIT 1").fetchall()
    if twice:
        [(row, keys)] = twice
        raise InvalidTable(f"{shown}, value {row}: has the key {Counter(keys).most_common(1)[0][0]!r} twice")
    found = con.sql(
        "SELECT key FROM (SELECT row_number, unnest(keys) AS key, unnest(range(len(keys))) AS place "
        f"FROM ({numbered})) GROUP BY key ORDER BY min((row_number, place))"
    ).fetchall()
    if not found:
        raise InvalidTable(f"{shown}: is empty; it must hold JSON objects with at least one key")
    return [key for (key,) in found]


def _column(con: duckdb.DuckDBPyConnection, name: str) -> str:
    """The SQL that reads one key, typed so that no value changes."""
    value = f"json_extract(json, {literal(pointer([name]))})"
    kinds, exact_bigint, exact_double, structure = con.sql(
        "SELECT coalesce(list(DISTINCT json_type(v)), []), "
        "coalesce(bool_and(TRY_CAST(t AS BIGINT)::VARCHAR IS NOT DISTINCT FROM t), false), "
        f"coalesce(bool_and(NOT regexp_full_match(t, '-?[0-9]+') OR abs(TRY_CAST(t AS HUGEINT)) <= {_EXACT}), false), "
        "json_group_structure(v) "
        f"FROM (SELECT v, v::VARCHAR AS t FROM (SELECT {value} AS v FROM objects) WHERE json_type(v) <> 'NULL')"
    ).fetchall()[0]
    text = f"CASE json_type({value}) WHEN 'NULL' THEN NULL WHEN 'VARCHAR' THEN {value} ->> '$' ELSE {value}::VARCHAR END"
    found = set(kinds)
    if found == {"BOOLEAN"}:
        return f"CAST({value} AS BOOLEAN)"
    if found and found <= {"BIGINT", "UBIGINT", "HUGEINT", "DOUBLE"}:
        if exact_bigint:
            return f"CAST({value} AS BIGINT)"
        return f"CAST({value} AS DOUBLE)" if exact_double else text
    if found in ({"ARRAY"}, {"OBJECT"}):
        typed = f"from_json({value}, {literal(structure)})"
        survives = con.sql(
            f"SELECT bool_and(to_json({typed})::VARCHAR = json({value})::VARCHAR) FROM objects WHERE json_type({value}) <> 'NULL'"
        )
        if _sound(json.loads(structure)) and survives.fetchall()[0][0]:
            return typed
    return text


def _sound(structure: object) -> bool:
    """Whether a structure names only what Arrow types: nothing of mixed kinds, no list or object that is always empty."""
    if isinstance(structure, dict):
        return bool(structure) and all(_sound(part) for part in structure.values())
    if isinstance(structure, list):
        return all(_sound(part) for part in structure)
    return structure not in ("JSON", "NULL")
