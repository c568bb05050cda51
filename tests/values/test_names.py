"""What tells a name from others of nearly the same."""

from __future__ import annotations

import pytest

from research.values.labels import series_of
from research.values.names import marks_of, without_year


@pytest.mark.parametrize(
    ("name", "marks"),
    [
        ("Henry VIII", {"viii"}),
        ("John Smith Jr.", {"jr"}),
        ("John F. Smith", set()),
        ("Nova Phone Pro Max", {"pro", "max"}),
        ("Max Weber", set()),
        ("Air France", set()),
        ("Falcon 200 S", {"s"}),
        ("Kettle 1.7 L", set()),
        ("Vitamin C", {"c"}),
        ("libharp-dev", {"dev"}),
        ("A Room of One's Own", set()),
    ],
)
def test_marks_are_what_makes_another_thing_of_a_name(name: str, marks: set[str]) -> None:
    assert marks_of(name) == marks


def test_a_year_in_brackets_is_no_part_of_a_name() -> None:
    assert without_year("Up (2009 film)") == "Up"
    assert without_year("Ridge Lamp (Pro)") == "Ridge Lamp (Pro)"


@pytest.mark.parametrize(
    ("key", "heading", "series"),
    [
        ("Revenue (2015)", "", ("revenue", 2015)),
        ("Revenue", "2015", ("revenue", 2015)),
        ("Revenue", "Our 2015 report", ("revenue", 0)),
        ("Revenue (2027, forecast)", "", ("revenue", -1)),
        ("Staff 2019 to 2021", "", ("staff to", 2021)),
        ("Route 12019", "", ("route 12019", 0)),
    ],
)
def test_keys_that_differ_by_a_year_are_one_series(key: str, heading: str, series: tuple[str, int]) -> None:
    assert series_of(key, heading) == series
