"""What a text says only to deny it, what is struck out, planned, over or of another era: not read, or in doubt."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from keyless_reading import BOOLEAN, DATE, INTEGER, NUMBER, STATUS, TEXT, read, value

from research.values.answers import is_given
from research.values.doubts import UNSURE


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (NUMBER, "target: 5000"),
        (NUMBER, "It plans to have 5000 employees by 2030."),
        (NUMBER, "It will employ about 5000 people."),
        (NUMBER, "It laid off 300 employees."),
        (NUMBER, "If the merger goes ahead, 900"),
        (NUMBER, "-5 %"),
        (NUMBER, "2,5,0"),
        (STATUS, "active (until 2019)"),
        (TEXT, "Ann Lee (until 2019)"),
        (TEXT, "Ann Lee (1998–2010)"),
        (TEXT, "formerly Hamburg"),
    ],
)
def test_what_is_not_so_yet_or_no_more_is_of_low_confidence(schema: dict[str, Any], text: str) -> None:
    found = read("status", schema, text)
    assert found is None or found.doubts & UNSURE


@pytest.mark.parametrize(
    ("field", "schema", "text", "is_read_as"),
    [
        ("status", STATUS, "~~active~~ inactive", "inactive"),
        ("status", STATUS, "~~active~~", None),
        ("status", STATUS, "unknown, perhaps active", None),
        ("status", {"enum": ["unknown", "active"]}, "unknown", "unknown"),
        ("ceo", TEXT, "~~Ann Lee~~ Bob Ray", "Bob Ray"),
        ("ceo", TEXT, "~~Ann Lee~~", None),
        ("opened", DATE, "3 May 1984 BC", None),
        ("opened", DATE, "not 3 May 1984", None),
        ("founded", INTEGER, "1404 AH", None),
        ("founded", INTEGER, "€1984", None),
        ("founded", INTEGER, "No. 1984", None),
        ("founded", INTEGER, "1984", 1984),
    ],
)
def test_what_is_struck_not_known_denied_or_of_another_era_is_not_read(
    field: str, schema: dict[str, Any], text: str, is_read_as: Any
) -> None:
    assert value(field, schema, text) == is_read_as


@pytest.mark.parametrize("text", ["Yes (until 2019)", "Yes (planned for 2030)", "No (until May 2019)", "partly", "some models"])
def test_a_yes_that_holds_no_more_or_not_yet_is_none(text: str) -> None:
    assert value("waterproof", BOOLEAN, text) is None
    assert not is_given(text)  # so that what stands there is not taken for `there is some`


@given(
    st.sampled_from(["not {}", "no longer {}", "never {}", "isn't {}", "nicht {}", "{}: no", "It is not {} (since 2020)"]),
    st.sampled_from(["active", "licensed", "accredited", "certified"]),
)
def test_a_negation_is_never_read_as_what_it_denies(phrase: str, word: str) -> None:
    text = phrase.format(word)
    assert value("state", {"enum": [word, f"un{word}", "other"]}, text) in (f"un{word}", None)
    assert value(word, BOOLEAN, text) in (False, None)
