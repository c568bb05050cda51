"""A disk that fills while a batch is under way: the batch was paid, so its rows get their answers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from flows.run.batch import BatchQueue
from flows.run.journal import FILE, Journal
from flows.run.runner import Runner
from flows.run.runtime import BatchPolling, ignore_event
from research.models.anthropic.batches import Ended
from research.money.budget import Budget
from research.stored_results.store import ResultStore


def fill_disk(file: Path) -> None:
    """A folder in a file's place is as good as a full disk: nothing can be written to it."""
    file.unlink()
    file.mkdir()


class Service:
    """Makes a batch, during which the disk fills, and ends it when it is let."""

    def __init__(self, journal: Path) -> None:
        self.made: list[list[str]] = []
        self.has_made = asyncio.Event()
        self._journal = journal
        self.may_end = asyncio.Event()

    @property
    def client(self) -> Service:
        return self

    async def make(self, entries: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
        self.made.append([name for name, _ in entries])
        fill_disk(self._journal)
        self.has_made.set()
        return f"batch-{len(self.made)}"

    async def has_ended(self, _batch: str) -> bool:
        await asyncio.sleep(0)
        return self.may_end.is_set()

    async def results(self, batch: str) -> dict[str, Ended]:
        names = self.made[int(batch.removeprefix("batch-")) - 1]
        return {name: Ended("succeeded", message=f"answer to {name}") for name in names}  # type: ignore[arg-type]

    def cost_usd(self, _model: str, _message: object) -> float:
        return 0.01


async def test_a_full_disk_fails_the_rows_that_wait_and_not_those_whose_batch_is_under_way(tmp_path: Path) -> None:
    service, budget = Service(tmp_path / FILE), Budget()
    runner = Runner(ResultStore(tmp_path / "results"))
    polling = BatchPolling(gather=0, first_look=0, longest_look=0)
    queue = BatchQueue(service, Journal(tmp_path), budget, runner, ignore_event, polling)  # type: ignore[arg-type]
    async with queue:
        under_way = asyncio.create_task(queue.ask("a", {"model": "m"}, 0.02))
        await service.has_made.wait()
        with pytest.raises(OSError, match=FILE):
            await queue.ask("b", {"model": "m"}, 0.02)
        service.may_end.set()
        assert await under_way == "answer to a"
    assert service.made == [["a"]]
    assert budget.spent_usd == 0.01
