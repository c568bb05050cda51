"""JSON keeps every digit that stands in it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from research.tables.inputs.read import Table, open_table


def opened(folder: Path, content: str, name: str = "rows.json") -> Table:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return open_table(path)


@pytest.mark.parametrize("number", ["0.1234567890123456789", "1234567890123456.78", "-3.14159265358979323846", "1e-400"])
@pytest.mark.parametrize("name", ["rows.json", "rows.jsonl"])
def test_a_number_that_a_double_would_round_is_text_with_every_digit_and_that_is_told(
    tmp_path: Path, number: str, name: str
) -> None:
    table = opened(tmp_path, f'{{"a": {number}, "b": "{number}"}}\n{{"a": 0.5, "b": "x"}}\n', name)

    assert [row["a"] for _, row in table.rows()] == [number, "0.5"]
    assert [row["b"] for _, row in table.rows()] == [number, "x"]
    assert f"1 number ({number} in line 1) has more digits than a floating-point number holds" in table.warnings[0]


def test_digits_inside_lists_and_objects_are_kept(tmp_path: Path) -> None:
    table = opened(tmp_path, '[{"a": {"v": [0.1234567890123456789]}}]')

    assert [row["a"] for _, row in table.rows()] == [{"v": ["0.1234567890123456789"]}]


@pytest.mark.parametrize("number", ["0.30000000000000004", "0.10000000000000001", "1.50", "1e3", "12345678901234567000.0"])
def test_a_number_of_which_a_double_holds_every_digit_stays_one(tmp_path: Path, number: str) -> None:
    table = opened(tmp_path, f'[{{"a": {number}}}, {{"a": 0.5}}]')

    assert [row["a"] for _, row in table.rows()] == [float(number), 0.5]
    assert table.warnings == ()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(number=st.decimals(allow_nan=False, allow_infinity=False, places=19))
def test_any_number_comes_back_with_its_value(tmp_path: Path, number: Decimal) -> None:
    [(_, row)] = opened(tmp_path, f'[{{"a": {number:f}}}]').rows()

    assert Decimal(str(row["a"])) == number


def test_names_inside_an_object_that_differ_in_upper_and_lower_case_alone_are_kept_as_text(tmp_path: Path) -> None:
    table = opened(tmp_path, '[{"a": {"x": 1, "X": 2}}]')

    assert [row["a"] for _, row in table.rows()] == ['{"x":1,"X":2}']
