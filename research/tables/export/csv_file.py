"""A run as CSV. What a spreadsheet would take for a formula is told to be text, unless plain CSV is asked for."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from research.tables.export.columns import ExportColumn, Role
from research.tables.export.rows import shards_of
from research.tables.inputs.json_values import json_value
from research.tables.run_folder.run_folder import RunFolder

_NUMBER: Final = re.compile(r"[+-]?\d+(?:[.,]\d+)*(?:[eE][+-]?\d+)?%?")
_FORMULA: Final = re.compile(r"'*[=+\-@\t\r]")
"""How a text begins that a spreadsheet takes for a formula; and one of which the reader could not tell that it was marked."""
_FORMULA_INSIDE: Final = re.compile(r"(?<=[;\t\r\n])(?=[=@]|[+-](?!\s)(?!\d[\d.,]*(?:[;\s]|\Z)))")
"""Where one begins for a program that divides the line at semicolons or tabs, or does not heed quotation marks."""
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def write_csv(folder: RunFolder, columns: Sequence[ExportColumn], target: Path, *, raw: bool, as_found: bool) -> int:
    """Write the file: a header, then a line a row. Lists and objects are JSON text. Returns the number of rows.

    Args:
        raw: for programs: UTF-8 without a mark, and every text as it is. Otherwise the file begins with the mark by which Excel
            knows UTF-8, and a text that a spreadsheet would run or choke on is changed: see `harmless`.
    """
    count = 0
    change = str if raw else harmless
    encoding = "utf-8" if raw else "utf-8-sig"
    with target.open("w", encoding=encoding, errors="replace", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([change(column.name) for column in columns])
        for shard in shards_of(folder, as_found=as_found):
            texts = [[_cell(value, column, raw) for value in shard.values(column)] for column in columns]
            writer.writerows(zip(*texts, strict=True))
            count += len(shard.rows)
    return count


def harmless(text: str) -> str:
    """A text that no spreadsheet runs. Where a formula would begin (`= + - @`, a tab, a carriage return), an apostrophe stands
    before it, as spreadsheets mark text; take one away to have the text back. A number stays as it is. Control characters, which
    end a cell or a file for some programs, are written as their pictures (␀)."""
    if _CONTROL.search(text):
        text = _CONTROL.sub(lambda found: chr(0x2400 + ord(found[0])), text)
    if _FORMULA.match(text) and not _NUMBER.fullmatch(text):
        text = "'" + text
    return _FORMULA_INSIDE.sub("'", text)


def as_text(value: Any) -> str:
    """A value as a text file has it."""
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        case int() | float() | Decimal():
            return str(value)
        case date() | datetime() | time() | timedelta():
            return str(json_value(value) or "")
        case bytes():
            return value.hex()
    return json.dumps(value if isinstance(value, list | dict) else json_value(value), ensure_ascii=False)


def _cell(value: Any, column: ExportColumn, raw: bool) -> str:
    if column.role is Role.SOURCES:
        value = " ".join(url.replace(" ", "%20") for url in value)
    is_number = isinstance(value, int | float | Decimal) and math.isfinite(value)
    return as_text(value) if raw or is_number else harmless(as_text(value))
