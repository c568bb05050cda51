"""The records in PostgreSQL: the same service, where a server can be started here."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from serve_parts import ALICE, BOB, door, monitor_spec, submission

from flows.serve.errors import OverLimit
from flows.server import free_port


def _binaries() -> Path | None:
    found = shutil.which("pg_ctl")
    return None if found is None else Path(found).resolve().parent


def _user() -> str | None:
    """PostgreSQL does not run as root: whom to be instead. None: nobody."""
    if os.getuid() != 0:
        return pwd.getpwuid(os.getuid()).pw_name
    with suppress(KeyError):
        return pwd.getpwnam("postgres").pw_name
    return None


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    """The address of an empty database."""
    binaries, user = _binaries(), _user()
    if binaries is None or user is None:
        pytest.skip("no PostgreSQL that could be started")
    folder = Path(tempfile.mkdtemp(prefix="research-pg-"))
    if os.getuid() == 0:
        shutil.chown(folder, user)
    port = free_port()

    def run(*command: str) -> None:
        subprocess.run(
            command, user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60
        )

    run(str(binaries / "initdb"), "-D", f"{folder}/data", "-A", "trust", "-U", "research", "--no-sync")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    run(str(binaries / "pg_ctl"), "-D", f"{folder}/data", "-o", options, "-l", f"{folder}/log", "-w", "start")
    try:
        yield f"postgresql://research@127.0.0.1:{port}/postgres"
    finally:
        run(str(binaries / "pg_ctl"), "-D", f"{folder}/data", "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)


async def test_the_service_keeps_its_records_in_postgresql(tmp_path: Path, postgresql: str) -> None:
    async with door(tmp_path, url=postgresql) as opened:
        service = opened.service
        group = await service.create_group(ALICE)
        await service.submit_many(ALICE, [submission(f"What is {n}?", group_id=group.id) for n in range(6)])
        same = [service.submit(BOB, submission(output_schema={"first_lit": "date"}, idempotency_key="k")) for _ in range(5)]
        accepted = await asyncio.gather(*same)
        events = [event async for event in service.events(ALICE, group_id=group.id)]
        assert [event.id for event in events] == sorted(event.id for event in events)
        assert (await service.get_group(ALICE, group.id)).counts == {"completed": 6}
        assert sorted(task.is_new for task in accepted) == [False] * 4 + [True]
        done = await service.wait(BOB, accepted[0].id, 30)
        assert done.result is not None
        assert done.result.output == {"first_lit": "1811-02-01"}
        with pytest.raises(OverLimit):
            await service.submit(ALICE.changed(max_open_tasks=0), submission())
        made = await service.monitors.create(ALICE, monitor_spec())
        async with asyncio.timeout(30):
            while not await opened.records.monitors.ended(made.number):  # noqa: ASYNC110 - as a sweep looks
                await asyncio.sleep(0.05)
        await asyncio.gather(*(service.monitors.sweep() for _ in range(3)))
        page = await service.monitors.runs(ALICE, made, limit=9, outcomes=["baseline", "failed"])
        assert [run.outcome for run in page.runs] == ["baseline"]
