"""What the keyless model takes as a field's key: however it is divided, and what of it stands in the value."""

from __future__ import annotations

from typing import Any

import pytest
from keyless_reading import BOOLEAN, DATE, INTEGER, NUMBER, TEXT, answer, table


async def of(html: str, field: str, schema: dict[str, Any], name: str = "Grove Works") -> Any:
    return (await answer(html, {field: schema}, name))[field][0]


@pytest.mark.parametrize(
    ("key", "value", "field", "schema", "right"),
    [
        ("InChI_Key", "RYYVLZVUVIJVGH-UHFFFAOYSA-N", "inchi_key", TEXT, "RYYVLZVUVIJVGH-UHFFFAOYSA-N"),
        ("PubChem_CID", "2519", "pubchem_cid", INTEGER, 2519),
        ("GitHub_stars", "412", "github_stars", INTEGER, 412),
        ("LinkedIn_followers", "9012", "linkedin_followers", INTEGER, 9012),
        ("pKa", "14.0", "pka", NUMBER, 14.0),
        ("Wi-Fi", "Yes", "wifi", BOOLEAN, True),
        ("datePublished", "2021-03-04", "date_published", DATE, "2021-03-04"),
    ],
)
async def test_a_key_is_the_same_however_its_words_are_divided(
    key: str, value: str, field: str, schema: dict[str, Any], right: Any
) -> None:
    assert await of(table(Colour="red", **{key: value}), field, schema) == right


@pytest.mark.parametrize(
    ("key", "value", "field", "right"),
    [
        ("Pets", "Not allowed", "pets_allowed", False),
        ("Pets", "Pets are not allowed.", "pets_allowed", False),
        ("Pets", "Allowed", "pets_allowed", True),
        ("Smoking", "Not permitted", "smoking_allowed", False),
        ("Breakfast", "Included", "breakfast_included", True),
        ("Pets", "No birds", "dogs_allowed", None),
        ("Pets", "Please ask whether pets are allowed", "pets_allowed", None),
        ("Breakfast", "Available, not included", "breakfast_included", None),
    ],
)
async def test_the_rest_of_a_yes_or_no_may_stand_in_the_value(key: str, value: str, field: str, right: bool | None) -> None:
    assert await of(table(Colour="red", **{key: value}), field, BOOLEAN) is right


@pytest.mark.parametrize(
    ("key", "value", "field", "right"),
    [
        ("Noise", "45 dB at 12 m", "noise_db", 45),
        ("Torque", "577 N⋅m at 4,000 rpm", "torque_nm", 577),
        ("Battery", "5000 mAh", "battery_mah", 5000),
        ("Seats", "180 economy, 20 business", "seats_business", 20),
        ("Seats", "180 economy", "seats_business", None),
        ("Unemployment", "4.1%", "unemployment_rate", 4.1),
        ("Tax", "$98.20", "tax_rate", None),
        ("Total assets", "€84.2 billion (2023)", "total_assets_usd", None),
        ("Revenue", "$3.2 billion", "revenue_usd_m", 3200),
        ("Revenue", "$3.2 billion", "revenue_in_millions", 3200),
        ("Employees", "12,400", "employees_k", 12.4),
        ("Revenue", "3.2", "revenue_usd_m", None),
        ("Price", "€20 per kg", "weight_kg", None),
        ("CO2", "118 g/km", "co2_g_per_km", 118),
        ("Funding series B", "$25 million", "funding_series_b", 25e6),
        ("Year over year growth", "12.4%", "year_over_year_growth", 12.4),
        ("Annual rainfall", "820 mm per year", "annual_rainfall_mm", 820),
        ("Memory", "16 GB RAM - 2 TB SSD", "memory_gb", 16),
        ("Area", "85 m²·Berlin", "area_m2", 85),
        ("Market", "12% growth", "market_share", None),
        ("Market", "12%", "market_share", 12),
        ("Awards", "$5,000", "number_of_awards", None),
    ],
)
async def test_what_a_number_is_counted_in_may_stand_behind_it(key: str, value: str, field: str, right: int | None) -> None:
    assert await of(table(Colour="red", **{key: value}), field, NUMBER) == right


