"""What stands right beside an amount and says what it is: a currency before a preposition, a period, a name of one of several."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from research.values.durations import durations
from research.values.quantities import quantities
from research.values.units import unit_named
from research.values.wanted import Wanted, wanted_by_name


def amounts(field: str, text: str, **more: Any) -> list[float]:
    wanted = wanted_by_name(field, "", unit_named(field.partition("_")[2]))
    asked = Wanted(**{**{name: getattr(wanted, name) for name in Wanted.__slots__}, "words": frozenset(field.split("_")), **more})
    return [float(one.value) for one in quantities(text, asked)]


@pytest.mark.parametrize(
    ("field", "text", "right"),
    [
        ("sales_gbp", "£31.4 million in 2024", [31_400_000]),
        ("sales_gbp", "£31.4 million in May", [31_400_000]),
        ("sales_usd", "$5 in cash", [5]),
        ("width_in", "12 in wide", [12]),
        ("width_in", "12 in", [12]),
        ("weight_kg", "89.95 € 3 kg", [3]),
    ],
)
def test_in_is_an_inch_behind_no_amount_of_money_and_before_no_place_or_time(field: str, text: str, right: list[float]) -> None:
    assert [value for value in amounts(field, text) if value != 2024] == right


@pytest.mark.parametrize(
    ("field", "text", "right"),
    [
        ("monthly_rent_gbp", "£36,500 per annum", []),
        ("monthly_rent_gbp", "£1,200 pcm", [1200]),
        ("annual_rent_gbp", "£36,500 per annum", [36_500]),
        ("parking_per_hour_gbp", "£8 per day", []),
        ("fee_gbp", "£8 per day", [8]),
        ("hourly_rate_usd", "$20/h", [20]),
        ("hourly_rate_usd", "$800/week", []),
        ("monthly_rent_gbp", "£14,400 p.a.", []),
        ("monthly_rent_gbp", "£14,400 pa", []),
        ("annual_rent_gbp", "£14,400 pa", [14_400]),
        ("annual_rent_gbp", "£1,200 per calendar month", []),
        ("annual_rent_gbp", "£1,200, monthly", []),
        ("annual_rent_gbp", "payable monthly at £10", []),
        ("annual_rent_gbp", "£14,400, monthly rent: £1,200", [14_400]),
        ("first_year_rent_gbp", "£1,200 per month", [1200]),
        ("day_nursery_fee_gbp", "£250 a week", [250]),
        ("day_rate_gbp", "£20 (week days only)", [20]),
    ],
)
def test_an_amount_for_another_length_of_time_is_none(field: str, text: str, right: list[float]) -> None:
    assert amounts(field, text) == right


@pytest.mark.parametrize(
    ("field", "text", "right"),
    [
        ("match_funding_percent", "£1.2 million", []),
        ("growth_percent", "6.1 %", [6.1]),
        ("growth_percent", "6.1", [6.1]),
        ("turnout_percent", "5,812 voters, or 62.", [62]),
    ],
)
def test_an_amount_of_something_is_no_percentage(field: str, text: str, right: list[float]) -> None:
    assert amounts(field, text) == right


def test_a_number_that_names_one_of_several_is_no_count() -> None:
    assert amounts("rooms", "We had room 12") == []
    assert amounts("rooms", "It has 12 rooms") == [12]


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("two hours and 41 minutes", 161),
        ("an hour and 20 minutes", 80),
        ("some hours and 20 minutes", None),
        ("half an hour and 10 minutes", None),
        ("twice an hour 10 minutes", None),
        ("an hour, 20 minutes by car", None),
    ],
)
def test_hours_in_words_belong_to_the_minutes_behind_them(text: str, minutes: int | None) -> None:
    assert [float(one.seconds) / 60 for one in durations(text)] == ([] if minutes is None else [minutes])


@pytest.mark.parametrize(
    ("field", "text", "right"),
    [
        ("molarmass_g_mol", "180.16 g·mol−1", [180.16]),
        ("molarmass_g_mol", "180.16 g mol^−1", [180.16]),
        ("molarmass_g_mol", "180.16 g/mol", [180.16]),
        ("molarmass_g_mol", "180.16 g", []),
        ("mass_g", "180.16 g·mol⁻¹", []),
        ("mass_g", "180.16 g/mol", []),
        ("speed_kmh", "3 m·s−1", [10.8]),
        ("speed_ms", "3 m s⁻¹", [3]),
        ("length_m", "9.81 m s−2", []),
        ("length_m", "5 m · 3 kg", [5]),
        ("power_kw", "100 kW·h", []),
        ("area_m2", "10 m^2", [10]),
        ("density_g_per_ml", "1.2 g cm−3", [1.2]),
        ("concentration_mg_per_l", "3 µg/mL", [3]),
    ],
)
def test_units_with_powers_are_units_of_their_own(field: str, text: str, right: list[float]) -> None:
    assert amounts(field, text) == right


@pytest.mark.parametrize("text", ["99.872%", "99.872 %"])
def test_a_percentage_of_three_decimals_is_no_share_of_one_beside_decimal_points(text: str) -> None:
    [one] = quantities(text, wanted_by_name("issue_percent", ""), decimal_mark=".")
    assert one.value == Decimal("99.872")


@pytest.mark.parametrize(("text", "field"), [("0.771 g/cm³ at 15 °C", "density_kg_m3"), ("771 kg/m3", "density_kg_m3")])
def test_densities_are_counted_in_each_others_units(text: str, field: str) -> None:
    assert amounts(field, text)[0] == 771


@pytest.mark.parametrize(
    ("text", "right"), [("100 MB/s", []), ("500 MBps", []), ("2 GB/s", []), ("500 Mbps", [500]), ("500 Mbit/s", [500])]
)
def test_bytes_a_second_are_no_bits_a_second(text: str, right: list[float]) -> None:
    assert amounts("speed_mbps", text) == right
