"""The sample in `data/` is what its README says: every answer of the truth file stands in the corpus, and no null does."""

from __future__ import annotations

import csv
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from research.documents.extract import extract
from research.output_schema.output_spec import OutputSpec
from research.values.values import places

DATA = Path(__file__).parents[2] / "data"
SCHEMA: dict[str, Any] = json.loads((DATA / "missions.schema.json").read_text(encoding="utf-8"))
FIELDS: dict[str, Any] = SCHEMA["properties"]
TRUTH: list[dict[str, Any]] = [json.loads(line) for line in (DATA / "missions.truth.jsonl").read_text("utf-8").splitlines()]
UNANSWERED = "Halcyon 3"
NAME = {"type": "string"}
CREWED = re.compile(r"(?<![-\w])crewed(?!: (no|none)\b)|crewed: yes|\bastronauts?\b|\bcosmonauts?\b", re.I)
UNCREWED = re.compile(r"\buncrewed\b|\brobot(ic)?\b|crewed: no\b|\bcrew\b[^:]*: none\b", re.I)
TOLD_IN_PICTURES = {"Earth": "Earth orbit"}


@cache
def corpus() -> dict[str, tuple[str, str]]:
    """Every page of the corpus by its path: its title and its text."""
    pages = {}
    for path in sorted((DATA / "corpus").rglob("*")):
        if path.is_file():
            name = path.relative_to(DATA / "corpus").as_posix()
            page = extract(path.read_bytes(), url=f"corpus://corpus/{name}")
            pages[name] = (page.title, page.text)
    return pages


def short_name(mission: str) -> str:
    return mission.split(" はやぶさ2")[0]


def pages_titled(mission: str) -> dict[str, str]:
    """Pages whose title names the mission: all of their text is about it."""
    return {name: text for name, (title, text) in corpus().items() if places(short_name(mission), NAME, title)}


def texts_about(mission: str) -> list[str]:
    """Texts about the mission: pages with its name in the title, and lines and blocks of other pages that name it."""
    titled = pages_titled(mission)
    found = list(titled.values())
    for name, (_, text) in corpus().items():
        if name in titled:
            continue
        for block in text.split("\n\n"):
            lines = block.splitlines() if block.startswith("|") else [block]
            found += [line for line in lines if places(short_name(mission), NAME, line)]
    return found


def accepted(value: Any) -> list[Any]:
    """The spellings of one answer that the truth file accepts, the plain one first."""
    return value if isinstance(value, list) else [value]


def states(field: str, value: Any, text: str) -> bool:
    if isinstance(value, bool):
        return bool((CREWED if value else UNCREWED).search(text))
    return bool(places(TOLD_IN_PICTURES.get(value, value), FIELDS[field], text) or places(value, FIELDS[field], text))


def test_there_are_enough_rows_and_pages():
    assert len(TRUTH) >= 40
    assert len(corpus()) >= 120


def test_the_readme_counts_them_right():
    said = (DATA / "README.md").read_text(encoding="utf-8")
    assert f"{len(TRUTH)} rows" in said
    assert f"{len(corpus())} pages" in said


def test_the_data_folder_stays_small():
    assert sum(path.stat().st_size for path in DATA.rglob("*") if path.is_file()) <= 3_000_000


def test_the_table_has_the_difficulties_that_the_readme_lists():
    """One equal row twice, one empty cell, leading zeros, names outside ASCII."""
    with (DATA / "missions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["mission"] for row in rows] == [truth["mission"] for truth in TRUTH]
    assert [truth["row_index"] for truth in TRUTH] == list(range(len(rows)))
    assert len(rows) - len({tuple(row.values()) for row in rows}) == 1
    assert sum(value == "" for row in rows for value in row.values()) == 1
    assert any(row["catalogue"].startswith("00") for row in rows)
    assert any(not row["mission"].isascii() for row in rows)


def test_every_truth_has_every_field_and_fits_the_schema():
    spec = OutputSpec.parse(SCHEMA)
    for truth in TRUTH:
        for name in FIELDS:
            for value in accepted(truth[name]):
                answer = {other: accepted(truth[other])[0] for other in FIELDS} | {name: value}
                assert spec.check(answer) == (), truth["mission"]


ANSWERED = [truth for truth in TRUTH if truth["mission"] != UNANSWERED]


@pytest.mark.parametrize("truth", ANSWERED, ids=lambda truth: f"{truth['row_index']}-{truth['mission']}")
def test_every_true_value_is_stated_by_a_page_about_its_mission(truth):
    about = texts_about(truth["mission"])
    unstated = [
        (name, value)
        for name in FIELDS
        for value in accepted(truth[name])
        if value is not None and not any(states(name, value, text) for text in about)
    ]
    assert not unstated
    assert pages_titled(truth["mission"]), "a mission needs a page of its own"


def test_nothing_in_the_corpus_speaks_of_the_row_that_nothing_answers():
    row = next(truth for truth in TRUTH if truth["mission"] == UNANSWERED)
    assert all(row[name] is None for name in FIELDS)
    assert not [name for name, (title, text) in corpus().items() if "halcyon" in f"{title} {text}".casefold()]


NULLS = [(truth["mission"], name) for truth in ANSWERED for name in FIELDS if truth[name] is None]
LABEL = {
    "launch_mass_kg": r"(launch mass|weight|mass at|mass, |total mass)[^:\n]*:",
    "operator": r"(operator|agency|owner|run by|sponsor|organisation|by whom)\b[^:\n]*:",
    "launch_vehicle": r"(rocket|launch vehicle|launcher|carrier|vehicle)\b[^:\n]*:",
}


@pytest.mark.parametrize(("mission", "field"), NULLS)
def test_a_null_is_not_answered_by_any_page_about_its_mission(mission, field):
    for text in texts_about(mission):
        assert not re.search(rf"^\W*{LABEL[field]}", text, re.I | re.M)
        if field == "launch_mass_kg":
            heavy = [m[0] for m in re.finditer(r"\b(\d[\d,.]{2,})\s*(kg|kilograms?|t|tonnes?|tons?|lb|pounds?)\b", text)]
            assert not [found for found in heavy if float(found.split()[0].replace(",", "").rstrip(".")) >= 110], heavy


def test_there_are_enough_kinds_of_difficulty():
    """Nulls in fields of rows that are otherwise answered, several media types, two pages that contradict each other."""
    assert len(NULLS) >= 5
    kinds = {Path(name).suffix for name in corpus()}
    assert kinds == {".html", ".md", ".txt", ".pdf"}
    weights = {
        value
        for value in (3839, 3893)
        for text in pages_titled("Mars Science Laboratory").values()
        if places(value, FIELDS["launch_mass_kg"], text)
    }
    news = corpus()["perigee/2011/curiosity-away.html"][1]
    assert weights == {3839}
    assert places(3893, FIELDS["launch_mass_kg"], news)
