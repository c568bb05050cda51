"""In what a field's number is counted, as the end of its name says."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from research.values.counted import NOTHING, counted_in
from research.values.values import places
from research.values.wanted import scale_of, wanted_by_name

MILLIONS = [
    *("revenue_usd_m", "revenue_usd_mn", "revenue_usd_millions", "revenue_millions_usd", "revenue_m_usd", "revenue_musd"),
    *("revenue_usdm", "revenue_mm_usd", "revenue_in_million_usd", "revenue_in_millions_of_dollars", "revenueUsdM"),
]


@pytest.mark.parametrize("name", MILLIONS)
def test_a_currency_with_a_scale_is_both_in_any_order(name: str) -> None:
    wanted = wanted_by_name(name, "")
    assert (wanted.unit and wanted.unit.kind, wanted.scale) == ("USD", 10**6)


@pytest.mark.parametrize(
    ("label", "words", "kind", "factor", "scale"),
    [
        ("revenue in thousands", ("in", "thousands"), None, 1, 10**3),
        ("market cap bn", ("bn",), None, 1, 10**9),
        ("population millions", ("millions",), None, 1, 10**6),
        ("users m", ("m",), None, 1, 10**6),
        ("revenue teur", ("teur",), "EUR", 1, 10**3),
        ("height m", ("m",), "length", 1, 1),
        ("speed km h", ("km", "h"), "speed", 1, 1),
        ("co2 g per km", ("g", "per", "km"), "mass per length", "1e-6", 1),
        ("dose mg kg", ("mg", "kg"), "mass per mass", "1e-6", 1),
        ("flow m3 s", ("m3", "s"), "volume per time", 1000, 1),
        ("square feet", (), "area", "0.09290304", 1),
        ("cap size mm", ("mm",), "length", "0.001", 1),
        ("height in", ("in",), "length", "0.0254", 1),
        ("duration days min", ("days",), "time", 86400, 1),
        ("tax rate percent", ("percent",), None, 1, 1),
        ("production million tonnes", ("million", "tonnes"), "mass", 1000, 10**6),
        ("mass in thousands of kg", ("in", "thousands", "of", "kg"), "mass", 1, 10**3),
        ("estimated height m", ("m",), "length", 1, 1),
        ("rainfall amount mm", ("mm",), "length", "0.001", 1),
        ("flow rate l min", ("l", "min"), "volume per time", None, 1),
        ("length m min", ("m",), "length", 1, 1),
        ("miles per gallon", (), "length per volume", None, 1),
        ("arr m", ("m",), None, 1, 10**6),
    ],
)
def test_the_end_of_a_name_says_in_what_its_number_is_counted(
    label: str, words: tuple[str, ...], kind: str | None, factor: str | int | None, scale: int
) -> None:
    found = counted_in(label)
    assert (found.words, found.unit and found.unit.kind, found.scale) == (words, kind, scale)
    assert found.unit is None or factor is None or abs(found.unit.factor - Decimal(factor)) < Decimal("1e-12")


@pytest.mark.parametrize(
    "label",
    [
        *("", "revenue", "millions", "price per kg", "wage per hour", "calls per minute", "parts per million", "check in"),
        *("salary min", "vitamin c", "vitamin k", "density per km2", "series b", "class a", "sales last year"),
        *("number of mds", "test hundreds", "overdose deaths meth", "funding series b"),
    ],
)
def test_a_name_that_only_sounds_so_says_nothing_of_it(label: str) -> None:
    assert counted_in(label) == NOTHING


def test_a_letter_before_a_currency_is_a_scale_only_behind_what_is_paid() -> None:
    assert counted_in("series b usd").scale == 1
    assert counted_in("revenue b usd").scale == 10**9


@pytest.mark.parametrize("name", ["revenue_usd_m_2023", "revenue_2023_usd_m", "revenue_usd_m_fy23"])
def test_a_year_behind_a_scale_does_not_hide_it(name: str) -> None:
    assert wanted_by_name(name, "").scale == 10**6


@pytest.mark.parametrize(
    ("description", "scale"),
    [
        ("Revenue in millions of USD", 10**6),
        ("Revenue (USD m)", 10**6),
        ("Revenue, USD millions", 10**6),
        ("Total revenue in billions of US dollars, as reported", 10**9),
        ("Number of employees, in thousands", 10**3),
        ("Revenue in million US dollars", 10**6),
        ("Revenue (million USD)", 10**6),
        ("Population in lakhs", 10**5),
        ("Umsatz in Millionen Euro", 10**6),
        ("Revenue in US dollars, not in millions", 1),
        ("Revenue in US dollars, rounded to the nearest million", 1),
        ("Number of users in full, e.g. 2000000 for 2 million", 1),
        ("Number of users (1.5 million = 1500000)", 1),
        ("Viewers in the first week, of at least one million", 1),
    ],
)
def test_a_description_has_a_scale_where_it_says_so_outright(description: str, scale: int) -> None:
    assert scale_of("amount", description) == scale


@pytest.mark.parametrize("text", ["$3.2 million", "$3,200,000", "3.2", "US$ 3.2m"])
def test_an_answer_in_millions_is_stated_by_the_amount_in_full_and_by_its_figures(text: str) -> None:
    assert places(3.2, {"type": "number"}, text, "revenue_usd_m")


@pytest.mark.parametrize("text", ["$3.2 billion", "$32 million", "$3,000"])
def test_an_answer_in_millions_is_not_stated_by_another_amount(text: str) -> None:
    assert not places(3.2, {"type": "number"}, text, "revenue_usd_m")


@given(st.text("abcdefghikmnprstuy _", max_size=40))
def test_a_name_keeps_some_of_its_words(name: str) -> None:
    found = counted_in(" ".join(name.replace("_", " ").split()))
    assert len(found.words) < max(len(name.replace("_", " ").split()), 1)
