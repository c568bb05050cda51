"""A field may have any printable name: dots, slashes, quotes, names that begin other names. Nothing takes it for a path."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from research.errors import InvalidSchema
from research.faults import pointer, unpointer
from research.models.keyless.model import KeylessModel
from research.models.scripted import ScriptedModel, quoting
from research.output_schema.field_paths import field_of
from research.output_schema.output_spec import OutputSpec
from research.pipeline import research
from research.ports.model import Model
from research.ports.world import World
from research.result.combining import basis_of
from research.result.escalation import below_confidence
from research.tables import RunFolder, verify
from research.tables.run_folder.reading_back import CommittedRows
from research.task.task import Task
from research.world import Settings, open_world

PARTS = st.text(st.sampled_from("abz.é中~/\"' 0[]{}$`-"), min_size=1, max_size=6).map(str.strip).filter(bool)
NAMES = st.lists(st.tuples(PARTS, PARTS), min_size=1, max_size=2).map(
    lambda pairs: list({name.casefold(): name for one, two in pairs for name in (one, f"{one}.{two}")}.values())
)
"""Names and their prolongations: `dim` and `dim.height`."""
VALUES = [4711.0, 825.5, 1204.25, 33.75]


@asynccontextmanager
async def world_of(folder: Path, model: Model, page: str) -> AsyncIterator[World]:
    (folder / "pages").mkdir()
    (folder / "pages" / "probe.md").write_text(page, encoding="utf-8")
    settings = Settings(cache_dir=folder / "cache", corpus=str(folder / "pages"))
    async with open_world(settings, folder / "store", model=model) as world:
        yield world


def task(properties: dict[str, Any]) -> Task:
    return Task.model_validate({"task": "Facts about the Probe", "output_schema": {"type": "object", "properties": properties}})


@given(NAMES)
@example(["dim", "dim.height"])
@example(["height/m", "a~b", 'say "hi"', "it's"])
@settings(max_examples=5)
async def test_a_value_is_found_proved_and_stored_under_whatever_name(names: list[str]) -> None:
    truth = dict(zip(names, VALUES, strict=False))
    with TemporaryDirectory() as made:
        folder = Path(made)
        page = "# The Probe\n\n" + " ".join(f"It has {value}." for value in truth.values())
        asked = task({name: {"type": "number"} for name in names})
        async with world_of(folder, ScriptedModel(quoting(lambda _: truth)), page) as world:
            result = await research(asked, world)
            assert (result.output, result.warnings) == (truth, [])
            for name in names:
                (basis,) = basis_of(result, name)
                assert (basis.field, basis.confidence) == (name, "high")
            assert below_confidence(result, "medium") == ()

            table = pa.record_batch([["Probe"]], schema=pa.schema([("input", pa.string())]))
            run = RunFolder.create(
                folder / "run", {"of": "names"}, input_schema=table.schema, spec=asked.output_schema, settings={}
            )
            with run.lock():
                run.write_shard(0, table, 0, [result], [world.fetcher.recall(p.page_hash or "") for p in result.sources_detailed])
                run.finish(rows=1)
        assert verify(run.path).ok
        with duckdb.connect(run.path / "research.duckdb", read_only=True) as db:
            cells = db.execute("SELECT field, value::DOUBLE, confidence FROM cells").fetchall()
            assert sorted(cells) == sorted((name, value, "high") for name, value in truth.items())
            shown = db.execute("SELECT field, value::DOUBLE FROM evidence").fetchall()
            assert sorted(shown) == sorted(truth.items())
        assert CommittedRows(run, 0, asked.output_schema).result(0).output == truth


@given(NAMES)
@example(["height/m"])
@example(["height~1m", "a.b", "a"])
@settings(max_examples=5)
async def test_the_keyless_model_withdraws_what_does_not_fit_and_keeps_the_row(names: list[str]) -> None:
    with TemporaryDirectory() as made:
        page = "# Probe\n\n" + "\n".join(f"{name}: 825" for name in names)
        properties = {name: {"type": "number", "multipleOf": 10, "description": "the height in metres"} for name in names}
        async with world_of(Path(made), KeylessModel(), page) as world:
            result = await research(task(properties), world)
    assert (result.status, result.output) == ("completed", dict.fromkeys(names))


@pytest.mark.parametrize("name", ["dim.height", "dim/height", "dim~height", "dim height"])
async def test_the_keyless_model_finds_a_field_under_its_own_name(tmp_path: Path, name: str) -> None:
    page = "# Probe\n\nDim height: 49\n\nDim width: 12"
    async with world_of(tmp_path, KeylessModel(), page) as world:
        result = await research(task({name: {"type": "integer"}, "dim width": {"type": "integer"}}), world)
    assert result.output == {name: 49, "dim width": 12}


def test_a_path_belongs_to_the_longest_name_that_begins_it_at_a_dot() -> None:
    names = ("dim", "dim.height", "dimension")
    assert [field_of(path, names) for path in ("dim", "dim.height", "dim.height.0", "dim.width", "dimension", "di")] == [
        "dim",
        "dim.height",
        "dim.height",
        "dim",
        "dimension",
        None,
    ]


@given(st.lists(st.text()))
def test_a_pointer_gives_back_the_names_it_was_made_of(names: list[str]) -> None:
    assert unpointer(pointer(names)) == tuple(names)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"type": "object", "properties": {"height": {"type": "number"}}}, "dim.height"),
        ({"type": "array", "items": {"type": "object", "properties": {"x.y": {"type": "number"}}}}, "dim.0.x.y"),
        ({"type": ["array", "null"], "items": {"type": "number"}}, "dim.1"),
    ],
)
def test_a_name_that_is_also_the_path_of_a_part_of_another_field_is_refused(first: dict[str, Any], second: str) -> None:
    with pytest.raises(InvalidSchema, match="is also the path of a part of `dim`"):
        OutputSpec.parse({"type": "object", "properties": {"dim": first, second: {"type": "number"}}})
    OutputSpec.parse({"type": "object", "properties": {"dim": first, f"{second}z": {"type": "number"}}})
