"""Fields as people name them: in short, with `is_` and `_flag`, for times of day and positions; and what no key says of them."""

from __future__ import annotations

from typing import Any

import pytest
from keyless_reading import BOOLEAN, DATE, INTEGER, NUMBER, TEXT, answer, read, table, value

from research.models.keyless.casting import cast_list
from research.models.keyless.questions import question_of
from research.output_schema.output_spec import Field, OutputSpec

LISTED = {"type": "array", "items": TEXT}


def fields_of(**schemas: Any) -> tuple[Field, ...]:
    return tuple(OutputSpec.parse({"type": "object", "properties": schemas}).fields)


@pytest.mark.parametrize(
    ("field", "schema", "key", "said", "found"),
    [
        ("ship_dt", DATE, "Ship date", "6 May 2024", "2024-05-06"),
        ("birthDt", DATE, "Date of birth", "3 May 1954", "1954-05-03"),
        ("manager", TEXT, "Mgr.", "Tom Beck", "Tom Beck"),
        ("addr", TEXT, "Address", "12 Elm Street, Leeds", "12 Elm Street, Leeds"),
        ("invoice_num", TEXT, "Invoice number", "A-7731", "A-7731"),
        ("grid_reference", TEXT, "Grid ref.", "NY 215 072", "NY 215 072"),
        ("avg_attendance", INTEGER, "Average attendance", "12,500", 12500),
    ],
)
async def test_a_name_in_short_is_the_name_in_full(field: str, schema: Any, key: str, said: str, found: Any) -> None:
    assert (await answer(table(**{key: said}), {field: schema}))[field][0] == found


@pytest.mark.parametrize(
    ("field", "key", "said", "found"),
    [
        ("paid_flag", "Paid", "Yes", True),
        ("is_gift_flag", "Gift", "No", False),
        ("parking_available", "Parking", "Yes", True),
        ("has_parking", "Parking available", "No", False),
        ("delivery_offered", "Delivery", "Yes", True),
        ("has_wifi", "Wi-Fi", "Yes", True),
        ("hasWifi", "WiFi", "No", False),
        ("is_3d", "3D", "Yes", True),
        ("is_nonprofit", "Non-profit", "Yes", True),
        ("has_breakfast", "Breakfast included", "No", None),
    ],
)
async def test_words_for_there_being_something_make_no_other_field_of_a_yes_or_no(
    field: str, key: str, said: str, found: bool | None
) -> None:
    assert (await answer(table(**{key: said, "Colour": "red"}), {field: BOOLEAN}))[field][0] is found


async def test_a_fact_of_a_class_or_a_type_says_yes_or_no_of_nothing_but_its_own_key() -> None:
    page = table(Class_action="No", Nature_of_suit="Patent", Fee_status="Paid")
    found = await answer(page, {"fee_paid": BOOLEAN, "class_action": BOOLEAN})
    assert (found["fee_paid"][0], found["class_action"][0]) == (None, False)


@pytest.mark.parametrize(
    ("field", "key"),
    [
        ("delivery_date", "Delivered on"),
        ("signature_date", "Signed"),
        ("shipped_at", "Shipment date"),
        ("joined_on", "Member since"),
        ("expiration_date", "Valid until"),
        ("created_on", "Creation date"),
        ("maiden_flight", "First flight"),
        ("application_deadline", "Apply by"),
        ("birthdate", "Date of birth"),
    ],
)
async def test_a_day_is_known_by_the_verb_and_by_the_noun_of_what_happened(field: str, key: str) -> None:
    assert (await answer(table(**{key: "9 May 2024"}), {field: DATE}))[field][0] == "2024-05-09"


@pytest.mark.parametrize(
    ("field", "key", "said"),
    [
        ("zip_code", "Postcode", "LS1 4AB"),
        ("contact_email", "E-mail", "info@kites.example"),
        ("mailing_address", "Mailing address", "PO Box 12, Leeds"),
        ("latest_version", "Version", "2.14.1"),
        ("cas_number", "CAS Registry No.", "58-08-2"),
        ("inchi_key", "InChIKey", "RYYVLZVUVIJVGH-UHFFFAOYSA-N"),
        ("molecular_formula", "Formula", "C8H10N4O2"),
        ("docket_number", "Case No.", "21-CV-0032"),
        ("ticker", "Stock symbol", "GRVW"),
        ("mpaa_rating", "MPAA Rating", "R for some language"),
        ("energy_rating", "Energy rating", "A++"),
        ("fuel_economy", "MPG", "27 City / 36 Hwy"),
    ],
)
async def test_codes_addresses_and_grades_have_several_names(field: str, key: str, said: str) -> None:
    assert (await answer(table(**{key: said}), {field: TEXT}))[field][0] == said


