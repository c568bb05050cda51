"""JSON lines, and JSON arrays of objects: which keys there are, and the types that give back every value as it was written."""

# ruff: noqa: S608 (the SQL is made of our own names and of quoted ones)

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from research.errors import InvalidTable
from research.faults import pointer
from research.tables.inputs.copies import Scratch, Spool
from research.tables.inputs.database import connection, literal, reason, spooled
from research.tables.inputs.json_digits import with_long_numbers_as_text
from research.tables.inputs.json_values import is_too_deep

_MAX_OBJECT_BYTES: Final = 16 << 20
_MAX_WHOLE_BYTES: Final = 1 << 29
"""Of an object around all rows."""
_KEYS_LOOKED_AT: Final = 50
"""Of each object in which a list of rows is looked for."""
_OBJECTS_LOOKED_INTO: Final = 50
_MOST_LEVELS: Final = 4
"""Objects inside each other, in which a list of rows is looked for."""
_OF_OBJECTS: Final = ("ARRAY", ["OBJECT"])
_IN_BRACKETS: Final = "If the object is the one row, put it in brackets: [{…}]"
_NEWLINE: Final = b"\n"
_DEEPEST: Final = 900
_HALF: Final = re.compile(
    rb"(?<!\\)(?:\\\\)*(?:\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]..)\\u[dD][c-fC-F][0-9a-fA-F]{2})"
)
_QUOTED: Final = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKETS: Final = re.compile(rb"[][{}]")
_EXACT: Final = 2**53
"""A double holds every whole number up to here."""


def read_json(path: Path, scratch: Scratch, shown: str, suffix: str, rows_at: str = "") -> tuple[Spool, list[str], list[str]]:
    """The rows of a UTF-8 file of JSON objects, the names of all their keys in the order in which they first stand there, and
    warnings.

    A key that an object lacks is null. Text stays text, even if it looks like a date. Whole numbers are BIGINT, mixed numbers
    DOUBLE, NaN is null; a number that a double would round is text; lists and objects keep their form. A column in which that
    would change a value (a 25-digit number, text beside numbers, lists of different things) becomes text: strings as they are,
    anything else as JSON.

    Args:
        rows_at: a JSON Pointer to the list that holds the rows, in each value of the file.

    Raises:
        InvalidTable: there is no object, a line is not JSON or not an object, a key stands twice in one, or a `.json` file holds
            one object that is more likely around the rows than a row.
    """
    by_line = suffix != ".json" and _first_byte(path) != b"["
    long_numbers = with_long_numbers_as_text(path, scratch.new("numbers"))
    source, told = (long_numbers.path, [long_numbers.warning]) if long_numbers else (path, [])
    try:
        try:
            rows, names, warnings = _read(source, scratch, shown, suffix, rows_at, keeps_form=True)
        except (duckdb.InternalError, pa.ArrowInvalid) as exc:
            if (why := json_fault(path, by_line=by_line)) is not None:
                raise InvalidTable(f"{shown}{why}") from exc
            # Lists or objects stand deep in each other: Parquet holds some 45, Arrow types 64 of them, and looking for more ends
            # DuckDB's database.
            rows, names, warnings = _read(source, scratch, shown, suffix, rows_at, keeps_form=False)
    except duckdb.Error as exc:
        why = json_fault(path, by_line=by_line) or f": {reason(exc)}"
        raise InvalidTable(f"{shown}{why}") from exc
    return rows, names, [*warnings, *told]


def _read(
    path: Path, scratch: Scratch, shown: str, suffix: str, rows_at: str, *, keeps_form: bool
) -> tuple[Spool, list[str], list[str]]:
    """What `read_json` gives.

    Args:
        keeps_form: whether lists and objects keep their form where they can, or are JSON text.
    """
    with connection() as con:
        warnings = _make_objects(con, path, suffix, shown, rows_at)
        names = _names(con, shown)
        columns = [f"{_column(con, name, keeps_form=keeps_form)} AS c{index}" for index, name in enumerate(names)]
        rows = con.sql(f"SELECT {', '.join(columns)} FROM objects")
        if keeps_form and any(is_too_deep(kind) for kind in rows.limit(0).to_arrow_table().schema.types):
            raise pa.ArrowInvalid("nested too deep for Parquet")
        return spooled(rows, scratch), names, warnings


