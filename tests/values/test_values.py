"""Where a text states a value, and when two values are the same."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from research.values.dates import PARTIAL_DATE
from research.values.values import fold, places, same


def stated(value: Any, text: str, schema: dict[str, Any] | None = None) -> list[str]:
    return [text[start:end] for start, end in places(value, schema or {}, text)]


@pytest.mark.parametrize(
    ("value", "text", "found"),
    [
        (825.5, "Its mass is 825.5 kg.", ["825.5"]),
        (825.5, "Sie wiegt 825,5 kg", ["825,5"]),
        (1234.5, "€ 1.234,50", ["1.234,50"]),
        (1234567, "1,234,567 people", ["1,234,567"]),
        (1234567, "12,34,567 rupees; 1 234 567 euros", ["12,34,567", "1 234 567"]),
        (1200000, "about 1.2 million people", ["1.2 million"]),
        (865000000, "US$865M", ["865M"]),
        (1204.5, "1,204.5 m long, or 1204.5m", ["1,204.5", "1204.5"]),
        (2000000, "it cost €2m, or 2 m", ["2m"]),
        (-5, "down to -5 °C, once −5", ["-5", "−5"]),
        (2010, "1977-2010", ["2010"]),
        (0.25, "a share of 25%", ["25"]),
        (25, "a share of 25 %", ["25"]),
        (3, "It has three moons", ["three"]),
        (42, "forty-two of them", ["forty-two"]),
        (5, "in 1957, room 15.5, A5, 5a7, v1.5", []),
        (957, "1,957", []),
        (11, "Apollo 11", ["11"]),
        (1.2, "version 1.2.3", []),
        (2, "sizes 1,2,3", ["2"]),
    ],
)
def test_numbers_are_found_however_they_are_written(value: Any, text: str, found: list[str]) -> None:
    assert stated(value, text) == found


@pytest.mark.parametrize(
    ("value", "text", "description", "found"),
    [
        (30, "totalTime: PT30M", "in minutes", ["PT30M"]),
        (90, "takes 1h 30min", "minutes", ["1h 30min"]),
        (90, "takes 1 hour and 30 minutes.", "minutes", ["1 hour and 30 minutes"]),
        (90, "takes 1h30", "minutes", ["1h30"]),
        (70, "Total Time 1 hour hr 10 minutes mins", "minutes", ["1 hour hr 10 minutes mins"]),
        (1.5, "PT1H30M", "hours", ["PT1H30M"]),
        (90, "PT1H30M", "hours", []),
        (14, "a stay of 2 weeks or P14D", "number of days", ["2 weeks", "P14D"]),
        (90, "1 m 30 of rope", "minutes", []),
    ],
)
def test_durations_state_a_count_of_the_unit_that_the_field_names(
    value: Any, text: str, description: str, found: list[str]
) -> None:
    assert stated(value, text, {"type": "number", "description": description}) == found


@pytest.mark.parametrize(
    ("name", "value", "text", "found"),
    [
        ("staff", 24, "rebuilt over 2 years", []),
        ("rooms", 12, "open for one year", []),
        ("garantie_months", 24, "2 Jahre", ["2 Jahre"]),
        ("garantie_months", 2, "2 hours", ["2"]),
    ],
)
def test_months_and_years_state_a_count_only_where_the_name_of_the_field_says_so(
    name: str, value: int, text: str, found: list[str]
) -> None:
    assert [text[start:end] for start, end in places(value, {}, text, name)] == found
    assert stated({name: value}, text) == found


@pytest.mark.parametrize(
    "text",
    [
        "2 years", "two (2) years", "two years", "twenty-four (24) months", "24-month", "1 year and 12 months", "P2Y", "2 Jahre",
        "second (2nd) anniversary", "2nd anniversary",
    ],
)  # fmt: skip
def test_a_length_of_time_is_stated_however_it_is_written(text: str) -> None:
    assert stated("2 years", f"It ends after {text} from the date hereof, or in three (3) years.") == [text]
    assert stated("2 years", "in three (3) years, or 2 days") == []


@pytest.mark.parametrize(
    "text",
    [
        "5 September 1977", "September 5, 1977", "Sept. 5 1977", "5th of September, 1977", "1977-09-05", "1977-09-05T12:56:00Z",
        "5.9.1977", "05/09/1977", "09/05/1977", "1977/09/05", "5 septembre 1977", "5. September 1977", "5 de septiembre de 1977",
        "1977年9月5日", "5-Sep-1977", "5th day of September, 1977", "fifth day of September 1977", "September 5th , 1977",
    ],
)  # fmt: skip
def test_a_day_is_found_however_it_is_written(text: str) -> None:
    assert stated("1977-09-05", f"Launched {text} from Florida", {"format": "date"}) == [text]


def test_a_date_is_not_stated_by_one_that_says_less_or_other() -> None:
    text = "In 1977, in September 1977, on 6 September 1977, 31 February 1977"
    assert stated("1977-09-05", text) == []
    assert stated("1977-09", text, {"format": "date"}) == ["September 1977", "6 September 1977"]
    assert stated(1977, "on 5.9.1977") == ["5.9.1977"]


def test_a_time_of_day_must_be_stated_too() -> None:
    schema = {"format": "date-time"}
    assert stated("1977-09-05T12:56:00Z", "1977-09-05T12:56Z", schema) == ["1977-09-05T12:56Z"]
    assert stated("1977-09-05T12:56:00Z", "5 September 1977", schema) == []
    assert stated("1977-09-05T12:56:00+0200", "1977-09-05T12:56+02:00", schema) == ["1977-09-05T12:56+02:00"]
    assert stated("1977-09-05T00:00:00Z", "5 September 1977", schema) == ["5 September 1977"]


@pytest.mark.parametrize(
    ("value", "text", "found"),
    [
        ("InStock", "https://schema.org/InStock", ["InStock"]),
        ("InStock", "Now in stock!", ["in stock"]),
        ("in_stock", "IN-STOCK", ["IN-STOCK"]),
        ("Élysée", "the ELYSEE palace", ["ELYSEE"]),
        ("art", "start of the party", []),
        ("9789724084985", "ISBN 978-972-408-498-5", ["978-972-408-498-5"]),
        ("$", "87 $", ["$"]),
        ("BBB−", "rated BBB-", ["BBB-"]),
        ("BBB-", "rated BBB−", ["BBB−"]),
        ("羊肉", "西莎小羊肉餐盒", ["羊肉"]),
        ("", "anything", []),
        (True, "Reusable: Yes", ["Yes"]),
        (False, "Reusable: no", ["no"]),
        (None, "null", []),
    ],
)
def test_strings_are_found_whatever_their_case_accents_and_punctuation(value: Any, text: str, found: list[str]) -> None:
    assert stated(value, text) == found


def test_lists_and_objects_are_stated_by_their_parts() -> None:
    schema = {"items": {"properties": {"born": {"format": "date"}}}}
    assert stated([{"name": "Ada", "born": "1815-12-10"}], "Ada (10 December 1815)", schema) == ["Ada", "10 December 1815"]


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (1, 1.0, True),
        (1234, "1,234", True),
        (0.1 + 0.2, 0.3, True),
        (1, 2, False),
        (1, True, False),
        (True, "true", True),
        ("In Stock", "InStock", True),
        ("The Hague", "the hague.", True),
        ("C", "C++", False),
        ("$", "€", False),
        ("https://www.example.org/", "http://example.org", True),
        ("5 September 1977", "1977-09-05", True),
        ("1977", "1977-09-05", False),
        (["a", "B"], ["b", "A"], True),
        (["a", "a"], ["a", "b"], False),
        ({"a": 1, "b": None}, {"a": 1.0}, True),
        ({"a": 1}, {"a": None}, False),
        (None, None, True),
        (None, "", False),
    ],
)
def test_same_looks_through_spelling(left: Any, right: Any, equal: bool) -> None:
    assert same(left, right, {}) is equal
    assert same(right, left, {}) is equal


def test_a_date_asked_as_exactly_as_it_is_known_is_the_same_as_its_year_alone_and_any_spelling_states_it() -> None:
    partly = {"pattern": PARTIAL_DATE}
    assert same("1977", "1977-09-05", partly)
    assert same("1977-09", "1977", partly)
    assert not same("1977-09", "1977-08-05", partly)
    assert not same("1977", "1977-09-05", {"format": "date"})
    assert stated("1977-09", "It left in September 1977, and landed in October.", partly) == ["September 1977"]


@given(st.integers(0, 10**12), st.text(" .,;()abc", max_size=8).filter(lambda t: not t or t[-1] not in ".,"))
def test_a_grouped_number_states_its_value_and_spans_point_into_the_text(value: int, before: str) -> None:
    text = f"{before} {value:,} units"
    assert f"{value:,}" in stated(value, text)


@given(st.integers(1, 9999), st.integers(0, 99999), st.integers(0, 99999))
def test_digits_inside_a_longer_number_are_no_place(value: int, left: int, right: int) -> None:
    assert stated(value, f"x{left}{value}{right} {value}{right + 100000}") == []


@given(
    st.dates(date(1000, 1, 1), date(2099, 12, 31)), st.sampled_from(["%Y-%m-%d", "%d %B %Y", "%B %d, %Y", "%d.%m.%Y", "%d %b %Y"])
)
def test_any_day_is_found_in_usual_spellings(day: date, spelling: str) -> None:
    written = day.strftime(spelling)
    assert stated(day.isoformat(), f"on {written} it began", {"format": "date"}) == [written]
    assert same(written, day.isoformat(), {"format": "date"})


@given(st.text())
def test_folding_keeps_every_offset(text: str) -> None:
    assert len(fold(text)) == len(text)


@given(st.text(min_size=1), st.text(), st.text())
def test_places_never_fail_and_stay_inside_the_text(value: str, before: str, after: str) -> None:
    text = f"{before} {value} {after}"
    assert all(0 <= start < end <= len(text) for start, end in places(value, {}, text))


@pytest.mark.parametrize(
    ("value", "text", "found"),
    [
        ("2025-06-16", "from 16 to 19 June 2025 in Oslo", ["16"]),
        ("2025-06-16", "16. bis 19. Juni 2025", ["16."]),
        ("2025-06-16", "June 16–19, 2025", ["June 16"]),
        ("2025-06-19", "June 16–19, 2025", ["19, 2025"]),
        ("2025-05-30", "30 May – 2 June 2025", ["30 May"]),
        ("2025-05-30", "May 30 to June 2, 2025", ["May 30"]),
        ("2020-06-12", "room 12 and 3 June 2020", []),
    ],
)
def test_the_first_day_of_a_span_of_time_is_stated_without_its_year(value: str, text: str, found: list[str]) -> None:
    assert stated(value, text) == found
