"""What the keyless model reads a choice, a yes or a no as."""

from __future__ import annotations

from typing import Any

import pytest
from keyless_reading import BOOLEAN, STATUS, read, value


@pytest.mark.parametrize(
    ("text", "is_read_as"),
    [
        ("active", "active"),
        ("Not active (inactive since 2020)", "inactive"),
        ("Not active", "inactive"),
        ("no longer active", "inactive"),
        ("isn't active", "inactive"),
        ("formerly active, now inactive", "inactive"),
        ("not only active but growing", "active"),
        ("not inactive", "active"),
        ("nicht active", "inactive"),
    ],
)
def test_a_choice_that_a_text_denies_is_not_taken(text: str, is_read_as: str) -> None:
    assert value("status", STATUS, text) == is_read_as


def test_a_denied_choice_without_an_opposite_is_nothing() -> None:
    assert value("colour", {"enum": ["red", "green", "blue"]}, "not red") is None


@pytest.mark.parametrize(
    ("text", "is_read_as", "doubt"),
    [
        ("Yes", True, None),
        ("Yes, but only on request", True, "qualified"),
        ("No", False, None),
        ("No longer", False, None),
        ("N/A", None, None),
        ("not specified", None, None),
        ("No. 5", None, None),
        ("It is reusable", True, "part_of_sentence"),
        ("It is not reusable", False, "negated"),
    ],
)
def test_a_yes_is_a_yes_and_what_nobody_says_is_neither(text: str, is_read_as: bool | None, doubt: Any) -> None:
    found = read("reusable", BOOLEAN, text)
    assert (found.value if found else None) is is_read_as
    assert doubt is None or (found and doubt in found.doubts)
