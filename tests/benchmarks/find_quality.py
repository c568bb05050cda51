"""How good `research find` is on the sample corpus: objectives whose right sets are known, each in several wordings.

    python tests/benchmarks/find_quality.py                 # the keyless model
    python tests/benchmarks/find_quality.py --rows          # with the excerpt that admits each row

Conditions are read, candidates collected and judged as the flow does, without Prefect. The right sets were put together by hand
from the pages of `data/corpus`: they hold what the corpus states, and not what is known besides. Of names with more than one
spelling each counts. Precision is right rows of all rows; recall is right rows of the right set.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from research.finding.admission import Judgement
from research.finding.candidate import Candidate
from research.finding.candidate_search import judging_world
from research.finding.collecting import collect
from research.finding.found_tables import judgement_of
from research.finding.names import name_key
from research.finding.wording import read_objective
from research.money.usage_ledger import UsageLedger
from research.pipeline import research
from research.ports.world import World
from research.task.task import Task
from research.world import Settings, open_world

CORPUS: Final = Path(__file__).parents[2] / "data" / "corpus"


@dataclass(frozen=True)
class Wanted:
    """One objective and what is right."""

    name: str
    wordings: tuple[str, ...]
    right: tuple[tuple[str, ...], ...]
    """Each thing in its spellings."""
    doubtful: Collection[str] = ()
    """Neither right nor wrong: the corpus says both, or it is a matter of what counts."""


WANTED: Final = (
    Wanted(
        "flown on a Saturn V",
        (
            "missions whose launch vehicle was a Saturn V",
            "Which space flights had Saturn V as their launch vehicle?",
            "flights with the launch vehicle Saturn V",
            "crewed flights launched on a Saturn V",
        ),
        tuple((f"Apollo {number}",) for number in (8, *range(10, 18))),
    ),
    Wanted(
        "launched before 1966",
        (
            "space missions launched before 1966",
            "Find all spacecraft that were launched no later than 1965",
            "Which probes and space flights lifted off before 1 January 1966?",
            "missions with a launch date earlier than 1966",
        ),
        (
            ("Sputnik 1",),
            ("Vostok 1",),
            ("Vostok 6",),
            ("Mercury-Atlas 6", "Friendship 7"),
            ("Mariner 1",),
            ("Mariner 2",),
            ("Mariner 3",),
            ("Mariner 4",),
            ("Ranger 7",),
            ("Vostok 2",),
            ("Vostok 3",),
            ("Vostok 4",),
            ("Vostok 5",),
        ),
    ),
    Wanted(
        "operated by ESA",
        (
            "space missions operated by ESA",
            "spacecraft whose operator is ESA",
            "List every probe that was operated by the European Space Agency",
            "missions with the operator ESA",
        ),
        (
            ("Giotto",),
            ("SMART-1",),
            ("Rosetta",),
            ("Venus Express",),
        ),
        doubtful=("Hubble Space Telescope", "Ulysses", "Cassini–Huygens", "James Webb Space Telescope"),
    ),
    Wanted(
        "outer planets before 1980",
        (
            "space probes that were launched before 1980 and reached an outer planet",
            "space probes launched before 1980 whose target was the outer planets or Jupiter",
            "Which probes lifted off before 1980 and were bound for outer planets?",
            "spacecraft launched in the 1970s with target outer planets",
        ),
        (
            ("Voyager 1",),
            ("Voyager 2",),
            ("Pioneer 10",),
            ("Pioneer 11",),
        ),
    ),
)


async def find(objective: str, world: World) -> dict[str, Judgement]:
    """Every candidate's judgement, by its name."""
    plan = read_objective(objective)
    candidates = await collect(objective, plan, world, ledger=UsageLedger())
    schema = plan.output_schema()
    slots = asyncio.Semaphore(16)
    names = frozenset(candidate.key for candidate in candidates)

    async def judge(candidate: Candidate) -> Judgement:
        name = candidate.name
        task = Task.model_validate({"task": name, "input": {"name": name}, "output_schema": schema})
        async with slots:
            return judgement_of(plan, await research(task, judging_world(world, candidate, names)), "medium", name, names)

    judgements = await asyncio.gather(*map(judge, candidates))
    return dict(zip((candidate.name for candidate in candidates), judgements, strict=True))


def scored(wanted: Wanted, found: Mapping[str, Judgement]) -> tuple[int, list[str], list[str]]:
    """How many are right, which rows are wrong, and what is missing."""
    rows = [name for name, judgement in found.items() if judgement.is_admitted]
    spelled = {name_key(spelling): thing[0] for thing in wanted.right for spelling in thing}
    passed_over = {name_key(name) for name in wanted.doubtful}
    right = {spelled[name_key(name)] for name in rows if name_key(name) in spelled}
    wrong = [name for name in rows if name_key(name) not in spelled and name_key(name) not in passed_over]
    return len(right), wrong, [thing[0] for thing in wanted.right if thing[0] not in right]


async def main(show_rows: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(cache_dir=Path(folder) / "cache", corpus=str(CORPUS), model="extractive")
        async with open_world(settings, Path(folder) / "pages") as world:
            for wanted in WANTED:
                print(f"\n{wanted.name}: {len(wanted.right)} are right")
                for wording in wanted.wordings:
                    began = time.process_time()
                    found = await find(wording, world)
                    right, wrong, missing = scored(wanted, found)
                    rows = right + len(wrong)
                    precision = f"{right / rows:.2f}" if rows else "  – "
                    recall = f"{right / len(wanted.right):.2f}"
                    seconds = time.process_time() - began
                    print(f"  precision {precision}  recall {recall}  of {len(found)} candidates, {seconds:.1f} s CPU  {wording}")
                    if wrong or missing:
                        print(f"      wrong: {', '.join(wrong) or 'none'}; missing: {', '.join(missing) or 'none'}")
                    if show_rows:
                        show(found, missing)


def show(found: Mapping[str, Judgement], missing: Collection[str]) -> None:
    """Each row with the excerpts that admit it, and why a right one is not a row."""
    for name, judgement in found.items():
        if judgement.is_admitted:
            print(f"      {name}")
            for match in judgement.matches:
                best = match.evidence[0]
                print(f"        {match.condition} = {match.value} ({match.confidence}): “{best.excerpt}” {best.url}")
        elif name in missing:
            print(f"      – {name}: {judgement.reason}")


if __name__ == "__main__":
    asyncio.run(main("--rows" in sys.argv))
