"""Lesson 1: one task. A question and a folder of pages are enough; no key, no network, no server."""

from __future__ import annotations

from pathlib import Path

import pytest

import research


async def test_a_question_and_a_folder_of_pages_are_enough(pages: Path, cache: Path) -> None:
    """Without a key, the keyless model answers from the pages."""
    result = await research.run("Who built the Eddystone Lighthouse?", corpus=pages, cache_dir=cache)
    assert result.status == "completed"
    assert result.model == "extractive"
    assert "James Douglass" in str(result.output)


async def test_a_result_counts_what_it_took(pages: Path, cache: Path) -> None:
    """Searches, pages, tokens and money are in every result. The keyless model costs nothing."""
    result = await research.run("Who built the Eddystone Lighthouse?", corpus=pages, cache_dir=cache)
    assert result.usage.search_queries > 0
    assert result.usage.pages_fetched > 0
    assert result.cost_usd == 0


async def test_a_wrong_request_is_refused_before_anything_is_spent(pages: Path, cache: Path) -> None:
    """The error names what was wrong."""
    with pytest.raises(research.InvalidInput, match="procesor"):
        await research.run("Who built it?", corpus=pages, cache_dir=cache, procesor="core")
