"""What the research tier writes about a row is in the run folder, and its numbers name sources of the row."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from run_samples import SPEC, batch, completed, create, failed, finished, page

from research.tables import RunFolder, open_run, verify
from research.tables.run_folder.reading_back import RowReader

TEXT = "# Mission 0\n\nAgency 0 flies it [1]."


def reported(path: Path) -> RunFolder:
    """Two shards: row 0 has a report, and the second shard has none."""
    run = create(path)
    with run.lock():
        run.write_shard(0, batch([0, 1]), 0, [completed(0, report=TEXT), failed(1)], [page(0)])
        run.write_shard(1, batch([2, 3]), 2, [completed(2), completed(3)], [page(2), page(3)])
        run.finish(rows=4)
    return run


def test_a_report_is_read_back_with_the_sources_that_it_cites(tmp_path: Path) -> None:
    reported(tmp_path)
    run = open_run(tmp_path)
    report = run.report(0)
    assert report is not None
    assert (str(report), [(source.index, source.url) for source in report.cited]) == (TEXT, [(1, "corpus://missions/0.html")])
    assert "- [1] <corpus://missions/0.html>" in report._repr_markdown_()
    assert (run.report(1), run.report(3)) == (None, None)
    with pytest.raises(KeyError):
        run.report(4)
    assert run.reports()["row_index"].to_list() == [0]
    assert run.sql("SELECT report FROM reports")["report"].to_list() == [TEXT]
    back = RowReader(run.folder, SPEC)(0)
    assert back is not None
    assert back.report == TEXT
    assert verify(tmp_path).ok


def test_a_shard_that_is_written_again_keeps_the_reports_of_its_other_rows(tmp_path: Path) -> None:
    run = reported(tmp_path)
    with run.lock():
        run.rewrite_shard(0, {1: completed(1, report="Agency 1 [1]")}, [page(1)])
        run.rewrite_shard(0, {0: completed(0)}, [page(0)])
        run.finish(rows=4)
    assert open_run(tmp_path).reports()["report"].to_list() == ["Agency 1 [1]"]
    assert verify(tmp_path).ok


def test_a_report_that_cites_what_is_no_source_of_its_row_is_a_problem(tmp_path: Path) -> None:
    run = create(tmp_path)
    run.write_shard(0, batch([0, 1]), 0, [completed(0, report="As [1] and [7] say."), completed(1)], [page(0), page(1)])
    run.finish(rows=2)
    assert [(p.row, p.message) for p in verify(tmp_path).problems] == [(0, "the report cites [7], which is no source of the row")]


def test_a_folder_from_before_there_were_reports_is_read_verified_and_gone_on_with(tmp_path: Path) -> None:
    run = finished(tmp_path, failing=[3])
    assert not list((tmp_path / "reports").iterdir()), "a shard without a report has no part"
    (tmp_path / "reports").rmdir()
    with duckdb.connect(tmp_path / "research.duckdb") as db:
        db.execute("DROP TABLE reports")
    assert (open_run(tmp_path).report(0), len(open_run(tmp_path).reports())) == (None, 0)
    assert [problem.message for problem in verify(tmp_path).problems] == []
    with run.lock():
        run.rewrite_shard(1, {3: completed(3, report=TEXT)}, [page(3)])
        run.finish(rows=4)
    assert str(open_run(tmp_path).report(3)) == TEXT
    assert verify(tmp_path).ok


def test_a_report_that_was_lost_is_damage(tmp_path: Path) -> None:
    reported(tmp_path)
    (tmp_path / "reports" / "part-00000.parquet").unlink()
    run = RunFolder.open(tmp_path)
    assert run.committed_shards() == [1]
    assert any("is missing" in problem.message for problem in verify(tmp_path).problems)
    with run.lock():
        assert [damage.shard for damage in run.damage] == [0]