async def test_a_sentence_tells_an_identifier_by_its_form_also_where_its_name_is_written_as_one_word() -> None:
    page = "<p>Caffeine (CAS 58-08-2) is a stimulant. Its InChIKey is RYYVLZVUVIJVGH-UHFFFAOYSA-N, its EC number 200-362-1.</p>"
    found = await answer(page, {"inchi_key": TEXT, "cas_number": TEXT, "lei": TEXT}, "Caffeine")
    assert {name: given[0] for name, given in found.items()} == {
        "inchi_key": "RYYVLZVUVIJVGH-UHFFFAOYSA-N",
        "cas_number": "58-08-2",
        "lei": None,
    }


async def test_languages_spoken_are_the_languages() -> None:
    found = await answer(table(Languages="English, French, Polish"), {"languages_spoken": TEXT})
    assert found["languages_spoken"][0] == "English, French, Polish"


async def test_a_figure_of_many_is_not_told_by_a_key_without_average() -> None:
    found = await answer(table(Attendance="12,500", Mean_depth="40 m"), {"avg_attendance": INTEGER, "average_depth_m": NUMBER})
    assert (found["avg_attendance"][0], found["average_depth_m"][0]) == (None, 40)


async def test_a_key_that_says_only_date_or_time_gives_way_to_the_fields_own() -> None:
    page = table(Date="Saturday 14 June 2025", Time="10:00", Registration_deadline="1 June 2025, 23:59")
    found = await answer(page, {"registration_deadline": DATE, "deadline": DATE, "event_date": DATE})
    assert {name: given[0] for name, given in found.items()} == {
        "registration_deadline": "2025-06-01",
        "deadline": "2025-06-01",
        "event_date": "2025-06-14",
    }


async def test_what_is_disputed_is_no_yes() -> None:
    assert (await answer(table(Attribution="disputed"), {"is_attributed": BOOLEAN}))["is_attributed"][0] is None


@pytest.mark.parametrize(
    ("field", "text", "found"),
    [
        ("check_in_time", "from 15:00", "15:00"),
        ("check_in_time", "until 22:00", None),
        ("checkOutTime", "until 11:00", "11:00"),
        ("hearing_time", "12 March 2023 at 9:30 AM", "9:30 AM"),
        ("start_time", "10:00–18:00", "10:00"),
        ("end_time", "10:00-18:00", "18:00"),
        ("event_time", "10:00–18:00", "10:00–18:00"),
        ("start_time", "4–6 pm", None),
        ("end_time", "4–6 pm", "6 pm"),
        ("departure_time", "14:05 UTC", "14:05 UTC"),
        ("start_time", "19.30 Uhr", "19.30"),
        ("start_time", "Monday", None),
        ("start_time", "12.05.2024", None),
        ("travel_time", "2 hours", "2 hours"),
    ],
)
def test_a_time_of_day_is_one_and_of_a_span_the_end_that_is_asked_for(field: str, text: str, found: str | None) -> None:
    assert value(field, TEXT, text) == found


@pytest.mark.parametrize(
    ("text", "latitude", "longitude"),
    [
        ("41.8781° N, 87.6298° W", 41.8781, -87.6298),
        ("46°33′N 8°33′E", 46.55, 8.55),
        ("33° 51' 25\" S, 151° 12' 36\" E", -33.856944, 151.21),
        ("N 52° 31.2' E 13° 24.6'", 52.52, 13.41),
        ("48.8566, 2.3522", 48.8566, 2.3522),
        ("(-33.8688, 151.2093)", -33.8688, 151.2093),
        ("151.2093, -33.8688", None, None),
    ],
)
async def test_a_position_is_told_by_its_degrees_and_their_sides(
    text: str, latitude: float | None, longitude: float | None
) -> None:
    found = await answer(table(Coordinates=text), {"lat": NUMBER, "longitude": NUMBER})
    assert (found["lat"][0], found["longitude"][0]) == (latitude, longitude)


async def test_degrees_south_are_below_zero_under_their_own_key() -> None:
    found = await answer(table(Latitude="33.8688° S", Lng="46°33′W"), {"latitude": NUMBER, "longitude": NUMBER})
    assert (found["latitude"][0], found["longitude"][0]) == (-33.8688, -46.55)


async def test_a_part_of_a_position_is_that_of_the_thing_its_key_names() -> None:
    found = await answer(table(Transmitter_coordinates="59°55′N 10°45′E"), {"transmitter_lat": NUMBER, "studio_lat": NUMBER})
    assert (found["transmitter_lat"][0], found["studio_lat"][0]) == (59.916667, None)


