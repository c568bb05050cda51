"""Reading back: what a run folder's tables hold of a result comes back as it went."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from run_samples import SPEC, START, as_earlier_versions_wrote_it, batch, completed, create, failed, page, write

from research.errors import DamagedRun
from research.money.usage import Tokens, Usage
from research.output_schema.output_spec import OutputSpec
from research.result.result import SECOND_NAMES, Citation, Excerpt, FieldBasis, FieldWarning, Finding, Result, Source
from research.tables import RunFolder, verify
from research.tables.run_folder.reading_back import CommittedRows

NOT_HELD = {"fields", "output_schema", "task", "report", "answer", "sources", "read", "considered", "modified_at"} | SECOND_NAMES
"""What the tables do not hold, or hold once and a result twice."""


def back(path: Path, results: list[Result], spec: OutputSpec = SPEC) -> list[Result]:
    run = create(path, spec=spec)
    with run.lock():
        run.write_shard(0, batch(range(len(results))), 0, results, [page(n) for n in range(len(results))])
    return of_shard(run, spec)


def of_shard(run: RunFolder, spec: OutputSpec = SPEC) -> list[Result]:
    committed = CommittedRows(run, 0, spec)
    return [committed.result(row) for row in committed.rows]


def held(result: Result) -> dict[str, Any]:
    return result.model_dump(exclude=NOT_HELD)


def test_completed_and_failed_rows_come_back(tmp_path: Path) -> None:
    rows = [completed(0, warnings=["look here"]), failed(1)]
    first, second = back(tmp_path / "run", rows)
    assert held(first) == held(rows[0])
    assert (first.read, first.considered, first.sources) == ([page(0).url],) * 3
    assert first.confidence == rows[0].confidence
    assert second.model_dump(exclude={*NOT_HELD, "created_at"}) == rows[1].model_dump(exclude={*NOT_HELD, "created_at"})


FACTS: dict[str, Any] = {
    "tiers": ["core", "ultra"],
    "agents": ["analyst"],
    "warnings": ["mass: too heavy"],
    "field_warnings": [FieldWarning(field="mass", text="mass: too heavy")],
}


def test_the_facts_of_a_row_come_back(tmp_path: Path) -> None:
    rows = [completed(0, processor="core+ultra", **FACTS), failed(1).changed(error_kind="budget_exhausted")]
    first, second = back(tmp_path / "run", rows)
    assert {name: getattr(first, name) for name in FACTS} == FACTS
    assert second.error_kind == "budget_exhausted"


def test_a_run_from_before_there_were_facts_goes_on_without_them(tmp_path: Path) -> None:
    """Its columns stay as they are; the tiers of its rows are known from `processor`."""
    run = create(tmp_path / "run")
    new = ("error_kind", "tiers", "field_warnings", "p_correct", "agents")
    old = replace(
        run.columns,
        schema=pa.schema([field for field in run.columns.schema if field.name not in new]),
        run={name: column for name, column in run.columns.run.items() if name not in new},
    )
    as_earlier_versions_wrote_it(run.path, columns=old.to_json())

    resumed = create(tmp_path / "run")
    with resumed.lock():
        rows = [completed(0, processor="core+ultra", **FACTS), failed(1).changed(error_kind="SearchFailed")]
        resumed.write_shard(0, batch([0, 1]), 0, rows, [page(0)])
        resumed.finish(rows=2)
    assert verify(resumed.path).ok
    first, second = of_shard(resumed)
    assert (first.tiers, first.warnings, first.field_warnings) == (["core", "ultra"], FACTS["warnings"], [])
    assert (second.tiers, second.error_kind) == (["core"], None)


def test_a_row_has_its_input_and_whether_it_is_completed(tmp_path: Path) -> None:
    """Row indexes are those of the whole table."""
    run = create(tmp_path / "run")
    with run.lock():
        write(run, 0, [0, 1])
        write(run, 1, [2, 3], failing=[3])
    rows = CommittedRows(run, 1, SPEC)
    assert (rows.rows, 1 in rows, 3 in rows, 4 in rows) == ([2, 3], False, True, False)
    assert rows.values(3) == {"mission": "Mission 3", "status": "flying"}
    assert (rows.is_completed(2), rows.is_completed(3)) == (True, False)
    assert held(rows.result(2)) == held(completed(2))
    with pytest.raises(DamagedRun, match="Shard 2"):
        CommittedRows(run, 2, SPEC)


def test_a_text_comes_back_as_a_text(tmp_path: Path) -> None:
    spec = OutputSpec.parse({"type": "text", "description": "Who flies it?"})
    result = completed(0, output="Agency 0", basis=[FieldBasis(field="answer", confidence="low", reasoning="so it says")])
    (found,) = back(tmp_path / "run", [result], spec)
    assert held(found) == held(result)


words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
counts = st.integers(0, 2**40)
unknown = st.none() | counts
excerpts = st.builds(
    Excerpt,
    text=words,
    page_hash=st.just("ab" * 32),
    start=counts,
    end=counts,
    support=st.sampled_from(["stated", "inferred", "none", "against"]),
)
citations = st.lists(
    st.builds(Citation, url=words, title=words, excerpts=st.lists(excerpts, max_size=3)), max_size=3, unique_by=lambda c: c.url
)
confidences = st.none() | st.sampled_from(["high", "medium", "low"])
bases = st.lists(
    st.builds(FieldBasis, field=st.sampled_from(["operator", "mass", "crew", "crew.0", "crew.0.name"]), citations=citations,
              reasoning=words, confidence=confidences),
    max_size=5,
    unique_by=lambda basis: basis.field,
)  # fmt: skip
moments = st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1), timezones=st.just(UTC))
sources = st.lists(
    st.builds(Source, index=counts, url=words, title=words, domain=words, fetched=st.none() | moments, quality=st.none(),
              first_seen_subquery=st.none() | words, read=st.booleans(), page_hash=st.none() | words),
    max_size=3,
)  # fmt: skip
findings = st.lists(
    st.builds(Finding, subquery=words, answer=words, citations=citations, confidence=confidences, evidence=words), max_size=3
)
usages = st.builds(
    Usage, tool_calls=counts, search_queries=counts, pages_fetched=counts, scratchpad_mode=st.none() | words,
    tokens=st.builds(Tokens, input=unknown, output=unknown, cache_read=unknown, cache_write=unknown),
)  # fmt: skip
outputs = st.fixed_dictionaries(
    {
        "operator": st.none() | words,
        "mass": st.none() | st.integers(-(2**63), 2**63 - 1),
        "launched": st.none() | st.dates().map(str),
        "crew": st.none() | st.lists(st.none() | st.fixed_dictionaries({"name": st.none() | words}), max_size=3),
    }
)


@settings(max_examples=20)
@given(st.lists(st.tuples(outputs, bases, usages, sources, findings, st.none() | st.floats(0, 1e6), st.lists(words)), max_size=3))
def test_whatever_a_result_holds_comes_back_from_its_row(drawn: list[tuple[Any, ...]]) -> None:
    results = [
        Result(
            task_id=f"task-{row}", status="completed", task="?", processor="core", model="m", output=output, basis=basis,
            usage=usage, sources_detailed=of_row, findings=finding, cost_usd=cost, warnings=warnings,
            created_at=START, completed_at=START + timedelta(seconds=row),
        )
        for row, (output, basis, usage, of_row, finding, cost, warnings) in enumerate(drawn)
    ]  # fmt: skip
    with TemporaryDirectory() as folder:
        run = create(Path(folder) / "run")
        run.write_shard(0, batch(range(len(results))), 0, results)
        found = of_shard(run)
    assert [held(result) for result in found] == [held(result) for result in results]
