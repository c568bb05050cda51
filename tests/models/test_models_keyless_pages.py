"""What the keyless model answers from a page, by way of the whole engine and its evidence: the value asked, of its own entity."""

from __future__ import annotations

import json
from typing import Any

import pytest
from keyless_reading import BOOLEAN, DATE, INTEGER, NUMBER, STATUS, TEXT, answer

from research.models.keyless.model import KeylessModel
from research.pipeline import research
from research.ports.world import World
from research.task.task import Task
from research.testing import Pages

OFFER = (
    '<script type="application/ld+json">{{"@type":"Product","name":"Grove Works","offers":'
    '{{"@type":"Offer","price":"{}","priceCurrency":"EUR"}}}}</script>'
)


ABOUT_A_PERSON = (
    '<script type="application/ld+json">{"@type":"NewsArticle","headline":"Grove Works",'
    '"about":{"@type":"Person","name":"Bob Ray","birthDate":"1970-01-01"}}</script>'
)


async def test_an_end_of_a_range_in_page_data_is_not_the_value() -> None:
    size = {"@type": "QuantitativeValue", "minValue": 100, "maxValue": 200}
    data = {"@type": "Organization", "name": "Grove Works", "foundingDate": "1999", "numberOfEmployees": size}
    page = f'<script type="application/ld+json">{json.dumps(data)}</script>'
    found = await answer(page, {"employees": INTEGER, "founded": INTEGER})
    assert found["founded"][0] == 1999
    assert found["employees"][1] in (None, "low")


@pytest.mark.parametrize(
    ("html", "field", "schema", "right"),
    [
        ("<dl><dt>Net income</dt><dd>(1,200)</dd></dl>", "net_income", NUMBER, -1200),
        ("<dl><dt>Status</dt><dd>Not active (inactive since 2020)</dd></dl>", "status", STATUS, "inactive"),
        ("<dl><dt>Floors</dt><dd>2½</dd></dl>", "floors", NUMBER, 2.5),
        ("<dl><dt>Seats</dt><dd>a hundred and two</dd></dl>", "seats", INTEGER, 102),
        ("<dl><dt>Price</dt><dd>99¢</dd></dl>", "price_usd", NUMBER, 0.99),
        ("<p>Price: <del>€120.00</del> <ins>€90.00</ins></p>", "price", NUMBER, 90),
        ("<dl><dt>Price</dt><dd>£3.355</dd></dl>", "price", NUMBER, 3.355),
        ("<dl><dt>Profit</dt><dd>1.5 mln zł</dd></dl>", "profit", NUMBER, 1_500_000),
        ("<dl><dt>Height</dt><dd>6 ft 2 in</dd></dl>", "height_cm", NUMBER, 187.96),
        ("<dl><dt>Opened</dt><dd>3.4.21</dd></dl>", "opened", DATE, "2021-04-03"),
        ("<dl><dt>Opened</dt><dd>03/04/2021</dd><dt>Renewed</dt><dd>10/26/2023</dd></dl>", "opened", DATE, "2021-03-04"),
        ("<dl><dt>Mass (g)</dt><dd>500</dd></dl>", "mass_kg", NUMBER, 0.5),
        ("<dl><dt>Mass</dt><dd>5.972×10<sup>24</sup> kg</dd></dl>", "mass_kg", NUMBER, 5.972e24),
        ("<dl><dt>Revenue (USD m)</dt><dd>12.5</dd></dl>", "revenue_usd", NUMBER, 12_500_000),
        ("<dl><dt>Margin</dt><dd>12.5%</dd></dl>", "margin_percent", NUMBER, 12.5),
        ("<dl><dt>Share</dt><dd>45 %</dd></dl>", "share_fraction", NUMBER, 0.45),
        ("<dl><dt>Change</dt><dd>- 3.4%</dd></dl>", "change_percent", NUMBER, -3.4),
        (
            "<table><caption>Balance sheet (in € thousands)</caption><tr><th></th><th>2024</th></tr>"
            "<tr><td>Equity</td><td>4,500</td></tr></table>",
            "equity_eur",
            NUMBER,
            4_500_000,
        ),
        (
            "<table><tr><th>Key figures (in thousands of euros)</th><th>2024</th></tr>"
            "<tr><td>Revenue</td><td>12,500</td></tr></table>",
            "revenue_eur",
            NUMBER,
            12_500_000,
        ),
        (
            OFFER.format("140.000"),
            "price_eur",
            NUMBER,
            140,
        ),
        (
            OFFER.format("140.00"),
            "price_usd",
            NUMBER,
            None,
        ),
    ],
)
async def test_a_value_on_a_page_is_the_one_asked_in_its_unit(html: str, field: str, schema: dict[str, Any], right: Any) -> None:
    """Through the engine, evidence and all: what is read is also what the excerpt is found to say."""
    assert (await answer(html, {field: schema}))[field][0] == right


