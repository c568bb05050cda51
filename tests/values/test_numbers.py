"""Numbers as people write them: scale words, separators, signs, fractions and words. A number is read as itself, or not, or with
a doubt; never as another."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import pytest
from babel import Locale
from babel.numbers import format_compact_decimal, format_decimal
from hypothesis import example, given
from hypothesis import strategies as st

from research.values.labels import measure
from research.values.neighbours import neighbour_doubts
from research.values.numerals import Number, numbers
from research.values.scales import SCALES
from research.values.units import UNITS, measured

LOCALES = (
    *("en", "de", "fr", "es", "it", "pt", "pt_PT", "nl", "sv", "da", "nb", "fi", "pl", "cs", "ro", "hu", "ru", "uk", "el", "id"),
    *("ja", "zh", "ko", "bg", "hr", "sk", "sl", "lt", "lv", "et", "en_IN"),
)


def only(text: str) -> Number:
    [number] = numbers(text)
    return number


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2,5 млн руб.", 2_500_000),
        ("1.5 mln zł", 1_500_000),
        ("5.5 lakhs", 550_000),
        ("₹500 Cr", 5_000_000_000),
        ("3 mld €", 3_000_000_000),
        ("$1.2T", 1_200_000_000_000),
        ("$5MM", 5_000_000),
        ("5 M€", 5_000_000),
        ("12,500 TEUR", 12_500_000),
        ("k€ 12", 12_000),
        ("5 mil millones", 5_000_000_000),
        ("R$ 5,2 bi", 5_200_000_000),
        ("NOK 4 mill.", 4_000_000),
        ("1億2,000万", 120_000_000),
        ("2 hundred", 200),
        ("10^6", 1_000_000),
        ("5.972×10^24", Decimal("5.972e24")),
        ("1.2e6", 1_200_000),
        ("2½", Decimal("2.5")),
        ("2 1/2", Decimal("2.5")),
        ("¾", Decimal("0.75")),
        ("3/4", Decimal("0.75")),
        ("1 1/2 million", 1_500_000),
        ("2 and a half", Decimal("2.5")),
        ("two and a half", Decimal("2.5")),
        ("three hundred", 300),
        ("a hundred and two", 102),
        ("half a million", 500_000),
        ("two and a half million", 2_500_000),
        ("12,-", 12),
    ],
)
def test_a_number_is_read_with_its_scale_word_its_fraction_or_as_words(text: str, value: int | Decimal) -> None:
    assert only(text).value == value


@pytest.mark.parametrize("text", ["nineteen eighty-four", "twenty twelve", "three quarters", "five point two", "v1.2.3", "a few"])
def test_what_makes_no_number_together_is_none_in_pieces(text: str) -> None:
    assert numbers(text) == ()


@pytest.mark.parametrize(
    "text",
    [
        "-1,200",
        "−1,200",
        "(1,200)",
        "(1,200) USD",
        "(1.2) thousand euros",
        "$(1,200)",
        "($1,200)",
        "-$1,200",
        "€ -1.200,00",
        "1,200.00-",
        "1.200,00 -",
    ],
)
def test_a_minus_is_a_minus_however_it_is_written(text: str) -> None:
    assert only(text).value == -1200


def test_brackets_in_running_text_may_be_a_minus_or_an_aside() -> None:
    number = only("the profit (1,200) was small")
    assert number.value == 1200
    assert -1200 in number.readings
    assert "bracketed" in number.doubts


@given(st.sampled_from(sorted(SCALES)), st.integers(1, 999), st.sampled_from(["{} {}", "{}\u00a0{}", "{},5 {}", "{}.5 {}"]))
@example("млн", 2, "{},5 {}")
def test_every_scale_word_multiplies(word: str, number: int, style: str) -> None:
    """In any case of letters, behind a space of any width, with either decimal mark."""
    value = (number + (Decimal("0.5") if "5" in style else 0)) * SCALES[word]
    assert only(style.format(number, word)).value == value
    assert only(f"Total: {style.format(number, word.upper())}.").value == value


@given(st.sampled_from(LOCALES), st.integers(1, 999), st.sampled_from([3, 6, 9, 12]), st.sampled_from(("short", "long")))
def test_a_number_as_a_language_shortens_it_is_read_as_itself_or_with_a_doubt(
    locale: str, digits: int, power: int, style: Literal["short", "long"]
) -> None:
    """Unicode's own short forms in thirty languages; those that mean something else elsewhere (`5 M`, `3 t`) are left unread."""
    value = digits * 10**power
    if style not in Locale.parse(locale).compact_decimal_formats:
        return
    text = format_compact_decimal(value, format_type=style, locale=locale, fraction_digits=2)
    found = numbers(text)
    billion = {"fr": "illion", "da": "illion", "nb": "illion", "sv": "bn", "de": "Billion"}.get(locale)
    if billion and power == 12 and billion in text:
        return  # `billion` is read as in English
    if len(found) == 1 and found[0].value != value:
        number = found[0]
        doubts = number.doubts | neighbour_doubts(text, number.start, number.end)
        assert doubts, (text, number)


