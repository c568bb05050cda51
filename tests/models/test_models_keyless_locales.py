"""What the keyless model reads in the spellings of other countries, scripts and trades: the value that was meant, or none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from keyless_reading import BOOLEAN, DATE, INTEGER, NUMBER, answer, read, value

from research.values.numerals import numbers

MOMENT: dict[str, Any] = {"type": "string", "format": "date-time"}


@pytest.mark.parametrize(
    ("field", "text", "is_read_as"),
    [
        ("employees", "１２，３４５人", 12_345),
        ("price", "￥１，２８０", 1280),
        ("employees", "١٬٢٣٤", 1234),
        ("area", "١٢٣٫٥", 123.5),
        ("employees", "12ʼ345", 12_345),
        ("employees", "3만 5천 명", 35_000),
        ("revenue", "2조 3,000억 원", 2_300_000_000_000),
        ("revenue", "450 Mkr", 450_000_000),
        ("revenue", "4,5 mdkr", 4_500_000_000),
        ("price", "Rp 125.000", 125_000),
        ("price", "125.000₫", 125_000),
        ("price", "1.299,-", 1299),
        ("price", "19€99", 19.99),
        ("eggs", "3 dozen", 36),
        ("revenue", "5 χιλιάδες", 5000),
        ("revenue", "¥1.234", 1234),
        ("revenue", "¥1.234 million", 1_234_000),
        ("revenue", "JPY 1.234 billion", 1_234_000_000),
        ("eggs", "3 dozens", 36),
        ("price", "$5 dozen", 5),
    ],
)
def test_a_number_is_read_in_the_digits_and_marks_of_its_script_and_country(field: str, text: str, is_read_as: float) -> None:
    assert value(field, NUMBER, text) == is_read_as


@pytest.mark.parametrize("text", ["$19$15", "$5$10", "100$50", "€19€15", "19€15€"])
def test_prices_that_touch_stay_two(text: str) -> None:
    found = read("price", NUMBER, text)
    assert found is None or (found.value == int(found.value) and "several" in found.doubts)


@pytest.mark.parametrize("text", ["–1,200", "△1,200", "△ 1,200", "営業利益 △1,200", "net income was △1,200 yen"])
def test_a_dash_or_an_accounts_triangle_before_a_value_is_a_minus(text: str) -> None:
    assert value("net_income", NUMBER, text) == -1200


@pytest.mark.parametrize("text", ["▲1,234", "÷1,234", "営業利益は▲1,234"])
def test_a_sign_that_is_a_minus_in_some_countries_only_leaves_it_open(text: str) -> None:
    [found] = numbers(text)
    assert "bracketed" in found.doubts
    assert {-1234, 1234} <= set(found.readings)


def test_a_dash_before_a_year_ends_a_span_of_years() -> None:
    assert value("died", INTEGER, "–1997") == 1997


@pytest.mark.parametrize(
    ("field", "text", "is_read_as"),
    [
        ("mass_kg", "5.972(6)×10^24 kg", 5.972e24),
        ("height_cm", "6' 2 1/2\"", 189.23),
        ("height_in", "5 ft. 11 in.", 71),
        ("height_in", "5 ft. 11 in", 71),
        ("height_in", "5 ft. 11 in stock", 60),
        ("height_m", "5 m. 11 in total", 5),
        ("mass_kg", "5 stone", 31.75),
        ("rate_percent", "25 bps", 0.25),
        ("rate_percent", "25-50 bps", 0.25),
        ("salinity_percent", "35 ‰", 3.5),
        ("revenue", "a quarter of a million dollars", None),
        ("revenue", "an eighth of a million dollars", None),
        ("ownership_percent", "one third", None),
        ("ownership_percent", "one seventh", None),
        ("ownership_percent", "three eighths", None),
        ("price", "4 easy payments of $12.50", None),
        ("price", "12 rate da $12", None),
        ("price", "Room 12 rate $120", 120),
    ],
)
def test_a_part_or_a_measure_of_two_units_is_no_whole(field: str, text: str, is_read_as: float | None) -> None:
    assert value(field, NUMBER, text) == is_read_as


@pytest.mark.parametrize(
    "text",
    [
        *(
            "2024年2月14日",
            "２０２４年２月１４日",
            "令和6年2月14日",
            "2024년 2월 14일",
            "2024. 2. 14.",
            "2024. február 14.",
            "١٤/٠٢/٢٠٢٤",
        ),
        *("14-Feb-24", "14-févr-24"),
    ],
)
def test_a_day_is_read_in_the_figures_the_era_and_the_order_of_its_country(text: str) -> None:
    assert value("released", DATE, text) == "2024-02-14"


def test_behind_a_year_that_ends_a_sentence_no_day_follows() -> None:
    assert value("ended", DATE, "It ended in 1945. May 8 is a holiday.") is None
    assert value("ended", DATE, "It ended in 1945. 5. 8 people stayed.") is None


def test_the_first_year_of_an_era_has_a_sign_of_its_own_and_a_letter_makes_another_calendar() -> None:
    assert value("released", DATE, "令和元年5月1日") == "2019-05-01"
    assert value("released", DATE, "昭和64年1月7日") == "1989-01-07"
    assert value("released", DATE, "昭和65年1月7日") is None
    assert value("released", DATE, "令和99年1月1日") is None
    assert value("released", DATE, "R6.2.14") is None


@pytest.mark.parametrize(
    ("text", "is_read_as"),
    [
        ("Feb 14, 2024 10:15 PM UTC", "2024-02-14T22:15:00Z"),
        ("14.02.2024, 22:15 Uhr", "2024-02-14T22:15:00Z"),
        ("2024-02-14 22:15 UTC", "2024-02-14T22:15:00Z"),
        ("14 February 2024 12:05 am +0200", "2024-02-14T00:05:00+02:00"),
        ("14 February 2024, 10:15 UTC+02:00", "2024-02-14T10:15:00+02:00"),
        ("2024-02-14T22:15-0800", "2024-02-14T22:15:00-08:00"),
        ("2024-02-14 22:15:00.5+05:30", "2024-02-14T22:15:00.5+05:30"),
        ("2024-02-14 10:15 PM", "2024-02-14T22:15:00Z"),
        ("Feb 14, 2024 10:15 PM EST", None),
        ("2024-02-14 22:15 CET", None),
        ("22:15, 14 February 2024", None),
        *(
            (f"14 February 2024{time}", None)
            for time in (", 10:15-11:15", ", 10:15 – 11:15", " 10:15:99", " à 22h15", " 22 Uhr", " 10 pm")
        ),
        *((f"2024-02-14{time}", None) for time in (" 10:15-11:15", "T22:15 EST", " 22:15:00.000 EST", "T25:15Z", "T22:15+99:99")),
        ("14 February 2024", "2024-02-14T00:00:00Z"),
    ],
)
def test_a_moment_has_the_time_that_stands_behind_its_day_or_is_none(text: str, is_read_as: str | None) -> None:
    """Midnight is claimed only where no time is told: one in a time zone that is told by letters alone is not known."""
    assert value("start", MOMENT, text) == is_read_as


@pytest.mark.parametrize(
    ("text", "is_read_as"),
    [
        *[("なし", False), ("あり", True), ("无", False), ("❌", False), ("✅", True), ("Yes, no adapter needed", True)],
        *((form, None) for form in ("Yes / No", "Yes No", "yes, no", "ja oder nein", "sì o no", "はい・いいえ")),
        *((form, None) for form in ("☐ No ☑ Yes", "☑ No ☐ Yes", "☐ Yes ☐ No", "Yes ☐ No ☑", "❌ No ✅ Yes")),
    ],
)
def test_yes_and_no_are_read_in_other_scripts_and_an_open_form_is_neither(text: str, is_read_as: bool | None) -> None:
    assert value("bluetooth", BOOLEAN, text) is is_read_as


@pytest.mark.parametrize(("code", "kilograms"), [("GRM", 1.2), ("KGM", 1200), ("LBR", 544.3)])
async def test_page_data_name_units_by_their_codes(code: str, kilograms: float) -> None:
    weight = {"@type": "QuantitativeValue", "value": 1200, "unitCode": code}
    data = {"@type": "Product", "name": "Grove Works", "weight": weight}
    found = await answer(f'<script type="application/ld+json">{json.dumps(data)}</script>', {"weight_kg": NUMBER})
    assert found["weight_kg"][0] == kilograms


@pytest.mark.parametrize(
    ("html", "field", "schema", "right"),
    [
        ("<dl><dt>Price</dt><dd>5<small>99</small> €</dd></dl>", "price", NUMBER, 5.99),
        ("<dl><dt>Garantie</dt><dd>2 Jahre</dd></dl>", "garantie_months", INTEGER, 24),
        ("<dl><dt>Energy class</dt><dd>A++</dd></dl>", "energy_class", {"enum": ["A", "A+", "A++", "A+++"]}, "A++"),
        ("<dl><dt>Rating</dt><dd>BBB−</dd></dl>", "rating", {"enum": ["BBB", "BBB+", "BBB-"]}, "BBB-"),
        ("<dl><dt>Price (dozen)</dt><dd>$5</dd></dl>", "price", NUMBER, 5),
        ("<dl><dt>Revenue (χιλιάδες)</dt><dd>450</dd></dl>", "revenue", NUMBER, 450_000),
        ("<dl><dt>Revenue (t.kr.)</dt><dd>450</dd></dl>", "revenue", NUMBER, 450_000),
        ("<dl><dt>Revenue (TSEK)</dt><dd>450</dd></dl>", "revenue", NUMBER, 450_000),
        ("<dl><dt>Revenue (m kr)</dt><dd>450</dd></dl>", "revenue", NUMBER, 450_000_000),
        ("<dl><dt>Revenue (USD mn)</dt><dd>1,250.5</dd></dl>", "revenue_usd", NUMBER, 1_250_500_000),
        (
            "<table><tr><th>€m</th><th>2023</th><th>2022</th></tr><tr><td>Revenue</td><td>135</td><td>120</td></tr>"
            "<tr><td>Net income</td><td>8</td><td>(12)</td></tr></table>",
            "revenue",
            NUMBER,
            135_000_000,
        ),
        (
            "<table><tr><th>Founded</th><th>Employees</th><th>Sites</th></tr><tr><td>1998</td><td>1,200</td><td>3</td></tr></table>",
            "employees",
            INTEGER,
            1200,
        ),
        (
            "<p class=price><del><span>$120.00</span></del> <span>Original price was: $120.00.</span> <ins>$90.00</ins> "
            "<span>Current price is: $90.00.</span></p>",
            "price",
            NUMBER,
            90,
        ),
        ("<h2>Subsidiary: Pine Works</h2><dl><dt>Employees</dt><dd>1,200</dd></dl>", "employees", INTEGER, None),
    ],
)
async def test_a_page_is_read_as_its_trade_writes_it(html: str, field: str, schema: dict[str, Any], right: Any) -> None:
    assert (await answer(html, {field: schema}))[field][0] == right


async def test_a_shop_that_says_out_of_stock_in_one_word_says_no() -> None:
    offer = {"@type": "Offer", "price": 9, "availability": "https://schema.org/OutOfStock"}
    data = {"@type": "Product", "name": "Grove Works", "offers": offer}
    found = await answer(f'<script type="application/ld+json">{json.dumps(data)}</script>', {"in_stock": BOOLEAN})
    assert found["in_stock"][0] is False
