"""Passages: every word of a page stands in exactly one passage, at its offsets."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from research.evidence.passages import MAX_CHARACTERS, passages_of, sentences
from research.ports.page import Page, page_hash

TEXT = """# Voyager 1

Voyager 1 is a space probe. It was launched by NASA.

## Facts

Launch date: 5 September 1977
Operator: NASA

| Name | Mass |
| Bus | 721.9 kg |

- camera
- plasma detector

## Page data

name: Voyager 1"""


def page(text: str) -> Page:
    return Page(
        page_hash=page_hash(text),
        url="corpus://t/a",
        final_url="corpus://t/a",
        title="t",
        media_type="text/plain",
        fetched_at=datetime(2026, 1, 1, tzinfo=UTC),
        published=None,
        text=text,
        extraction_version="1",
    )


def test_blocks_become_passages_of_their_kind_under_their_headings() -> None:
    found = passages_of(page(TEXT))
    assert [(p.kind, p.heading) for p in found] == [
        ("heading", ""),
        ("paragraph", "Voyager 1"),
        ("heading", "Voyager 1"),
        ("facts", "Voyager 1 > Facts"),
        ("table", "Voyager 1 > Facts"),
        ("list", "Voyager 1 > Facts"),
        ("data", ""),
    ]
    assert [p.id for p in found] == [f"p{n}" for n in range(1, 8)]


def test_a_long_paragraph_is_cut_where_sentences_end() -> None:
    paragraph = " ".join(f"This is sentence number {n} of a long paragraph." for n in range(100))
    found = passages_of(page(paragraph))
    assert len(found) > 1
    assert all(p.text.endswith(".") and len(p.text) <= MAX_CHARACTERS for p in found)


def test_every_passage_of_a_long_table_knows_what_its_columns_are() -> None:
    head = "| Model | Mass (kg) | Range |"
    first, *others = passages_of(page("\n".join([head, *(f"| Model {n} | {n} kg | {n} km |" for n in range(200))])))
    assert first.text.startswith(head)
    assert first.columns == ""
    assert len(others) > 1
    assert {other.columns for other in others} == {head}
    assert not any(head in other.text for other in others)


def test_abbreviations_do_not_end_a_sentence() -> None:
    text = "Dr. Smith saw it (see Fig. 3). It rose."
    assert [text[a:b] for a, b in sentences(text)] == ["Dr. Smith saw it (see Fig. 3).", "It rose."]


page_texts = st.lists(
    st.one_of(
        st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=80),
        st.sampled_from(
            ["# Top", "### Deep", "- one\n- two", "Key: value\nOther: thing", "| a | b |\n| 1 | 2 |", "x" * 3_000, "a b " * 800]
        ),
    ),
    max_size=8,
).map("\n\n".join)


@given(page_texts)
def test_passages_hold_every_visible_character_once_and_in_order(text: str) -> None:
    found = passages_of(page(text))
    assert all(text[p.start : p.end] == p.text for p in found)
    assert all(len(p.text) <= MAX_CHARACTERS for p in found)
    assert all(left.end <= right.start for left, right in itertools.pairwise(found))
    assert "".join("".join(p.text.split()) for p in found) == "".join(text.split())
