"""Where a run stands is read from its folder: from its events while it goes on, from its tables afterwards."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from flows.cli import main
from flows.run.causes import Failed, Remedy, causes, remedy
from flows.run.event_log import EventLog
from flows.run.events import Event, RowFinished, RunStarted, RunStopping
from flows.run.status import Watcher
from research.concurrency.traffic import SearchBringsNothing, Traffic
from research.output_schema.output_spec import OutputSpec
from research.ports.page import Page
from research.result.result import FieldBasis, Result
from research.tables import RunFolder
from research.tables.run_folder.event_file import read_events

INVOCATION = {"flow": "enrich", "options": {"table": "/data/m.csv", "max_cost": 5.0}, "rows": 4}
INPUT = pa.schema([("id", pa.string()), ("mission", pa.string())])


def row(number: int, status: str = "completed", **more: object) -> RowFinished:
    sure = {"high": 1, "none": 1} if status == "completed" else {}
    names = {"row": number, "status": status, "confidence": None, "cost_usd": 0.0, "seconds": 1.0, "cached": False, "cells": sure}
    return RowFinished(**{**names, "label": f"row {number}", **more})  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder.create(
        tmp_path / "run",
        {"objective": {"template": "On {mission}", "column": None}, "model": "extractive/7"},
        input_schema=INPUT,
        spec=OutputSpec.parse({"operator": "who", "year": "integer"}),
        settings={"shard_size": 4},
    )


def commit(folder: RunFolder) -> None:
    """Two completed rows, one that was refused, one that may be tried again."""

    def result(place: int, kind: str | None = None) -> Result:
        basis = [FieldBasis(field="operator", confidence="low"), FieldBasis(field="year")]
        about = {"task_id": f"t{place}", "task": "", "processor": "core", "model": "extractive", "fields": ["operator", "year"]}
        if kind is not None:
            return Result(status="failed", error=kind, error_kind=kind, **about)
        return Result(status="completed", basis=basis, output={"operator": None, "year": None}, cost_usd=0.0, **about)

    cells = pa.record_batch([[str(n) for n in range(4)], ["Voyager 1", "Giotto", "", "Luna 9"]], schema=INPUT)
    pages: list[Page] = []
    folder.write_shard(0, cells, 0, [result(0), result(1), result(2, "InvalidTask"), result(3, "SearchFailed")], pages)


def test_a_run_that_goes_on_is_known_by_its_events(folder: RunFolder) -> None:
    """Each look reads what has been added; a new invocation begins anew."""
    traffic = Traffic()
    for _ in range(4):
        traffic.saw("host", "slow.example", "answered", 9.0)
        traffic.saw("host", "quick.example", "answered", 0.1)
        traffic.saw("search", "brave", "empty", 0.2)
    with folder.lock(INVOCATION), EventLog(folder.state, traffic) as events:
        watcher = Watcher(folder.path, "runs/m")
        begun: list[Event] = [RunStarted(run="run", rows=4, kept=1, model="extractive", warnings=("a column is odd",)), row(1)]
        for event in begun:
            events(event)
        status = watcher.look()
        assert (status.run.state, status.run.completed, status.run.rows, status.cap_usd) == ("running", 2, 4, 5.0)
        assert {(each.kind, each.name) for each in status.services} == {("host", "slow.example"), ("search", "brave")}
        events(row(2, "failed", error="no", error_kind="SearchFailed"))
        nothing = SearchBringsNothing("brave", 20, 20, passed_over=True)
        events(nothing)
        events(RunStopping("Ctrl-C", 1, 7))
        status = watcher.look()
        assert (status.run.completed, status.run.failed) == (2, 1)
        assert status.cells == {"high": 1, "medium": 0, "low": 0, "none": 1}
        assert [(cause.kind, cause.rows, cause.command) for cause in status.causes] == [
            ("SearchFailed", 1, "research resume runs/m")
        ]
        assert status.warnings == ("a column is odd", str(nothing))
        assert status.stopping == "stopping: 1 row under way has 7 s to finish"
        assert status.rows_per_second is not None
        assert status.seconds_left is not None


def test_a_run_that_has_ended_is_known_by_its_tables(folder: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    with folder.lock(INVOCATION):
        commit(folder)
        folder.finish(rows=4, warnings=["brave brings nothing"])
    status = Watcher(folder.path, str(folder.path)).look()
    assert (status.run.state, status.run.completed, status.run.failed) == ("finished", 2, 2)
    assert status.fields == {
        "operator": {"high": 0, "medium": 0, "low": 2, "none": 0}, "year": {"high": 0, "medium": 0, "low": 0, "none": 2},
    }  # fmt: skip
    assert [(cause.kind, cause.first) for cause in status.causes] == [
        ("InvalidTask", ("row 2",)), ("SearchFailed", ("row 3 · Luna 9",)),
    ]  # fmt: skip
    assert status.warnings == ("brave brings nothing",)
    assert main(["watch", str(folder.path), "--once"]) == 0
    shown = capsys.readouterr().out
    assert "running again cannot mend it" in " ".join(shown.split())
    assert main(["watch", str(folder.path), "--json"]) == 0, "it ends with the run"
    assert json.loads(capsys.readouterr().out)["run"]["state"] == "finished"
    assert main(["show", str(folder.path), "--failed"]) == 0
    failed = capsys.readouterr().out
    assert "Luna 9" in failed
    assert "research resume" in failed


def test_a_run_that_was_stopped_says_so_once(folder: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    with folder.lock(INVOCATION):
        commit(folder)
        folder.finish(status="stopped", reason="stopped by Ctrl-C")
    assert main(["watch", str(folder.path), "--once"]) == 0
    assert f"{folder.path} stopped by Ctrl-C answered by" in " ".join(capsys.readouterr().out.split())
    with folder.lock(INVOCATION):
        folder.finish(status="stopped", reason="the cap of $5.00 is reached")
    assert main(["watch", str(folder.path), "--once"]) == 0
    assert "stopped: the cap of $5.00 is reached" in " ".join(capsys.readouterr().out.split())


def test_a_run_of_less_than_a_second_took_no_negative_time(folder: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    with folder.lock(INVOCATION):
        with EventLog(folder.state, Traffic()) as events:
            begun: list[Event] = [RunStarted(run="run", rows=4, kept=0, model="extractive", warnings=()), row(0)]
            for event in begun:
                events(event)
        commit(folder)
        folder.finish(rows=4)
    status = Watcher(folder.path, "runs/m").look()
    assert (status.seconds or 0.0) >= 0
    assert (status.rows_per_second or 0.0) >= 0
    assert main(["watch", str(folder.path), "--once"]) == 0
    assert "e+" not in capsys.readouterr().out


def test_each_kind_of_error_has_what_mends_it() -> None:
    kinds = [
        "InvalidTask",
        "budget_exhausted",
        "stopped_after_pilot",
        "bug",
        "QuotaExhausted",
        "ModelRefused",
        "FetchFailed",
        None,
    ]
    assert [remedy(kind) for kind in kinds] == [
        Remedy.CORRECT_ROW, Remedy.RAISE_LIMIT, Remedy.GO_ON, Remedy.REPORT, Remedy.CORRECT_SERVICE, Remedy.OTHER_MODEL,
        Remedy.RUN_AGAIN, Remedy.RUN_AGAIN,
    ]  # fmt: skip
    many = causes([Failed(number, "FetchFailed", "it rains") for number in range(9)], "my runs/m")
    assert [(each.rows, len(each.first), each.command) for each in many] == [(9, 5, "research resume 'my runs/m'")]


def test_half_a_line_is_read_once_it_is_whole(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_bytes(b'{"event":"a"}\n{"eve')
    events, offset = read_events(tmp_path)
    assert [event["event"] for event in events] == ["a"]
    with (tmp_path / "events.jsonl").open("ab") as file:
        file.write(b'nt":"b"}\nno json\n')
    assert [event["event"] for event in read_events(tmp_path, offset)[0]] == ["b"]
