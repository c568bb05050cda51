"""The notebooks read any run folder: one with failures and unknown costs, one where every task cost nothing, an empty one."""

from __future__ import annotations

import ast
import json
import re
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import nbformat
import pyarrow as pa
import pytest

from research.output_schema.output_spec import OutputSpec
from research.ports.page import Page
from research.result.result import Citation, Confidence, Excerpt, FieldBasis, Result
from research.tables import RunFolder
from research.tables.changes.changes_table import CellChange, write_changes
from research.testing import make_page

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
RUN_LINE = 'RUN = "../runs/demo"'
SPEC = OutputSpec.parse(
    {
        "type": "object",
        "properties": {
            "operator": {"type": "string"},
            "mass": {"type": "number"},
            "crew": {"type": "array", "items": {"type": "string"}},
        },
        "additionalProperties": False,
    }
)
INPUT = pa.schema([("mission", pa.string()), ("status", pa.string())])
START = datetime(2026, 1, 2, tzinfo=UTC)
HOSTILE = "<script>alert('page')</script>"


def page(row: int) -> Page:
    text = f"# Mission {row} {HOSTILE}\n\nOperator: Agency <b>{row}</b> & sons\nMass: {row + 0.5} kg"
    url = f"corpus://missions/{row}.html"
    return make_page(url, text, title=f"Mission {row} <i>", fetched_at=START)


def basis(row: int, field: str, words: str, confidence: Confidence) -> FieldBasis:
    source = page(row)
    start = source.text.index(words)
    excerpt = Excerpt(text=words, page_hash=source.page_hash, start=start, end=start + len(words), support="stated")
    return FieldBasis(
        field=field,
        citations=[Citation(url=source.url, title=source.title, excerpts=[excerpt])],
        reasoning=f"It is named <u>{row}</u>.",
        confidence=confidence,
    )


def completed(row: int, cost: float | None) -> Result:
    return Result(
        task_id=f"task-{row}",
        status="completed",
        task=f"Who flies {row}?",
        processor="core",
        model="extractive",
        output={"operator": f"Agency <b>{row}</b>", "mass": row + 0.5, "crew": None},
        basis=[
            basis(row, "operator", f"Agency <b>{row}</b>", "high"),
            basis(row, "mass", f"{row + 0.5} kg", "low"),
            FieldBasis(field="crew", reasoning="No page names anyone."),
        ],
        cost_usd=cost,
        created_at=START,
        completed_at=START + timedelta(seconds=1 + row),
    )


def failed(row: int) -> Result:
    return Result(
        task_id=f"task-{row}",
        status="failed",
        task=f"Who flies {row}?",
        processor="core",
        model="extractive",
        error="the corpus did not answer",
        cost_usd=None,
        created_at=START,
        modified_at=START + timedelta(seconds=2),
    )


RUNS = {
    "mixed": [completed(0, 0.25), failed(1), completed(2, None), completed(3, 0.5)],
    "free": [completed(0, 0.0), completed(1, 0.0)],
    "all-failed": [failed(0)],
    "no-rows": [],
}


def a_run(path: Path, results: list[Result]) -> Path:
    run = RunFolder.create(path, {"table": "missions"}, input_schema=INPUT, spec=SPEC, settings={"shard_size": 100})
    rows = range(len(results))
    with run.lock():
        batch = pa.record_batch([[f"Mission {row}" for row in rows], ["flying"] * len(results)], schema=INPUT)
        run.write_shard(0, batch, 0, results, [page(row) for row in rows if results[row].status == "completed"])
        run.finish(rows=len(results))
    return path


def a_refreshed_run(path: Path, earlier: Path) -> None:
    """A run after another in its series, in which one cell has changed and one was confirmed."""
    before = RunFolder.open(earlier)
    request = {"table": "missions", "refresh": {"run": before.key, "series": before.key, "key": ["mission"]}}
    settings = {"shard_size": 100, "earlier_run": str(earlier)}
    run = RunFolder.create(path, request, input_schema=INPUT, spec=SPEC, settings=settings)
    with run.lock():
        run.write_shard(0, pa.record_batch([["Mission 0"], ["flying"]], schema=INPUT), 0, [completed(0, 0.0)], [page(0)])
        run.finish(rows=1)
    words = {"row_index": 0, "earlier_row_index": 0, "row_key": '{"mission":"Mission 0"}'}
    changed = CellChange(
        **words, field="mass", change="changed", why="its page says something else", old_value="7", new_value="0.5"
    )
    write_changes(path, [changed, CellChange(**words, field="operator", change="confirmed", why="its page still says so")])


