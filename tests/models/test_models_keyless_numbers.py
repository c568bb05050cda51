"""What the keyless model reads a number as: the one that was asked, in the unit that was asked, or nothing."""

from __future__ import annotations

from typing import Any

import pytest
from keyless_reading import INTEGER, NUMBER, read, value

from research.models.keyless.casting import Setting
from research.values.numerals import decimal_mark_of


@pytest.mark.parametrize(
    ("field", "schema", "text", "is_read_as"),
    [
        ("net_income", NUMBER, "(1,200)", -1200),
        ("net_income_usd", NUMBER, "$(1.2 million)", -1_200_000),
        ("rating_count", INTEGER, "(310)", 310),
        ("price", NUMBER, "(12.50)", 12.5),
        ("floors", NUMBER, "2½", 2.5),
        ("staff", INTEGER, "three hundred", 300),
        ("seats", INTEGER, "a hundred and two", 102),
        ("revenue", NUMBER, "2,5 млн руб.", 2_500_000),
        ("assets", NUMBER, "5.5 lakhs", 550_000),
        ("price_usd", NUMBER, "99¢", 0.99),
        ("price_eur", NUMBER, "50 cents", 0.5),
        ("price_eur", NUMBER, "99¢", None),
        ("price", NUMBER, "£3.355", 3.355),
        ("revenue_eur", NUMBER, "12 kg", None),
        ("revenue_musd", {"type": "number", "description": "Revenue (in millions of USD)"}, "$2.5 billion", 2500),
        ("tax_rate", {"type": "number", "maximum": 1}, "25 %", 0.25),
        ("tax_rate", NUMBER, "25 %", 25),
        ("budget_sek", NUMBER, "250 kr", 250),
        ("term_months", INTEGER, "two (2) years", 24),
        ("seats", INTEGER, "2.5 by 310", 310),
        ("seats", INTEGER, "1.250", 1250),
        ("seats", INTEGER, "1,250 [3]", 1250),
        ("height_cm", NUMBER, "6 ft 2 in (1.88 m)", 187.96),
        ("height_cm", NUMBER, "6'2\"", 187.96),
        ("low_c", NUMBER, "minus 5 °C", -5),
        ("revenue_usd", NUMBER, "$2.5–3 million", 2_500_000),
        ("mass_kg", NUMBER, "10–20 g", 0.01),
        ("rating", NUMBER, "4.5 out of 5 (120 reviews)", 4.5),
        ("total_time", {"type": "integer", "description": "in minutes"}, "PT0S", None),
    ],
)
def test_a_number_is_the_one_asked_in_its_unit_or_none(field: str, schema: dict[str, Any], text: str, is_read_as: Any) -> None:
    assert value(field, schema, text) == is_read_as


@pytest.mark.parametrize(
    ("field", "text"),
    [
        *(("mass_kg", text) for text in ("10 tons", "5 slugs", "2 troy oz", "5 M⊕", "0.5 solar masses", "3 quintals", "5 %")),
        *(("length_m", text) for text in ("5 fathoms", "3 light-years", "1.5 AU", "12 storeys", "20 m taller than Old Tower")),
        *(
            ("price_usd", text)
            for text in ("CAD $120", "$120 CAD", "$120 AUD", "AU$120", "Bds$120", "$ 120 (Canadian)", "120 pesos")
        ),
        *(("price_usd", text) for text in ("120 Australian dollars", "$120 in Canadian dollars", "0.5 BTC", "n/a (2023: $5)")),
        *(("price_gbp", text) for text in ("IR£120", "E£120", "£120 Syrian")),
        *(("price_jpy", text) for text in ("CN¥120", "120元")),
        *(
            ("employees", text)
            for text in ("ranked 3rd", "3rd largest employer", "No. 3 in Ohio", "see note 4", "#1200", "1_200")
        ),
        *(
            ("employees", text)
            for text in ("twice as many as Pine Corp (600)", "20 more than Pine Corp", "not disclosed; 40 in 2019")
        ),
        *(("employees", text) for text in ("It does not have 999 employees.", "It never had 999.", "There aren’t 999 of them.")),
    ],
)
def test_a_number_in_a_unit_that_is_not_known_or_of_another_thing_is_none(field: str, text: str) -> None:
    """It would be wrong by whatever the unit is, and look as if it had been read."""
    assert value(field, NUMBER, text) is None


@pytest.mark.parametrize(
    ("field", "text", "is_read_as"),
    [
        ("mass_kg", "120 ± 5 kg", 120),
        ("mass_kg", "1.2 ± 0.1 t", 1200),
        ("employees", "1200 ± 50", 1200),
        ("length_km", "10 nautical miles", 18.52),
        ("rank", "3rd", 3),
        ("price_aud", "$120 AUD", 120),
        ("price_cad", "120 $ CAN", 120),
        ("price_usd", "US$120", 120),
        ("temperature_c", "20 degrees", 20),
    ],
)
def test_a_number_with_its_tolerance_its_place_or_its_currencys_owner(field: str, text: str, is_read_as: float) -> None:
    assert value(field, NUMBER, text) == is_read_as