@pytest.mark.parametrize(
    ("html", "field", "schema"),
    [
        ("<dl><dt>Opened</dt><dd>03/04/2021</dd></dl>", "opened", DATE),
        ("<dl><dt>Price</dt><dd>€90.00 €120.00</dd></dl>", "price", NUMBER),
        ("<dl><dt>Price</dt><dd>from €90</dd></dl>", "price", NUMBER),
        ("<dl><dt>Staff</dt><dd>10–20</dd></dl>", "staff", INTEGER),
        ("<dl><dt>Staff</dt><dd>12 fnord</dd></dl>", "staff", INTEGER),
        ("<dl><dt>Capacity</dt><dd>1.234 m3</dd></dl>", "capacity_m3", NUMBER),
        ("<dl><dt>Mass</dt><dd>500</dd></dl>", "mass_kg", NUMBER),
    ],
)
async def test_what_may_be_read_in_another_way_is_never_of_high_confidence(html: str, field: str, schema: dict[str, Any]) -> None:
    assert (await answer(html, {field: schema}))[field][1] != "high"


@pytest.mark.parametrize(
    ("html", "field", "schema"),
    [
        ("<dl><dt>Opened</dt><dd>03/04/2021</dd></dl>", "opened", DATE),
        ("<dl><dt>Age</dt><dd>up to 20 years</dd></dl>", "age_years", NUMBER),
        ("<dl><dt>Speed</dt><dd>&gt;60 km/h</dd></dl>", "speed_kmh", NUMBER),
        ("<dl><dt>Price range</dt><dd>$10–$400</dd></dl>", "price", NUMBER),
        ("<dl><dt>Revenue</dt><dd>2.300 millones de euros</dd></dl>", "revenue", NUMBER),
        ("<dl><dt>Equity</dt><dd>5 Cr</dd></dl>", "equity", NUMBER),
        ("<dl><dt>Tax rate</dt><dd>0.21</dd></dl>", "tax_rate_percent", NUMBER),
        ("<dl><dt>Heating</dt><dd>Yes (except basement)</dd></dl>", "heating", BOOLEAN),
        ("<dl><dt>Born</dt><dd>1 or 2 May 1900</dd></dl>", "born", DATE),
        ("<dl><dt>Profit</dt><dd>loss of $2 million</dd></dl>", "profit_usd", NUMBER),
        ("<dl><dt>Growth</dt><dd>down 4%</dd></dl>", "growth_percent", NUMBER),
        ("<dl><dt>Elevation</dt><dd>430 m below sea level</dd></dl>", "elevation_m", NUMBER),
        ("<p>Revenue rose £2m.</p>", "revenue_gbp", NUMBER),
        ("<dl><dt>Condition</dt><dd>Like new</dd></dl>", "condition", {"enum": ["new", "used"]}),
        ("<dl><dt>Colour</dt><dd>Off-white</dd></dl>", "colour", {"enum": ["white", "black"]}),
        (ABOUT_A_PERSON, "birth_date", DATE),
        ("<dl><dt>Screen weight</dt><dd>20 g</dd></dl>", "weight_g", NUMBER),
        ("<dl><dt>Area code</dt><dd>030</dd></dl>", "area", NUMBER),
        (
            "<ul><li>Office: Berlin<ul><li>Floor: 3</li></ul></li><li>Office: Paris<ul><li>Floor: 7</li></ul></li></ul>",
            "floor",
            INTEGER,
        ),
        ("<dl><dt>Founded</dt><dd>1403/05/12</dd></dl>", "founded", DATE),
        ("<dl><dt>Founded</dt><dd>2567-05-13</dd></dl>", "founded", DATE),
        ("<dl><dt>Price</dt><dd>£1 10s</dd></dl>", "price", NUMBER),
        ("<dl><dt>Price</dt><dd>£2 5s 6d</dd></dl>", "price_gbp", NUMBER),
        ("<dl><dt>Balance</dt><dd>CR 500.00</dd></dl>", "balance", NUMBER),
        ("<dl><dt>Balance</dt><dd>€500.00 DR</dd></dl>", "balance", NUMBER),
        ("<dl><dt>Price</dt><dd>€100.00 excl. VAT (€119.00 incl. VAT)</dd></dl>", "price", NUMBER),
        ("<dl><dt>Preis</dt><dd>netto 84,03 €, brutto 100,00 €</dd></dl>", "price", NUMBER),
        ("<p>List price: A$ 30</p><p>Price: A$ 24</p>", "price", NUMBER),
        ("<p>Free trial</p><p>Start your free trial today.</p>", "free", BOOLEAN),
        ("<p>Pool</p><p>Closed for renovation</p>", "pool", BOOLEAN),
        ("<h2>Pool</h2><p>Closed for renovation</p>", "pool", BOOLEAN),
        ("<p>Teacher: Ann Lee</p>", "language", {"type": "string"}),
    ],
)
async def test_what_is_as_likely_something_else_is_of_low_confidence(html: str, field: str, schema: dict[str, Any]) -> None:
    assert (await answer(html, {field: schema}))[field][1] in ("low", None)


