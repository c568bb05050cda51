"""Prose about many entities: a value is the entity's and the field's by what stands around it, or there is none."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pytest
from keyless_reading import NUMBER, TEXT, answer

from research.evidence.passages import passages_of
from research.models.keyless.candidates import Asked
from research.models.keyless.entities import Entity, entity_of
from research.models.keyless.prose import of_sentences
from research.models.keyless.questions import question_of
from research.models.keyless.reading import Reading
from research.models.keyless.shapes import shapes
from research.output_schema.output_spec import OutputSpec
from research.task.task import Task
from tests.evidence.test_passages import page


def entity(row: Mapping[str, Any], objective: str = "Facts for the table") -> Entity:
    return entity_of(Task(task=objective, input=dict(row), output_schema=OutputSpec.parse({"x": "string"})))


def stated(text: str, row: Mapping[str, Any], field: str, about: float = 0.0, kind: str = "string") -> dict[Any, set[str]]:
    """The candidates of a field, each value (the names of a list side by side) with its marks."""
    asked = Asked(question_of(OutputSpec.parse({field: kind}).fields[0]), entity(row), about)
    found: dict[Any, set[str]] = {}
    for one in of_sentences(asked, Reading(passages_of(page(text)))):
        found.setdefault("; ".join(one.value) if isinstance(one.value, list) else one.value, set(one.marks))
    return found


@pytest.mark.parametrize(
    ("field", "expects"),
    [
        ("Platform(s)", "any"),
        ("platform_s", "any"),
        ("lap_time_s", "measure"),
        ("isbn_number", "code"),
        ("energy_rating", "any"),
        ("rating_share", "count"),
        ("interest_rate", "count"),
        ("duration_s", "measure"),
        ("first_published", "event"),
        ("published_by", "organisation"),
        ("publisher", "organisation"),
        ("opened_in", "event"),
        ("end_date", "date"),
    ],
)
def test_the_name_of_a_field_tells_what_its_text_should_hold(field: str, expects: str) -> None:
    """`(s)` at the end of a table's head is no unit, and what was published is no publisher."""
    assert question_of(OutputSpec.parse({field: "string"}).fields[0]).expects == expects


def test_a_name_of_two_words_written_as_one_is_read_as_the_page_writes_it() -> None:
    text = "The public network coverage for Ostrava stands at 98.5% of homes."
    assert "clause:cue and name" in stated(text, {"region": "Ostrava"}, "publicnetwork")["98.5%"]


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ({"rank": 13}, "13"),
        ({"ean": "4006381333931"}, "4006381333931"),
        ({"year": 1905, "city": "Lima"}, "Lima"),
        ({"year": 1905}, ""),
    ],
)
def test_a_row_that_has_nothing_but_a_number_is_about_it_unless_it_is_a_year(row: dict[str, Any], name: str) -> None:
    assert entity(row).name == name


def test_a_sentence_that_names_the_entity_and_not_the_field_may_still_state_it() -> None:
    found = stated("Wild Thing, a coaster from Portugal, opened to crowds.", {"name": "Wild Thing"}, "country")
    assert {"silent:country/country", "entity:here"} <= found["Portugal"]


@pytest.mark.parametrize(
    ("text", "piece", "shape"),
    [
        ("cataloged under 15457-96-2, it", "15457-96-2", "code"),
        ("symbol tI6 is", "tI6", "code"),
        ("she was 117 years, 137 days old", "117 years, 137 days", "duration"),
        ("about 1.5 million people", "1.5", "figures"),
        ("coverage is an impressive 98.0%.", "98.0%", "measure"),
        ("made in Japan by hand", "Japan", "country"),
        ("by AZTEC HOLDINGS, INC. today", "AZTEC HOLDINGS, INC.", "company"),
        ("she was a Welsh architect", "Welsh", "nation"),
        ("she was a Welsh architect and painter.", "architect and painter", "defined"),
        ("they won by 14–6 at home", "14–6", "code"),
        ("uptime of 99.95 percent is", "99.95 percent", "measure"),
        ("repealed Directive 88/1994 at last", "Directive 88/1994", "name"),
    ],
)
def test_a_piece_of_a_sentence_has_a_shape(text: str, piece: str, shape: str) -> None:
    assert shape in {kind for start, end, kind in shapes(text) if text[start:end] == piece}


@pytest.mark.parametrize("text", ["symbol tI6 is", "by Six Flags Mexico", "a power of 860 MW is"])
def test_a_part_of_a_word_or_of_a_name_is_no_piece(text: str) -> None:
    assert not {"I6", "Six", "MW"} & {text[start:end] for start, end, _ in shapes(text)}


def test_a_value_is_told_by_what_stands_in_its_clause() -> None:
    text = "The harbour of Orvat holds 40 boats, while the depth of Orvat is 12 m."
    found = stated(text, {"port": "Orvat"}, "depth")
    assert "clause:cue and name" in found["12 m"]
    assert "clause:name" in found["40"]
    found = stated("Lisane has a campus of 40 acres, while Orvat has a campus of 95 acres.", {"college": "Lisane"}, "campus")
    assert "clause:cue and name" in found["40 acres"]
    assert "95 acres" not in found


