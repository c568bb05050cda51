"""What the keyless model reads a day as, and when it may be another."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from keyless_reading import DATE, read

from research.values.doubts import OPEN


@pytest.mark.parametrize(
    ("text", "is_read_as", "doubts"),
    [
        ("5 September 1977", "1977-09-05", set()),
        ("13/04/2021", "2021-04-13", set()),
        ("03/04/2021", "2021-04-03", {"ambiguous_order"}),
        ("05/05/2021", "2021-05-05", set()),
        ("3.4.21", "2021-04-03", {"ambiguous_order", "ambiguous_century"}),
        ("circa 5 September 1977", "1977-09-05", {"approximate"}),
        ("before 5 September 1977", "1977-09-05", {"bound"}),
        ("Q3 2024", None, set()),
        ("1.2.34.5", None, set()),
    ],
)
def test_a_day_is_sure_only_where_it_can_be_no_other(text: str, is_read_as: str | None, doubts: set[str]) -> None:
    found = read("opened", DATE, text)
    assert (found.value if found else None) == is_read_as
    assert (found.doubts if found else set()) == doubts


@given(
    st.dates(min_value=date(1950, 1, 1), max_value=date(2049, 12, 31)),
    st.sampled_from(["{1}/{0}/{2}", "{0}.{1}.{2}", "{0}-{1}-{2}"]),
)
def test_a_day_in_figures_is_itself_or_open(day: date, style: str) -> None:
    """Day first or month first: what both readings make a day is never sure."""
    found = read("opened", DATE, style.format(day.day, day.month, day.year))
    assert found
    assert found.value == day.isoformat() or found.doubts & OPEN
    assert bool(found.doubts & OPEN) is (day.day <= 12 and day.day != day.month)