SHOWN: dict[str, dict[str, tuple[str, ...]]] = {
    "first_look": dict.fromkeys(RUNS, ()),
    "quality": {"mixed": ("TRUTH = truth",), "all-failed": ("TRUTH = truth",), "no-rows": ("TRUTH = None",)},
    "audit_a_cell": {"mixed": (), "no-rows": ()},
    "compare_two_runs": {"mixed": ("OTHER = other",), "no-rows": ("OTHER = other",)},
    "cost_and_speed": {"mixed": (), "free": (), "no-rows": ()},
    "changes_over_time": {"refreshed": (), "mixed": (), "no-rows": ()},
}
"""The notebooks, each with the runs that it is shown, and the parameters that are set for it."""


def parameters(folder: Path, run: str, lines: tuple[str, ...]) -> dict[str, str]:
    """What is put in the place of a notebook's parameters, by their names."""
    values = {"truth": str(folder / "truth.jsonl"), "other": str(folder / "free")}
    lines = (f"RUN = {str(folder / run)!r}", *lines)
    split = [line.split(" = ") for line in lines]
    return {name: f"{name} = {values[value]!r}" if value in values else f"{name} = {value}" for name, value in split}


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """What each notebook's cells give for each run, in order. A cell that raises fails here, with its own error.

    All follow one another in one kernel, since starting one is what takes the time.
    """
    from nbclient import NotebookClient  # every test process would import it at collection

    folder = tmp_path_factory.mktemp("runs")
    for name, results in RUNS.items():
        a_run(folder / name, results)
    a_refreshed_run(folder / "refreshed", folder / "mixed")
    host = {"kind": "host", "name": "slow.example", "calls": 4, "empty": 0, "failed": 1, "seconds": 8.0, "slowest": 5.0}
    line = json.dumps({"event": "services", "at": 1.0, "services": [host]})
    (folder / "mixed" / ".state" / "events.jsonl").write_text(f"{line}\n")
    (folder / "truth.jsonl").write_text('{"mission": "Mission 0", "operator": "Agency <b>0</b>", "mass": 7, "crew": null}\n')
    blocks: dict[tuple[str, str], list[Any]] = {}
    for name, runs in SHOWN.items():
        notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
        for run, lines in runs.items():
            blocks[name, run] = cells = deepcopy(notebook.cells)
            for parameter, line in parameters(folder, run, lines).items():
                first = next(cell for cell in cells if cell.cell_type == "code")
                first.source, times = re.subn(rf"^{parameter} = .*$", lambda _, line=line: line, first.source, flags=re.MULTILINE)
                assert times == 1, f"{name}: {parameter} is set once, in the first cell of code"
            for number, cell in enumerate(cells):
                cell.id = f"{name}-{run}-{number}"
    notebook.cells = [cell for cells in blocks.values() for cell in cells]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(folder / "ipython"))
        NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    return {which: [output for cell in cells for output in cell.get("outputs", [])] for which, cells in blocks.items()}


@pytest.fixture
def shown(executed):
    """What the first look gives for each run."""
    return {run: outputs for (name, run), outputs in executed.items() if name == "first_look"}


def said_by(outputs: list[dict[str, Any]]) -> str:
    return "".join(output.get("text", "") for output in outputs if output.get("name") == "stdout")


def rich(outputs: list[dict[str, Any]], kind: str) -> list[str]:
    return [output["data"][kind] for output in outputs if kind in output.get("data", {})]


def test_it_shows_confidence_cost_failures_and_a_marked_passage(shown):
    outputs = shown["mixed"]
    assert len(rich(outputs, "image/png")) == 2
    tables = "".join(rich(outputs, "text/html"))
    assert "the corpus did not answer" in tables
    said = said_by(outputs)
    assert "0.7500 US dollars" in said
    assert "2 tasks of unknown cost" in said
    passage = next(text for text in rich(outputs, "text/html") if "<mark>" in text)
    assert "<mark>Agency &lt;b&gt;0&lt;/b&gt;</mark>" in passage


