"""A question in plain words is answered by a span of the sentence that fits it, or left open."""

from __future__ import annotations

import pytest

from research.models.keyless.model import KeylessModel
from research.models.keyless.spans import spans_in
from research.models.keyless.wording import wording_of
from research.output_schema.output_spec import OutputSpec
from research.pipeline import research
from research.ports.world import World
from research.result.result import Result
from research.task.task import Task
from research.testing import Pages

BRIDGE = """# Aldern Bridge

Aldern Bridge crosses the Sarn estuary near Port Kessel. It was designed by Ines Kovar and opened on 14 May 1931.

The bridge carries 12,400 vehicles a day. The deck was renewed in 1988 because salt water had corroded the steel hangers."""
INN = """# Merrow Inn

The Merrow Inn is a hotel in the village of Tarn. The kitchen is known for smoked eel.

In 1902 the inn was bought by the Holm family, who turned the stables into a dining room.

The sauna was opened in 1995.[3]"""

FERRY = """# Sarn Ferry

A ferry that is still in use. People love the length of the crossing. Fog

- Launched: 3 May 1962
- Operator: Kessel Lines
- Length: 48 m
- Decks: 3"""


async def answer(question: str) -> Result:
    pages = Pages({"corpus://shelf/bridge": BRIDGE, "corpus://shelf/inn": INN, "corpus://shelf/ferry": FERRY})
    task = Task(task=question, output_schema=OutputSpec.parse({"answer": "string"}))
    return await research(task, World(model=KeylessModel(), search=pages, fetcher=pages))


@pytest.mark.parametrize(
    ("question", "right"),
    [
        ("Who designed Aldern Bridge?", "Ines Kovar"),
        ("When was the deck of Aldern Bridge renewed?", "1988"),
        ("What estuary does Aldern Bridge cross?", "Sarn"),
        ("When was the sauna of the Merrow Inn opened?", "1995"),
        ("In what year was the Merrow Inn bought by the Holm family?", "1902"),
    ],
)
async def test_the_span_of_the_kind_asked_for_is_taken_from_the_sentence_that_fits(question: str, right: str) -> None:
    result = await answer(question)
    assert result.output == {"answer": right}
    assert result.basis[0].confidence == "low"
    [excerpt] = result.basis[0].citations[0].excerpts
    assert right in excerpt.text


@pytest.mark.parametrize(
    ("question", "right", "line"),
    [
        ("When was the Sarn Ferry launched?", "1962-05-03", "Launched: 3 May 1962"),
        ("Who operates the Sarn Ferry?", "Kessel Lines", "Operator: Kessel Lines"),
        ("What is the length of the Sarn Ferry?", "48 m", "Length: 48 m"),
        ("How many decks has the Sarn Ferry?", "3", "Decks: 3"),
    ],
)
async def test_what_stands_under_a_key_that_says_what_is_asked_is_the_answer(question: str, right: str, line: str) -> None:
    result = await answer(question)
    assert result.output == {"answer": right}
    assert result.basis[0].confidence in ("low", "medium")
    [excerpt] = result.basis[0].citations[0].excerpts
    assert line in excerpt.text


@pytest.mark.parametrize(
    "question",
    [
        "Was the Sarn Ferry launched in 1962?",
        "What is the price of the Sarn Ferry?",
        "Who is the captain of the Sarn Ferry?",
        "Where is the home port of the Sarn Ferry?",
        "Where was the Sarn Ferry launched?",
        "How was the Sarn Ferry launched?",
        "What is the owner of the Merrow Inn?",
    ],
)
async def test_a_yes_or_no_and_a_property_that_no_sentence_speaks_of_are_left_open(question: str) -> None:
    result = await answer(question)
    assert result.output == {"answer": None}


@pytest.mark.parametrize(
    "question",
    [
        "Which Norwegian king crowned Ottokar of Syldavia?",
        "Who designed the Karst viaduct in Ardland?",
        "When did Holm sell Petrel Bay?",
    ],
)
async def test_a_question_about_what_no_page_names_is_left_open(question: str) -> None:
    result = await answer(question)
    assert result.output == {"answer": None}


@pytest.mark.parametrize(
    ("question", "kind", "form", "focus"),
    [
        ("Who designed the bridge?", "who", "subject", set()),
        ("When did the bridge open?", "when", "do", set()),
        ("How many rivers cross Tarn?", "how many", "subject", {"river", "cross"}),
        ("Which old songs does the choir sing?", "what noun", "do", {"old", "song"}),
        ("In what year was it built?", "what date", "be", {"year"}),
        ("What types of stone did they use?", "what noun", "do", {"stone"}),
        ("What is the capital of Tarn?", "what place", "be", {"capit"}),
        ("What did the mayor open?", "what done", "do", set()),
        ("The bridge was opened by which mayor?", "what person", "last", {"mayor"}),
        ("When a ship comes, who opens the bridge?", "who", "subject", set()),
        ("the bridge of Tarn", "none", "subject", set()),
    ],
)
def test_a_question_says_what_it_asks_for(question: str, kind: str, form: str, focus: set[str]) -> None:
    found = wording_of(question)
    assert (found.kind, found.form, set(found.focus)) == (kind, form, focus)


@pytest.mark.parametrize(
    ("question", "none", "one"),
    [
        ("When was Aldern Bridge opened?", "Aldern Bridge was opened by the mayor of Tarn", "It was opened on a Sunday"),
        ("When was pier 7 built?", "Pier 7 was built over 12 months", "It was built in the 19th century"),
        ("In which season is the inn closed?", "The inn is closed to dogs", "The inn is closed in winter"),
        ("When did the mountain erupt?", "It erupted 79 times", "It erupted in AD 79"),
        ("At what time of day does the inn open?", "The inn opens daily", "The inn opens at 9:30"),
        ("How many rooms has the inn?", "The inn has rooms with a view", "The inn has twenty-two rooms"),
        ("How many rooms has the hotel?", "The hotel has rooms with a view", "The hotel has 1200 rooms"),
        ("What is the length of the bridge?", "The length of the bridge astonished people", "Its length is 310 metres"),
        ("Who designed the bridge?", "It was designed by a pupil of the school", "It was designed by Ines Kovar"),
        ("Where does the ferry land?", "The ferry lands in the morning", "The ferry lands at Port Kessel"),
        ("Which architect built the inn?", "The architect built the inn in stone", "It was built by the architect Holm"),
    ],
)
def test_what_asks_for_a_time_a_number_or_a_name_is_answered_by_none_but_one(question: str, none: str, one: str) -> None:
    found = [[*spans_in(wording_of(question), sentence, {}, frozenset())] for sentence in (none, one)]
    assert [bool(spans) for spans in found] == [False, True]


def test_a_span_adds_something_to_the_question_and_goes_across_no_bracket() -> None:
    sentence = "Ines Kovar’s bridge (a long one) crosses the Sarn; it opened in 1931."
    wording = wording_of("What does the bridge cross?")
    spans = {sentence[start:end] for start, end, _ in spans_in(wording, sentence, {}, frozenset())}
    assert spans >= {"Sarn", "Ines Kovar", "1931"}
    assert not {"bridge", "crosses"} & spans
    assert not [span for span in spans if {"(", ")", ";"} & set(span) or span.startswith("the ")]
