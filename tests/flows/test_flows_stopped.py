"""The three ways of stopping a run end alike, also in Prefect's database: in order, as Cancelled. And when a run has failed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from flows_doubles import OBJECTIVE, SCHEMA, Hook, below_prefect, planets, reader, runtime, tables_of
from flows_seen import states, task_runs
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import TERMINAL_STATES
from prefect.states import Cancelling

import flows
from flows.enrichment import enrich
from flows.run.events import Event, RowFinished, RunFinished, RunStopping
from flows.run.outcome import Enrichment, RunFailed, RunStopped, StopCause
from flows.run.runtime import use_runtime
from research.errors import InvalidTask, PageUnreadable
from research.ports.work import SubQuery
from research.tables.run_folder.reader import open_run
from research.tables.run_folder.run_folder import RUN_FILE
from research.tables.warehouse.warehouse import FILE

pytestmark = [
    pytest.mark.usefixtures("prefect_server"),
    pytest.mark.skipif(sys.platform == "win32", reason="signals"),
]
SIGNALS = {StopCause.INTERRUPTED: signal.SIGINT, StopCause.TERMINATED: signal.SIGTERM}


@pytest.fixture(autouse=True)
def ctrl_c() -> Iterator[None]:
    """A shell without job control has its background jobs ignore Ctrl-C, and they hand that down to the tests."""
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, inherited)


async def enriched(
    folder: Path, rows: int, name: str, hook: Hook | None = None, listener: Callable[[Event], None] | None = None, **options: Any
) -> Enrichment:
    table = folder / f"{name}.csv"
    pd.DataFrame(planets(rows)).to_csv(table, index=False)
    with use_runtime(replace(runtime(reader(hook)), listener=listener or (lambda _: None))):
        return await enrich(
            str(table),
            output_schema=SCHEMA,
            objective=OBJECTIVE,
            out=str(folder / "run"),
            **{"shard_size": 3, "concurrency": 2, **options},
        )


async def stop(cause: StopCause, flow_run_name: str) -> None:
    """As a terminal, a process manager or the UI does."""
    if cause in SIGNALS:
        os.kill(os.getpid(), SIGNALS[cause])
        return
    flow_run, _ = await task_runs(flow_run_name)
    async with get_client() as client:
        await client.set_flow_run_state(flow_run.id, Cancelling())


@pytest.mark.parametrize("cause", [StopCause.INTERRUPTED, StopCause.TERMINATED, StopCause.CANCELLED])
async def test_a_run_that_is_stopped_ends_in_order_and_as_cancelled(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, cause: StopCause
) -> None:
    """Two rows are under way: one ends within the grace, one does not. What is finished is committed, rows that were not begun
    are left, and the same call does them."""
    name, under_way, stopping = cause.name.lower(), asyncio.Event(), asyncio.Event()
    heard: list[Event] = []

    async def hook(row: str, _: SubQuery) -> None:
        if row == "Planet 3":
            await asyncio.Event().wait()
        if row == "Planet 4":
            under_way.set()
            await stopping.wait()

    def listener(event: Event) -> None:
        heard.append(event)
        if isinstance(event, RunStopping):
            stopping.set()

    handlers = [signal.getsignal(number) for number in SIGNALS.values()]
    work = asyncio.create_task(enriched(tmp_path, 12, name, hook, listener, grace=1))
    await asyncio.wait_for(under_way.wait(), 60)
    await stop(cause, f"enrich {name} · 12 rows")
    with pytest.raises(RunStopped, match=f"stopped by {cause.value}: 4 of 12 rows. The same call goes on") as stopped:
        await work
    assert stopped.value.cause is cause
    assert handlers == [signal.getsignal(number) for number in SIGNALS.values()]

    first = next(event for event in heard if isinstance(event, RunStopping))
    assert str(first) == "stopping: 2 rows under way have 1 s to finish"
    assert isinstance(heard[-1], RunFinished)
    assert sorted(event.row for event in heard if isinstance(event, RowFinished)) == [0, 1, 2, 4]
    run = open_run(tmp_path / "run")
    assert (run.status, list(run.results()["row_index"])) == ("stopped", [0, 1, 2, 4])
    assert (run.path / FILE).exists()
    assert run.summary is not None
    assert run.summary["completed"] == 4
    assert json.loads((run.path / RUN_FILE).read_text())["reason"] == f"stopped by {cause.value}"

    flow_run, runs = await task_runs(f"enrich {name} · 12 rows")
    assert flow_run.state is not None
    assert (flow_run.state_name, flow_run.state.message) == ("Cancelled", str(stopped.value))
    assert {task_run.state_type for task_run in runs} <= TERMINAL_STATES
    assert states(runs, "row") == {"Completed": 4, "Cancelled": 1}
    assert "Traceback" not in caplog.text

    done = await enriched(tmp_path, 12, name)
    assert (done.completed, done.failed) == (12, 0)
    unbroken = await below_prefect(tmp_path / f"{name}.csv", tmp_path / "unbroken", shard_size=3)
    assert tables_of(done.run) == tables_of(unbroken)


async def test_a_second_ctrl_c_ends_at_once_and_keeps_what_is_finished(tmp_path: Path) -> None:
    under_way = asyncio.Event()

    async def hook(row: str, _: SubQuery) -> None:
        if row == "Planet 4":
            under_way.set()
        if row in ("Planet 3", "Planet 4"):
            await asyncio.Event().wait()

    def listener(event: Event) -> None:
        if isinstance(event, RunStopping):
            os.kill(os.getpid(), signal.SIGINT)

    work = asyncio.create_task(enriched(tmp_path, 5, "twice", hook, listener, grace=3_600))
    await asyncio.wait_for(under_way.wait(), 60)
    os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(RunStopped):
        await asyncio.wait_for(work, 60)
    assert list(open_run(tmp_path / "run").results()["row_index"]) == [0, 1, 2]


def test_a_program_that_enriches_is_interrupted_once_its_run_has_ended_in_order(tmp_path: Path) -> None:
    """`flows.enrich` in a script: Ctrl-C is the script's KeyboardInterrupt, after the commit."""
    (tmp_path / "pages").mkdir()
    for row in planets(3):
        (tmp_path / "pages" / f"{row['id']}.md").write_text(f"# {row['name']}\n\nMoons: 2\nColour: blue\n")

    def interrupt(row: str, _: SubQuery) -> Any:
        if row == "Planet 1":
            os.kill(os.getpid(), signal.SIGINT)
            return asyncio.sleep(3_600)
        return None

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(
            flows.enrich(  # type: ignore[arg-type]
                pd.DataFrame(planets(3)),
                output_schema=SCHEMA,
                objective=OBJECTIVE,
                corpus=str(tmp_path / "pages"),
                model=reader(interrupt),
                out=str(tmp_path / "run"),
                concurrency=1,
                grace=0,
            )
        )
    assert list(open_run(tmp_path / "run").results()["row_index"]) == [0]


