"""What the keyless model takes for no answer, or for none that is sure: what is said of another thing, year, noun or measure."""

from __future__ import annotations

from typing import Any

import pytest
from keyless_reading import DATE, INTEGER, NUMBER, TEXT, answer


async def value_of(text: str, field: str, schema: dict[str, Any], name: str = "Grove Works") -> tuple[Any, str | None]:
    return (await answer(text if text.startswith("<") else f"<p>{text}</p>", {field: schema}, name))[field]


@pytest.mark.parametrize(
    ("said", "field", "schema"),
    [
        ("The employees of Oak Mill are 300.", "employees", INTEGER),
        ("The opening of Oak Mill was on 4 May 1999.", "opening", DATE),
        ("The annual sales of Oak Mill were £5 million.", "annual_sales_gbp", NUMBER),
    ],
)
async def test_what_is_said_of_another_by_the_fields_own_word_is_no_answer(said: str, field: str, schema: dict[str, Any]) -> None:
    assert (await value_of(f"Grove Works is in York. {said}", field, schema))[0] is None


async def test_a_sentence_that_only_begins_with_a_place_is_of_the_page_itself() -> None:
    assert (await value_of("Grove Works makes lamps. In West Yorkshire it has 300 employees.", "employees", INTEGER))[0] == 300
    assert (await value_of("Grove Works makes lamps; in New York the works employ 300 people.", "employees", INTEGER))[0] == 300
    assert (await value_of("Grove Works is in York. Its owner, Ann Lee, was born in 1950.", "owner", TEXT))[0] == "Ann Lee"


@pytest.mark.parametrize(
    ("text", "field", "schema"),
    [
        ("Visitors may also like Oak Mill, ten miles to the north. Admission: £7.", "admission_gbp", NUMBER),
        ("The next race is at Oak Park. Date: 4 May 2024.", "date", DATE),
        ("Grove Works sells Oak 300 and Ash 200. Weight: 5 kg. Length: 3 m.", "weight_kg", NUMBER),
        ("Grove Works makes lamps. Oak Mill makes chairs. Employees: 300.", "employees", INTEGER),
    ],
)
async def test_a_fact_behind_sentences_that_name_another_thing_is_of_low_confidence(
    text: str, field: str, schema: dict[str, Any]
) -> None:
    assert (await value_of(text, field, schema))[1] == "low"


async def test_a_day_and_a_place_before_a_fact_are_no_other_things() -> None:
    text = "On 4 May 2020 Grove Works opened in York. Flash point: 27 °C."
    assert await value_of(text, "flash_point_c", NUMBER) == (27, "high")


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("Unlike Rosetta, Giotto flew by a comet in the year 1986. Launch mass: 960 kg.", None),
        ("Rosetta and Giotto met comets. Giotto came first. Launch mass: 960 kg.", None),
        ("In March 2004 Rosetta left for a comet. Launch mass: 3000 kg.", 3000),
        ("The European Space Agency's Rosetta left for a comet. Launch mass: 3000 kg.", 3000),
    ],
)
async def test_a_fact_on_a_page_about_several_things_is_about_the_only_one_named_before_it(text: str, right: int | None) -> None:
    html = f"<h1>Missions to comets</h1><p>{text}</p>"
    assert (await value_of(html, "launch_mass_kg", NUMBER, "Rosetta"))[0] == right


@pytest.mark.parametrize(("field", "right"), [("builder", "Oak & Co"), ("owner", "Lee plc"), ("seats", "300")])
async def test_a_fact_ends_where_the_next_begins_though_a_shortened_word_ends_it(field: str, right: str) -> None:
    assert (await value_of("Builder: Oak & Co. Owner: Lee plc. Seats: 300.", field, TEXT))[0] == right


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("In 2022 Grove Works was busy. 2023 was busier. It gave out 10,004 parcels.", "parcels_2022"),
        ("Between 2020 and 2022 Grove Works gave out 24,000 parcels.", "parcels_2022"),
        ("Grove Works gave out 24,000 and 25,000 parcels in 2021 and 2022 respectively.", "parcels_2022"),
        ("Grove Works gave out 9,312 parcels in 2023, up from 8,004 in 2022.", "parcels_2022"),
        ("Grove Works sold 300 lamps in 2020, compared with 200 in 2019.", "lamps_2019"),
        ("Since 2022 Grove Works gave out 9,000 parcels.", "parcels_2022"),
        ("Grove Works, founded in 2022, gave out 9,000 parcels.", "parcels_2022"),
        ("<h2>Report for 2022</h2><p>Last year Grove Works gave out 9,000 parcels.</p>", "parcels_2022"),
    ],
)
async def test_what_is_said_of_other_or_of_several_years_is_no_answer_for_one(text: str, field: str) -> None:
    assert (await value_of(text, field, INTEGER))[0] is None