def test_nothing_on_a_page_can_run_in_the_notebook(shown):
    passage = next(text for text in rich(shown["free"], "text/html") if "<mark>" in text)
    assert "&lt;script&gt;alert" in passage
    assert not re.search(r"<(script|b|i|u)>(?!row )", passage)


def test_a_run_in_which_nothing_failed_says_so(shown):
    assert "No row failed." in "".join(rich(shown["free"], "text/markdown"))


@pytest.mark.parametrize("name", ["all-failed", "no-rows"])
def test_a_run_without_an_answer_is_shown_all_the_same(shown, name):
    assert len(rich(shown[name], "image/png")) == 2


def test_quality_shows_doubt_calibration_and_sources(executed):
    outputs = executed["quality", "mixed"]
    assert len(rich(outputs, "image/png")) == 2  # no source is in the run
    said = said_by(outputs)
    assert "Review only low: 1 cells, the error falls from 50.0% to 0.0%" in said
    assert "invented" not in (tables := "".join(rich(outputs, "text/html")))
    assert "<td>wrong</td>" in tables


@pytest.mark.parametrize("name", ["all-failed", "no-rows"])
def test_quality_without_a_value_says_that_there_is_nothing_to_compare(executed, name):
    assert "nothing" not in said_by(executed["quality", name])
    assert "There is no truth to compare with" in "".join(rich(executed["quality", name], "text/markdown"))


def test_an_audit_goes_down_to_the_marked_words_and_runs_nothing_of_the_page(executed):
    outputs = executed["audit_a_cell", "mixed"]
    assert len(rich(outputs, "image/png")) == 1
    page = next(text for text in rich(outputs, "text/html") if "<mark>" in text and "<pre" in text)
    assert "<mark>0.5 kg</mark>" in page  # the mass, which is of low confidence
    assert "&lt;script&gt;alert" in page
    assert "<script>alert" not in "".join(rich(outputs, "text/html"))


def test_an_audit_of_a_run_without_rows_says_so(executed):
    assert "The run has no rows." in "".join(rich(executed["audit_a_cell", "no-rows"], "text/markdown"))


def test_a_comparison_shows_agreement_confidence_and_cost(executed):
    outputs = executed["compare_two_runs", "mixed"]
    assert len(rich(outputs, "image/png")) == 3
    assert "1 rows are compared; 3 are in one run alone" in said_by(outputs)


def test_runs_without_a_row_in_common_are_compared_all_the_same(executed):
    assert "No row, or no field, is in both runs." in "".join(rich(executed["compare_two_runs", "no-rows"], "text/markdown"))


def test_changes_are_shown_by_field_by_cell_and_over_the_series(executed):
    outputs = executed["changes_over_time", "refreshed"]
    assert len(rich(outputs, "image/png")) == 2
    assert "row 0, mass" in said_by(outputs)
    different, versions = rich(outputs, "text/html")[1:]
    assert "its page says something else" in different
    assert "its page still says so" not in different
    assert versions.count("</tr>") == 3  # the head, and a line a run


def test_a_run_that_is_no_refresh_says_how_one_is_made(executed):
    for run in ("mixed", "no-rows"):
        assert "`research refresh RUN` makes one" in "".join(rich(executed["changes_over_time", run], "text/markdown"))


def test_cost_and_speed_shows_rows_steps_tokens_and_slow_services(executed):
    outputs = executed["cost_and_speed", "mixed"]
    assert len(rich(outputs, "image/png")) == 3  # no tokens were used
    assert "4 tasks for 4 rows; 0.7500 US dollars in all, and 2 tasks of unknown cost" in said_by(outputs)
    services = rich(outputs, "text/html")[-1]
    assert "slow.example" in services
    assert "<td>2.0</td>" in services  # seconds a call


def test_where_no_service_was_asked_cost_and_speed_says_so(executed):
    for run in ("free", "no-rows"):
        assert "No service was asked" in "".join(rich(executed["cost_and_speed", run], "text/markdown"))


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_is_executed_here_kept_without_outputs_and_reads_through_research_tables_alone(path):
    assert path.stem in SHOWN
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert RUN_LINE in code[0].source.splitlines()
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    tree = ast.parse("\n".join(cell.source for cell in code))
    modules = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name for name in modules if name.split(".")[0] in ("research", "flows")} == {"research.tables"}