def failing(*rows: str) -> Hook:
    def hook(row: str, _: SubQuery) -> None:
        if row in rows:
            raise PageUnreadable(f"the page of\n{row} is empty")

    return hook


async def test_a_finished_run_says_how_many_rows_failed_and_the_log_has_a_line_for_each(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    done = await enriched(tmp_path, 4, "some", failing("Planet 2"))
    assert str(done) == "3 of 4 rows, 1 failed"
    flow_run, runs = await task_runs("enrich some · 4 rows")
    assert flow_run.state is not None
    assert (flow_run.state_name, flow_run.state.message) == ("Completed", "3 of 4 rows, 1 failed")
    assert states(runs, "row") == {"Completed": 3, "Failed": 1}
    lines = [record.getMessage() for record in caplog.records if " failed: " in record.getMessage()]
    assert len(lines) == 1
    assert lines[0].startswith("row 2 · Planet 2 failed: PageUnreadable: ")
    assert "\n" not in lines[0]
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    ("rows", "fail_over", "why"),
    [
        (("Planet 0", "Planet 1", "Planet 2", "Planet 3"), None, "no row could be researched, 0 of 4 rows, 4 failed"),
        (("Planet 0", "Planet 1"), "25%", "2 of 4 rows, 2 failed: more than --fail-over 25% allows"),
        (("Planet 0", "Planet 1"), "1", "2 of 4 rows, 2 failed: more than --fail-over 1 allows"),
        (("Planet 0", "Planet 1"), "50%", None),
    ],
)
async def test_a_run_fails_when_no_row_could_be_researched_or_too_many_failed(
    tmp_path: Path, rows: tuple[str, ...], fail_over: str | None, why: str | None
) -> None:
    """The error holds what the run came to, and its tables are written all the same."""
    name = f"over-{len(rows)}-{(fail_over or 'none').replace('%', 'p')}"
    if why is None:
        done, state = await enriched(tmp_path, 4, name, failing(*rows), fail_over=fail_over), "Completed"
    else:
        with pytest.raises(RunFailed) as failed:
            await enriched(tmp_path, 4, name, failing(*rows), fail_over=fail_over)
        assert str(failed.value) == why
        done, state = failed.value.enrichment, "Failed"
    assert len(open_run(done.run).results()) == 4
    assert open_run(done.run).status == "finished"
    flow_run, _ = await task_runs(f"enrich {name} · 4 rows")
    assert flow_run.state_name == state
    assert flow_run.state is not None
    assert flow_run.state.message == (why or str(done))


@pytest.mark.parametrize("wrong", ["five", "101%", "-1", "2.5", ""])
async def test_a_share_that_cannot_be_read_is_refused_before_anything_is_spent(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(InvalidTask, match="fail_over"):
        await enriched(tmp_path, 1, "wrong", fail_over=wrong)
    assert not (tmp_path / "run").exists()