@pytest.mark.parametrize(
    ("key", "value", "field", "right"),
    [
        ("Ages", "18 Years to 65 Years", "minimum_age", 18),
        ("Ages", "18 Years to 65 Years", "maximum_age", 65),
        ("Operating temperature", "-40 °C to +85 °C", "min_operating_temperature_c", -40),
        ("Salary", "€75,000 – €90,000 per year", "salary_min_eur", 75000),
        ("Salary", "€75,000 – €90,000 per year", "salary_max_eur", 90000),
    ],
)
async def test_a_field_for_an_end_of_a_range_is_given_that_end(key: str, value: str, field: str, right: int | None) -> None:
    assert await of(table(Colour="red", **{key: value}), field, NUMBER) == right


@pytest.mark.parametrize(
    ("key", "value", "field", "schema", "right"),
    [
        ("Decided", "July 19, 2010", "decision_date", DATE, "2010-07-19"),
        ("Acquired", "3 May 2011", "acquisition_date", DATE, "2011-05-03"),
        ("Salary", "€80,000", "salary_eur", NUMBER, 80000),
        ("Wattage", "3000 watts", "power_w", NUMBER, 3000),
        ("USt-IdNr.", "DE123456789", "vat_id", TEXT, "DE123456789"),
        ("Spouse", "Mary Jones (m. 1980)", "spouse", TEXT, "Mary Jones"),
        ("Floor", "5 out of 12", "floor", INTEGER, 5),
        ("Molecular weight", "487.6 g/mol", "molar_mass_g_mol", NUMBER, 487.6),
        ("Founded", "1987", "founded_year", NUMBER, 1987),
        ("Seats", "5", "seats", INTEGER, 5),
        ("When", "14 June 2025", "date", DATE, "2025-06-14"),
        ("Where", "Grieghallen", "venue", TEXT, "Grieghallen"),
    ],
)
async def test_words_that_mean_the_same_are_one_key(key: str, value: str, field: str, schema: dict[str, Any], right: Any) -> None:
    assert await of(table(Colour="red", **{key: value}), field, schema) == right


async def test_a_date_is_no_firm() -> None:
    html = table(Publisher="Chilton Books", Published="August 1965")
    assert await of(html, "publisher", TEXT) == "Chilton Books"


@pytest.mark.parametrize(
    "title",
    [
        "Roe v. Grove [1993] UKHL 19",
        "Roe v Grove, 384 U.S. 436 (1966)",
        "Roe vs. Grove, No. 09-15234 (9th Cir. 2010)",
        "Roe versus Grove",
    ],
)
async def test_a_page_about_a_case_may_give_its_citation_in_the_title(title: str) -> None:
    assert await of(f"<h1>{title}</h1>{table(Court='House of Lords')}", "court", TEXT, "Roe v. Grove") == "House of Lords"


async def test_another_partys_case_is_another_case() -> None:
    assert await of(f"<h1>Roe v. Poe [1993] UKHL 19</h1>{table(Court='House of Lords')}", "court", TEXT, "Roe v. Grove") is None


async def test_what_is_related_is_something_else() -> None:
    html = "<h1>Roe v. Grove</h1><p>It was argued.</p><h2>Related cases</h2><ul><li>Poe v. Roe, decided May 1, 2011</li></ul>"
    assert await of(html, "decision_date", DATE, "Roe v. Grove") is None


async def test_a_row_may_call_the_pages_subject_by_its_code_alone() -> None:
    head = "<tr><th>Model</th><th>Power (kW)</th></tr>"
    rows = f"<table>{head}<tr><td>M4</td><td>1.5</td></tr><tr><td>M5</td><td>2.2</td></tr></table>"
    assert await of(f"<h1>Motor M5</h1>{rows}", "power_kw", NUMBER, "Motor M5") == 2.2
    assert await of(f"<h1>Motor M6</h1>{rows}", "power_kw", NUMBER, "Motor M6") is None


@pytest.mark.parametrize(
    ("key", "value", "field", "right"),
    [
        ("Fabric", "Cotton", "manufacturer", None),
        ("Marks", "Scratched", "brand", None),
        ("Fabricant", "Moulin SA", "manufacturer", "Moulin SA"),
        ("Marke", "Bosch", "brand", "Bosch"),
        ("Pays", "France", "country", "France"),
    ],
)
async def test_a_word_of_another_language_is_no_english_word_of_nearly_its_spelling(
    key: str, value: str, field: str, right: str | None
) -> None:
    assert await of(table(Colour="red", **{key: value}), field, TEXT) == right


async def test_the_things_own_name_answers_for_no_other_name() -> None:
    html = f"<h1>Zolpidem</h1><p>Professor of Physics</p>{table(Trade_names='Ambien, Stilnox', Formula='C19H21N3O')}"
    assert await of(html, "trade_names", TEXT, "Zolpidem") == "Ambien, Stilnox"
    assert await of(html, "job_title", TEXT, "Zolpidem") is None
    assert await of(html, "drug_name", TEXT, "Zolpidem") == "Zolpidem"