@pytest.mark.parametrize(
    "text",
    [
        "n/a",
        "—",
        "Optional",
        "on request",
        "not included",
        "revoked",
        "expired in 2019",
        "~~yes~~",
        "Partial",
        "Until 2020",
        "closed for renovation until May",
        "Out of order",
        "hors service",
    ],
)
async def test_what_is_not_given_is_no_yes(text: str) -> None:
    assert (await answer(f"<dl><dt>Wi-Fi</dt><dd>{text}</dd></dl>", {"wi_fi": BOOLEAN}))["wi_fi"][0] is not True


@pytest.mark.parametrize("item", ["✗ Sauna", "✘ Sauna", "<s>Sauna</s>", "No sauna"])
async def test_a_line_that_is_crossed_or_struck_out_is_no_yes(item: str) -> None:
    assert (await answer(f"<ul><li>✓ Breakfast</li><li>{item}</li></ul>", {"sauna": BOOLEAN}))["sauna"][0] is not True


@pytest.mark.parametrize("heading", ["Related products", "Customers also bought", "You may also like", "Similar items"])
async def test_what_is_only_recommended_is_not_the_entitys(heading: str) -> None:
    others = "<h3>Moon Lamp</h3><dl><dt>Price</dt><dd>$50</dd><dt>Weight</dt><dd>2 kg</dd></dl>"
    html = f"<dl><dt>Colour</dt><dd>red</dd></dl><h2>{heading}</h2>{others}"
    found = await answer(html, {"weight_kg": NUMBER, "colour": TEXT})
    assert (found["weight_kg"][0], found["colour"][0]) == (None, "red")


async def test_a_sentence_under_the_other_things_heading_is_not_the_entitys() -> None:
    parts = "<h2>Gale Z2</h2><p>The Gale Z2 weighs 300 g and costs $400.</p><h2>Fern X1</h2><p>The Fern X1 weighs 200 g.</p>"
    found = await answer(f"<h1>Fern X1 vs Gale Z2</h1>{parts}", {"price_usd": NUMBER}, name="Fern X1")
    assert found["price_usd"][0] is None


async def test_what_stands_under_the_other_thing_of_a_page_is_not_the_entitys() -> None:
    """A page about two things that its title names: each has its own part."""
    parts = "<h2>Beta Two</h2><dl><dt>Mass</dt><dd>500 kg</dd><dt>Crew</dt><dd>7</dd></dl>"
    html = f"<h1>Alpha One and Beta Two</h1>{parts}<h2>Alpha One</h2><dl><dt>Mass</dt><dd>900 kg</dd></dl>"
    found = await answer(html, {"mass_kg": NUMBER, "crew": INTEGER}, name="Alpha One")
    assert (found["mass_kg"][0], found["crew"][0]) == (900, None)


SITE_AND_DISH = (
    '<script type="application/ld+json">[{"@type":"WebSite","name":"Kovar Kitchen","description":"Cook, bake and share"},'
    '{"@type":"WebPage","description":"Read how it is made in our kitchen, with pictures of each step"},'
    '{"@type":"Recipe","name":"Grove Works","description":"A slow stew of beans and greens for cold evenings"}]</script>'
)


async def test_what_the_data_say_of_the_entity_itself_is_not_contradicted_by_what_they_say_of_its_site() -> None:
    found, confidence = (await answer(SITE_AND_DISH, {"description": TEXT}))["description"]
    assert (found, confidence is not None) == ("A slow stew of beans and greens for cold evenings", True)


@pytest.mark.parametrize("field", ["InStock", "availability"])
async def test_a_choice_read_from_an_unnamed_notice_is_not_lost_for_want_of_its_name(field: str) -> None:
    """`Add to basket` is the surest place, and does not hold the choice's name."""
    schema = {"enum": ["InStock", "OutOfStock"], "description": "Availability"}
    found, _ = (await answer("<p>Price: €12.00</p><p>Add to basket</p>", {field: schema}))[field]
    assert found == "InStock"


@pytest.mark.parametrize("key", ["ASIN", "Artikelnummer", "Codice articolo", "Numéro de l'objet", "Produkta kods"])
async def test_a_shops_own_number_is_found_under_its_name_in_other_languages(key: str) -> None:
    assert (await answer(f"<dl><dt>{key}</dt><dd>B01GOH7PKA</dd></dl>", {"sku": TEXT}))["sku"][0] == "B01GOH7PKA"