def test_a_list_is_all_of_the_names_or_none() -> None:
    text = "Sarn Works was founded by Karen Holm, Tom Okafor and Ida Lie. It was built by Ole Lund and the gardener Jan Fog."
    assert "Karen Holm; Tom Okafor; Ida Lie" in stated(text, {"name": "Sarn Works"}, "founders", kind="string[]")
    assert not {"Ole Lund", "Jan Fog"} & stated(text, {"name": "Sarn Works"}, "builders", kind="string[]").keys()


def test_the_place_in_the_name_of_a_university_is_no_university() -> None:
    found = stated("Ida Lie studied at the University of Leeds.", {"name": "Ida Lie"}, "university")
    assert "University of Leeds" in found
    assert "Leeds" not in found


def test_a_figure_in_the_entitys_own_name_is_no_value() -> None:
    assert set(stated("Aurelia 3 carries 2 lamps.", {"name": "Aurelia 3"}, "lamps", kind="integer")) == {2}


@pytest.mark.parametrize("field", ["generator", "own_communitygenerator"])
def test_what_only_sounds_like_a_person_may_be_a_number(field: str) -> None:
    assert "0.6%" in stated("The community generator of Orvat gives 0.6%.", {"region": "Orvat"}, field)


def test_a_cell_of_two_lines_written_as_one_is_found_as_the_page_writes_it() -> None:
    text = "The population of the Jasper, IN Metropolitan Area is 55,887."
    assert "entity:here" in stated(text, {"area": "Jasper, INMetropolitan Area"}, "population")["55,887"]


def test_a_page_is_read_to_its_end() -> None:
    filler = "\n\n".join(
        f"Paragraph {n} says nothing of note. " + "It goes on and on about the weather. " * 20 for n in range(1000)
    )
    assert len(filler) > 700_000
    assert "420 m" in stated(f"{filler}\n\nThe length of Acme Bridge is 420 m.", {"name": "Acme Bridge"}, "length")


@pytest.mark.parametrize(
    ("said", "field"),
    [("high", "height_m"), ("tall", "height_m"), ("long", "length_m"), ("wide", "width_m"), ("deep", "depth_m")],
)
def test_a_measure_is_told_by_the_adjective_behind_it(said: str, field: str) -> None:
    marks = stated(f"# Bell Rock\n\nIt is 35 m {said}.", {"name": "Bell Rock"}, field, about=1.0, kind="number")[35]
    assert {"cue:1", "side:after"} <= marks


def test_the_words_beside_a_value_are_told_and_around_a_form_all_but_those_of_the_field() -> None:
    text = "Unless ended sooner, the term of this lease is 3 years from the date hereof."
    around = {mark for mark in stated(text, {"name": "Lease"}, "term", about=1.0)["3 years"] if mark.startswith("word ")}
    assert {"word before:is", "word behind:from", "word near:leas", "word around:unless", "word around:hereof"} <= around
    assert not [mark for mark in around if mark.endswith(":term")]
    beside = stated("The owner is Ines Kovar since 1998.", {"name": "Lease"}, "owner", about=1.0)["Ines Kovar"]
    assert {mark for mark in beside if mark.startswith("word ")} == {"word before:is", "word behind:sinc"}


@pytest.mark.parametrize(
    "bait",
    [
        "A" * 20_000 + " b",
        "Ab " * 200 + "b",
        "A." * 10_000,
        "1 out of " * 50,
        "5 kg·" * 4_000,
        "Aa (AA " + "1" * 16_000,
        "a 1.1." + "1" * 9_000 + " b",
    ],
)
@pytest.mark.parametrize("tag", ["p", "h1"])
async def test_a_line_made_to_be_slow_is_read_in_time(bait: str, tag: str) -> None:
    start = time.process_time()
    await answer(f"<{tag}>{bait}</{tag}><p>Owner: Ann Lee</p>", {"owner": TEXT, "weight_kg": NUMBER})
    assert time.process_time() - start < 3


def test_one_word_of_a_yes_or_no_is_not_its_whole_name() -> None:
    told = stated("Ridge Hotel has parking behind it.", {"name": "Ridge Hotel"}, "parking_available", about=1.0, kind="boolean")
    assert told
    assert all("phrase" not in marks for marks in told.values())


@pytest.mark.parametrize("name", ["Müller & Söhne KG", "Hartmere Robotics S.A.", "Grove Works Inc"])
def test_a_firms_own_name_with_its_legal_form_is_no_value(name: str) -> None:
    told = stated(f"{name} was founded in 1903 by Greta Hoshino.", {"name": name}, "founders", about=1.0, kind="list[string]")
    assert set(told) == {"Greta Hoshino"}