@pytest.mark.parametrize(
    ("field", "key", "said", "found"),
    [
        ("firmware_version", "Firmware", "3.2.0", "3.2.0"),
        ("firmware_version", "Firmware", "Free updates", None),
        ("status_page_url", "Status page", "https://status.oak.example", "https://status.oak.example"),
        ("warranty_duration", "Warranty", "24 months", "24 months"),
        ("contact_phone", "Contact", "J. Marsh, 01632 960555", "01632 960555"),
        ("hq_city", "Headquarters", "Tallinn, Estonia", "Tallinn"),
        ("headquarters_country", "Head office", "Tallinn, Estonia", "Estonia"),
        ("hq_city", "Headquarters", "Tallinn", "Tallinn"),
        ("headquarters_city", "Registered office", "Frankfurt am Main", "Frankfurt am Main"),
        ("headquarters_country", "Headquarters", "Estonia", "Estonia"),
        ("hq_city", "Headquarters", "Estonia", None),
        ("hq_country", "Headquarters", "Tallinn", None),
        ("hq_city", "Headquarters", "Oak Building", None),
        ("hq_city", "Headquarters", "moved in 2012", None),
    ],
)
async def test_a_value_says_by_its_form_what_its_key_does_not(field: str, key: str, said: str, found: str | None) -> None:
    assert (await answer(table(**{key: said}), {field: TEXT}))[field][0] == found


@pytest.mark.parametrize(
    ("field", "key"), [("effective_date", "Effective"), ("adoption_date", "Adoption"), ("due_on", "Due date")]
)
async def test_a_key_without_the_word_date_asks_for_the_same_day(field: str, key: str) -> None:
    assert (await answer(table(**{key: "1 January 2021"}), {field: DATE}))[field][0] == "2021-01-01"


async def test_the_next_day_of_several_is_not_told_by_a_key_without_next() -> None:
    page = table(Inspection_date="2022-11-04", Next_inspection="November 2026")
    found = await answer(page, {"next_inspection_date": DATE, "last_inspection_date": DATE})
    assert (found["next_inspection_date"][0], found["last_inspection_date"][0]) == (None, "2022-11-04")


async def test_a_day_a_docket_and_a_fax_are_no_telephone_numbers() -> None:
    page = table(Inspected="2022-11-04", Docket="2020-117", Fax="(555) 010-2299", Telephone="(555) 010-2200")
    assert (await answer(page, {"phone": TEXT}))["phone"][0] == "(555) 010-2200"
    assert (await answer(table(Inspected="2022-11-04", Docket="2020-117", Fax="(555) 010-2299"), {"phone": TEXT}))["phone"][
        0
    ] is None


def test_a_number_may_stand_in_a_list_twice_and_a_word_once() -> None:
    numbers, words = (question_of(field) for field in fields_of(spans={"type": "array", "items": INTEGER}, lines=LISTED))
    assert cast_list(numbers, ["120, 340, 120"])[0] == [120, 340, 120]
    assert cast_list(words, ["red, blue, red"])[0] == ["red", "blue"]


@pytest.mark.parametrize(
    ("field", "text", "found"),
    [
        ("min_half_life_h", "3–7 hours", 3),
        ("half_life_max_h", "3–7 hours", 7),
        ("min_duration_min", "20–25 min", 20),
        ("min_duration_days", "10 to 14 days", 10),
        ("min_duration_weeks", "14 to 21 days", 2),
        ("min_duration_months", "between 6 and 12 months", 6),
    ],
)
def test_the_first_end_of_a_range_of_time_has_the_unit_of_its_last(field: str, text: str, found: int) -> None:
    assert value(field, NUMBER, text) == found


@pytest.mark.parametrize("text", ["between 6 and 12 months", "6–12 months", "6 to 12 months"])
def test_one_length_of_time_of_a_range_is_in_doubt(text: str) -> None:
    found = read("duration_months", NUMBER, text)
    assert found is not None
    assert "range" in found.doubts


async def test_a_description_may_ask_for_the_city_or_the_country_of_a_place() -> None:
    told = {"headquarters": "city of its head office", "origin": "Country", "body": "City council and its seat"}
    page = table(**dict.fromkeys(("Headquarters", "Origin", "Body"), "Lyon, France"))
    found = await answer(page, {name: {**TEXT, "description": description} for name, description in told.items()})
    assert {name: given[0] for name, given in found.items()} == {
        "headquarters": "Lyon",
        "origin": "France",
        "body": "Lyon, France",
    }
