"""The run folder: what stands on disk, when a shard counts, and what survives a killed process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from run_samples import (
    INPUT,
    REQUEST,
    SPEC,
    as_earlier_versions_wrote_it,
    batch,
    completed,
    create,
    everything,
    failed,
    finished,
    page,
    write,
)

from research.errors import DamagedRun, InvalidRun, PageUnreadable
from research.ports.page import Page
from research.tables import RunFolder, default_run_path, open_run, request_key, verify
from research.tables.layout.parts import SCHEMAS
from research.tables.run_folder.commit_records import CommitRecords, ShardRows, note_of
from research.tables.run_folder.repair import LostPage

PAGES = {page(n).page_hash: page(n) for n in range(6)}
TABLES = ["results", "basis", "usage", "findings", "sources", "pages"]


def names(run: RunFolder) -> dict[str, list[str]]:
    return {table: sorted(p.name for p in (run.path / table).iterdir()) for table in TABLES}


def test_a_shard_is_one_part_in_each_table(tmp_path: Path) -> None:
    run = create(tmp_path / "run")
    write(run, 0, [0, 1])
    write(run, 1, [2, 3])
    assert names(run) == {t: ["part-00000.parquet", "part-00001.parquet"] for t in TABLES}
    assert run.committed_shards() == [0, 1]


def test_a_copy_without_the_folders_that_were_empty_goes_on(tmp_path: Path) -> None:
    """Object storage, archives and version control keep no empty folders."""
    create(tmp_path / "run")
    (tmp_path / "copy").mkdir()
    shutil.copy(tmp_path / "run" / "run.json", tmp_path / "copy")
    run = RunFolder.open(tmp_path / "copy")
    write(run, 0, [0, 1])
    assert run.committed_shards() == [0]


def test_run_json_says_what_was_asked_and_which_column_is_what(tmp_path: Path) -> None:
    finished(tmp_path)
    document = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert document["format_version"] == "1"
    assert document["request"] == REQUEST
    assert document["key"] == request_key(REQUEST)
    assert document["settings"] == {"shard_size": 2}
    assert document["columns"]["run"]["status"] == "status_research"
    assert document["columns"]["outputs"][0]["description"] == "who flies it"
    assert document["status"] == "finished"
    assert {k: document["summary"][k] for k in ("rows", "completed", "failed", "cost_usd", "models")} == {
        "rows": 4,
        "completed": 4,
        "failed": 0,
        "cost_usd": 1.0,
        "models": ["extractive"],
    }


def test_anybody_can_read_the_parts_while_the_run_goes_on(tmp_path: Path) -> None:
    run = create(tmp_path / "run")
    write(run, 0, [0, 1])
    table = pq.read_table(sorted((run.path / "results").glob("part-*.parquet")))
    assert table["mission"].to_pylist() == ["Mission 0", "Mission 1"]
    assert table["operator"].to_pylist() == ["Agency 0", "Agency 1"]


def test_the_same_request_finds_its_run_again_and_keeps_its_settings(tmp_path: Path) -> None:
    finished(tmp_path)
    again = RunFolder.create(
        tmp_path,
        dict(reversed(REQUEST.items())),
        input_schema=pa.schema([]),
        spec=None,
        settings={"shard_size": 9},  # type: ignore[arg-type]
    )
    assert again.committed_shards() == [0, 1]
    assert again.settings == {"shard_size": 2}


def test_another_request_is_refused_and_each_difference_is_named(tmp_path: Path) -> None:
    create(tmp_path)
    other = {**REQUEST, "table": {"name": "missions", "fingerprint": "xyz"}, "processor": "base", "model": "m"}
    with pytest.raises(InvalidRun, match="another request") as caught:
        create(tmp_path, other)
    assert [f.pointer for f in caught.value.faults] == ["/model", "/processor", "/table/fingerprint"]
    assert 'the run has "core", asked is "base"' in str(caught.value)


def test_pages_or_a_program_that_are_others_than_when_the_run_began_are_told_with_what_to_do(tmp_path: Path) -> None:
    create(tmp_path, {**REQUEST, "search": "local/1", "fetcher": "local/1", "versions": {"plan": 1}})
    with pytest.raises(InvalidRun, match="put them back as they were"):
        create(tmp_path, {**REQUEST, "search": "local/2", "fetcher": "local/2", "versions": {"plan": 1}})
    with pytest.raises(InvalidRun, match="another version of this program"):
        create(tmp_path, {**REQUEST, "search": "local/1", "fetcher": "local/1", "versions": {"plan": 2}})


def test_what_changed_since_a_run_began_is_told_in_words_and_its_refresh_is_named_once_it_is_finished(tmp_path: Path) -> None:
    def corpus(pages: str, reader: str = "22") -> dict[str, str]:
        return dict.fromkeys(("search", "fetcher"), f"local/5/{reader}/{pages * 64}")

    begun = {**REQUEST, "table": "a" * 64, **corpus("a")}
    run = create(tmp_path, begun)
    with pytest.raises(InvalidRun, match="put them back as they were") as caught:
        create(tmp_path, {**begun, "table": "b" * 64, **corpus("b")})
    assert [f.pointer for f in caught.value.faults] == ["/search", "/table"]
    assert "documents of the corpus were added" in str(caught.value)
    assert "the table holds other rows" in str(caught.value)
    assert "aaaa" not in str(caught.value)
    assert "refresh" not in str(caught.value), "which takes finished runs"
    with pytest.raises(InvalidRun, match="another version of this program read the corpus"):
        create(tmp_path, {**begun, **corpus("a", "23")})
    with pytest.raises(InvalidRun, match="--reuse"):
        create(tmp_path, {**begun, "table": "b" * 64})
    with run.lock():
        write(run, 0, [0, 1])
        run.finish(rows=2)
    with pytest.raises(InvalidRun, match="research refresh"):
        create(tmp_path, {**begun, "table": "b" * 64, **corpus("b")})


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(InvalidRun, match="not empty"):
        create(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["letter.txt"]


def test_more_rows_than_shards_can_hold_are_refused_before_anything_is_spent(tmp_path: Path) -> None:
    def started(rows: int, size: int) -> RunFolder:
        return RunFolder.create(
            tmp_path / "run", REQUEST, input_schema=INPUT, spec=SPEC, rows=rows, settings={"shard_size": size}
        )

    with pytest.raises(InvalidRun, match=r"200,001 rows in shards of 1 .* shards of 3 rows or more with --shard-size"):
        started(200_001, 1)
    assert not (tmp_path / "run").exists()
    assert started(200_000, 2).is_new


def test_a_path_that_duckdb_cannot_open_is_refused_before_anything_is_spent(tmp_path: Path) -> None:
    with pytest.raises(InvalidRun, match=r"holds a `\?`"):
        create(tmp_path / "what?")


@pytest.mark.parametrize(
    ("text", "said"),
    [(None, "not a run folder"), ("{", "not JSON"), ("[]", "does not describe"), ('{"format_version": "2"}', "version 2")],
)
def test_what_is_no_run_folder_is_refused_with_the_reason(tmp_path: Path, text: str | None, said: str) -> None:
    if text is not None:
        (tmp_path / "run.json").write_text(text)
    with pytest.raises(InvalidRun, match=said):
        RunFolder.open(tmp_path)


@pytest.mark.parametrize("table", TABLES)
def test_a_shard_that_lacks_a_part_does_not_count_and_what_is_left_of_it_is_put_aside(tmp_path: Path, table: str) -> None:
    """But for its pages: other shards may rest on them."""
    run = create(tmp_path)
    write(run, 0, [0, 1])
    write(run, 1, [2, 3])
    run.part(table, 1).unlink()
    (tmp_path / "pages" / ".part-00002.parquet.0123.tmp").write_bytes(b"half")
    assert run.committed_shards() == [0]
    assert [p.name for p in run.parts("basis")] == ["part-00000.parquet"]
    with RunFolder.open(tmp_path).lock() as again:
        assert [(damage.shard, damage.rows, damage.parts) for damage in again.damage] == [
            (1, ShardRows(2, ((2, 3),)), (f"{table}/part-00001.parquet",))
        ]
        left = ["part-00000.parquet", *(["part-00001.parquet"] if table != "pages" else [])]
        assert names(again) == {**{t: ["part-00000.parquet"] for t in TABLES}, "pages": left}
        write(again, 1, [2, 3])
        again.finish(rows=4)
    assert verify(tmp_path).ok
    assert len(list((tmp_path / ".state" / "damaged").glob("*.parquet"))) == (4 if table != "pages" else 5)


def test_pages_that_were_lost_are_named_until_they_are_stored_again(tmp_path: Path) -> None:
    """Shard 1 rests on a page of shard 0, whose part is damaged. Found again, nothing of shard 1 is done again."""
    run = create(tmp_path)
    run.write_shard(0, batch([0]), 0, [completed(0, 7)], [page(7)])
    run.write_shard(1, batch([1]), 1, [completed(1, 7)], [])
    run.part("pages", 0).write_bytes(run.part("pages", 0).read_bytes().replace(b"PAR1", b"PAR2"))
    for _ in range(2):  # killed in between
        with RunFolder.open(tmp_path).lock() as again:
            assert again.committed_shards() == [1]
            assert again.repair.lost_pages() == {page(7).page_hash: LostPage(page(7).url, (1,))}
    with RunFolder.open(tmp_path).lock() as again:
        again.repair.restore_pages([page(7)])
        assert again.repair.lost_pages() == {}
        assert again.committed_shards() == [1]
        again.write_shard(0, batch([0]), 0, [completed(0, 7)], [])
        again.finish(rows=2)
    assert verify(tmp_path).ok


def test_a_shard_whose_pages_are_lost_for_good_does_not_count_any_more(tmp_path: Path) -> None:
    run = create(tmp_path)
    run.write_shard(0, batch([0]), 0, [completed(0, 7)], [page(7)])
    run.write_shard(1, batch([1]), 1, [completed(1, 7)], [page(8)])
    run.part("pages", 0).unlink()
    with RunFolder.open(tmp_path).lock() as again:
        ((_, lost),) = again.repair.lost_pages().items()
        assert [damage.rows for damage in again.repair.give_up(lost.shards)] == [ShardRows(1, ((1, 1),))]
        assert again.committed_shards() == []
        assert again.stores_page(page(8).page_hash), "what else it stored stays"


def test_a_lost_commit_record_is_written_anew(tmp_path: Path) -> None:
    run = finished(tmp_path, failing=[3])
    before = (tmp_path / "commits" / "part-00001.json").read_bytes()
    for harm in (b"", before.replace(b"[2, 2]", b"[2, 3]"), None):
        record = tmp_path / "commits" / "part-00001.json"
        record.unlink() if harm is None else record.write_bytes(harm)
        assert RunFolder.open(tmp_path).committed_shards() == [0]
        with RunFolder.open(tmp_path).lock() as again:
            assert (again.damage, again.committed_shards(), again.unfinished(4)) == ((), [0, 1], {1: [3]})
        assert record.read_bytes() == before
    assert run.unfinished(4) == {1: [3]}


def test_a_lost_or_torn_run_json_is_made_anew_by_the_same_request(tmp_path: Path) -> None:
    finished(tmp_path, failing=[3])
    file = tmp_path / "run.json"
    before = json.loads(file.read_text())
    for harm in (None, file.read_text()[:-40], file.read_text().replace("missions", "missiles"), ""):
        file.unlink() if harm is None else file.write_text(harm)
        with pytest.raises(InvalidRun):
            RunFolder.open(tmp_path)
        with pytest.raises(InvalidRun):
            create(tmp_path, {**REQUEST, "processor": "base"})
        with create(tmp_path).lock() as again:
            assert (again.is_new, again.unfinished(4), again.settings) == (False, {1: [3]}, before["settings"])
            again.finish(rows=4)
        document = json.loads(file.read_text())
        differ = {"created_at", "finished_at", "digest", "warehouse"}  # a database that is made anew has other bytes
        assert {k: v for k, v in document.items() if k not in differ} == {k: v for k, v in before.items() if k not in differ}
    assert verify(tmp_path).ok


def test_a_database_is_made_anew_only_if_it_or_what_it_is_made_of_has_changed(tmp_path: Path) -> None:
    run = finished(tmp_path, failing=[3])
    file = tmp_path / "research.duckdb"

    def made_anew(harm: Callable[[], object] = lambda: None) -> bool:
        before = file.stat().st_ino
        harm()
        with RunFolder.open(tmp_path).lock() as again:
            again.finish(rows=4)
        assert verify(tmp_path).ok
        return file.stat().st_ino != before

    assert not made_anew()
    assert made_anew(lambda: file.write_bytes(file.read_bytes()[:-1] + b"\1"))
    assert not made_anew()
    assert made_anew(lambda: write(run, 1, [2, 3]))
    document = json.loads((tmp_path / "run.json").read_text())
    assert document["summary"]["failed"] == 0
    assert not made_anew()


def test_a_run_that_was_killed_while_it_was_being_started_can_be_started(tmp_path: Path) -> None:
    create(tmp_path)
    (tmp_path / "run.json").unlink()
    assert create(tmp_path).is_new


def test_a_folder_from_before_there_were_commit_records_is_read_and_gets_them(tmp_path: Path) -> None:
    finished(tmp_path, failing=[3])
    as_earlier_versions_wrote_it(tmp_path)
    run = RunFolder.open(tmp_path)
    assert (run.committed_shards(), run.unfinished(4)) == ([0, 1], {1: [3]})
    assert verify(tmp_path).ok
    run.part("basis", 0).unlink()
    assert run.committed_shards() == [1]
    assert not verify(tmp_path).ok
    with run.lock():
        assert [damage.shard for damage in run.damage] == [0]
        write(run, 0, [0, 1])
        run.finish(rows=4)
    assert sorted(p.name for p in (tmp_path / "commits").iterdir()) == ["part-00000.json", "part-00001.json"]
    assert verify(tmp_path).ok


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    run = create(tmp_path)

    def lost(page_hash: str) -> Page:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.write_shard(0, batch([0]), 0, [completed(0)], lost)
    assert names(run) == {table: [] for table in TABLES}


@pytest.mark.parametrize("earlier_version", [False, True])
@pytest.mark.parametrize("renamed", [0, 1, 5, 6])
def test_a_commit_that_was_cut_short_is_ended_by_the_next_holder(tmp_path: Path, renamed: int, earlier_version: bool) -> None:
    """A shard that is written again is never half old, half new: killed after any rename, it becomes new as a whole."""
    old, new = finished(tmp_path / "old", 1, failing=[1]), finished(tmp_path / "new", 1)
    names_of, folder = {}, old.state / "commits"
    for place, table in enumerate(["basis", "usage", "findings", "sources", "pages", "results"]):
        names_of[table] = f".part-00000.parquet.abc{place}.tmp"
        target = old.part(table, 0) if place < renamed else old.path / table / names_of[table]
        shutil.copy(new.part(table, 0), target)
    folder.mkdir(exist_ok=True)
    record = CommitRecords(new.path).get(0)
    assert record is not None
    (folder / "00000.json").write_bytes(note_of(names_of, record))
    if earlier_version:
        (folder / "00000.json").write_text(json.dumps(names_of))
        as_earlier_versions_wrote_it(old.path)
    again = RunFolder.open(old.path)
    with again.lock():
        assert all(everything(again, table).equals(everything(new, table)) for table in TABLES)
        assert names(again) == {t: ["part-00000.parquet"] for t in TABLES}
        again.finish(rows=2)
    assert verify(old.path).ok


def test_one_process_at_a_time_and_the_other_is_told_which(tmp_path: Path) -> None:
    run = create(tmp_path)
    with run.lock(), pytest.raises(InvalidRun, match=f"process {os.getpid()} on "), RunFolder.open(tmp_path).lock():
        pass
    with RunFolder.open(tmp_path).lock():
        pass


def test_the_lock_of_a_dead_process_is_free(tmp_path: Path) -> None:
    create(tmp_path)
    script = """
