"""What the keyless model reads a piece of text as: the value that was asked, in the unit that was asked, or nothing."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from research.documents.extract import extract
from research.models.keyless.casting import PLAIN, Cast, Setting, cast
from research.models.keyless.model import KeylessModel
from research.models.keyless.questions import question_of
from research.output_schema.output_spec import OutputSpec
from research.pipeline import research
from research.ports.world import World
from research.task.task import Task
from research.testing import Pages
from research.values.answers import is_given
from research.values.doubts import OPEN, UNSURE


def read(name: str, schema: dict[str, Any], text: str, setting: Setting = PLAIN) -> Cast | None:
    [field] = OutputSpec.parse({"type": "object", "properties": {name: schema}}).fields
    return next(iter(cast(question_of(field), text, setting)), None)


def value(name: str, schema: dict[str, Any], text: str, setting: Setting = PLAIN) -> Any:
    found = read(name, schema, text, setting)
    return found.value if found else None


NUMBER: dict[str, Any] = {"type": "number"}
INTEGER: dict[str, Any] = {"type": "integer"}
TEXT: dict[str, Any] = {"type": "string"}
STATUS: dict[str, Any] = {"enum": ["active", "inactive"]}
BOOLEAN: dict[str, Any] = {"type": "boolean"}
DATE: dict[str, Any] = {"type": "string", "format": "date"}


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
        *(("mass_kg", text) for text in ("10 tons", "5 stone", "2 troy oz", "5 M⊕", "0.5 solar masses", "3 quintals", "5 %")),
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
    ("schema", "text"),
    [
        (NUMBER, "target: 5000"),
        (NUMBER, "It plans to have 5000 employees by 2030."),
        (NUMBER, "It will employ about 5000 people."),
        (NUMBER, "It laid off 300 employees."),
        (NUMBER, "If the merger goes ahead, 900"),
        (NUMBER, "-5 %"),
        (NUMBER, "2,5,0"),
        (STATUS, "active (until 2019)"),
        (TEXT, "Ann Lee (until 2019)"),
        (TEXT, "Ann Lee (1998–2010)"),
        (TEXT, "formerly Hamburg"),
    ],
)
def test_what_is_not_so_yet_or_no_more_is_of_low_confidence(schema: dict[str, Any], text: str) -> None:
    found = read("status", schema, text)
    assert found is None or found.doubts & UNSURE


@pytest.mark.parametrize(
    ("field", "schema", "text", "is_read_as"),
    [
        ("status", STATUS, "~~active~~ inactive", "inactive"),
        ("status", STATUS, "~~active~~", None),
        ("status", STATUS, "unknown, perhaps active", None),
        ("status", {"enum": ["unknown", "active"]}, "unknown", "unknown"),
        ("ceo", TEXT, "~~Ann Lee~~ Bob Ray", "Bob Ray"),
        ("ceo", TEXT, "~~Ann Lee~~", None),
        ("opened", DATE, "3 May 1984 BC", None),
        ("opened", DATE, "not 3 May 1984", None),
        ("founded", INTEGER, "1404 AH", None),
        ("founded", INTEGER, "€1984", None),
        ("founded", INTEGER, "No. 1984", None),
        ("founded", INTEGER, "1984", 1984),
    ],
)
def test_what_is_struck_not_known_denied_or_of_another_era_is_not_read(
    field: str, schema: dict[str, Any], text: str, is_read_as: Any
) -> None:
    assert value(field, schema, text) == is_read_as


@pytest.mark.parametrize("text", ["Yes (until 2019)", "Yes (planned for 2030)", "No (until May 2019)", "partly", "some models"])
def test_a_yes_that_holds_no_more_or_not_yet_is_none(text: str) -> None:
    assert value("waterproof", BOOLEAN, text) is None
    assert not is_given(text)  # so that what stands there is not taken for `there is some`


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
    machine = read("price", NUMBER, "140.000", Setting("price", machine=True))
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
    ("text", "is_read_as"),
    [
        ("active", "active"),
        ("Not active (inactive since 2020)", "inactive"),
        ("Not active", "inactive"),
        ("no longer active", "inactive"),
        ("isn't active", "inactive"),
        ("formerly active, now inactive", "inactive"),
        ("not only active but growing", "active"),
        ("not inactive", "active"),
        ("nicht active", "inactive"),
    ],
)
def test_a_choice_that_a_text_denies_is_not_taken(text: str, is_read_as: str) -> None:
    assert value("status", STATUS, text) == is_read_as


def test_a_denied_choice_without_an_opposite_is_nothing() -> None:
    assert value("colour", {"enum": ["red", "green", "blue"]}, "not red") is None


@pytest.mark.parametrize(
    ("text", "is_read_as", "doubt"),
    [
        ("Yes", True, None),
        ("Yes, but only on request", True, "qualified"),
        ("No", False, None),
        ("No longer", False, None),
        ("N/A", None, None),
        ("not specified", None, None),
        ("No. 5", None, None),
        ("It is reusable", True, "part_of_sentence"),
        ("It is not reusable", False, "negated"),
    ],
)
def test_a_yes_is_a_yes_and_what_nobody_says_is_neither(text: str, is_read_as: bool | None, doubt: Any) -> None:
    found = read("reusable", BOOLEAN, text)
    assert (found.value if found else None) is is_read_as
    assert doubt is None or (found and doubt in found.doubts)


@pytest.mark.parametrize(
    ("field", "schema", "text", "is_read_as"),
    [
        ("website", {"type": "string", "format": "uri"}, "Visit https://acme.example/en.", "https://acme.example/en"),
        ("website", TEXT, "acme.example", "acme.example"),
        ("website", TEXT, "Click here", None),
        ("email", {"type": "string", "format": "email"}, "Write to us (info@acme.example)", "info@acme.example"),
        ("email", TEXT, "by post only", None),
        ("phone", TEXT, "Call (800) 460-6228 today", "(800) 460-6228"),
        ("phone", TEXT, "Mon to Fri", None),
        ("price", TEXT, "Now $9,970 only", "$9,970"),
        ("price", TEXT, "on request", None),
        ("price", TEXT, "3 trims", None),
        ("price", TEXT, "MSRP Price Range: $46,900 - $61,000", "$46,900 - $61,000"),
        ("price", TEXT, "was $12.50, now $9.90", "$9.90"),
        ("date_posted", TEXT, "Posted: May 3, 2019 by Ida", "May 3, 2019"),
        ("date_posted", TEXT, "Support and sales", None),
        ("term", TEXT, "a period of two (2) years from the date hereof", "2 years"),
        ("term", TEXT, "as set forth below", None),
        ("author", TEXT, "Ida Bech", "Ida Bech"),
        ("author", TEXT, "By IDA BECH", "IDA BECH"),
        ("author", TEXT, "von Bech", "von Bech"),
        ("title", TEXT, "https://example.org/ida", None),
        ("author", TEXT, "https://example.org/ida", None),
        ("author", TEXT, "3 May 2019", None),
    ],
)
def test_a_text_is_of_the_kind_that_its_field_asks_for(field: str, schema: dict[str, Any], text: str, is_read_as: Any) -> None:
    assert value(field, schema, text) == is_read_as


def test_an_organisations_name_in_page_data_is_no_articles_title() -> None:
    assert value("title", TEXT, "Sarn Press", Setting("name", machine=True, thing="Organization#1")) is None
    assert value("title", TEXT, "A long day", Setting("headline", machine=True, thing="NewsArticle")) == "A long day"
    assert value("name", TEXT, "Sarn Press", Setting("name", machine=True, thing="Organization")) == "Sarn Press"


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


OFFER = (
    '<script type="application/ld+json">{{"@type":"Product","name":"Grove Works","offers":'
    '{{"@type":"Offer","price":"{}","priceCurrency":"EUR"}}}}</script>'
)


ABOUT_A_PERSON = (
    '<script type="application/ld+json">{"@type":"NewsArticle","headline":"Grove Works",'
    '"about":{"@type":"Person","name":"Bob Ray","birthDate":"1970-01-01"}}</script>'
)


async def answer(html: str, fields: dict[str, Any], name: str = "Grove Works") -> dict[str, tuple[Any, str | None]]:
    """What the engine answers from one page, and how surely."""
    heading = "" if html.startswith("<h1>") else f"<h1>{name}</h1>"
    body = f"<main>{heading}<p>What is known of it, for the reader of the catalogue, in a few lines.</p>{html}</main>"
    text = extract(f"<html><head><title></title></head><body>{body}</body></html>".encode(), url="corpus://x/a.html").text
    pages = Pages({"corpus://x/a.html": text})
    schema = OutputSpec.parse({"type": "object", "properties": fields})
    task = Task(task=f"Facts about {name}", input={"name": name}, output_schema=schema)
    result = await research(task, World(model=KeylessModel(), search=pages, fetcher=pages))
    assert isinstance(result.output, dict)
    return {entry.field: (result.output[entry.field], entry.confidence) for entry in result.basis}


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
        ("<dl><dt>Population (2010)</dt><dd>120,000</dd><dt>Population (2020)</dt><dd>135,000</dd></dl>", "population", INTEGER),
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


@pytest.mark.parametrize("text", ["unknown", "None", "Vacant", "n/a", "not disclosed"])
@pytest.mark.parametrize("field", ["founder", "ceo", "parent_company", "material"])
def test_a_word_for_nothing_is_no_text(field: str, text: str) -> None:
    assert value(field, TEXT, text) is None


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


@given(
    st.sampled_from(["not {}", "no longer {}", "never {}", "isn't {}", "nicht {}", "{}: no", "It is not {} (since 2020)"]),
    st.sampled_from(["active", "licensed", "accredited", "certified"]),
)
def test_a_negation_is_never_read_as_what_it_denies(phrase: str, word: str) -> None:
    text = phrase.format(word)
    assert value("state", {"enum": [word, f"un{word}", "other"]}, text) in (f"un{word}", None)
    assert value(word, BOOLEAN, text) in (False, None)


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
        (DATE, "1935", "“Acme” says `Founded: 1935`: no whole date, which the field asks for (YYYY-MM-DD)"),
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
