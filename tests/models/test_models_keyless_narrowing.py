"""What the keyless model takes from a sentence of several values: the one that the field's words or its year belong to."""

from __future__ import annotations

from typing import Any

import pytest
from keyless_reading import DATE, INTEGER, NUMBER, TEXT, answer


@pytest.mark.parametrize(
    ("sentence", "field", "schema", "right"),
    [
        ("Grove Works has 412 beds, 36 of them in the maternity ward.", "beds", INTEGER, 412),
        ("Grove Works has 412 beds, 36 of them in the maternity ward.", "maternity_beds", INTEGER, 36),
        ("Grove Works has 112 units, of which 34 are one-bedroom and 60 two-bedroom.", "one_bedroom_units", INTEGER, 34),
        ("Parking at Grove Works costs £18 per hour, up to £150 per day.", "parking_per_day_gbp", NUMBER, 150),
        ("Measure R of Grove Works had 5,812 votes in favour and 3,944 against.", "votes_against", INTEGER, 3944),
        ("Grove Works was published on 4 May 2020 and was retracted on 18 June 2022.", "retraction_date", DATE, "2022-06-18"),
    ],
)
async def test_each_word_of_a_fields_name_belongs_to_the_nearest_value(
    sentence: str, field: str, schema: dict[str, Any], right: Any
) -> None:
    assert (await answer(f"<p>{sentence}</p>", {field: schema}))[field][0] == right


@pytest.mark.parametrize(
    ("year", "right"), [(2024, 31_400_000), (2023, 28_900_000), (2022, None)], ids=["this year", "last year", "another year"]
)
async def test_a_field_that_names_a_year_is_answered_by_what_is_said_of_that_year(year: int, right: int | None) -> None:
    field = f"sales_{year}_gbp"
    html = "<p>Sales of Grove Works were £31.4 million in 2024, against sales of £28.9 million in 2023.</p>"
    assert (await answer(html, {field: NUMBER}))[field][0] == right


@pytest.mark.parametrize(
    ("html", "right"),
    [
        ("<p>Grove Works was busy in 2022. It gave out 8,004 parcels.</p>", 8004),
        ("<p>Grove Works was busy in 2021. It gave out 8,004 parcels.</p>", None),
        ("<h2>Report for 2022</h2><p>Grove Works gave out 8,004 parcels.</p>", 8004),
    ],
)
async def test_a_year_is_told_before_in_the_passage_or_above_it(html: str, right: int | None) -> None:
    assert (await answer(html, {"parcels_2022": INTEGER}))["parcels_2022"][0] == right


async def test_a_year_in_brackets_has_its_value_beside_it() -> None:
    html = "<p>Grove Works grew last year. Operating profit was £3.2 million (2023: £2.6 million).</p>"
    assert (await answer(html, {"operating_profit_2023_gbp": NUMBER}))["operating_profit_2023_gbp"][0] == 2_600_000


async def test_a_part_of_a_sentence_that_lacks_the_fields_word_says_nothing_of_it() -> None:
    html = "<p>The dam of Grove Works is 38 metres high; the tower that stood beside it fell.</p>"
    assert (await answer(html, {"dam_height_m": NUMBER}))["dam_height_m"][0] == 38
    assert (await answer(html, {"tower_height_m": NUMBER}))["tower_height_m"][0] is None


async def test_a_number_that_tells_only_when_is_no_count() -> None:
    assert (await answer("<p>Grove Works plans to open more shops in 2025.</p>", {"shops": INTEGER}))["shops"][0] is None
    assert (await answer("<p>Grove Works was founded in 1925.</p>", {"founded": NUMBER}))["founded"][0] == 1925


async def test_a_number_beside_the_fields_main_word_alone_is_of_low_confidence() -> None:
    html = "<p>The operating profit of Grove Works was £5 million.</p>"
    assert (await answer(html, {"operating_profit_gbp": NUMBER}))["operating_profit_gbp"] == (5_000_000, "medium")
    assert (await answer(html, {"net_profit_gbp": NUMBER}))["net_profit_gbp"][1] == "low"


