"""Excerpts are copied from their page, fit what is asked, and keep to their length."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from research.ports.page import Page, page_hash
from research.retrieval.excerpts import excerpts_of

WORDS = st.lists(
    st.sampled_from(["bell", "rock", "lighthouse", "mast", "lamp", "keeper", "was", "lit", "in", "1811", ".", "é", "漢"]),
    min_size=1,
    max_size=40,
)
BLOCKS = st.lists(st.one_of(WORDS.map(" ".join), WORDS.map(lambda words: f"# {' '.join(words[:5])}")), max_size=12)


def page_of(text: str) -> Page:
    return Page(
        page_hash=page_hash(text),
        url="https://example.com/",
        final_url="https://example.com/",
        title="",
        media_type="text/html",
        fetched_at=datetime(2026, 1, 1, tzinfo=UTC),
        published=None,
        text=text,
        extraction_version="1",
    )


@given(blocks=BLOCKS, about=WORDS, characters=st.integers(1, 400))
def test_every_excerpt_stands_in_the_page_and_together_they_keep_to_their_length(
    blocks: list[str], about: list[str], characters: int
) -> None:
    page = page_of("\n\n".join(blocks))
    excerpts = excerpts_of(page, " ".join(about), characters)
    assert all(page.text[each.start : each.end] == each.text for each in excerpts)
    assert [each.start for each in excerpts] == sorted(each.start for each in excerpts)
    assert sum(len(each.text) for each in excerpts) <= characters


def test_passages_that_fit_come_in_page_order_neighbours_joined_and_headings_not_alone() -> None:
    text = "# Lamps\n\nIt has 24 lamps.\n\nThe lamps were lit in 1811.\n\n# See also\n\nOther places.\n\nA lamp burns oil."
    found = [excerpt.text for excerpt in excerpts_of(page_of(text), "lamps", 1_000)]
    assert found == ["It has 24 lamps.\n\nThe lamps were lit in 1811.", "A lamp burns oil."]


@pytest.mark.parametrize("about", ["", "nothing of this"])
def test_a_page_without_the_words_is_shown_from_its_beginning(about: str) -> None:
    assert [excerpt.text for excerpt in excerpts_of(page_of("Alpha.\n\nBeta.\n\nGamma."), about, 14)] == ["Alpha.\n\nBeta."]