def _make_objects(con: duckdb.DuckDBPyConnection, path: Path, suffix: str, shown: str, rows_at: str) -> list[str]:
    """The view `objects`, a JSON value a row. Returns warnings."""
    in_brackets = _first_byte(path) == b"["
    layouts = ["array"] if in_brackets else ["unstructured"]
    if suffix != ".json" and not in_brackets and not rows_at:
        layouts = ["newline_delimited", *layouts]  # lines can be read side by side; objects over several lines cannot
    for layout in layouts:
        most = _MAX_OBJECT_BYTES
        if layout == "unstructured":
            most = min(max(most, path.stat().st_size + 1), _MAX_WHOLE_BYTES)
        values = f"read_json_objects({literal(str(path))}, format = '{layout}', maximum_object_size = {most})"
        con.execute(f"CREATE OR REPLACE TEMP VIEW objects AS SELECT json FROM {values}")
        try:
            con.sql("SELECT count(json) FROM objects").fetchall()
            break
        except duckdb.Error:
            if layout == layouts[-1]:
                raise
    warnings = []
    if suffix == ".json" and not in_brackets and not rows_at:
        found_at = _list_of_rows(con, shown)
        rows_at = found_at or ""
        if rows_at:
            warnings.append(f"the rows are the list at {rows_at}, which is all that the file's one object holds")
        elif found_at is not None:
            warnings.append("holds one object, which was read as the one row")
    if rows_at:
        found = f"json_extract(json, {literal(rows_at)})"
        kinds = con.sql(f"SELECT DISTINCT coalesce(json_type({found}), 'nothing') FROM objects").fetchall()
        if kinds != [("ARRAY",)]:
            raise InvalidTable(f"{shown}: what stands at {rows_at} is {', '.join(kind.lower() for (kind,) in kinds)}, not a list")
        rows = f"SELECT unnest(from_json({found}, '[\"JSON\"]')) AS json FROM {values}"
        con.execute(f"CREATE OR REPLACE TEMP VIEW objects AS {rows}")
    return warnings


def _first_byte(path: Path) -> bytes:
    """The first byte that is not white space."""
    with path.open("rb") as stream:
        while byte := stream.read(1):
            if not byte.isspace():
                return byte
    return b""


def _list_of_rows(con: duckdb.DuckDBPyConnection, shown: str) -> str | None:
    """The JSON Pointer of the list that is all a file's one object holds; "" if the object is a row; None if there is no object,
    or more than one.

    Raises:
        InvalidTable: the object may be a row or something around the rows.
    """
    if con.sql("SELECT json_type(json) FROM objects LIMIT 2").fetchall() != [("OBJECT",)]:
        return None
    kinds, lists, is_alone = _lists_of_objects(con)
    if len(lists) == 1 and is_alone:
        return lists[0]
    if lists:
        raise InvalidTable(
            f"{shown}: holds one object with a list of objects in it. If the list has the rows, name it: "
            f"{' or '.join(f'{shown}::{at}' for at in lists)}. {_IN_BRACKETS}"
        )
    if kinds and kinds <= {"ARRAY", "OBJECT"}:
        raise InvalidTable(
            f"{shown}: holds one object of lists and objects, not a list of rows. Write one object for each row "
            f"(pandas: to_json(orient='records')). {_IN_BRACKETS}"
        )
    return ""


def _lists_of_objects(con: duckdb.DuckDBPyConnection) -> tuple[set[str], list[str], bool]:
    """The kinds of a file's one object's values; the JSON Pointers of lists of objects in it, the shallowest first; whether no
    object above the first of them holds anything else."""
    kinds: set[str] = set()
    lists: list[str] = []
    is_alone = True
    level = [""]
    for depth in range(_MOST_LEVELS):
        below: list[str] = []
        for above in level[:_OBJECTS_LOOKED_INTO]:
            [(keys,)] = con.sql(f"SELECT json_keys(json, {literal(above)}) FROM objects").fetchall()
            parts = [above + pointer([key]) for key in list(dict.fromkeys(keys))[:_KEYS_LOOKED_AT]]
            if not parts:
                continue
            found = con.sql(f"SELECT {', '.join(map(_kind_of, parts))} FROM objects").fetchall()[0]
            kinds |= {kind for kind, _ in zip(found[::2], parts, strict=True) if not depth}
            new = [part for part, kind, items in zip(parts, found[::2], found[1::2], strict=True) if (kind, items) == _OF_OBJECTS]
            is_alone = is_alone and (bool(lists) or len(keys) == 1)
            lists += new
            below += [part for part, kind in zip(parts, found[::2], strict=True) if kind == "OBJECT"]
        level = below
    return kinds, lists, is_alone


def _kind_of(at: str) -> str:
    """The SQL of a value's kind, and of the kinds of its items."""
    value = f"json_extract(json, {literal(at)})"
    return (
        f"json_type({value}), list_distinct(list_transform(from_json(CASE json_type({value}) WHEN 'ARRAY' THEN {value} ELSE '[]' "
        "END, '[\"JSON\"]'), lambda item: json_type(item)))"
    )


def _names(con: duckdb.DuckDBPyConnection, shown: str) -> list[str]:
    other = con.sql(
        "SELECT row_number, kind FROM (SELECT row_number() OVER () AS row_number, json_type(json) AS kind FROM objects) "
        "WHERE kind <> 'OBJECT' ORDER BY row_number LIMIT 1"
    ).fetchall()
    if other:
        kind = {"VARCHAR": "a text", "ARRAY": "a list", "BOOLEAN": "true or false", "NULL": "null"}.get(other[0][1], "a number")
        raise InvalidTable(f"{shown}, value {other[0][0]}: is {kind}, not an object with the names of the columns")
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


