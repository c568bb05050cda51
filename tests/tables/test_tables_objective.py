"""Objectives: templates, columns, and rows that speak for themselves."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from research.errors import InvalidTable, InvalidTask
from research.output_schema.output_spec import OutputSpec
from research.tables.inputs.objective import Objective

SPEC = OutputSpec.parse({"operator": "who flies it", "launch_date": "date"})
SCHEMA = pa.schema({"mission": pa.string(), "year": pa.int64()})


def test_a_template_is_filled_from_the_row() -> None:
    objective = Objective("Who operates {mission}, launched {year}? {{sic}}")
    objective.check(SCHEMA)
    assert objective.render({"mission": "Voyager 1", "year": 1977}, SPEC, 0) == "Who operates Voyager 1, launched 1977? {sic}"


def test_values_are_written_as_in_the_table() -> None:
    row = {"a": True, "b": 1.5, "c": None, "d": [1, "é"], "e": "007"}
    assert Objective("{a} {b} {c} {d} {e}").render(row, SPEC, 0) == 'true 1.5  [1, "é"] 007'


def test_some_empty_values_leave_nothing_in_their_place() -> None:
    assert Objective("{mission} {year}?").render({"mission": "Voyager 1", "year": None}, SPEC, 0) == "Voyager 1 ?"


def test_a_row_whose_every_template_column_is_empty_fails_by_row_and_columns() -> None:
    with pytest.raises(InvalidTask, match="row 17: every column of the objective is empty: mission, year"):
        Objective("{mission} {year} {mission}?").render({"mission": " ", "year": None}, SPEC, 17)


def test_a_template_without_columns_is_the_same_for_every_row() -> None:
    assert Objective("Find the launch date.").render({}, SPEC, 3) == "Find the launch date."


def test_a_column_can_hold_the_objective() -> None:
    objective = Objective(column="mission")
    objective.check(SCHEMA)
    assert objective.render({"mission": " Who flies {it}? "}, SPEC, 0) == "Who flies {it}?"
    with pytest.raises(InvalidTask, match="row 4: the objective column 'mission' is empty"):
        objective.render({"mission": ""}, SPEC, 4)


def test_without_either_the_row_and_the_fields_make_it() -> None:
    objective = Objective()
    objective.check(SCHEMA)
    assert (
        objective.render({"mission": "Voyager 1", "year": None}, SPEC, 0) == "Find operator and launch date. mission: Voyager 1"
    )
    described = OutputSpec.parse({"type": "text", "description": "Who flies it?"})
    assert objective.render({"mission": "Voyager 1"}, described, 0) == "Who flies it? mission: Voyager 1"
    with pytest.raises(InvalidTask, match="row 2: is empty"):
        objective.render({"mission": None, "year": None}, SPEC, 2)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("Who flies {missoin}?", "character 11: the table has no column 'missoin'; did you mean \"mission\""),
        ("{mission.name}", "character 1: .*no attribute, index or format"),
        ("{mission[0]}", "no attribute, index or format"),
        ("{mission!r}", "no attribute, index or format"),
        ("a {year:>10}", "character 3: .*no attribute, index or format"),
        ("{0}", "the table has no column '0'"),
    ],
)
def test_what_names_no_column_is_refused_with_its_position(template: str, message: str) -> None:
    with pytest.raises(InvalidTable, match=message):
        Objective(template).check(SCHEMA)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("  ", "must not be empty"),
        ("Who {mission", "character 5: '{' stands alone; write '{{'"),
        ("Who} {mission}", "character 4: '}' stands alone"),
        ("Who {}?", "character 5: '{}' names no column"),
        ("{a{b}}", "character 1: '{' stands alone"),
    ],
)
def test_a_broken_template_is_refused_with_its_position(template: str, message: str) -> None:
    with pytest.raises(InvalidTask, match=message):
        Objective(template)


def test_a_missing_objective_column_is_refused_with_the_nearest() -> None:
    with pytest.raises(InvalidTable, match=r"objective column 'misson': .*did you mean .mission"):
        Objective(column="misson").check(SCHEMA)
    with pytest.raises(InvalidTask, match="not both"):
        Objective("{mission}", "mission")


@given(text=st.text(), value=st.text())
def test_braces_in_text_and_values_are_only_text(text: str, value: str) -> None:
    """Escaped text comes back; a value is never read as a template."""
    escaped = text.replace("{", "{{").replace("}", "}}")
    rendered = Objective(f"{escaped}|{{mission}}!").render({"mission": f"{value}x"}, SPEC, 0)
    assert rendered == f"{text}|{value}x!".strip()