@pytest.mark.parametrize(
    ("field", "label", "text", "is_read_as", "doubt"),
    [
        ("mass_kg", "Mass (g)", "500", 0.5, "unit_from_label"),
        ("revenue_eur", "Revenue\nKey figures (in thousands of euros)", "12,500", 12_500_000, "scale_from_label"),
        ("revenue_eur", "Revenue (Millions of USD)", "12.5", None, None),
        ("revenue_usd", "Revenue (Millions of USD)", "12.5", 12_500_000, "scale_from_label"),
        ("revenue", "Revenue (in thousands)", "€12.5 million", 12_500_000, None),
        ("margin", "Margin (%)\nin thousands of euros", "12.5", 12.5, None),
        ("Revenue (Millions of USD)", "Revenue (Millions of USD)", "12.5", 12.5, None),
        ("mass_kg", "Mass", "500", 500, "unit_unstated"),
    ],
)
def test_the_key_the_head_cell_and_the_caption_give_unit_and_scale(
    field: str, label: str, text: str, is_read_as: Any, doubt: Any
) -> None:
    found = read(field, NUMBER, text, Setting(label))
    assert (found.value if found else None) == is_read_as
    assert doubt is None or (found and doubt in found.doubts)


def test_in_a_pages_data_the_point_is_decimal() -> None:
    machine = read("price", NUMBER, "140.000", Setting("price", decimal_mark="."))
    assert machine
    assert machine.value == 140
    assert "ambiguous_separator" not in machine.doubts
    person = read("price", NUMBER, "140.000 €")
    assert person
    assert "ambiguous_separator" in person.doubts


@pytest.mark.parametrize(
    ("field", "text", "price", "is_open"),
    [
        ("price", "~~€120.00~~ €90.00", 90, False),
        ("price", "was €120.00 now €90.00", 90, False),
        ("price", "RRP £120, our price £90", 90, False),
        ("price", "€90.00 (you save €30.00, 25% off)", 90, False),
        ("price", "€90 each", 90, False),
        ("price", "€120.00 €90.00 (-25%)", 90, False),
        ("price", "€90 + €4.90 shipping", 90, False),
        ("regular_price", "was €120.00 now €90.00", 120, False),
        ("price", "€90.00 €120.00", 90, True),
        ("price", "€90 – €120", 90, True),
        ("price", "from €90", 90, True),
        ("price", "ab 90 €", 90, True),
    ],
)
def test_the_price_is_the_amount_asked_now_and_open_where_nothing_tells(
    field: str, text: str, price: float, is_open: bool
) -> None:
    found = read(field, NUMBER, text)
    assert found
    assert found.value == price
    assert bool(found.doubts & {"several", "range", "bound"}) is is_open


@pytest.mark.parametrize("text", ["2 for €10", "free shipping", "25% off", "save €30", "Size 42 cm"])
def test_what_is_no_price_gives_none(text: str) -> None:
    assert value("price", NUMBER, text) is None


@pytest.mark.parametrize(
    ("field", "schema", "text", "is_read_as"),
    [
        ("price_usd", NUMBER, "$2.5 zillion", None),
        ("population", NUMBER, "3 gazillions", None),
        ("revenue_eur", NUMBER, "1,2 milliard d’euros", 1_200_000_000),
        ("revenue_eur", NUMBER, "450 millones de euros", 450_000_000),
        ("units_sold", INTEGER, "1200EUR", None),
        ("rating_count", INTEGER, "$1 CAD", None),
        ("employees", INTEGER, "120 (40 before)", 120),
        ("platforms", INTEGER, "2 (formerly 4)", 2),
        ("seats", INTEGER, "It formerly seated 900.", None),
        ("height_m", NUMBER, "Unlike Old Tower, which is 310 m tall, it has no spire.", None),
        ("half_life_h", NUMBER, "4.2 ± 0.3 h", 4.2),
        ("price_per_month_usd", NUMBER, "$12 per month", 12),
        ("price_usd", NUMBER, "$12 per month", None),
        ("monthly_price_usd", NUMBER, "$12 per month", 12),
        ("monthly_price_usd", NUMBER, "$12/mo", 12),
        ("monthly_price_usd", NUMBER, "$120/yr ($12/mo)", 12),
        ("annual_price_usd", NUMBER, "$12/mo", None),
        ("delivery_price_eur", NUMBER, "Delivery: €49", 49),
        ("built", INTEGER, "It was not built in 1650.", None),
    ],
)
def test_what_stands_beside_a_number_says_whether_it_is_the_one_asked(
    field: str, schema: dict[str, Any], text: str, is_read_as: Any
) -> None:
    assert value(field, schema, text) == is_read_as


@pytest.mark.parametrize(
    ("others", "grams"), [("", 1.05), ("Preis: 89,95", 1050), ("Length: 2.5 m", 1.05), ("1,5 and 2.5", 1.05)]
)
def test_the_decimal_mark_of_the_pages_other_numbers_tells_thousands_from_decimals(others: str, grams: float) -> None:
    mark = decimal_mark_of(f"1.050 g\n{others}")
    found = read("weight_g", NUMBER, "1.050 g", Setting("Gewicht", decimal_mark=mark))
    assert found is not None
    assert found.value == grams
    assert ("ambiguous_separator" in found.doubts) == (mark == "")


def test_a_key_says_that_its_value_is_not_so_yet_unless_the_field_asks_for_that() -> None:
    told, asked = (read(name, NUMBER, "31 g", Setting("Weight (expected)")) for name in ("weight_g", "expected_weight_g"))
    assert told is not None
    assert asked is not None
    assert ("hypothetical" in told.doubts, "hypothetical" in asked.doubts) == (True, False)
