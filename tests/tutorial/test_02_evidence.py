"""Lesson 2: evidence. An excerpt is copied from a page, never written by a model."""

from __future__ import annotations

from pathlib import Path

import research


async def test_every_value_quotes_a_page_word_for_word(pages: Path, cache: Path) -> None:
    """The basis of a field has its citations; `stated` means that the excerpt says the value itself."""
    result = await research.run(
        "Facts about the Eddystone Lighthouse", schema={"first_lit": "date"}, corpus=pages, cache_dir=cache
    )
    [basis] = result.basis
    [citation] = basis.citations
    [excerpt] = citation.excerpts
    assert (excerpt.text, excerpt.support) == ("First lit: 18 May 1882", "stated")
    assert citation.url == "corpus://pages/lighthouse.md"
    assert excerpt.text in (pages / "lighthouse.md").read_text()


async def test_what_no_page_says_is_null_with_a_reason(pages: Path, cache: Path) -> None:
    """Nothing is guessed: no evidence, no value, no confidence."""
    result = await research.run(
        "Facts about the Eddystone Lighthouse", schema={"demolished": "date it was pulled down"}, corpus=pages, cache_dir=cache
    )
    assert result.output == {"demolished": None}
    assert result.basis[0].confidence is None
    assert result.basis[0].reasoning
