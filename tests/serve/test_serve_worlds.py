"""The worlds of a worker: shared by its tasks, and closed when too many are open that nobody uses."""

from __future__ import annotations

from pathlib import Path

from flows.serve.work.worlds import Worlds
from research.ports.world import World
from research.task.task import Task
from research.world import Settings


def a_task(model: str) -> Task:
    return Task.model_validate({"task": "When was it lit?", "model": model})


async def test_the_least_recently_used_world_is_closed_unless_a_task_uses_it(tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "page.md").write_text("# Bell Rock\n\nFirst lit in 1811.\n", "utf-8")
    settings = Settings(cache_dir=tmp_path / "cache", corpus=str(tmp_path / "pages"), base_url="http://127.0.0.1:9")
    worlds = Worlds(settings, most_open=2)

    async def world_of(model: str) -> World:
        async with worlds.for_task(a_task(model)) as world:
            return world

    try:
        async with worlds.for_task(a_task("one")) as used:
            two, three = await world_of("two"), await world_of("three")
            assert await world_of("one") is used
            assert await world_of("three") is three
            assert await world_of("two") is not two
        assert await world_of("one") is used
    finally:
        await worlds.close()
