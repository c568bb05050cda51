"""Identifiers: what a field's name asks for, and what of a text is one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import ean, isbn

from research.values.identifiers import identifier_of
from research.values.values import same


def found(name: str, text: str) -> list[str]:
    kind = identifier_of(name)
    assert kind is not None
    return [match[0] for match, _ in kind.found_in(text)]


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("isbn_13", "ISBN-10: 0307454541, ISBN-13: 978-0307454546", ["978-0307454546"]),
        ("ISBN10", "ISBN-10: 0307454541, ISBN-13: 978-0307454546", ["0307454541"]),
        ("paperback_isbn", "978 0 307 45454 6 (paperback)", ["978 0 307 45454 6"]),
        ("cas_registry_number", "Caffeine (CAS 58-08-2), EC 200-362-1", ["58-08-2"]),
        ("InChIKey", "key RYYVLZVUVIJVGH-UHFFFAOYSA-N.", ["RYYVLZVUVIJVGH-UHFFFAOYSA-N"]),
        ("doi", "See https://doi.org/10.1000/xyz(12)34.", ["10.1000/xyz(12)34"]),
        ("iban", "IBAN DE89 3704 0044 0532 0130 00", ["DE89 3704 0044 0532 0130 00"]),
        ("swift_code", "BIC: DEUTDEFF500", ["DEUTDEFF500"]),
        ("lei", "LEI 529900T8BM49AURSDO55", ["529900T8BM49AURSDO55"]),
        ("imo_number", "IMO 9074729, call sign 3EZZ", ["9074729"]),
        ("issn", "ISSN 0378-5955 (print)", ["0378-5955"]),
        ("dois", "10.1000/182, 10.1000/183", ["10.1000/182", "10.1000/183"]),
        ("gtin", "Order 123456 of 4022664223553", ["4022664223553"]),
    ],
)
def test_an_identifier_is_found_by_its_form(name: str, text: str, what: list[str]) -> None:
    assert found(name, text) == what


@pytest.mark.parametrize("name", ["case_number", "cubic_capacity", "canvas", "casino", "doi_url", "swift_action", "isbn_count"])
def test_a_name_that_only_looks_like_an_identifiers_asks_for_none(name: str) -> None:
    assert identifier_of(name) is None


def test_a_wrong_check_digit_is_told() -> None:
    kind = identifier_of("ean")
    assert kind is not None
    assert [is_valid for _, is_valid in kind.found_in("4022664223553 4022664223559")] == [True, False]


def test_an_isbn_of_ten_digits_and_one_of_thirteen_are_the_same_where_they_are_of_one_book() -> None:
    assert same("0-307-45454-1", "9780307454546", {})
    assert not same("0307454541", "9780307473479", {})
    assert not same("0307454542", "9780307454546", {})  # a wrong check digit


@given(st.integers(0, 10**9 - 1), st.sampled_from(["", "-", " ", "–"]))
def test_every_isbn_is_found_however_it_is_divided(number: int, divider: str) -> None:
    core = f"978{number:09d}"
    whole = core + ean.calc_check_digit(core)
    text = divider.join((whole[:3], whole[3:4], whole[4:8], whole[8:12], whole[12:]))
    kind = identifier_of("isbn_13")
    assert kind is not None
    assert [(match[0], is_valid) for match, is_valid in kind.found_in(f"ISBN {text}, 2nd ed.")] == [(text, True)]
    assert isbn.is_valid(whole)


@given(st.text(alphabet="0123456789-–X 9780ABCIDE/.:", max_size=200))
def test_whatever_a_text_holds_an_identifier_is_a_part_of_it(text: str) -> None:
    for name in ("isbn", "cas", "iban", "doi", "gtin", "orcid"):
        assert all(one in text for one in found(name, text))
