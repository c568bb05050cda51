"""Evidence: excerpts are copied, support is judged, and what nothing supports is null."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from research.evidence.grounding import Cited, Evidence, excerpt, ground
from research.evidence.own_line import speaks_of
from research.evidence.passages import passages_of
from research.output_schema.output_spec import Field
from research.ports.page import Page, Passage, page_hash
from research.ports.work import FieldAnswer, ReadPage, Verdict
from research.result.result import Confidence

TEXT = (
    "# Voyager 1\n\nVoyager 1 is a space probe. NASA launched it on 5 September 1977 from Florida. It weighs 825.5 kg.\n\n"
    "Operator: NASA\nMass: 825.5 kg\nLaunch date: September 5, 1977"
)


def read(text: str, url: str = "corpus://t/a") -> dict[str, Cited]:
    page = Page(
        page_hash=page_hash(text),
        url=url,
        final_url=url,
        title="A page",
        media_type="text/plain",
        fetched_at=datetime(2026, 1, 1, tzinfo=UTC),
        published=None,
        text=text,
        extraction_version="1",
    )
    where = ReadPage(page_hash=page.page_hash, url=url, title=page.title, fetched_at=page.fetched_at)
    return {passage.id: Cited(passage, where) for passage in passages_of(page)}


def field(name: str, description: str = "", **schema: Any) -> Field:
    return Field(name=name, schema=schema, description=description, required=False)


def answer(name: str, value: Any, *passages: str, confidence: Confidence | None = "high") -> FieldAnswer:
    return FieldAnswer(field=name, value=value, passages=passages, reasoning="Because.", confidence=confidence)


LAUNCH = field("launch_date", "When it was launched", type="string", format="date")


TABLE = (
    "| Flight | Date | Rocket | Crew |\n|---|---|---|---|\n| Apollo 12 | 14 November 1969 | Saturn V | Bean |\n"
    "| Apollo 14 | 31 January 1971 | Saturn V | Shepard, Roosa |\n| Apollo 15 | 26 July 1971 | Saturn V | Scott |"
)


@pytest.mark.parametrize(
    ("asked", "value"),
    [(field("rocket", "The rocket", type="string"), "Saturn V"), (field("crew", "Whether it had a crew", type="boolean"), True)],
    ids=["stated", "inferred"],
)
def test_of_lines_that_all_state_the_value_the_one_of_what_is_asked_about_is_copied(asked: Field, value: Any) -> None:
    evidence = Evidence(read(TABLE), about="Facts about the flight Apollo 14")
    grounded = ground(asked, [answer(asked.name, value, "p1")], evidence)
    assert [e.text[:11] for citation in grounded.basis[0].citations for e in citation.excerpts] == ["| Apollo 14"]


def test_the_excerpt_is_the_smallest_sentence_that_states_the_value() -> None:
    grounded = ground(LAUNCH, [answer("launch_date", "1977-09-05", "p2")], Evidence(read(TEXT)))
    piece = grounded.basis[0].citations[0].excerpts[0]
    assert piece.text == "NASA launched it on 5 September 1977 from Florida."
    assert TEXT[piece.start : piece.end] == piece.text
    assert (piece.support, grounded.basis[0].confidence) == ("stated", "high")


def test_the_excerpt_of_a_fact_is_its_line() -> None:
    grounded = ground(LAUNCH, [answer("launch_date", "1977-09-05", "p3")], Evidence(read(TEXT)))
    assert grounded.basis[0].citations[0].excerpts[0].text == "Launch date: September 5, 1977"


@pytest.mark.parametrize(
    ("value", "schema"), [(722, {"type": "number"}), ("Roscosmos", {"type": "string"}), ("1977-08-20", {"type": "string"})]
)
def test_a_value_that_its_passages_do_not_state_is_null_with_a_reason(value: Any, schema: dict[str, Any]) -> None:
    grounded = ground(field("it", **schema), [answer("it", value, "p2", "p3")], Evidence(read(TEXT)))
    assert grounded.value is None
    assert grounded.basis[0].confidence is None
    assert not grounded.basis[0].citations
    assert "do not support it" in grounded.basis[0].reasoning


def test_a_value_without_a_passage_is_null() -> None:
    grounded = ground(LAUNCH, [answer("launch_date", "1977-09-05")], Evidence(read(TEXT)))
    assert grounded.value is None
    assert "names no passage" in grounded.basis[0].reasoning


def test_a_passage_that_does_not_exist_supports_nothing() -> None:
    assert ground(LAUNCH, [answer("launch_date", "1977-09-05", "p99")], Evidence(read(TEXT))).value is None


def test_a_yes_or_no_that_follows_from_the_words_is_inferred_and_loses_confidence() -> None:
    probe = field("is_probe", "Whether it is a space probe", type="boolean")
    grounded = ground(probe, [answer("is_probe", True, "p2")], Evidence(read(TEXT)))
    assert grounded.value is True
    assert grounded.basis[0].citations[0].excerpts[0].support == "inferred"
    assert grounded.basis[0].confidence == "medium"


def test_a_quantity_in_another_unit_is_inferred() -> None:
    mass = field("mass_t", "Mass in tonnes", type="number")
    grounded = ground(mass, [answer("mass_t", 0.8255, "p3")], Evidence(read(TEXT)))
    assert grounded.value == 0.8255
    assert grounded.basis[0].citations[0].excerpts[0].support == "inferred"


@pytest.mark.parametrize(
    ("name", "description", "value", "support"),
    [
        ("revenue_usd_m", "", 3200, "stated"),
        ("revenue_bn", "", 3.2, "stated"),
        ("revenue", "In millions of US dollars", 3200, "stated"),
        ("revenue_usd_m", "", 3_200_000_000, None),
        ("revenue_usd_m", "", 3.2, None),
        ("revenue_usd", "", 3_200_000_000, "stated"),
    ],
)
def test_an_amount_in_the_scale_that_its_field_names_is_stated_and_one_in_another_is_not(
    name: str, description: str, value: float, support: str | None
) -> None:
    asked = Field(name=name, schema={"type": "number", "description": description}, description=description, required=False)
    grounded = ground(asked, [answer(name, value, "p1")], Evidence(read("Revenue: $3.2 billion")))
    excerpts = [excerpt for entry in grounded.basis for citation in entry.citations for excerpt in citation.excerpts]
    assert [excerpt.support for excerpt in excerpts] == ([support] if support else [])
    assert grounded.value == (value if support else None)


@pytest.mark.parametrize(
    ("name", "value", "text", "stated"),
    [
        ("min_duration_weeks", 2, "14 to 21 days", True),
        ("min_half_life_minutes", 180, "3–7 hours", True),
        ("latitude", 40.4461, "40°26′46″N", True),
        ("longitude", -0.1278, "51°30′26″N 0°7′40″W", True),
        ("longitude", -87.6298, "41.8781° N, 87.6298° W and 200° E of nothing", True),
        ("celsius", -12, "12° W", False),
        ("latitude", -87.6298, "87.6298° W", False),
    ],
)
def test_ends_of_ranges_and_positions_are_stated_for_the_fields_that_ask_for_them(
    name: str, value: float, text: str, stated: bool
) -> None:
    assert (ground(field(name, type="number"), [answer(name, value, "p1")], Evidence(read(text))).value == value) is stated


def test_a_number_with_another_unit_of_another_kind_is_no_conversion() -> None:
    assert ground(field("mass_t", type="number"), [answer("mass_t", 8.255, "p2", "p3")], Evidence(read(TEXT))).value is None


def test_a_list_keeps_the_items_that_are_supported_each_with_its_own_basis() -> None:
    sites = field("places", type="array", items={"type": "string"})
    grounded = ground(sites, [answer("places", ["Kazakhstan", "Florida"], "p2")], Evidence(read(TEXT)))
    assert grounded.value == ["Florida"]
    assert [basis.field for basis in grounded.basis] == ["places.0"]


def test_a_nested_answer_gives_its_own_passages_to_that_part() -> None:
    probe = field("probe", type="object", properties={"operator": {"type": "string"}, "mass": {"type": "number"}})
    grounded = ground(
        probe,
        [answer("probe", {"operator": "NASA", "mass": 825.5}, "p3"), answer("probe.mass", None, "p2")],
        Evidence(read(TEXT)),
    )
    assert grounded.value == {"operator": "NASA", "mass": 825.5}
    excerpts = {basis.field: basis.citations[0].excerpts[0].text for basis in grounded.basis}
    assert excerpts == {"probe.operator": "Operator: NASA", "probe.mass": "It weighs 825.5 kg."}


def test_an_object_of_which_nothing_is_supported_is_null() -> None:
    probe = field("probe", type="object", properties={"operator": {"type": "string"}})
    grounded = ground(probe, [answer("probe", {"operator": "ESA"}, "p3")], Evidence(read(TEXT)))
    assert grounded.value is None
    assert [basis.field for basis in grounded.basis] == ["probe"]


@given(
    st.lists(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=60), min_size=1, max_size=6),
    st.one_of(st.text(max_size=20), st.integers(), st.booleans()),
)
def test_whatever_the_page_and_the_value_an_excerpt_stands_in_the_page_at_its_offsets(blocks: list[str], value: Any) -> None:
    text = "\n\n".join(blocks)
    for cited in read(text).values():
        piece = excerpt(value, {}, LAUNCH, cited.passage)
        assert text[piece.start : piece.end] == piece.text
        assert cited.passage.start <= piece.start <= piece.end <= cited.passage.end


@pytest.mark.parametrize(("said", "support"), [(True, "inferred"), (False, "none")])
def test_a_models_verdict_decides_where_the_value_does_not_stand(said: bool, support: str) -> None:
    evidence = Evidence(read(TEXT), [Verdict(field="operator", value="the American space agency", passage="p2", supports=said)])
    asked = field("operator", type="string")
    grounded = ground(asked, [answer("operator", "the American space agency", "p2")], evidence)
    assert grounded.value == ("the American space agency" if said else None)
    assert grounded.basis[0].confidence == ("medium" if said else None)
    assert [e.support for c in grounded.basis[0].citations for e in c.excerpts] == ([support] if said else [])


def test_a_models_verdict_does_not_overrule_what_stands_there() -> None:
    evidence = Evidence(read(TEXT), [Verdict(field="launch_date", value="1977-09-05", passage="p3", supports=False)])
    assert ground(LAUNCH, [answer("launch_date", "1977-09-05", "p3")], evidence).basis[0].confidence == "high"


def test_a_verdict_on_another_value_says_nothing() -> None:
    evidence = Evidence(read(TEXT), [Verdict(field="operator", value="Roscosmos", passage="p2", supports=True)])
    assert ground(field("operator", type="string"), [answer("operator", "JAXA", "p2")], evidence).value is None


def test_a_passage_that_says_otherwise_is_shown_and_lowers_the_confidence() -> None:
    cited = {**read(TEXT), "p9": next(iter(read("It was launched on 6 September 1977.", "corpus://t/b").values()))}
    given = answer("launch_date", "1977-09-05", "p3").model_copy(update={"against": ("p9",)})
    basis = ground(LAUNCH, [given], Evidence(cited)).basis[0]
    shown = [(citation.url, e.text, e.support) for citation in basis.citations for e in citation.excerpts]
    assert shown == [
        ("corpus://t/a", "Launch date: September 5, 1977", "stated"),
        ("corpus://t/b", "It was launched on 6 September 1977.", "against"),
    ]
    assert basis.confidence == "medium"


def test_a_passage_that_says_the_same_is_not_shown_as_saying_otherwise() -> None:
    given = answer("launch_date", "1977-09-05", "p3").model_copy(update={"against": ("p2",)})
    basis = ground(LAUNCH, [given], Evidence(read(TEXT))).basis[0]
    assert [e.support for c in basis.citations for e in c.excerpts] == ["stated"]
    assert basis.confidence == "high"


REMOTE = field("remote", "Whether the company's employees may work from home", type="boolean")


@pytest.mark.parametrize(
    ("text", "kind", "stated"),
    [
        ("Remote: Yes\nPublic company: No", "facts", True),
        ("Public company: Yes\nFounded: 1999", "facts", False),
        ("Public company: Yes\nRemote: No", "facts", False),
        ("Work from home: Yes", "facts", True),
        ("Is it remote?\nYes.", "facts", True),
        ("Company | Public | Remote\nAcme | No | Yes", "table", True),
        ("Company | Public | Remote\nAcme | Yes | No", "table", False),
        ("Remote | Yes\nPublic | No", "table", True),
        ("Remote | No\nPublic | Yes", "table", False),
        ("They asked for the wifi password. Yes, said the host.", "paragraph", False),
    ],
)
def test_a_yes_counts_only_on_its_own_fields_line(text: str, kind: Any, stated: bool) -> None:
    passage = Passage(id="p1", text=text, kind=kind, heading="", page_hash="0" * 64, start=0, end=len(text))
    assert (excerpt(True, {"type": "boolean"}, REMOTE, passage).support == "stated") is stated


def test_the_opposite_of_a_fields_name_speaks_of_the_field():
    crewed = field("crewed", "Whether people were on board", type="boolean")
    assert speaks_of(crewed, "Mission type | Uncrewed flyby")
    assert not speaks_of(crewed, "Mission type | Flyby")
    assert not speaks_of(field("remote", "Where people work", type="boolean"), "Promoted: no")