@pytest.mark.parametrize(
    ("sentence", "field", "schema", "right"),
    [
        ("Oak 300 weighs 5 kg; Grove Works weighs 3 kg.", "weight_kg", NUMBER, 3),
        ("Oak 300 weighs 5 kg, while Grove Works weighs 3 kg.", "weight_kg", NUMBER, 3),
        ("Grove Works makes lamps; Oak plc employs 5,000 people.", "employees", INTEGER, None),
        ("Grove Works makes lamps; it employs 5,000 people.", "employees", INTEGER, 5000),
        ("Grove Works is owned by Oak plc (York), which employs 5,000 people.", "employees", INTEGER, None),
        ("Its neighbour Oak Mill, finished in 2015, has 22 turbines.", "turbines", INTEGER, None),
        ("The hotel next door, Beech Lodge, has 45 rooms.", "rooms", INTEGER, None),
        ("If it had been built, Grove Works would have 520 beds.", "beds", INTEGER, None),
    ],
)
async def test_a_part_of_a_sentence_about_another_or_about_what_is_not_so_is_left_out(
    sentence: str, field: str, schema: dict[str, Any], right: Any
) -> None:
    assert (await answer(f"<p>{sentence}</p>", {field: schema}))[field][0] == right


@pytest.mark.parametrize(
    ("field", "schema", "right"),
    [("un_number", TEXT, "1993"), ("packing_group", TEXT, "III"), ("flash_point_c", NUMBER, 27), ("odour", TEXT, None)],
)
async def test_several_facts_in_one_line_are_read_one_by_one(field: str, schema: dict[str, Any], right: Any) -> None:
    html = "<p>UN number: 1993. Packing group: III. Flash point: 27 °C. Odour: not determined.</p>"
    assert (await answer(html, {field: schema}))[field][0] == right


async def test_a_fact_behind_a_sentence_is_read_by_its_own_key() -> None:
    html = "<p>Grove Works makes solvents for the trade. Flash point: 27 °C.</p>"
    assert (await answer(html, {"flash_point_c": NUMBER}))["flash_point_c"][0] == 27


@pytest.mark.parametrize(("line", "field"), [("Former CEO: Ann Lee", "ceo"), ("Former owner: Eve Roe", "owner")])
async def test_what_a_key_says_is_over_answers_no_field_of_today(line: str, field: str) -> None:
    html = f"<ul><li>{line}</li><li>Country: Wales</li></ul>"
    assert (await answer(html, {field: TEXT}))[field][0] is None
    assert (await answer(html, {f"former_{field}": TEXT}))[f"former_{field}"][0] == line.partition(": ")[2]


async def test_what_one_place_says_of_something_narrower_is_of_low_confidence_however_it_is_read() -> None:
    html = (
        "<p>Grove Works met in the hall of the village for its yearly meeting of members, as it has for many years. "
        "Date of next meeting: 13 February 2024.</p>"
    )
    assert (await answer(html, {"meeting_date": DATE}))["meeting_date"][1] == "low"


@pytest.mark.parametrize(
    "line",
    [
        "Correction (3 July 2023): an earlier version of this article gave the seats of Grove Works as 300, which was wrong.",
        "Ann Lee: Grove Works had 300 seats when I was a child, and it was open all the year to the public.",
        "Dr. Ann Lee: Grove Works had 300 seats when I was a child, and it was open all the year to the public.",
        "Next week: Oak Mill, which has 300 seats, opens to the public, and will be open all the year.",
    ],
)
async def test_what_stands_behind_a_word_and_a_colon_is_no_claim_of_the_page(line: str) -> None:
    assert (await answer(f"<p>{line}</p>", {"seats": INTEGER}))["seats"][0] is None


async def test_a_run_of_digits_under_another_key_is_no_telephone_number() -> None:
    html = "<ul><li>Unique reference number: 148220</li><li>Telephone number: 01482 555 090</li></ul>"
    assert (await answer(html, {"phone": TEXT}))["phone"][0] == "01482 555 090"


async def test_an_address_in_a_short_sentence_is_found() -> None:
    html = (
        "<p>Grove Works will be closed to all of its visitors for the whole of the month of August, as in other years. "
        "Contact: hello@grove.example.</p>"
    )
    assert (await answer(html, {"email": TEXT}))["email"][0] == "hello@grove.example"


async def test_a_day_of_the_week_is_no_name() -> None:
    html = "<p>Ann Lee beat Eve Roe at Grove Works on Sunday.</p>"
    assert (await answer(html, {"runner_up": TEXT}))["runner_up"][0] != "Sunday"
    assert (await answer("<p>The album of Grove Works is called Sunday.</p>", {"album": TEXT}))["album"][0] is not None
