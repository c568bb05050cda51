"""What tells a name from others of nearly the same."""

from __future__ import annotations

import pytest

from research.values.labels import series_of
from research.values.names import bare, legal_form, marks_of, without_legal_form


@pytest.mark.parametrize(
    ("name", "marks"),
    [
        ("Henry VIII", {"viii"}),
        ("John Smith Jr.", {"jr"}),
        ("John F. Smith", set()),
        ("Nova Phone Pro Max", {"pro", "max"}),
        ("Max Weber", set()),
        ("Air France", set()),
        ("Falcon 200 S", {"s"}),
        ("Kettle 1.7 L", set()),
        ("Vitamin C", {"c"}),
        ("libharp-dev", {"dev"}),
        ("A Room of One's Own", set()),
    ],
)
def test_marks_are_what_makes_another_thing_of_a_name(name: str, marks: set[str]) -> None:
    assert marks_of(name) == marks


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Up (2009 film)", "Up"),
        ("Ridge Lamp (Pro)", "Ridge Lamp (Pro)"),
        ("Caffeine (CAS 58-08-2)", "Caffeine"),
        ("Pump (Mark 2)", "Pump (Mark 2)"),
        ("fastparse 2.4.1", "fastparse"),
        ("Windows 8.1", "Windows 8.1"),
        ("Marvel vs. Capcom 2 New Age of Heroes", "Marvel vs. Capcom 2 New Age of Heroes"),
        ("Roe v. Grove [1993] UKHL 19 (11 March 1993)", "Roe v. Grove"),
        ("Roe v Grove, 384 U.S. 436", "Roe v Grove"),
        ("Roe v Grove, Case No. 22-cv-101", "Roe v Grove"),
        ("Grove [1993]", "Grove [1993]"),
    ],
)
def test_a_year_an_identifier_a_version_and_a_cases_citation_are_no_part_of_a_name(title: str, name: str) -> None:
    assert bare(title) == name


@pytest.mark.parametrize(
    ("key", "heading", "series"),
    [
        ("Revenue (2015)", "", ("revenue", 2015)),
        ("Revenue", "2015", ("revenue", 2015)),
        ("Revenue", "Our 2015 report", ("revenue", 0)),
        ("Revenue (2027, forecast)", "", ("revenue", -1)),
        ("Staff 2019 to 2021", "", ("staff to", 2021)),
        ("Route 12019", "", ("route 12019", 0)),
    ],
)
def test_keys_that_differ_by_a_year_are_one_series(key: str, heading: str, series: tuple[str, int]) -> None:
    assert series_of(key, heading) == series


@pytest.mark.parametrize(
    ("name", "rest", "form"),
    [
        ("Hartmere Robotics S.A.", "Hartmere Robotics", "S.A."),
        ("Hartmere Robotics SA", "Hartmere Robotics", "S.A."),
        ("OAK FIVE LTD", "OAK FIVE", "Ltd"),
        ("Oak Five, Limited", "Oak Five", "Ltd"),
        ("Weber GmbH & Co KG", "Weber", "GmbH & Co. KG"),
        ("Rossi SpA", "Rossi", "S.p.A."),
        ("Grand Spa", "Grand Spa", ""),
        ("Washington D.C.", "Washington D.C.", ""),
        ("AG", "AG", ""),
    ],
)
def test_a_legal_form_ends_the_name_of_a_firm(name: str, rest: str, form: str) -> None:
    assert (without_legal_form(name), legal_form(name)) == (rest, form)
