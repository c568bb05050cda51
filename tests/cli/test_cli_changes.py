"""What a refresh changed, as a table for people."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flows.cli.changes_shown import changes_table


def change(**key: Any) -> dict[str, Any]:
    return {
        "row_index": 0, "row_key": json.dumps(key), "field": "moons", "change": "changed", "old_value": "3", "new_value": "4",
        "why": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "heading", "names"),
    [
        ([change(id="007", planet="Ares")], "planet", ["Ares"]),
        ([change(id="007")], "id", ["007"]),
        ([change(id="007", year=1877)], "id, year", ["007, 1877"]),
        ([change(id="007", planet="Ares"), change(id="008", planet=None)], "planet, id", ["Ares", "008, –"]),
    ],
)
def test_a_row_stands_under_the_column_that_it_is_called_by(lines: list[dict[str, Any]], heading: str, names: list[str]) -> None:
    column = changes_table(lines, ["planet"]).columns[1]
    assert (str(column.header), [str(cell) for cell in column.cells]) == (heading, names)