@pytest.mark.parametrize(
    ("schema", "text", "reason"),
    [
        (DATE, "1935", "`Founded` in the facts of “Acme” says 1935. The field asks for a day, YYYY-MM-DD"),
        (INTEGER, "in the spring", "“Acme” says `Founded: in the spring`: no year."),
        (DATE, "3 May 1935", ""),
    ],
)
async def test_what_a_page_says_and_no_field_can_hold_is_in_the_reason(schema: dict[str, Any], text: str, reason: str) -> None:
    """Of the entity's own page only: another page's `Founded` says nothing about it."""
    pages = Pages({"https://a.example/": f"# Acme\n\nFounded: {text}\n", "https://b.example/": "# Bolt\n\nFounded: 1947\n"})
    world = World(model=KeylessModel(), search=pages, fetcher=pages)
    asked = {"type": "object", "properties": {"founded": schema}}
    result = await research(Task.model_validate({"task": "Facts about Acme", "output_schema": asked}), world)
    assert (result.output["founded"] is None) == bool(reason)
    assert result.basis[0].reasoning.startswith(reason)
    assert "1947" not in result.basis[0].reasoning


async def test_the_reason_of_an_empty_day_says_what_a_sentence_has_instead() -> None:
    """And where nothing is said at all, the sentence reads well with any field's name."""
    pages = Pages({"https://a.example/": "# Acme\n\nAcme is a maker of lamps. It was founded in March 1954.\n"})
    asked = {"type": "object", "properties": {"founded": DATE, "dissolved": DATE}}
    world = World(model=KeylessModel(), search=pages, fetcher=pages)
    result = await research(Task.model_validate({"task": "Facts about Acme", "output_schema": asked}), world)
    founded, dissolved = (part.reasoning for part in result.basis)
    assert result.output == {"founded": None, "dissolved": None}
    assert "says 1954-03. The field asks for a day" in founded
    assert dissolved == "No page that was read gives a value for “dissolved”."


async def test_the_parts_of_an_object_are_read_as_fields_of_their_own() -> None:
    schema = {"type": "object", "properties": {"city": TEXT, "country": TEXT, "founded": INTEGER}}
    page = "# Arbor Works\n\nArbor Works is a furniture maker. Its head office is in Ghent, Belgium.\n"
    pages = Pages({"https://a.example/": page})
    asked = {"type": "object", "properties": {"hq": schema, "plant": {"type": "object", "properties": {"capacity": INTEGER}}}}
    world = World(model=KeylessModel(), search=pages, fetcher=pages)
    result = await research(Task.model_validate({"task": "Facts about Arbor Works", "output_schema": asked}), world)
    assert result.output == {"hq": {"city": "Ghent", "country": "Belgium", "founded": None}, "plant": None}
    cited = {part.field: [e.text for c in part.citations for e in c.excerpts] for part in result.basis}
    assert "Ghent, Belgium" in cited["hq.city"][0]
    assert "Ghent, Belgium" in cited["hq.country"][0]
    assert cited["plant"] == []


@pytest.mark.parametrize(
    ("schema", "what"),
    [
        ({"type": "array", "items": {"type": "object", "properties": {"name": TEXT}}}, "lists of objects or of lists"),
        ({"type": "array", "items": {"type": "array", "items": TEXT}}, "lists of objects or of lists"),
        ({"type": "object"}, "objects whose properties the schema does not name"),
    ],
)
async def test_a_field_that_is_never_filled_says_so_in_its_reason(schema: dict[str, Any], what: str) -> None:
    pages = Pages({"https://a.example/": "# Acme\n\nStaff: Ada (head), Bob (clerk)\n"})
    asked = {"type": "object", "properties": {"staff": schema, "names": {"type": "array", "items": TEXT}}}
    world = World(model=KeylessModel(), search=pages, fetcher=pages)
    result = await research(Task.model_validate({"task": "Facts about Acme", "output_schema": asked}), world)
    staff, names = result.basis
    assert staff.reasoning == f"The keyless model does not fill {what}: ask for fields of their own, or use a language model."
    assert "does not fill" not in names.reasoning


async def test_a_key_may_be_written_in_short() -> None:
    cells = {"Pop. (000s)": "120", "Temp.": "-3 °C", "Wt.": "80 kg", "DOB": "4 May 1971"}
    rows = "".join(f"<tr><th>{key}</th><td>{cell}</td></tr>" for key, cell in cells.items())
    fields = {"population": NUMBER, "temperature_c": NUMBER, "weight_kg": NUMBER, "birth_date": DATE}
    found = await answer(f"<table>{rows}</table>", fields)
    assert [value for value, _ in found.values()] == [120_000, -3, 80, "1971-05-04"]
