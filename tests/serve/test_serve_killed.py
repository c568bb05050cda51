"""An accepted task reaches a final state, whatever is killed, and no task is ended twice. (With 1,000 tasks at once, 10,000 that
wait, and Prefect: `tests/benchmarks/serve_killed.py`.)"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from pathlib import Path

from serve_parts import ALICE, BOB, door, submission

from flows.serve.work.claims import MOST_ATTEMPTS, Claims

ROOT = Path(__file__).parents[2]
COUNT = 24


async def test_what_a_killed_service_accepted_is_ended_once_by_the_next_one(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.serve.killed_service", str(tmp_path), str(COUNT)]
    service = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=subprocess.PIPE)
    assert service.stdout is not None
    assert await service.stdout.readline() == b"completed\n"
    service.kill()
    await service.wait()
    async with door(tmp_path, lease_seconds=1, sweep_seconds=0.5) as opened:
        left = [await opened.service.get(ALICE, f"t{n}") for n in range(COUNT)]
        assert any(not task.is_final for task in left)
        ended = [await opened.service.wait(ALICE, f"t{n}", 60) for n in range(COUNT)]
        ends: Counter[str] = Counter()
        for task in ended:
            async for event in opened.service.events(ALICE, task_id=task.id):
                ends[task.id] += event.data.get("status") == "completed"
    assert {task.status for task in ended} == {"completed"}
    assert ends == {f"t{n}": 1 for n in range(COUNT)}


async def test_a_lost_worker_can_end_nothing_and_its_task_goes_on_with_another_one(tmp_path: Path) -> None:
    async with door(tmp_path, works=False) as opened:
        task = await opened.service.submit(ALICE, submission())
        claims = Claims(opened.records.database, opened.records.events, lease_seconds=0)
        lost = await claims.take("lost", "0000-run")
        found = await claims.take("another")
        assert lost is not None
        assert found is not None
        assert (lost.number, found.number, found.replaces) == (task.number, task.number, "0000-run")
        assert not await claims.finish(lost, "failed", None, None)
        assert await claims.renew([lost]) == {}
        assert await claims.finish(found, "completed", None, None)
        assert not await claims.finish(found, "failed", None, None)
        assert (await opened.service.get(ALICE, task.id)).status == "completed"


async def test_a_task_that_kills_its_workers_fails_in_the_end_and_a_cancelled_one_whose_worker_is_lost_is_cancelled(
    tmp_path: Path,
) -> None:
    async with door(tmp_path, works=False) as opened:
        service = opened.service
        deadly = await service.submit(ALICE, submission("Deadly?"))
        claims = Claims(opened.records.database, opened.records.events, lease_seconds=0)
        for _ in range(MOST_ATTEMPTS):
            assert await claims.take("worker") is not None
        assert await claims.take("worker") is None
        unwanted = await service.submit(ALICE, submission("Unwanted?"))
        assert await claims.take("worker") is not None
        assert (await service.cancel(ALICE, unwanted.id)).status == "cancelling"
        await asyncio.sleep(0.01)
        await claims.sweep()
        failed = await service.get(ALICE, deadly.id)
        assert failed.error is not None
        assert (failed.status, failed.error.kind) == ("failed", "WorkerLost")
        assert (await service.get(ALICE, unwanted.id)).status == "cancelled"


async def test_owners_take_turns_however_much_one_of_them_has_submitted(tmp_path: Path) -> None:
    async with door(tmp_path, works=False) as opened:
        await opened.service.submit_many(ALICE, [submission(f"{n}?") for n in range(5)])
        late = await opened.service.submit(BOB, submission())
        taken = [await opened.records.claims.take("worker") for _ in range(3)]
        assert late.number in [claim.number for claim in taken if claim is not None][:2]