async def test_a_split_year_is_told_by_both_of_its_parts() -> None:
    assert (await value_of("Grove Works sold 300 lamps in 2019/20.", "lamps_2020", INTEGER))[0] == 300


@pytest.mark.parametrize(
    "text",
    [
        "Grove Works opened more shops in 2023 and is growing.",
        "In 2023 the shops of Grove Works were busy.",
        "The shops of Grove Works were closed at the end of 2019.",
        "The shops of Grove Works were busy in early 2019.",
        "The shops of Grove Works were closed (2019).",
    ],
)
async def test_a_year_that_tells_when_is_no_count(text: str) -> None:
    assert (await value_of(text, "shops", INTEGER))[0] is None


@pytest.mark.parametrize(
    ("text", "field", "right"),
    [
        ("Grove Works entered service in 1925.", "entered_service", 1925),
        ("The last renovation of Grove Works was in 1985.", "last_renovation", 1985),
    ],
)
async def test_a_field_named_by_an_occasion_is_answered_by_its_year(text: str, field: str, right: int) -> None:
    assert (await value_of(text, field, INTEGER))[0] == right


@pytest.mark.parametrize(
    ("text", "field", "right"),
    [
        ("With net assets of £9 million, Grove Works made a profit of £0.6 million.", "net_profit_gbp", None),
        ("With annual costs of £9 million, Grove Works had sales of £5 million.", "annual_sales_gbp", None),
        ("Grove Works has 412 beds, but never had 36 in the maternity ward.", "maternity_beds", None),
        ("The single fare of Grove Works is £3 and the return fare £5.", "single_fare_gbp", 3),
        ("Grove Works has 320 staff, including 20 part-time and 5 student staff.", "student_staff", 5),
        ("Grove Works has a dam; its height is 38 m.", "dam_height_m", 38),
        ("Nobody could have known that Grove Works has 40 seats.", "seats", 40),
    ],
)
async def test_a_narrowing_word_belongs_to_the_number_of_what_it_narrows(text: str, field: str, right: int | None) -> None:
    assert (await value_of(text, field, NUMBER))[0] == right


@pytest.mark.parametrize(("less", "field"), [("Votes against", "votes"), ("Children under 5", "children")])
async def test_a_key_that_a_side_narrows_leaves_the_plain_key_its_value(less: str, field: str) -> None:
    html = f"<ul><li>{less}: 30</li><li>{field.title()}: 90</li></ul>"
    assert (await value_of(html, field, INTEGER))[0] == 90


async def test_a_field_that_asks_for_what_is_over_by_any_of_its_words_is_answered_by_such_a_key() -> None:
    html = "<ul><li>Previous owners: 3</li><li>Country: Wales</li></ul>"
    assert (await value_of(html, "number_of_previous_owners", INTEGER))[0] == 3


async def test_a_telephone_number_of_digits_alone_is_found_without_a_key() -> None:
    assert (await value_of("Tel 01482555090", "phone", TEXT))[0] == "01482555090"


@pytest.mark.parametrize("amount", ["€1,200 m²", "€12 m² a month", "€3 l"])
async def test_an_amount_for_so_much_of_something_is_no_plain_price(amount: str) -> None:
    assert (await value_of(f"Price: {amount}", "price_eur", NUMBER))[0] is None


@pytest.mark.parametrize(
    ("said", "field", "right"),
    [
        ("The former chief executive, Otto Brandt, left in 2012.", "ceo", None),
        ("Grove Works makes lamps. Otto Brandt, its former CEO, left in 2012.", "ceo", None),
        ("The chief executive is Ann Lee, who followed the former chief executive, Otto Brandt.", "ceo", "Ann Lee"),
        ("Ann Lee, a former teacher, is the chief executive.", "ceo", "Ann Lee"),
        ("Its former owner was Otto Brandt.", "owner", None),
        ("Its former owner was Otto Brandt.", "former_owner", "Otto Brandt"),
        ("It is owned by Lena Holm.", "former_owner", None),
    ],
)
async def test_who_was_something_formerly_is_an_answer_to_that_alone(said: str, field: str, right: str | None) -> None:
    assert (await value_of(said, field, TEXT))[0] == right


async def test_a_figure_of_a_sentence_that_names_neither_field_nor_thing_is_no_answer() -> None:
    about = "Grove Works makes lamps. Founded by friends."
    assert (await value_of(f"{about} The gardener left in 2012 with 40 roses.", "founded", INTEGER))[0] is None
    assert (await value_of(f"{about} It was founded in 1990.", "founded", INTEGER))[0] == 1990
