"""Reuse: a changed schema researches only what is new or asked in other words; all else is kept with its evidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from flows_doubles import OBJECTIVE, OnePageEach, expected, planets, runtime

from flows.enrichment import enrich
from flows.run.events import Event, RowFinished
from flows.run.outcome import Enrichment
from flows.run.runtime import use_runtime
from research.errors import InvalidRun, PageUnreadable
from research.models.scripted import ScriptedModel
from research.ports.model import ResearchTools
from research.ports.work import Draft, FieldAnswer, SubQuery
from research.tables.audit.verify import verify
from research.tables.run_folder.reader import open_run
from research.task.task import Task

pytestmark = pytest.mark.usefixtures("prefect_server")

FIELD = {"type": ["integer", "null"], "description": "how many moons"}
OLD = {"properties": {"moons": FIELD, "colour": {"type": "string"}}}
NEW = {"properties": {"colour": {"type": "string"}, "moons": FIELD, "label": {"type": "string"}}}
COSTS = 0.25


class Reader:
    """Counts what is asked of it, by planet and field; fails for some planets. Each call of its model costs 25 cents."""

    def __init__(self, *failing: str, name: str = "scripted") -> None:
        self.asked: Counter[tuple[str, str]] = Counter()
        self.failing = set(failing)
        self.model = ScriptedModel(self._script, keyless=False, cost_usd=COSTS, name=name, identity=name)

    async def _script(self, task: Task, subquery: SubQuery, desk: ResearchTools) -> Draft:
        name = task.input["name"]
        self.asked.update((name, field) for field in subquery.fields)
        if name in self.failing:
            raise PageUnreadable("nothing to read")
        (hit,) = await desk.search(name)
        passages = await desk.read(hit.url)
        values = expected(name) | {"label": name}
        return Draft(
            answers=tuple(
                FieldAnswer(
                    field=field,
                    value=values[field],
                    passages=tuple(p.id for p in passages),
                    confidence="medium" if (field, task.processor) == ("label", "base") else "high",
                )
                for field in subquery.fields
            )
        )


def table_of(folder: Path, rows: list[dict[str, Any]]) -> str:
    path = folder / "planets.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    return str(path)


async def run(
    table: str, out: Path, reader: Reader, schema: Any = OLD, heard: list[Event] | None = None, **options: Any
) -> Enrichment:
    with use_runtime(runtime(reader.model, heard)):
        return await enrich(table, output_schema=schema, out=str(out), **{"objective": OBJECTIVE, "shard_size": 2, **options})


def cells(path: Path, name: str, *fields: str) -> list[dict[str, Any]]:
    """Lines of a table of a run, but for their task's id."""
    lines = open_run(path).table(name).to_pylist()
    return [{k: v for k, v in line.items() if k != "task_id"} for line in lines if not fields or line["field"] in fields]


async def test_a_schema_with_one_more_field_researches_that_field_and_keeps_the_others_with_their_evidence(
    tmp_path: Path,
) -> None:
    """On another tier, by another model, in other shards; only the new work is paid for."""
    table = table_of(tmp_path, planets(5))
    first = await run(table, tmp_path / "old", Reader())
    reader, heard = Reader(name="other"), list[Event]()
    done = await run(table, tmp_path / "new", reader, NEW, heard, reuse=str(first.run), processor="ultra", shard_size=3)
    assert (done.completed, done.failed) == (5, 0)
    assert reader.asked == {(f"Planet {n}", "label"): 1 for n in range(5)}
    assert done.spent_usd == done.cost_usd == 5 * COSTS
    before, after = open_run(first.run).results(), open_run(done.run).results()
    assert before[["moons", "colour"]].equals(after[["moons", "colour"]])
    assert list(after["label"]) == [f"Planet {n}" for n in range(5)]
    kept = [sorted(cells(path, "basis", "moons", "colour"), key=str) for path in (first.run, done.run)]
    assert kept[0] == kept[1]
    assert all(line["excerpt"] for line in cells(done.run, "basis", "label"))
    assert set(after["processor"]) == {"ultra"}
    assert set(after["model"]) == {"scripted+other"}
    assert {tuple(warnings) for warnings in after["warnings"]} == {("kept from old: colour, moons (core, scripted)",)}
    assert [event.cached for event in heard if isinstance(event, RowFinished)] == [False] * 5
    assert verify(done.run).ok


async def test_a_row_with_nothing_new_is_written_without_any_call_search_or_fetch(tmp_path: Path) -> None:
    """Fewer fields in another order. Its pages come along, so that its evidence stands without the earlier run."""
    table = table_of(tmp_path, planets(3))
    first = await run(table, tmp_path / "old", Reader())
    reader, heard = Reader(), list[Event]()
    done = await run(table, tmp_path / "new", reader, {"properties": {"moons": FIELD}}, heard, reuse=str(first.run))
    assert (done.completed, done.cost_usd, done.spent_usd, reader.model.calls.total()) == (3, 0.0, 0.0, 0)
    assert [event.cached for event in heard if isinstance(event, RowFinished)] == [True] * 3
    usage = open_run(done.run).usage()
    assert usage[["tool_calls", "search_queries", "pages_fetched", "tokens_input", "seconds"]].sum().sum() == 0
    assert open_run(done.run).results()["completed_at"].equals(open_run(first.run).results()["completed_at"])
    assert cells(done.run, "basis") == cells(first.run, "basis", "moons")
    assert cells(done.run, "sources") == cells(first.run, "sources")
    assert verify(done.run).ok

    again = await run(table, tmp_path / "new", reader, {"properties": {"moons": FIELD}}, reuse=str(first.run))
    assert (again.completed, reader.model.calls.total()) == (3, 0)


