"""The fundamentals of one task, one idea each. Read from the top."""

from __future__ import annotations

from pathlib import Path

import pytest

import research
from research.models.scripted import ScriptedModel, quoting


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "lighthouse.md").write_text(
        "# Eddystone Lighthouse\n\nHeight: 49 m\nFirst lit: 18 May 1882\n\nJames Douglass built it on the Eddystone Rocks.\n"
    )
    (folder / "harbour.md").write_text("# The harbour\n\nShips wait in the harbour for the tide to turn.\n")
    return folder


async def test_a_question_and_a_folder_of_pages_are_enough(pages: Path, tmp_path: Path) -> None:
    result = await research.run("Who built the Eddystone Lighthouse?", corpus=pages, cache_dir=tmp_path)
    assert result.status == "completed"
    assert result.model == "extractive"


async def test_a_schema_says_which_fields_come_back_and_of_what_type(pages: Path, tmp_path: Path) -> None:
    result = await research.run(
        "Facts about the Eddystone Lighthouse",
        schema={"height_m": "number", "first_lit": "date"},
        corpus=pages,
        cache_dir=tmp_path,
    )
    assert result.output == {"height_m": 49, "first_lit": "1882-05-18"}


async def test_every_value_has_a_basis_that_quotes_a_page_word_for_word(pages: Path, tmp_path: Path) -> None:
    result = await research.run(
        "Facts about the Eddystone Lighthouse", schema={"first_lit": "date"}, corpus=pages, cache_dir=tmp_path
    )
    [basis] = result.basis
    excerpt = basis.citations[0].excerpts[0]
    assert (excerpt.text, excerpt.support) == ("First lit: 18 May 1882", "stated")
    assert excerpt.text in (pages / "lighthouse.md").read_text()


async def test_what_no_page_says_is_null_and_never_guessed(pages: Path, tmp_path: Path) -> None:
    result = await research.run(
        "Facts about the Eddystone Lighthouse", schema={"demolished": "date it was pulled down"}, corpus=pages, cache_dir=tmp_path
    )
    assert result.output == {"demolished": None}
    assert result.basis[0].confidence is None
    assert result.basis[0].reasoning


async def test_a_model_of_your_own_is_held_to_the_same_evidence(pages: Path, tmp_path: Path) -> None:
    boastful = ScriptedModel(quoting(lambda task: {"height_m": 490}))
    result = await research.run(
        "Facts about the Eddystone Lighthouse", schema={"height_m": "number"}, corpus=pages, cache_dir=tmp_path, model=boastful
    )
    assert result.output == {"height_m": None}


async def test_bad_input_is_refused_before_anything_is_spent(pages: Path, tmp_path: Path) -> None:
    with pytest.raises(research.InvalidInput, match="procesor"):
        await research.run("Who built it?", corpus=pages, cache_dir=tmp_path, procesor="core")
