"""`--private COLUMN`: the column stays in the table, and nothing that a model, a provider or a log gets is made from it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from flows_doubles import OBJECTIVE, SCHEMA

from flows.run.request import Request
from flows.run.task_labels import row_label
from research.errors import InvalidTable
from research.models.claude import messages
from research.steps.keys import Keys
from research.steps.row_cells import UnnamedCells

HIDDEN = "Zanzibar-Quorum"
COLUMNS = {"code": [HIDDEN, "other"], "name": ["Planet 0", "Planet 0"], "ring": ["broad", "broad"]}


def request(folder: Path, **options: Any) -> Request:
    table = folder / "planets.csv"
    pd.DataFrame(COLUMNS).to_csv(table, index=False)
    given = {"query": None, "limit": None, "objective": OBJECTIVE, "objective_column": None, "output_schema": SCHEMA}
    return Request.check(table=str(table), **{**given, **options})


def rows(of: Request) -> list[dict[str, Any]]:
    return [{name: cells[place] for name, cells in COLUMNS.items()} for place in range(of.table.row_count)]


@pytest.mark.parametrize("objective", [OBJECTIVE, "How many moons?", None])
def test_a_private_column_is_in_no_task_prompt_key_or_name(tmp_path: Path, objective: str | None) -> None:
    """Rows that differ in it alone are the same work, and are paid for once."""
    asked = request(tmp_path, private=["code"], objective=objective)
    first, second = rows(asked)
    task = asked.task(0, first)
    said = [task.model_dump_json(), messages.task_message(task, date(2026, 1, 1)), asked.question(0, first)]
    said += [row_label(0, asked.visible(first)), str(asked.content)]
    assert not [text for text in said if HIDDEN in text]
    assert Keys.of(task, "world").row() == Keys.of(asked.task(1, second), "world").row()
    assert "code" in asked.table.schema.names, "it stays in the table"
    assert asked.content["private"] == ["code"]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"objective": "Where is {code}?"}, "the objective names it"),
        ({"objective": None, "objective_column": "code"}, "the objective names it"),
        ({"start_url": "https://x.example/{code}"}, "start_url names it"),
        ({"private": ["cod"]}, 'did you mean "code"'),
    ],
)
def test_what_is_made_from_a_private_column_is_refused_before_anything_is_spent(
    tmp_path: Path, options: dict[str, Any], names: str
) -> None:
    with pytest.raises(InvalidTable, match=names):
        request(tmp_path, **{"private": ["code"], **options})


def test_queries_may_hold_the_columns_that_the_template_names(tmp_path: Path) -> None:
    """And no others; without a template those whose name or value the objective says; where it says none, all."""
    first = rows(asked := request(tmp_path))[0]
    cells = UnnamedCells(asked.task(0, first))
    assert cells.found_in("moons of Planet 0") is None
    assert cells.found_in(f"moons of planet 0 {HIDDEN.lower()}") == "code"
    assert cells.found_in("zanzibar: QUORUM!") == "code"
    assert cells.without("Planet 0 Zanzibar Quorum moons") == "Planet 0 moons"
    cells.publish("The Zanzibar-Quorum is a ring.")
    assert cells.found_in(HIDDEN) is None, "what a page says may be said"
    whole = request(tmp_path, objective="How many moons?")
    assert UnnamedCells(whole.task(0, first)).found_in(HIDDEN) is None
    named = request(tmp_path, objective="How many moons has the planet of this name?")
    assert UnnamedCells(named.task(0, first)).found_in(HIDDEN) == "code"


def test_long_cells_numbers_and_addresses_are_found_in_parts() -> None:
    from research.task.task import Task

    row = {
        "firm": "Acme",
        "notes": "Met them in May; they plan to merge with Globex this year. Offer: 4,500,000.",
    }
    cells = UnnamedCells(Task.model_validate({"task": "Who runs Acme?", "input": {**row, "mail": "jo@acme.invalid"}}))
    assert cells.found_in("they plan to merge with Globex") == "notes"
    assert cells.found_in("acme 4500000") == "notes"
    assert cells.found_in("JO@acme.invalid") == "mail"
    assert cells.found_in("who runs Acme, and since when") is None
