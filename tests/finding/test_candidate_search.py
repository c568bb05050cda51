"""The search of one candidate: the page that names it comes first, and those of its siblings are left out."""

from __future__ import annotations

from research.finding.candidate import Candidate
from research.finding.candidate_search import judging_world
from research.models.keyless.model import KeylessModel
from research.models.scripted import ScriptedModel
from research.money.usage_ledger import UsageLedger
from research.ports.world import World
from research.testing import Pages

VOSTOK = Candidate(name="Vostok 2", url="test://ships", title="The ships", mention="| Vostok 2 | 6 August 1961 |")
NAMES = {"vostok2", "viking2", "theships"}
TEXTS = {
    "test://viking": "# Viking 2\n\nViking 2 was launched in 1975.",
    "test://own": "# Vostok 2 - Encyclopedia\n\nVostok 2 was launched.",
    "test://ships": "# The ships\n\nVostok 2 was launched in August.",
}


async def urls(world: World) -> list[str]:
    found = await world.search.search("Vostok 2 launched", limit=3, ledger=UsageLedger())
    return [hit.url for hit in found.hits]


async def test_the_page_that_names_it_comes_first_and_a_siblings_page_not_at_all() -> None:
    shelf = Pages(TEXTS)
    world = World(KeylessModel(), shelf, shelf)
    judging = judging_world(world, VOSTOK, NAMES)
    assert await urls(judging) == ["test://ships", "test://own"]
    assert judging.identity not in (world.identity, judging_world(world, VOSTOK.changed(url=""), NAMES).identity)
    assert "test://viking" in await urls(judging_world(world, VOSTOK, {"vostok2"})), "of a name that is no candidate's"


async def test_a_model_that_tells_siblings_apart_is_kept_from_none() -> None:
    shelf = Pages(TEXTS)

    async def script(*_: object) -> None: ...

    world = World(ScriptedModel(script, keyless=False), shelf, shelf)  # type: ignore[arg-type]
    assert set(await urls(judging_world(world, VOSTOK, NAMES))) == set(TEXTS)
