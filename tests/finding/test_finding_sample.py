"""What the keyless model finds in the sample corpus is right, and each row has an excerpt. All wordings:
`tests/benchmarks/find_quality.py`."""

from __future__ import annotations

from pathlib import Path

from research.world import Settings, open_world
from tests.benchmarks.find_quality import CORPUS, WANTED, find, scored


async def test_no_wrong_row_is_found_and_each_stands_on_an_excerpt(tmp_path: Path) -> None:
    settings = Settings(cache_dir=tmp_path / "cache", corpus=str(CORPUS), model="extractive")
    least = {"flown on a Saturn V": 1.0, "launched before 1966": 0.9, "operated by ESA": 0.7}
    async with open_world(settings, tmp_path / "pages") as world:
        for wanted in WANTED:
            if wanted.name not in least:
                continue
            found = await find(wanted.wordings[0], world)
            right, wrong, missing = scored(wanted, found)
            recall = right / len(wanted.right)
            print(f"{wanted.name}: precision {right / (right + len(wrong)):.2f}, recall {recall:.2f}")
            assert (wrong, recall >= least[wanted.name]) == ([], True), missing
            rows = [judgement for judgement in found.values() if judgement.is_admitted]
            for match in (match for judgement in rows for match in judgement.matches):
                best = match.evidence[0]
                assert best.excerpt in world.fetcher.recall(best.page_hash).text
