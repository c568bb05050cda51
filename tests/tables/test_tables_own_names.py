"""A table may use the run's own column names, for its input and for its output, and every reader still finds the right values."""

import json
import tempfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from run_samples import citation, failed, page

from flows.artifacts import LOW_CELLS, report
from flows.cli.look import show
from flows.cli.terminal import Output
from flows.run.second_look import second_look
from research.output_schema.output_spec import OutputSpec
from research.result.result import FieldBasis, Result
from research.tables import RunFolder, open_run, score, verify
from research.tables.layout.result_columns import ROW_INDEX, RUN_COLUMNS

RUN_NAMES = (ROW_INDEX, *RUN_COLUMNS.names)
QUERY_NAMES = ("row", "field", "value", "excerpts", "supporting", "filled", "file", "Status", "ROW_INDEX", "status_research")
"""Names that our own SQL and the terminal use, and other spellings of the run's."""
COMPLETED, FAILED = 0, 1


def completed(fields: list[str]) -> Result:
    agency = "Agency 0"
    return Result(
        task_id="task-0",
        status="completed",
        task="Who flies it?",
        processor="core",
        model="extractive",
        output=dict.fromkeys(fields, agency),
        basis=[FieldBasis(field=name, citations=[citation(0, agency)], confidence="low") for name in fields],
    )


def run_of(folder: Path, inputs: list[str], fields: list[str]) -> RunFolder:
    """A finished run of two rows, the second failed; every input cell says which column and row it is."""
    spec = OutputSpec.parse({"type": "object", "properties": {name: {"type": "string"} for name in fields}})
    schema = pa.schema([(name, pa.string()) for name in inputs])
    rows = pa.table([[f"{name} of row {row}" for row in range(2)] for name in inputs], schema=schema)
    run = RunFolder.create(folder, {"table": "abc"}, input_schema=schema, spec=spec, settings={"shard_size": 2})
    with run.lock():
        run.write_shard(0, rows, 0, [completed(fields), failed(1)], [page(0)])
        run.finish(rows=2)
    return run


def own_names(least: int) -> st.SearchStrategy[list[str]]:
    names = st.sampled_from(RUN_NAMES + QUERY_NAMES)
    return st.lists(names, min_size=least, unique_by=str.casefold)


@settings(max_examples=5, deadline=None, phases=[p for p in Phase if p is not Phase.shrink])
@given(inputs=own_names(0).map(lambda names: ["mission", *names]), fields=own_names(1))
def test_every_reader_tells_the_runs_columns_from_the_tables(inputs: list[str], fields: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = run_of(Path(folder) / "run", inputs, fields).path
        run = open_run(path)
        own = run.columns

        results = run.results()
        assert list(results[own["row_index"]]) == [0, 1]
        assert list(results[own["status"]]) == ["completed", "failed"]
        assert all(list(results[name]) == [f"{name} of row 0", f"{name} of row 1"] for name in inputs)
        assert all(results[column][COMPLETED] == "Agency 0" for column in run.fields.values())

        cells = run.sql("SELECT row_index, field, value, confidence, status FROM cells ORDER BY row_index")
        assert sorted(cells["field"]) == sorted(fields * 2)
        assert set(cells[cells["row_index"] == 0]["value"]) == {"Agency 0"}
        assert cells[cells["row_index"] == 1]["value"].isna().all()
        assert list(cells["status"].unique()) == ["completed", "failed"]
        assert len(run.sql("FROM low_confidence")) == len(run.sql("FROM evidence")) == len(fields)
        assert list(run.sql("FROM coverage")["filled"]) == [1] * len(fields)
        failures = run.sql("FROM failed_rows")
        assert (failures[own["row_index"]][0], failures[own["error"]][0]) == (1, "the search did not answer")
        assert all(failures[name][0] == f"{name} of row 1" for name in inputs)
        assert list(run.sql("FROM spend")[["rows", "completed", "failed"]].sum()) == [2, 1, 1]

        assert verify(path).ok
        text = report(path, [("rows", 2)], second_look(path, LOW_CELLS))
        assert "| 1 | the search did not answer |" in text
        assert text.count("Agency 0") == 2 * min(len(fields), LOW_CELLS)
        truth = pd.DataFrame({own["row_index"]: [0, 1], **dict.fromkeys(run.fields.values(), "Agency 0")})
        total = score(path, truth).total
        assert (total.right, total.failed, total.cells) == (len(fields), len(fields), 2 * len(fields))


def test_show_has_a_column_for_each_even_where_titles_are_alike(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = run_of(tmp_path / "run", ["row", "mission"], ["status", "confidence"]).path
    show(str(path))
    heading, _, first, second, *_ = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert heading == ["row", "row", "status", "confidence", "status_research"]
    assert first == ["0", "row", "of", "row", "0", *["Agency", "0", "ˡ"] * 2, "completed"]
    assert second == ["1", "row", "of", "row", "1", "–", "–", "failed"]
    show(str(path), output=Output(json=True))
    line = json.loads(capsys.readouterr().out.splitlines()[0])
    assert (line["row_index"], line["row"], line["status"], line["status_research"]) == (
        0,
        "row of row 0",
        "Agency 0",
        "completed",
    )
