"""`open_run`: what a notebook sees of a run."""

from __future__ import annotations

import datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from run_samples import SPEC, batch, completed, create, finished, page, write

from research.errors import InvalidRun
from research.output_schema.output_spec import OutputSpec
from research.result.result import FieldBasis
from research.tables import Run, RunFolder, open_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return open_run(finished(tmp_path_factory.mktemp("reading") / "run", failing=[3]).path)


def test_each_table_is_a_data_frame(run: Run) -> None:
    assert run.results()["mission"].tolist() == ["Mission 0", "Mission 1", "Mission 2", "Mission 3"]
    assert len(run.basis()) == 12
    assert len(run.usage()) == 4
    assert len(run.findings()) == 3
    assert len(run.sources()) == 3
    assert run.pages()["url"].tolist() == [page(n).url for n in range(3)]


def test_integers_stay_integers_where_some_are_missing(run: Run) -> None:
    mass = run.results()["mass"]
    assert (str(mass.dtype), mass.isna().tolist()) == ("Int64", [False, False, False, True])


def test_a_cell_has_its_value_and_every_excerpt_with_what_stands_around_it(run: Run) -> None:
    cell = run.cell(2, "operator")
    assert (cell.value, cell.confidence, cell.reasoning) == ("Agency 2", "high", "It is named.")
    (found,) = cell.evidence
    assert found.before + found.excerpt + found.after == page(2).text
    assert run.page(found.page_hash) == page(2)


def test_the_evidence_of_a_cells_parts_is_its_own(run: Run) -> None:
    cell = run.cell(1, "crew")
    assert (cell.value, cell.confidence, [e.field for e in cell.evidence]) == ([{"name": "Ada 1"}], "medium", ["crew.0.name"])
    assert run.cell(1, "launched").evidence == ()
    assert run.cell(1, "launched").reasoning == "No page says when."


def test_values_come_back_as_the_answer_held_them(tmp_path: Path) -> None:
    spec = OutputSpec.parse(
        {
            "type": "object",
            "properties": {
                "day": {"type": "string", "format": "date"},
                "any": {},
                "when": {"type": "string", "format": "date-time"},
            },
            "additionalProperties": False,
        }
    )
    output = {"day": "1977-09-05", "any": {"a": [1, None]}, "when": "1977-09-05T12:56:00Z"}
    made = create(tmp_path, spec=spec)
    made.write_shard(0, batch([0]), 0, [completed(0, output=output, basis=[FieldBasis(field="day")])])
    run = open_run(tmp_path)
    assert {field: run.cell(0, field).value for field in output} == output
    assert run.results()["day"].tolist() == [datetime.date(1977, 9, 5)]


def test_what_is_not_there_is_a_key_error(run: Run) -> None:
    for miss in (lambda: run.cell(99, "operator"), lambda: run.cell(0, "color"), lambda: run.page("0" * 64)):
        with pytest.raises(KeyError):
            miss()


def test_sql_asks_the_views(run: Run) -> None:
    assert run.sql("SELECT field, value FROM low_confidence WHERE row_index = 1")["value"].tolist() == ["101"]
    assert run.fields == {field.name: field.name for field in SPEC.fields}
    assert run.columns["status"] == "status_research"


def test_a_run_that_goes_on_shows_what_is_committed(tmp_path: Path) -> None:
    made = create(tmp_path)
    run = open_run(tmp_path)
    assert run.results().empty
    write(made, 0, [0, 1])
    assert len(run.results()) == 2
    assert run.cell(1, "mass").value == 101
    with pytest.raises(InvalidRun, match="made when the run ends"):
        run.sql("FROM results")


def test_a_page_is_found_that_was_stored_or_moved_after_the_run_was_opened(tmp_path: Path) -> None:
    folder = create(tmp_path)
    write(folder, 0, [0, 1], failing=[0])
    run = open_run(tmp_path)
    assert run.page(page(1).page_hash).text == page(1).text
    write(folder, 1, [2, 3])
    write(folder, 2, [4])
    assert run.page(page(4).page_hash).text == page(4).text
    parts = folder.part("pages", 1)
    pq.write_table(pq.read_table(parts, partitioning=None).take([1, 0]), parts)
    (tmp_path / "commits" / "part-00001.json").unlink()
    with RunFolder.open(tmp_path).lock():  # whoever writes a part again records it
        pass
    assert [run.page(page(n).page_hash).text for n in (2, 3)] == [page(n).text for n in (2, 3)]
    with pytest.raises(KeyError):
        run.page("00" * 32)
