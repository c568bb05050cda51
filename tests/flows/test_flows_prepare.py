"""A request is read, checked, hashed and opened once: what is prepared is what runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from flows_doubles import OBJECTIVE, SCHEMA, planets, reader, runtime

import flows.api
from flows.cli.plan import make_plan
from flows.enrichment import enrich
from flows.run.environment import Environment
from flows.run.options import EnrichOptions
from flows.run.prepare import PagesFolder, prepare_enrichment
from flows.run.runtime import Runtime, use_runtime
from research.errors import InvalidRun
from research.ports.world import World
from research.result.result import utc_now
from research.tables.audit.calibration import CalibratedWord, Calibration, kind_of
from research.tables.run_folder.part_files import MAX_SHARDS
from research.tables.run_folder.reader import open_run

pytestmark = pytest.mark.usefixtures("prefect_server")


def counting(opened: list[Any]) -> Runtime:
    """A runtime that keeps every world that it opens."""
    inner = runtime(reader())

    @asynccontextmanager
    async def opener(settings: Any, pages: Any) -> AsyncIterator[World]:
        async with inner.opener(settings, pages) as world:
            opened.append(world)
            yield world

    return replace(inner, opener=opener)


def table(folder: Path) -> str:
    path = folder / "planets.csv"
    pd.DataFrame(planets(3)).to_csv(path, index=False)
    return str(path)


async def test_what_was_planned_is_what_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The flow takes the prepared run: one world, and the folder that the plan named, with its pages in it."""
    monkeypatch.chdir(tmp_path)
    opened: list[Any] = []
    options = EnrichOptions(table(tmp_path), output_schema=SCHEMA, objective=OBJECTIVE)
    by = counting(opened)
    async with prepare_enrichment(options, by) as prepared:
        plan = await make_plan(prepared)
        done = await flows.api.run(prepared, by)
    assert len(opened) == 1
    assert (done.run, done.completed) == (plan.run, plan.rows) == (prepared.path, 3)
    assert open_run(done.run).table("pages").num_rows == 3


async def test_a_run_that_begins_keeps_the_calibration_of_its_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    kept = Environment(calibrations=tmp_path / "calibrations")
    by = replace(runtime(reader()), environment=kept)
    options = EnrichOptions(table(tmp_path), output_schema=SCHEMA, objective=OBJECTIVE, out="run")
    word = CalibratedWord(p_correct=0.75, right=3, cells=4, interval=None)
    async with prepare_enrichment(options, by) as prepared:
        made = Calibration(
            kind=kind_of(prepared.document),
            fields=("mass",),
            model="",
            answered_by=(prepared.world.model.name,),
            made_at=utc_now(),
            runs=(),
            overall={"high": word, "medium": word, "low": word},
            by_field={},
        )
    file = made.write(kept.calibrations)
    async with prepare_enrichment(options, by) as prepared:
        run = prepared.folder()
        assert run.probabilities == made.probabilities
        file.write_text("{}")
    async with prepare_enrichment(options, by) as prepared:
        assert (prepared.folder().probabilities, prepared.warnings(run)[0].partition(": ")[0]) == (
            made.probabilities, f"the calibration {file} is damaged",
        )  # fmt: skip


async def test_a_flow_with_nothing_but_its_parameters_prepares_itself_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a deployment; also where the run folder's name has to be made from the world's identity."""
    monkeypatch.chdir(tmp_path)
    opened: list[Any] = []
    with use_runtime(counting(opened)):
        done = await enrich(table(tmp_path), output_schema=SCHEMA, objective=OBJECTIVE)
    assert (len(opened), done.completed) == (1, 3)


async def test_a_prepared_run_is_not_taken_for_another_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    opened: list[Any] = []
    by = counting(opened)
    asked = EnrichOptions(table(tmp_path), output_schema=SCHEMA, objective=OBJECTIVE)
    async with prepare_enrichment(asked, by) as prepared:
        with use_runtime(replace(by, prepared=prepared)):
            done = await enrich(asked.table, output_schema=SCHEMA, objective=OBJECTIVE, limit=1)
    assert (len(opened), done.rows) == (2, 1)
    assert done.run != prepared.path


def test_a_page_that_is_read_before_the_run_folder_is_known_is_a_bug_that_is_seen() -> None:
    with pytest.raises(RuntimeError, match="before the path of the run folder"):
        PagesFolder()()


async def test_more_rows_than_shards_can_hold_are_refused_when_the_request_is_prepared(tmp_path: Path) -> None:
    many = tmp_path / "many.csv"
    many.write_text("planet\n" + "".join(f"planet {n}\n" for n in range(MAX_SHARDS + 1)))
    options = EnrichOptions(str(many), output_schema=SCHEMA, objective="{planet}", shard_size=1, out=str(tmp_path / "run"))
    with pytest.raises(InvalidRun, match="shards of 2 rows or more with --shard-size"):
        async with prepare_enrichment(options, runtime(reader())):
            pass
    assert not (tmp_path / "run").exists()