async def test_a_changed_description_researches_that_field_again_and_no_other(tmp_path: Path) -> None:
    table = table_of(tmp_path, planets(2))
    first = await run(table, tmp_path / "old", Reader())
    reader = Reader()
    changed = {"properties": {**OLD["properties"], "moons": {**FIELD, "description": "named moons"}}, "required": ["colour"]}
    await run(table, tmp_path / "new", reader, changed, reuse=str(first.run))
    assert reader.asked == {("Planet 0", "moons"): 1, ("Planet 1", "moons"): 1}

    reader = Reader()
    await run(table, tmp_path / "all", reader, {**OLD, "description": "Moons of our sun only."}, reuse=str(first.run))
    assert len(reader.asked) == 4, "what the root says, it says of every field"


async def test_rows_that_failed_or_are_new_or_changed_are_researched_whole_and_moved_rows_are_known_again(tmp_path: Path) -> None:
    rows = planets(5)
    first = await run(table_of(tmp_path, rows), tmp_path / "old", Reader("Planet 1"))
    assert first.failed == 1
    rows = [rows[4], rows[1], {**rows[2], "id": "0099"}, {"id": "0100", "name": "Vulcan"}, rows[0], rows[3]]
    reader = Reader()
    done = await run(table_of(tmp_path, rows), tmp_path / "new", reader, NEW, reuse=str(first.run))
    assert (done.completed, done.failed) == (6, 0)
    whole = {name for name, field in reader.asked if field == "moons"}
    assert whole == {"Planet 1", "Planet 2", "Vulcan"}
    results = open_run(done.run).results()
    assert list(results["moons"]) == [len(row["name"]) for row in rows]
    assert ["kept" in str(warnings) for warnings in results["warnings"]] == [True, False, False, False, True, True]
    assert verify(done.run).ok


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({"objective": "Tell me of {name}"}, "/objective/template"),
        ({"source_policy": {"exclude_domains": ["example.com"]}}, "/task/source_policy"),
    ],
)
async def test_cells_that_answer_another_question_are_not_kept(tmp_path: Path, options: dict[str, Any], where: str) -> None:
    table = table_of(tmp_path, planets(1))
    first = await run(table, tmp_path / "old", Reader())
    with pytest.raises(InvalidRun, match="asked something else") as refused:
        await run(table, tmp_path / "new", Reader(), NEW, reuse=str(first.run), **options)
    assert where in [fault.pointer for fault in refused.value.faults]
    assert not (tmp_path / "new").exists()


async def test_cells_of_other_pages_are_not_kept_and_the_command_that_looks_at_them_again_is_named(tmp_path: Path) -> None:
    def corpus(pages: str) -> Callable[[], OnePageEach]:
        return lambda: OnePageEach(f"local/5/22/{pages * 64}")

    table = table_of(tmp_path, planets(1))
    with use_runtime(runtime(Reader().model, pages=corpus("a"))):
        first = await enrich(table, output_schema=OLD, objective=OBJECTIVE, out=str(tmp_path / "old"))
    with use_runtime(runtime(Reader().model, pages=corpus("b"))), pytest.raises(InvalidRun, match="research refresh") as refused:
        await enrich(table, output_schema=NEW, objective=OBJECTIVE, out=str(tmp_path / "new"), reuse=str(first.run))
    (fault,) = refused.value.faults
    assert (fault.pointer, "documents of the corpus" in fault.message) == ("/search", True)


async def test_another_schema_for_the_same_folder_is_told_of_reuse(tmp_path: Path) -> None:
    table = table_of(tmp_path, planets(1))
    first = await run(table, tmp_path / "old", Reader())
    with pytest.raises(InvalidRun, match=f"--reuse {first.run}"):
        await run(table, tmp_path / "old", Reader(), NEW)
    with pytest.raises(InvalidRun) as other:
        await run(table, tmp_path / "old", Reader(), NEW, objective="Tell me of {name}")
    assert "--reuse" not in str(other.value)


async def test_a_run_that_keeps_cells_goes_on_where_it_stopped_and_can_be_escalated(tmp_path: Path) -> None:
    """Two rows fail for the new field; later they do not, and nothing else is asked. Then only the new field is not sure."""
    table, new = table_of(tmp_path, planets(5)), tmp_path / "new"
    first = await run(table, tmp_path / "old", Reader())
    half = await run(table, new, Reader("Planet 1", "Planet 4"), NEW, reuse=str(first.run), processor="base")
    assert (half.completed, half.failed) == (3, 2)
    assert verify(half.run).ok
    reader = Reader()
    done = await run(table, new, reader, NEW, reuse=str(first.run), processor="base", escalate="medium:ultra")
    assert (done.completed, done.failed, done.escalated, done.not_escalated) == (5, 0, 5, 0)
    assert reader.asked == {(f"Planet {n}", "label"): 2 if n in (1, 4) else 1 for n in range(5)}
    assert set(open_run(new).results()["processor"]) == {"base+ultra"}
    assert verify(done.run).ok