@given(st.sampled_from(LOCALES), st.decimals(0, 10**9, places=2))
def test_a_number_as_a_language_groups_it_is_among_its_readings(locale: str, value: Decimal) -> None:
    number = only(format_decimal(value, format="#,##0.00", locale=locale))
    assert number.value == value


SMALL = [
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen"),
    *("fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
]
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def in_words(value: int) -> str:
    if value < 20:
        return SMALL[value]
    if value < 100:
        return TENS[value // 10 - 2] + (f"-{SMALL[value % 10]}" if value % 10 else "")
    for scale, name in ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred")):
        if value >= scale:
            rest = value % scale
            joint = " and " if 0 < rest < 100 else " "
            return f"{in_words(value // scale)} {name}" + (f"{joint}{in_words(rest)}" if rest else "")
    raise AssertionError


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("the capsule did half of one.", False),
        ("the next flight, the one with a crew", False),
        ("one of the largest ships", False),
        ("they faced one another", False),
        ("No one is aboard", False),
        ("no one knows", False),
        ("Crew: one", True),
        ("a crew of one.", True),
        ("the one kilogram that is left", True),
        ("a term of one year", True),
        ("one of 12 ships", True),
    ],
)
def test_a_one_that_stands_for_a_thing_is_no_number(text: str, counts: bool) -> None:
    assert any(number.value == 1 for number in numbers(text)) == counts


@given(st.integers(0, 10**11))
def test_a_number_in_words_is_read_back(value: int) -> None:
    spelled = in_words(value)
    assert only(spelled).value == value
    assert only(f"There were {spelled.capitalize()}, or so.").value == value


@pytest.mark.parametrize(
    ("text", "value", "sure"),
    [
        ("£3.355", "3.355", True),
        ("$3.355", "3.355", False),
        ("€1.234", "1234", False),
        ("1.234 kg", "1.234", False),
        ("1,459 €", "1459", False),
        ("1.234 of 12,5", "1234", True),
        ("1.234 of 12.5", "1.234", True),
        ("12.50", "12.50", True),
        ("0.500", "0.500", True),
    ],
)
def test_three_digits_behind_a_mark_are_thousands_or_decimals(text: str, value: str, sure: bool) -> None:
    """What the currency or the text's other numbers do not tell stays open."""
    number = numbers(text)[0]
    assert number.value == Decimal(value)
    assert ("ambiguous_separator" not in number.doubts) is sure


@pytest.mark.parametrize(
    ("text", "doubts"),
    [
        ("about 300", {"approximate"}),
        ("circa 300", {"approximate"}),
        ("up to 300", {"bound"}),
        ("from 300", {"bound"}),
        ("300+", {"bound"}),
        ("à partir de 300", {"bound"}),
        ("200–300", {"range"}),
        ("200 to 300", {"range"}),
        ("300 fnord", {"unread_neighbour"}),
        ("300×1024", {"unread_neighbour"}),
        ("300 staff", set()),
        ("300, in all", set()),
        ("300", set()),
    ],
)
def test_what_stands_beside_a_number_leaves_it_open(text: str, doubts: set[str]) -> None:
    number = next(n for n in numbers(text) if n.value == 300)
    assert neighbour_doubts(text, number.start, number.end, frozenset(("staff",))) == doubts


@pytest.mark.parametrize(
    ("label", "scale", "unit"),
    [
        ("Revenue (Millions of USD)", 10**6, "USD"),
        ("Key figures (in thousands of euros)", 1000, "EUR"),
        ("Umsatz in Tsd. €", 1000, "EUR"),
        ("Umsatz (TEUR)", 1000, "EUR"),
        ("Net income (€m)", 10**6, "EUR"),
        ("Revenue, $ mn", 10**6, "USD"),
        ("Revenue (USD'000)", 1000, "USD"),
        ("Выручка, млн руб.", 10**6, "RUB"),
        ("Ventas (en miles de euros)", 1000, "EUR"),
        ("Mass (g)", 1, "mass"),
        ("Length, km", 1, "length"),
        ("Speed in km/h", 1, "speed"),
        ("Revenue\nAll amounts in thousands of US dollars", 1000, "USD"),
        ("Cost per million", 1, None),
        ("Population (2020)", 1, None),
        ("People in need", 1, None),
        ("Born in", 1, None),
    ],
)
def test_a_label_gives_the_scale_and_the_unit_of_its_numbers(label: str, scale: int, unit: str | None) -> None:
    found = measure(label)
    assert found.scale == scale
    assert (found.unit.kind if found.unit else None) == unit


@given(st.sampled_from(sorted(n for n in UNITS if n.isascii() and n.isalpha() and len(n) > 1)), st.integers(1, 10**6))
def test_a_unit_in_a_label_is_the_unit_behind_the_number(unit: str, value: int) -> None:
    text = f"{value} {unit}"
    number = numbers(text)[0]
    assert measured(text, number.start, number.end).unit == UNITS[unit]
    assert measure(f"Size ({unit})").unit == UNITS[unit]
