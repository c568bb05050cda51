"""Which of several values of a sentence the words and the years beside them belong to."""

from __future__ import annotations

import re

import pytest

from research.values.belonging import is_of_other_years, most_fitting, telling_years, tells_when


def fitting(text: str, values: str, words: str) -> list[str]:
    spans = [match.span() for match in re.finditer(values, text)]
    told = [(match[0], *match.span()) for match in re.finditer(words, text)]
    return [text[slice(*spans[place])] for place in most_fitting(text, spans, told)]


@pytest.mark.parametrize(
    ("text", "word", "right"),
    [
        ("412 beds, 36 of them in the maternity ward", "maternity", ["36"]),
        ("5,812 in favour and 3,944 against", "against", ["3,944"]),
        ("launched in 1939 and commissioned in 1940", "commissioned", ["1940"]),
        ("24 hours: 32; lost ticket: 40; monthly: 295", "ticket", ["40"]),
        ("rose to 31 in the year to March from 28 last year", "March", ["31"]),
        ("12 or 15 in all", "depth", ["12", "15"]),
    ],
)
def test_a_word_belongs_to_the_nearest_value(text: str, word: str, right: list[str]) -> None:
    assert fitting(text, r"\d[\d,]*\d", word) == right


def test_a_text_is_of_other_years_if_the_first_that_names_any_names_none_that_is_asked_for() -> None:
    assert is_of_other_years(["sales", "2021"], "It sold 5 in 2022 and 4 in 2021's last month; 2020", "2021") is False
    assert is_of_other_years(["sales", "2021"], "It sold 5 in 2022", "2021") is True
    assert is_of_other_years(["sales", "2021"], "It sold 5", "Report for 2021") is False
    assert is_of_other_years(["sales", "2021"], "It sold 5") is True
    assert is_of_other_years(["sales"], "It sold 5 in 2022") is False


def test_one_year_tells_values_apart_only_in_brackets() -> None:
    assert telling_years("In 2024 61 of 214 were funded") == frozenset()
    assert telling_years("9,312 (2022: 8,004)") == {"2022"}
    assert telling_years("5 in 2021, 6 in 2022") == {"2021", "2022"}


@pytest.mark.parametrize(("text", "right"), [("opened in 2025.", True), ("in 2025 houses", False), ("a total of 2025.", False)])
def test_a_year_behind_a_preposition_tells_when(text: str, right: bool) -> None:
    start = text.index("2025")
    assert tells_when(text, start, start + 4) is right