def _column(con: duckdb.DuckDBPyConnection, name: str, *, keeps_form: bool) -> str:
    """The SQL that reads one key, typed so that no value changes."""
    value = f"json_extract(json, {literal(pointer([name]))})"
    kinds, exact_bigint, exact_double = con.sql(
        "SELECT coalesce(list(DISTINCT json_type(v)), []), "
        "coalesce(bool_and(TRY_CAST(t AS BIGINT)::VARCHAR IS NOT DISTINCT FROM t), false), "
        f"coalesce(bool_and(NOT regexp_full_match(t, '-?[0-9]+') OR abs(TRY_CAST(t AS HUGEINT)) <= {_EXACT}) "
        "AND bool_and(isfinite(TRY_CAST(t AS DOUBLE)) OR NOT regexp_matches(t, '[0-9]')), false) "
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
    if keeps_form and found in ({"ARRAY"}, {"OBJECT"}):
        if (structure := _structure(con, value)) is None:
            return text
        typed = f"from_json({value}, {literal(structure)})"
        if _survives(con, value, typed):
            return typed
    return text


def _survives(con: duckdb.DuckDBPyConnection, value: str, typed: str) -> bool:
    """Whether all values of a column are the same in a type. Names that differ in upper and lower case alone have none."""
    same = f"SELECT bool_and(to_json({typed})::VARCHAR = json({value})::VARCHAR) FROM objects WHERE json_type({value}) <> 'NULL'"
    try:
        [(found,)] = con.sql(same).fetchall()
    except (duckdb.BinderException, duckdb.InvalidInputException):
        return False
    return bool(found)


def _structure(con: duckdb.DuckDBPyConnection, value: str) -> str | None:
    """What all values of a column have in common, as DuckDB writes it; None if Arrow has no type for it."""
    try:
        [(found,)] = con.sql(f"SELECT json_group_structure({value}) FROM objects").fetchall()
    except duckdb.InternalError:
        raise
    except duckdb.Error:
        return None
    structure: str = found
    return structure if _sound(json.loads(structure)) else None


def _sound(structure: object) -> bool:
    """Whether a structure names only what Arrow types: nothing of mixed kinds, no list or object that is always empty, no name
    with a NUL in it."""
    if isinstance(structure, dict):
        return bool(structure) and all("\0" not in name and _sound(part) for name, part in structure.items())
    if isinstance(structure, list):
        return all(_sound(part) for part in structure)
    return structure not in ("JSON", "NULL")


def json_fault(path: Path, *, by_line: bool) -> str | None:
    """Where a file is not JSON and why, as the end of a sentence that begins with its name; None if Python reads it.

    DuckDB 2.0 counts lines from elsewhere, and says of a comma too many that input is missing.
    """
    with path.open("rb") as stream:
        if not by_line and path.stat().st_size > _MAX_WHOLE_BYTES:
            return None
        for number, part in enumerate(stream if by_line else [stream.read()], 1):
            try:
                if part.strip():
                    json.loads(part.rstrip())
                    if half := _HALF.search(part):
                        line = number if by_line else part.count(_NEWLINE, 0, half.start()) + 1
                        return f", line {line}: holds half of a character ({half[0].decode()} without its other half)"
            except json.JSONDecodeError as exc:
                line = number if by_line else exc.lineno
                return f", line {line}, column {exc.colno}: is not JSON: {exc.msg}{_hint(part, exc)}"
            except UnicodeDecodeError as exc:
                return f", line {number if by_line else part.count(_NEWLINE, 0, exc.start) + 1}: is not UTF-8: {exc.reason}"
            except RecursionError:
                return f"{f', line {number}' if by_line else ''}: is nested too deep"
            if _depth(part) > _DEEPEST:  # newer versions of Python read it, and DuckDB 2.0 ends with a fatal error
                return f"{f', line {number}' if by_line else ''}: is nested too deep"
    return None


def _depth(text: bytes) -> int:
    """How deep lists and objects stand in each other."""
    depth = deepest = 0
    for mark in _BRACKETS.findall(_QUOTED.sub(b"", text)):
        depth += 1 if mark in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _hint(part: bytes, exc: json.JSONDecodeError) -> str:
    """What is probably wrong there."""
    before, at, behind = exc.doc[: exc.pos].rstrip()[-1:], exc.doc[exc.pos : exc.pos + 1], exc.doc[exc.pos + 1 :].lstrip()[:1]
    # From Python 3.13 on, the place is the comma's own.
    if (before == "," and at in ("]", "}", "")) or (at == "," and behind in ("]", "}")):
        return ". A comma stands behind the last value"
    if exc.msg == "Extra data" and at in (",", "["):
        return ". In lines of JSON nothing stands between them" if at == "," else ". Each row must be an object with names: {…}"
    if at == "<":
        return ". It may be HTML or XML, as a page with an error is"
    if at == "\x1e":
        return ". Take the record separators (RFC 7464) away"
    if exc.pos == len(exc.doc) - len(exc.doc.lstrip()) and re.match(r"(?:/\*.*?\*/\s*)?[\w.$]+\(", exc.doc[exc.pos :], re.S):
        return ". The call of a function stands around it: keep only what is in its brackets"
    if at == "/":
        return ". JSON has no comments"
    return ". Text stands in double quotes" if at == "'" else ""
