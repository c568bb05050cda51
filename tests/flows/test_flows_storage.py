"""A run folder by URL: the same tables as on this disk, also when one machine is lost and another one goes on."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from flows_doubles import OBJECTIVE, SCHEMA, below_prefect, planets, reader, runtime, tables_of
from prefect.settings import get_current_settings

from flows.enrichment import enrich
from flows.run import remote_folder
from flows.run.outcome import Enrichment
from flows.run.runtime import use_runtime
from research.concurrency.outages import Outages, OutageTimes
from research.errors import Interruption, InvalidInput, InvalidRun, SurroundingsFault
from research.models.scripted import ScriptedModel
from research.ports.work import SubQuery
from research.storage.objects import StorageFailed
from research.tables import verify
from research.tables.run_folder.mirror import RunMirror
from research.tables.run_folder.reading_by_url import read_only_copy
from tests.storage.s3_server import KEY_ID, SECRET, ObjectStorage, s3

__all__ = ["s3"]

ROWS, SHARD = 12, 3
KILLED_AT = 15


@pytest.fixture
def table(tmp_path: Path) -> str:
    path = tmp_path / "planets.csv"
    pd.DataFrame(planets(ROWS)).to_csv(path, index=False)
    return str(path)


async def run(table: str, url: str, model: ScriptedModel | None = None, **options: object) -> Enrichment:
    with use_runtime(runtime(model)):
        done: Enrichment = await enrich(
            table, output_schema=SCHEMA, objective=OBJECTIVE, out=url, shard_size=SHARD, concurrency=2, **options
        )
        return done


def rows_of(shard: int) -> range:
    return range(shard * SHARD, (shard + 1) * SHARD)


@pytest.mark.usefixtures("prefect_server")
async def test_a_machine_is_lost_and_another_one_goes_on_to_the_tables_of_an_unbroken_run(
    s3: ObjectStorage, table: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was put is not researched again, and no key is written anywhere."""
    bucket, log = s3.bucket(), tmp_path / "log"
    url = f"s3://{bucket}/runs/planets"
    script = Path(__file__).with_name("flows_storage_killed.py")
    environment = {
        **os.environ,
        "PREFECT_API_URL": str(get_current_settings().api.url),
        "PREFECT_LOGGING_LEVEL": "ERROR",
        "RESEARCH_CACHE_DIR": str(tmp_path / "lost"),
    }
    lost = await asyncio.create_subprocess_exec(
        sys.executable, str(script), table, url, str(log), str(KILLED_AT), env=environment
    )
    assert await lost.wait() == -signal.SIGKILL
    begun = Counter(log.read_text().splitlines())
    assert len(begun) == KILLED_AT
    put = [int(key.rpartition("-")[2].removesuffix(".json")) for key in s3.keys(bucket) if "/commits/part-" in key]

    monkeypatch.setenv("RESEARCH_CACHE_DIR", str(tmp_path / "other"))
    with pytest.raises(InvalidRun, match=rf"{url} is being written by process {lost.pid} on .*goes on after"):
        await run(table, url)
    lease = json.loads(s3.get(bucket, "runs/planets/.state/lease.json"))
    s3.put(bucket, "runs/planets/.state/lease.json", json.dumps({**lease, "released": True}).encode())  # a minute later

    again: Counter[str] = Counter()

    def hook(name: str, subquery: SubQuery) -> None:
        again[f"{name}/{subquery.index}"] += 1

    done = await run(table, url, reader(hook))
    assert (done.completed, done.failed, done.url) == (ROWS, 0, url)
    assert set(begun) | set(again) == {f"Planet {i}/{n}" for i in range(ROWS) for n in (1, 2)}
    assert put, "the lost machine had put no shard, of the two that it had committed"
    assert not {f"Planet {row}/{n}" for shard in put for row in rows_of(shard) for n in (1, 2)} & set(again), (
        "nothing put is done again"
    )

    copy = read_only_copy(url, tmp_path / "reader")
    unbroken = await below_prefect(Path(table), tmp_path / "unbroken", shard_size=SHARD)
    assert tables_of(copy) == tables_of(unbroken)
    assert verify(copy).ok
    assert not [key for key in s3.keys(bucket) if "uploads" in key or ".tmp" in key]
    written = b"".join(s3.get(bucket, key) for key in s3.keys(bucket))
    assert SECRET.encode() not in written
    assert KEY_ID.encode() not in written

    finished = await run(table, url)
    assert finished.completed == ROWS


async def test_an_outage_of_the_storage_is_waited_out_and_then_stops_the_run_so_that_it_can_go_on(
    s3: ObjectStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is finished stays on this machine, the error says where, and the same machine goes on from there."""
    monkeypatch.setattr(remote_folder, "PUT_SECONDS", 0.05)
    monkeypatch.setattr(remote_folder, "RETRY_SECONDS", 0.05)
    bucket = s3.bucket()
    mirror = RunMirror(f"s3://{bucket}/run", tmp_path)
    outages = Outages(OutageTimes(patience=0.3, after=0, first_wait=0.1, longest_wait=0.1))
    notices: list[str] = []
    outages.listener = lambda notice: notices.append(str(notice))
    stopped = asyncio.Event()

    def away(*_: object) -> str:
        raise StorageFailed("it does not answer")

    def interrupt(error: Interruption) -> None:
        outages.interrupt(error)
        stopped.set()

    async def run_until_stopped() -> None:
        async with remote_folder.holding(mirror, outages) as remote:
            assert remote is not None
            remote.on_fault = interrupt
            monkeypatch.setattr(mirror.place, "put", away)
            mirror.path.mkdir(parents=True, exist_ok=True)
            (mirror.path / "run.json").write_text("{}")
            await asyncio.wait_for(stopped.wait(), 20)

    with pytest.raises(SurroundingsFault, match=rf"What is finished is kept on this machine, in {mirror.path}"):
        await run_until_stopped()
    assert any(notice.startswith(f"object storage {mirror.url} is paused") for notice in notices)
    assert "run/run.json" not in s3.keys(bucket)
    async with remote_folder.holding(RunMirror(mirror.url, tmp_path), Outages()):
        pass
    assert "run/run.json" in s3.keys(bucket)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"out": "s3://no-such-bucket/run"}, "there is no such bucket"),
        ({"out": "gs://bucket/run"}, "on object storage by a URL of s3://"),
        ({"out": "s3://bucket/run", "batch": True}, "--batch needs a run folder on this disk"),
    ],
)
@pytest.mark.usefixtures("prefect_server")
async def test_what_cannot_be_kept_there_is_refused_before_anything_is_spent(
    s3: ObjectStorage, table: str, options: dict[str, object], message: str
) -> None:
    asked: list[str] = []
    with use_runtime(runtime(reader(lambda name, _: asked.append(name)))), pytest.raises(InvalidInput, match=message):
        await enrich(table, output_schema=SCHEMA, objective=OBJECTIVE, **options)
    assert asked == []
