"""Prose about many entities: a value is the entity's and the field's by what stands around it, or there is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

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


def stated(text: str, row: Mapping[str, Any], field: str, about: float = 0.0) -> dict[Any, set[str]]:
    """The candidates of a text field, each value with its marks."""
    asked = Asked(question_of(OutputSpec.parse({field: "string"}).fields[0]), entity(row), about)
    found: dict[Any, set[str]] = {}
    for one in of_sentences(asked, Reading(passages_of(page(text)))):
        found.setdefault(one.value, set(one.marks))
    return found


def test_a_value_is_nearer_to_the_entity_than_to_its_neighbour() -> None:
    text = "Lisane College has a campus of 40 acres, while Orvat College has a campus of 95 acres."
    found = stated(text, {"college": "Lisane College"}, "campus")
    assert "between:none" in found["40 acres"]
    assert "between:another" in found["95 acres"]


def test_a_name_of_two_words_written_as_one_is_read_as_the_page_writes_it() -> None:
    text = "The public network coverage for Ostrava stands at 98.5% of homes."
    assert "cue is:name" in stated(text, {"region": "Ostrava"}, "publicnetwork")["98.5%"]


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


def test_what_a_page_stresses_is_told_from_what_it_does_not() -> None:
    text = "Acme Bridge is well known. ***The length of Acme Bridge is 420 m in all.*** Some give Acme Bridge a length of 400 m."
    found = stated(text, {"name": "Acme Bridge"}, "length")
    assert "stressed" in found["420 m"]
    assert "not stressed" in found["400 m"]


def test_a_page_that_stresses_single_words_only_stresses_nothing() -> None:
    found = stated("The length of **Acme Bridge** is 420 m.", {"name": "Acme Bridge"}, "length")
    assert not {"stressed", "not stressed"} & found["420 m"]


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
    ],
)
def test_a_piece_of_a_sentence_has_a_shape(text: str, piece: str, shape: str) -> None:
    assert shape in {kind for start, end, kind in shapes(text) if text[start:end] == piece}


@pytest.mark.parametrize("text", ["symbol tI6 is", "by Six Flags Mexico"])
def test_a_part_of_a_word_or_of_a_name_is_no_piece(text: str) -> None:
    assert not {"I6", "Six"} & {text[start:end] for start, end, _ in shapes(text)}
