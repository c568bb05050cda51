"""A value is found however a text spells it: with ligatures or without."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research.values.ligatures import unfolded
from research.values.values import places, same

LIGATURES = {"ffi": "ﬃ", "ffl": "ﬄ", "ff": "ﬀ", "fi": "ﬁ", "fl": "ﬂ", "st": "ﬆ", "ij": "ĳ"}
WORDS = st.lists(st.sampled_from(["a", "o", "ne", "r", "ffi", "ffl", "ff", "fi", "fl", "st", "ij"]), min_size=2, max_size=6)


@settings(max_examples=100, deadline=None)
@given(WORDS, st.data())
def test_a_word_is_found_in_each_spelling_and_its_place_is_that_of_the_text(parts: list[str], data: st.DataObject) -> None:
    plain = "".join(parts)
    spelled = "".join(LIGATURES[part] if part in LIGATURES and data.draw(st.booleans()) else part for part in parts)
    text = f"Head office: {spelled}, since 1976"
    for value in (plain, spelled, plain.title()):
        assert places(value, {}, text) == [(13, 13 + len(spelled))]
        assert places(value, {}, f"in {plain}.") == [(3, 3 + len(plain))]
        assert same(value, spelled, {})
    assert unfolded(spelled) == plain


@pytest.mark.parametrize(("value", "text"), [("profile", "proﬁles"), ("fit", "beneﬁt"), ("Shefield", "Sheﬃeld")])
def test_a_part_of_a_word_is_not_the_word(value: str, text: str) -> None:
    assert places(value, {}, text) == []


def test_letters_of_their_own_and_shapes_of_arabic_letters() -> None:
    assert unfolded("Ægir, Œuvre, ﻼ ﺍﻟﻌﺮﺑﻴﺔ") == "Ægir, Œuvre, لا العربية"
