"""Which of several values of a sentence the words and the years beside them belong to."""

from __future__ import annotations

import re

import pytest

from research.values.belonging import belonging, is_of_other_years, most_fitting, telling_years


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
    assert is_of_other_years(["sales", "2021"], "It sold 5", "In 2021 it was busy, in 2022 busier") is True
    assert is_of_other_years(["sales", "2021"], "It sold 5", "In 2020 it was busy, in 2021 busier") is False
    assert is_of_other_years(["sales", "2021"], "It sold 5 last year", "", "Report for 2021") is True
    assert is_of_other_years(["sales", "2021"], "It sold 5 in 2022", "2021") is True
    assert is_of_other_years(["sales", "2021"], "It sold 5", "Report for 2021") is False
    assert is_of_other_years(["sales", "2021"], "It sold 5") is True
    assert is_of_other_years(["sales"], "It sold 5 in 2022") is False


def test_one_year_tells_values_apart_only_in_brackets() -> None:
    assert telling_years("In 2024 61 of 214 were funded") == frozenset()
    assert telling_years("9,312 (2022: 8,004)") == {"2022"}
    assert telling_years("5 in 2021, 6 in 2022") == {"2021", "2022"}


@pytest.mark.parametrize(
    ("text", "names", "main", "right"),
    [
        ("412 beds, 36 of them in the maternity ward", "maternity beds", "beds", ["36"]),
        ("cranes cost 65 per hour, with a minimum charge of 130", "cranes minimum charge", "charge", ["65", "130"]),
        ("the dam is 38 m high; the tower is gone", "tower height", "height", []),
        ("shops to be opened in 2025.", "shops", "shops", []),
        ("in 2025 houses", "houses", "houses", ["2025"]),
        ("in 2025 it sold houses", "houses", "houses", []),
        ("sold 41 and 29 in 2022 and 2023", "sold 2022", "sold", []),
        ("shops built of 2025 stones", "shops", "shops", ["2025"]),
        ("sold 41 in 2022, and 29 in 2023", "sold 2022", "sold", ["41"]),
    ],
)
def test_a_field_is_answered_by_the_values_that_its_words_belong_to(text: str, names: str, main: str, right: list[str]) -> None:
    spans = [match.span() for match in re.finditer(r"\b\d\d+\b", text)]
    words = [(match[0], *match.span()) for match in re.finditer(r"\w+", text)]
    assert [text[slice(*spans[place])] for place in belonging(text, spans, words, {*names.split()}, main)] == right


def test_a_field_that_asks_when_is_answered_by_a_year() -> None:
    text = "opened in 2025."
    assert belonging(text, [(10, 14)], [("opened", 0, 6), ("2025", 10, 14)], {"opened"}, may_be_year=True) == [0]
    assert belonging(text, [(10, 14)], [("opened", 0, 6), ("2025", 10, 14)], {"opened"}) == []