import os, sys
from research.tables import RunFolder
lock = RunFolder.open(sys.argv[1]).lock()
lock.__enter__()
os._exit(9)
"""
    assert subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False).returncode == 9
    assert (tmp_path / ".state" / "holder.json").exists()
    with RunFolder.open(tmp_path).lock() as run:
        assert run.status == "running"


def test_a_page_is_stored_once_however_many_shards_read_it(tmp_path: Path) -> None:
    run = create(tmp_path)
    asked: list[str] = []

    def find(page_hash: str) -> Page:
        asked.append(page_hash)
        return page(7)

    run.write_shard(0, batch([0, 1]), 0, [completed(0, 7), completed(1, 7)], find)
    RunFolder.open(tmp_path).write_shard(1, batch([2]), 2, [completed(2, 7)], find)
    run.write_shard(2, batch([3]), 3, [completed(3, 7)], [page(7)])
    assert asked == [page(7).page_hash]
    assert everything(run, "pages").num_rows == 1


def test_a_page_whose_state_is_swept_while_it_is_looked_for_is_found_in_the_part_that_was_committed(tmp_path: Path) -> None:
    """As with equal rows in two shards: the first commit sweeps the pages that the second is about to look for."""
    run = create(tmp_path)

    def swept(page_hash: str) -> Page:
        RunFolder.open(tmp_path).write_shard(0, batch([0]), 0, [completed(0, 7)], [page(7)])
        raise PageUnreadable(f"{page_hash} is not stored")

    run.write_shard(1, batch([1]), 1, [completed(1, 7)], swept)
    assert everything(run, "pages").num_rows == 1
    assert verify(tmp_path).ok


def test_a_page_that_two_processes_stored_at_once_is_there_once_in_the_end(tmp_path: Path) -> None:
    run = create(tmp_path)

    def meanwhile() -> Iterator[Page]:
        RunFolder.open(tmp_path).write_shard(0, batch([0]), 0, [completed(0, 7)], [page(7)])
        yield page(7)
        yield page(8)

    run.write_shard(1, batch([1]), 1, [completed(1, 7)], meanwhile())
    assert everything(run, "pages").num_rows == 3
    run.finish(rows=2)
    assert everything(run, "pages")["url"].to_pylist() == [page(7).url, page(8).url]
    assert verify(tmp_path).ok


def test_a_shard_written_again_keeps_the_pages_that_other_shards_rest_on(tmp_path: Path) -> None:
    run = create(tmp_path)
    run.write_shard(0, batch([0]), 0, [completed(0, 7)], [page(7)])
    run.write_shard(1, batch([1]), 1, [completed(1, 7)], [page(7)])
    run.write_shard(0, batch([0]), 0, [completed(0, 8)], [page(8)])
    assert everything(run, "pages")["url"].to_pylist() == [page(7).url, page(8).url]
    run.finish(rows=2)
    assert verify(tmp_path).ok


def test_what_is_unfinished_is_known_without_reading_the_rest(tmp_path: Path) -> None:
    run = create(tmp_path)
    write(run, 0, [0, 1])
    write(run, 1, [2, 3], failing=[3])
    assert run.unfinished(4) == {1: [3]}
    shard = run.read_shard(1)
    assert (shard.rows, shard.unfinished) == ((2, 3), (3,))
    assert shard.inputs.equals(pa.Table.from_batches([batch([2, 3])]))
    with pytest.raises(DamagedRun, match=r"Shard 2 .* not committed"):
        run.read_shard(2)


@settings(max_examples=4)
@given(failing=st.sets(st.integers(0, 5)), left_out=st.sets(st.integers(0, 5)), size=st.sampled_from([1, 2, 3, 6]))
def test_running_the_failed_and_missing_rows_again_gives_what_one_unbroken_run_gives(
    tmp_path_factory: pytest.TempPathFactory, failing: set[int], left_out: set[int], size: int
) -> None:
    """Rows are missing where the run was stopped before it had come to them."""
    broken = create(tmp_path_factory.mktemp("broken"), shard_size=size)
    whole = create(tmp_path_factory.mktemp("whole"), shard_size=size)
    for shard, start in enumerate(range(0, 6, size)):
        rows = list(range(start, start + size))
        write(broken, shard, rows, failing, left_out)
        write(whole, shard, rows)
    broken.finish(status="stopped", reason="a person")
    assert verify(broken.path).ok
    assert open_run(broken.path).results()["row_index"].to_list() == sorted(set(range(6)) - left_out)
    again = RunFolder.open(broken.path)
    assert {row for rows in again.unfinished(6).values() for row in rows} == failing | left_out
    for shard, rows in again.unfinished(6).items():
        results = {row: completed(row) for row in rows}
        inputs = batch(range(size * shard, size * shard + size))
        again.rewrite_shard(shard, results, PAGES.__getitem__, batch=inputs, row_start=size * shard)
    for table in TABLES[:-1]:
        assert everything(again, table).equals(everything(whole, table)), table
    assert sorted(everything(again, "pages").to_pylist(), key=str) == sorted(everything(whole, "pages").to_pylist(), key=str)
    assert again.unfinished(6) == {}


def test_rows_that_are_not_in_the_shard_cannot_be_rewritten(tmp_path: Path) -> None:
    run = create(tmp_path)
    write(run, 0, [0, 1])
    with pytest.raises(ValueError, match=r"rows \[2\] are not all in shard 0"):
        run.rewrite_shard(0, {2: completed(2)})


def test_results_and_rows_must_be_as_many_and_of_the_runs_columns(tmp_path: Path) -> None:
    run = create(tmp_path)
    with pytest.raises(ValueError, match="2 rows and 1 results"):
        run.write_shard(0, batch([0, 1]), 0, [completed(0)])
    with pytest.raises(ValueError, match="other columns"):
        run.write_shard(0, pa.record_batch({"x": [1]}), 0, [completed(0)])
    with pytest.raises(ValueError, match="100,000"):
        run.write_shard(100_000, batch([0]), 0, [completed(0)])


def test_an_empty_table_makes_a_whole_run(tmp_path: Path) -> None:
    run = create(tmp_path)
    with run.lock():
        summary = run.finish(rows=0)
    assert (summary["rows"], summary["cost_usd"], summary["models"]) == (0, 0.0, [])
    assert all(everything(run, table).num_rows == 0 for table in TABLES)
    assert everything(run, "results").schema.equals(run.columns.schema)
    assert verify(tmp_path).ok
    assert run.read_shard(0).unfinished == ()


def test_a_stopped_run_says_why_and_can_go_on(tmp_path: Path) -> None:
    run = create(tmp_path)
    with run.lock():
        write(run, 1, [2, 3])
        run.finish(status="stopped", reason="the budget of $5 is spent")
    document = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert (document["status"], document["reason"]) == ("stopped", "the budget of $5 is spent")
    assert verify(tmp_path).ok
    with create(tmp_path).lock() as again:
        write(again, 0, [0, 1])
        assert again.finish(rows=4)["rows"] == 4
    assert verify(tmp_path).ok


def test_a_run_that_lacks_rows_cannot_be_called_finished(tmp_path: Path) -> None:
    run = create(tmp_path)
    write(run, 0, [0, 1], failing=[0])
    with pytest.raises(DamagedRun, match="holds 2 rows and the table has 3"):
        run.finish(rows=3)
    assert RunFolder.open(tmp_path).status == "running"


def test_an_unknown_cost_is_not_zero(tmp_path: Path) -> None:
    run = create(tmp_path)
    run.write_shard(0, batch([0, 1]), 0, [failed(0), completed(1)], [page(1)])
    assert run.finish(rows=2)["cost_usd"] is None


def test_equal_rows_that_share_a_task_are_paid_for_once(tmp_path: Path) -> None:
    run = create(tmp_path)
    result = completed(0)
    run.write_shard(0, batch([0, 1]), 0, [result, result], [page(0)])
    summary = run.finish(rows=2)
    assert (summary["rows"], summary["tasks"], summary["cost_usd"]) == (2, 1, 0.25)


def test_a_run_goes_to_a_folder_named_after_its_table_and_key() -> None:
    key = request_key(REQUEST)
    assert default_run_path("missions", key) == Path("runs") / f"missions-{key[:8]}"
    assert default_run_path("../s3://b/ä b?", key) == Path("runs") / f"s3-b-ä-b-{key[:8]}"
    assert default_run_path("???", key) == Path("runs") / f"table-{key[:8]}"


def test_parts_of_pages_from_before_there_were_raw_hash_and_html_still_read(tmp_path: Path) -> None:
    """And a failed row that runs again adds newer pages to such a part."""
    run = finished(tmp_path / "run", failing=[1])
    older = [name for name in SCHEMAS["pages"].names if name not in ("raw_hash", "html")]
    for part in run.parts("pages"):
        pq.write_table(pq.read_table(part, partitioning=None).select(older), part)
    as_earlier_versions_wrote_it(run.path)
    run = RunFolder.open(run.path)
    assert everything(run, "pages")["raw_hash"].null_count == 3
    with run.lock():
        newer = page(1).model_copy(update={"raw_hash": "ab" * 32, "html": "<p>"})
        run.rewrite_shard(0, {1: completed(1)}, [newer])
        run.finish(rows=4)
    assert verify(run.path).ok
    read = open_run(run.path)
    assert [read.page(page(n).page_hash).raw_hash for n in range(3)] == [None, "ab" * 32, None]
    assert read.page(page(1).page_hash).html == "<p>"
    assert read.sql("SELECT count(raw_hash) AS n FROM pages")["n"].tolist() == [1]