async def test_a_line_of_names_is_of_low_confidence() -> None:
    html = "<h1>Lena Vogt</h1><p>Department of Physics, University of Basel</p><h2>Education</h2><p>PhD, ETH Zürich, 2004</p>"
    assert (await answer(html, {"department": TEXT}, "Lena Vogt"))["department"][1] == "low"


async def test_a_person_that_a_sentence_begins_with_may_be_who_is_asked_for() -> None:
    said = "Grove Works is a food producer in Bergen with four plants."
    assert await of(f"<p>{said} Ingrid Bakke has been chief executive since 2019.</p>", "ceo", TEXT) == "Ingrid Bakke"
    assert await of(f"<p>{said} Ingrid Bakke has been CEO since May 2019.</p>", "ceo", TEXT) == "Ingrid Bakke"
    other = f"<p>{said} Ingrid Bakke has been chief executive of Oak Foods since 2019.</p>"
    assert (await answer(other, {"ceo": TEXT}))["ceo"][0] is None


@pytest.mark.parametrize("key", ["Date", "When"])
async def test_a_bare_date_is_hardly_a_deadline(key: str) -> None:
    html = table(**{key: "14 June 2025"}, Colour="red")
    assert (await answer(html, {"registration_deadline": DATE}))["registration_deadline"][1] in (None, "low")
    assert (await answer(html, {"date": DATE}))["date"][1] in ("medium", "high")


@pytest.mark.parametrize(
    ("name", "title", "right"),
    [
        ("Roe v. Grove [1993] UKHL 19", "Roe v. Grove", "House of Lords"),
        ("Roe v. Grove [1993] UKHL 19", "Roe v. Grove [1991] EWCA Civ 4", None),
        ("Roe v. Grove, 384 U.S. 436 (1966)", "Roe v. Grove, 200 F.2d 12 (1964)", None),
    ],
)
async def test_a_name_with_its_citation_is_no_case_of_another_one(name: str, title: str, right: str | None) -> None:
    assert await of(f"<h1>{title}</h1>{table(Court='House of Lords')}", "court", TEXT, name) == right


@pytest.mark.parametrize("heading", ["Recommended dosage", "Recommended settings", "Related parties"])
async def test_what_is_recommended_for_it_is_its_own(heading: str) -> None:
    assert await of(f"<h1>Grove Works</h1><h2>{heading}</h2>{table(Dose='10 mg')}", "dose_mg", NUMBER) == 10


async def test_a_price_per_unit_is_hardly_the_price() -> None:
    assert (await answer(table(Price="€20", Colour="red"), {"price_per_kg_eur": NUMBER}))["price_per_kg_eur"][1] in (None, "low")
    assert (await answer(table(Price="€20 per kg", Colour="red"), {"price_per_kg_eur": NUMBER}))["price_per_kg_eur"][0] == 20


@pytest.mark.parametrize(
    ("key", "value", "field", "schema", "right", "most"),
    [
        ("Latitude", "48,85° N", "latitude", NUMBER, 48.85, "high"),
        ("Coordinates", "48.8566, 2.3522", "latitude", NUMBER, 48.8566, "low"),
        ("Coordinates (lat, lon)", "48.8566, 2.3522", "latitude", NUMBER, 48.8566, "medium"),
        ("Delivery", "Zone 1 - 3 days", "delivery_days_min", NUMBER, 3, "low"),
        ("Half-life", "3–7 hours", "min_half_life_hours", NUMBER, 3, "high"),
        ("Firmware", "3.2.0", "firmware_version", TEXT, "3.2.0", "medium"),
        ("Bible", "1.5 kg", "bible_version", TEXT, None, None),
        ("Release", "12.05.2024", "release_version", TEXT, None, None),
        ("Author", "Baker, Chad", "author_country", TEXT, None, None),
        ("Founded", "12 May 1999", "company_founding_year", NUMBER, 1999, "medium"),
        ("Visitors last year", "12,150", "visitors_last_year", INTEGER, 12150, "medium"),
    ],
)
async def test_what_a_value_looks_like_is_no_more_than_it_says(
    key: str, value: str, field: str, schema: dict[str, Any], right: Any, most: str | None
) -> None:
    assert (await answer(table(Colour="red", **{key: value}), {field: schema}))[field] == (right, most)
