"""What is near to an answer and is none: a page about a thing of nearly the same name, another thing's value on the entity's
page, what is outdated or only told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from keyless_reading import BOOLEAN, DATE, INTEGER, NUMBER, TEXT, answer

from research.models.keyless.entities import entity_of
from research.task.task import Task

MASS = "<dl><dt>Weight</dt><dd>1.4 kg</dd><dt>Colour</dt><dd>Black</dd><dt>Born</dt><dd>4 May 1971</dd></dl>"
FIELDS = {"weight_kg": NUMBER, "colour": TEXT, "birth_date": DATE}


@pytest.mark.parametrize(
    ("heading", "name"),
    [
        ("Ridge Lamp Pro", "Ridge Lamp"),
        ("Ridge Lamp", "Ridge Lamp Pro"),
        ("John Smith Jr.", "John Smith"),
        ("Henry VIII", "Henry VII"),
        ("Elizabeth II", "Elizabeth I"),
        ("Sirius", "Sirius II"),
        ("Falcon 200 S", "Falcon 200"),
        ("Vitamin D", "Vitamin C"),
        ("libharp-dev", "libharp"),
        ("Senior Data Engineer", "Data Engineer"),
        ("Oslo Half Marathon", "Oslo Marathon"),
        ("Oak Seven Ltd", "Oak Five Ltd"),
        ("Firm00007 Fir Inc.", "Firm00005 Fir Inc."),
        ("Kestrelberg Logistics AG", "Fenmark Logistics AG"),
        ("Haveldale Robotics S.A.", "Hartmere Robotics S.A."),
        ("Jornström Logistics Oy", "Gildlyte Logistics Oy"),
        ("Tannia Foods Ltd", "Tannia Foods plc"),
        ("Quillström Pharma GmbH", "Quillström Pharma S.A."),
    ],
)
async def test_a_page_about_another_thing_of_nearly_the_same_name_answers_nothing_in_its_facts(heading: str, name: str) -> None:
    found = await answer(f"<h1>{heading}</h1>{MASS}", FIELDS, name)
    assert {value for value, confidence in found.values() if confidence != "low"} == {None}
    assert (found["weight_kg"][0], found["colour"][0]) == (None, None)


@pytest.mark.parametrize(
    ("heading", "name"),
    [
        ("Ridge Lamp Pro", "Ridge Lamp Pro"),
        ("Ridge Lamp – Pro tips from readers", "Ridge Lamp"),
        ("John F. Smith", "John Smith"),
        ("Up (2009 film)", "Up"),
        ("Max Weber", "Max Weber"),
        ("Malcolm X", "Malcolm X"),
        ("Acme Inc.", "Acme"),
        ("Oak Five", "Oak Five Ltd"),
        ("Oak Five Limited", "Oak Five Ltd"),
        ("Quillström Pharma SA | Annual report", "Quillström Pharma S.A."),
        ("Nordfeld", "Nordfeld AG"),
        ("Nordfeld Corporation", "Nordfeld Oyj"),
        ("Grand Spa", "Grand Spa"),
        ("Grace Hopper (computer scientist)", "Grace Hopper"),
        ("Sony Wireless WH-1000XM4", "Sony WH-1000XM4"),
    ],
)
async def test_a_page_that_only_says_more_about_its_own_thing_answers(heading: str, name: str) -> None:
    found = await answer(f"<h1>{heading}</h1>{MASS}", FIELDS, name)
    assert found["weight_kg"][0] == 1.4


@pytest.mark.parametrize(
    ("html", "most"),
    [
        ("<h2>Castle Brunn</h2><p>Owner: Count Brunn</p>", None),
        ("<h2>Accessories</h2><h3>Battery grip</h3><p>Owner: Count Brunn</p>", None),
        ("<h2>Tochterunternehmen</h2><p>Owner: Count Brunn</p>", None),
        ("<h2>Plover Snacks</h2><p>Owner: Count Brunn</p>", "low"),
    ],
)
async def test_a_value_below_another_things_heading_is_none_or_of_low_confidence(html: str, most: str | None) -> None:
    found = await answer(f"<h1>Castle Roth</h1>{html}", {"owner": TEXT}, "Castle Roth")
    assert found["owner"][1] == most


@pytest.mark.parametrize(
    "heading", ["Key Facts", "Technical Specifications", "Castle Roth", "Castle History", "Owner", "At a glance"]
)
async def test_a_value_below_a_heading_that_only_divides_the_page_is_as_sure_as_any(heading: str) -> None:
    fields = {"owner": TEXT, "height_m": NUMBER}
    html = f"<h1>Castle Roth</h1><h2>{heading}</h2><dl><dt>Owner</dt><dd>Ann Lee</dd><dt>Height</dt><dd>31 m</dd></dl>"
    plain = await answer(html.replace(f"<h2>{heading}</h2>", ""), fields, "Castle Roth")
    assert await answer(html, fields, "Castle Roth") == plain


def product(name: str, **more: Any) -> str:
    return f'<script type="application/ld+json">{json.dumps({"@type": "Product", "name": name, **more})}</script>'


async def test_the_data_of_another_thing_on_the_entitys_page_are_of_low_confidence_and_none_beside_its_own() -> None:
    fields = {"sku": TEXT, "colour": TEXT}
    other = product("Mira Earbuds", sku="ME-12", color="White")
    alone = await answer(f"<h1>Mira Headphones</h1>{other}", fields, "Mira Headphones")
    assert {confidence for _, confidence in alone.values()} <= {None, "low"}
    both = await answer(f"<h1>Mira Headphones</h1>{product('Mira Headphones', sku='MH-77')}{other}", fields, "Mira Headphones")
    assert (both["sku"][0], both["colour"][0]) == ("MH-77", None)


async def test_the_last_year_counts_unless_another_is_asked_for() -> None:
    html = "<dl><dt>Revenue (2015)</dt><dd>$12 million</dd><dt>Revenue (2023)</dt><dd>$48 million</dd></dl>"
    found = await answer(html, {"revenue_usd": NUMBER, "revenue_2015_usd": NUMBER})
    assert (found["revenue_usd"][0], found["revenue_2015_usd"][0]) == (48_000_000, 12_000_000)
    html = "<dl><dt>Population (2010)</dt><dd>120,000</dd><dt>Population (2020)</dt><dd>135,000</dd></dl>"
    value, confidence = (await answer(html, {"population": INTEGER}))["population"]
    assert (value, confidence != "high") == (135_000, True)


async def test_what_is_foreseen_for_a_later_year_gives_way_to_what_is() -> None:
    html = "<dl><dt>Visitors (2031, forecast)</dt><dd>500</dd><dt>Visitors (2023)</dt><dd>432</dd></dl>"
    assert (await answer(html, {"visitors": INTEGER}))["visitors"][0] == 432


@pytest.mark.parametrize(
    "table",
    [
        "<table><tr><th></th><th>2022</th><th>2023</th></tr><tr><td>Employees</td><td>395</td><td>410</td></tr></table>",
        "<table><tr><th>Year</th><th>Employees</th><th>Seats</th></tr><tr><td>2022</td><td>395</td><td>7</td></tr>"
        "<tr><td>2023</td><td>410</td><td>8</td></tr></table>",
        "<table><caption>Figures (in millions of EUR)</caption><tr><th></th><th>2022</th><th>2023</th></tr>"
        "<tr><td>Revenue</td><td>40</td><td>44</td></tr><tr><td>Employees</td><td>395</td><td>410</td></tr></table>",
    ],
)
async def test_a_table_by_years_is_about_the_page_and_its_last_year_counts(table: str) -> None:
    assert (await answer(table, {"employees": INTEGER}))["employees"][0] == 410


async def test_a_table_whose_columns_are_things_says_what_each_of_them_is() -> None:
    table = (
        "<h1>Phones</h1><table><tr><th></th><th>Alpha X1</th><th>Alpha X2</th></tr>"
        "<tr><td>Weight</td><td>168 g</td><td>190 g</td></tr></table>"
    )
    assert (await answer(table, {"weight_g": NUMBER}, "Alpha X2"))["weight_g"][0] == 190


async def test_a_unit_in_a_column_of_its_own_belongs_to_the_number() -> None:
    table = (
        "<table><tr><th>Property</th><th>Value</th><th>Unit</th></tr><tr><td>Mass</td><td>18.5</td><td>g</td></tr>"
        "<tr><td>Length</td><td>2</td><td>m</td></tr></table>"
    )
    assert (await answer(table, {"mass_kg": NUMBER}))["mass_kg"][0] == 0.0185


@pytest.mark.parametrize(
    "html",
    [
        "<p>The Grove Works watch is rumoured to cost $50.</p>",
        "<p>Reportedly, Grove Works costs $50.</p>",
        "<dl><dt>Price (rumoured)</dt><dd>$50</dd></dl>",
        "<dl><dt>Expected price</dt><dd>$50</dd></dl>",
        "<dl><dt>Preis (voraussichtlich)</dt><dd>$50</dd></dl>",
    ],
)
async def test_what_is_only_told_or_not_so_yet_is_of_low_confidence(html: str) -> None:
    assert (await answer(html, {"price_usd": NUMBER}))["price_usd"][1] in (None, "low")


async def test_a_completion_that_is_expected_is_no_yes() -> None:
    html = "<dl><dt>Completion</dt><dd>2028 (expected)</dd></dl>"
    assert (await answer(html, {"completed": BOOLEAN}))["completed"][0] is not True


@pytest.mark.parametrize(
    ("objective", "name"),
    [
        ("Facts about O'Brien's Boats", "O'Brien's Boats"),
        ("Facts about “O'Brien's Boats”", "O'Brien's Boats"),
        ("Facts about 'Grove Works'", "Grove Works"),
    ],
)
def test_an_apostrophe_within_a_name_is_no_quotation_mark(objective: str, name: str) -> None:
    assert entity_of(Task(task=objective)).name == name
