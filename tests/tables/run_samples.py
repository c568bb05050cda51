"""Small runs to test with: results whose excerpts do stand on their pages."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from research.money.usage import Tokens, Usage
from research.output_schema.output_spec import OutputSpec
from research.ports.page import Page
from research.result.result import Citation, Excerpt, FieldBasis, Finding, Result, Source
from research.tables import RunFolder
from research.testing import make_page

SPEC = OutputSpec.parse(
    {
        "type": "object",
        "properties": {
            "operator": {"type": "string", "description": "who flies it"},
            "mass": {"type": "integer"},
            "launched": {"type": "string", "format": "date"},
            "crew": {
                "type": "array",
                "items": {"type": "object", "properties": {"name": {"type": "string"}}, "additionalProperties": False},
            },
        },
        "additionalProperties": False,
    }
)
INPUT = pa.schema([("mission", pa.string()), ("status", pa.string())])
REQUEST = {"table": {"name": "missions", "fingerprint": "abc"}, "objective": "Who flies {mission}?", "processor": "core"}
START = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
_MADE = TemporaryDirectory(prefix="research-runs-")


def page(number: int) -> Page:
    """A page with characters of one, two, three and four bytes, and one that is two code points."""
    text = (
        f"# Mission {number} 🛰️ über 中国\n\nOperator e\u0301: Agency {number}\nMass: {100 + number} kg 😀 and crew Ada {number}"
    )
    return make_page(f"corpus://missions/{number}.html", text, title=f"Mission {number}", fetched_at=START)


def citation(number: int, words: str, support: Any = "stated") -> Citation:
    source = page(number)
    start = source.text.index(words)
    excerpt = Excerpt(text=words, page_hash=source.page_hash, start=start, end=start + len(words), support=support)
    return Citation(url=source.url, title=source.title, excerpts=[excerpt])


def completed(row: int, number: int | None = None, **changes: Any) -> Result:
    """A completed result for a row that rests on page `number` (of its own if None)."""
    n = row if number is None else number
    agency, mass, crew = f"Agency {n}", f"{100 + n} kg 😀", f"Ada {n}"
    values: dict[str, Any] = {
        "task_id": f"task-{row}",
        "status": "completed",
        "task": f"Who flies {row}?",
        "processor": "core",
        "model": "extractive",
        "output": {"operator": agency, "mass": 100 + n, "launched": None, "crew": [{"name": crew}]},
        "basis": [
            FieldBasis(field="operator", citations=[citation(n, agency)], reasoning="It is named.", confidence="high"),
            FieldBasis(field="mass", citations=[citation(n, mass, "inferred")], confidence="low"),
            FieldBasis(field="launched", reasoning="No page says when."),
            FieldBasis(field="crew.0.name", citations=[citation(n, crew)], confidence="medium"),
        ],
        "usage": Usage(tool_calls=2, pages_fetched=1, tokens=Tokens(input=10, output=3)),
        "cost_usd": 0.25,
        "findings": [Finding(subquery="operator?", answer=agency, citations=[citation(n, agency)], confidence="high")],
        "sources_detailed": [
            Source(
                index=1,
                url=page(n).url,
                title="Mission",
                domain="missions",
                fetched=START,
                read=True,
                page_hash=page(n).page_hash,
            )
        ],
        "created_at": START,
        "completed_at": START + timedelta(seconds=1.5),
    }
    return Result(**{**values, **changes})


def failed(row: int) -> Result:
    return Result(
        task_id=f"task-{row}",
        status="failed",
        task=f"Who flies {row}?",
        processor="core",
        model="extractive",
        error="the search did not answer",
        cost_usd=None,
        created_at=START,
        modified_at=START,
    )


def batch(rows: Sequence[int]) -> pa.RecordBatch:
    return pa.record_batch([[f"Mission {row}" for row in rows], ["flying"] * len(rows)], schema=INPUT)


def create(
    path: Path, request: Mapping[str, Any] = REQUEST, spec: OutputSpec = SPEC, inputs: pa.Schema = INPUT, shard_size: int = 2
) -> RunFolder:
    return RunFolder.create(path, request, input_schema=inputs, spec=spec, settings={"shard_size": shard_size})


def write(run: RunFolder, shard: int, rows: Sequence[int], failing: Collection[int] = (), left_out: Collection[int] = ()) -> None:
    results = [None if row in left_out else failed(row) if row in failing else completed(row) for row in rows]
    run.write_shard(shard, batch(rows), rows[0], results, [page(row) for row in rows if row not in {*failing, *left_out}])


def finished(path: Path, shards: int = 2, failing: Collection[int] = ()) -> RunFolder:
    """A finished run of two rows a shard: a copy of the one that is made once for all tests of a process."""
    shutil.copytree(_made(shards, frozenset(failing)), path, dirs_exist_ok=True)
    return RunFolder.open(path)


@cache
def _made(shards: int, failing: frozenset[int]) -> Path:
    run = create(Path(_MADE.name, f"{shards}-{'-'.join(map(str, sorted(failing)))}"))
    with run.lock():
        for shard in range(shards):
            write(run, shard, [2 * shard, 2 * shard + 1], failing)
        run.finish(rows=2 * shards)
    return run.path


def everything(run: RunFolder, table: str) -> pa.Table:
    """A table's committed rows, exactly as Arrow reads them."""
    return pa.concat_tables([run.read(table, shard) for shard in run.committed_shards()])


def as_earlier_versions_wrote_it(run: Path, **changes: Any) -> None:
    """Make a run folder one from before there were commit records and digests."""
    document = json.loads((run / "run.json").read_text(encoding="utf-8"))
    kept = {name: value for name, value in document.items() if name not in ("digest", "commit_records", "warehouse")}
    (run / "run.json").write_text(json.dumps({**kept, **changes}), encoding="utf-8")
    shutil.rmtree(run / "commits")


def change(path: Path, row: int, **values: Any) -> None:
    """Change cells of one row of a Parquet file, as somebody with an editor might."""
    table = pq.read_table(path, partitioning=None)
    rows = table.to_pylist()
    rows[row] = {**rows[row], **values}
    pq.write_table(pa.Table.from_pylist(rows, table.schema), path)
