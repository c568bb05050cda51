"""A run folder on object storage: what is put when, what another machine finds there, and who may write."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from flows.cli import main
from research.errors import InvalidLocation, InvalidRun, SurroundingsFault
from research.storage.lease import LEASE_SECONDS, Lease
from research.storage.objects import ObjectFolder, folder_url
from research.tables import RunFolder, open_run, verify
from research.tables.layout.cell_text import row_key
from research.tables.run_folder.mirror import RunMirror
from research.tables.run_folder.reading_by_url import read_only_copy
from tests.storage.s3_server import SECRET, ObjectStorage
from tests.tables.run_samples import completed, create, everything, page, write

TABLES = ("results", "basis", "usage", "findings", "sources", "pages")


@pytest.fixture
def url(s3: ObjectStorage) -> str:
    return f"s3://{s3.bucket()}/runs/missions"


@pytest.fixture
def machine(url: str, tmp_path: Path) -> Callable[[str], RunMirror]:
    """The mirror of the run on a machine by this name."""
    return lambda name: RunMirror(url, tmp_path / name)


def start(mirror: RunMirror) -> RunFolder:
    """What a run does first: the lease, a pull, the folder."""
    lease = mirror.lease()
    lease.take(mirror.place.check())
    mirror.pull()
    lease.claim_content()
    return create(mirror.path)


def same_tables(one: RunFolder, other: RunFolder) -> bool:
    return all(everything(one, table).equals(everything(other, table)) for table in TABLES)


def test_another_machine_finds_what_was_put(machine: Callable[[str], RunMirror], url: str, tmp_path: Path) -> None:
    """Committed shards, run.json, the state that a run needs to go on; and no lock, note or temporary file."""
    first = machine("a")
    run = start(first)
    write(run, 0, [0, 1])
    write(run, 1, [2, 3], failing=[3])
    (run.state / "results").mkdir()
    (run.state / "results" / "00001-7-0123abcd.jsonl").write_text("{}\n")
    (run.state / "spending.jsonl").write_text("{}\n")
    (run.state / "holder.json").write_text("{}")
    first.push()
    assert not [key for key in first.place.entries() if "lock" in key or "holder" in key or key.endswith(".tmp")]
    second = machine("b")
    second.pull()
    again = RunFolder.open(second.path)
    assert same_tables(run, again)
    assert again.committed_shards() == [0, 1]
    assert (again.state / "spending.jsonl").exists()
    assert (again.state / "results" / "00001-7-0123abcd.jsonl").exists()
    run.finish(rows=4)
    (run.state / "results" / "00001-7-0123abcd.jsonl").unlink()
    first.push()
    second.pull()
    assert verify(second.path).ok
    assert not [key for key in first.place.entries() if key.endswith("0123abcd.jsonl")], "what was swept is swept there, too"
    assert RunFolder.open(read_only_copy(url, tmp_path / "reader")).summary == RunFolder.open(run.path).summary


class Killed(BaseException):
    pass


@pytest.mark.parametrize("survived", [1, 6, 8, 10, 14, 15, 16])
def test_a_shard_written_again_is_never_half_old_and_half_new(
    machine: Callable[[str], RunMirror], monkeypatch: pytest.MonkeyPatch, survived: int
) -> None:
    """The machine is lost after so many requests: another one finds all of the old shard, or all of the new one."""
    first = machine("a")
    run = start(first)
    write(run, 0, [0, 1], failing=[1])
    first.push()
    old = {table: everything(run, table) for table in TABLES}
    run.rewrite_shard(0, {1: completed(1)}, [page(1)])
    new = {table: everything(run, table) for table in TABLES}
    left = survived

    def mortal(place: ObjectFolder) -> None:
        def until_killed(does: Callable[..., object], *arguments: object) -> object:
            nonlocal left
            if left <= 0:
                raise Killed
            left -= 1
            return does(*arguments)

        for name in ("put", "copy", "delete"):
            monkeypatch.setattr(place, name, partial(until_killed, getattr(place, name)))

    mortal(first.place)
    with suppress(Killed):
        first.push()
    second = machine("b")
    second.pull()
    there = RunFolder.open(second.path)
    assert there.committed_shards() == [0]
    found = {table: everything(there, table) for table in TABLES}
    assert found in (old, new)
    left = survived
    mortal(second.place)
    with suppress(Killed):  # the one who goes on dies as well
        second.push()
    third = machine("c")
    third.pull()
    third.push()
    assert {table: everything(RunFolder.open(third.path), table) for table in TABLES} == found
    assert not [key for key in third.place.entries() if "uploads" in key]


def test_what_a_dead_machine_had_not_put_gives_way_to_what_another_one_put(machine: Callable[[str], RunMirror]) -> None:
    first, second = machine("a"), machine("b")
    run = start(first)
    write(run, 0, [0, 1])
    first.push()
    write(run, 1, [2, 3])  # and it is lost
    second.pull()
    write(RunFolder.open(second.path), 1, [2])
    second.push()
    first.pull()
    assert same_tables(RunFolder.open(first.path), RunFolder.open(second.path))


def test_a_part_that_is_damaged_in_the_storage_does_not_count(machine: Callable[[str], RunMirror]) -> None:
    first = machine("a")
    run = start(first)
    write(run, 0, [0, 1])
    first.push()
    first.place.put("basis/part-00000.parquet", b"PAR1")
    second = machine("b")
    second.pull()
    there = RunFolder.open(second.path)
    assert there.committed_shards() == []
    with there.lock():
        assert [damage.parts for damage in there.damage] == [("basis/part-00000.parquet",)]
        second.push()
    assert "basis/part-00000.parquet" not in first.place.entries()


def test_one_process_at_a_time_writes(machine: Callable[[str], RunMirror], url: str) -> None:
    """A lease that is not renewed is free after a minute of the storage's clock; who has lost it puts nothing more."""
    place = ObjectFolder(url)
    now = place.check()
    first, second = Lease(place, "a"), Lease(place, "b")
    first.take(now)
    first.renew()
    with pytest.raises(InvalidRun, match=rf"{url} is being written by process \d+ on .*the same command goes on after \d\d:"):
        second.take(now)
    second.take(now + timedelta(seconds=LEASE_SECONDS + 2))
    with pytest.raises(SurroundingsFault, match="was taken over by another process"):
        first.renew()
    first.release()
    with pytest.raises(InvalidRun, match="is being written"):
        first.take(now)
    second.release()
    first.take(now)


def test_the_lease_of_a_dead_process_of_this_machine_is_free(url: str) -> None:
    """Whoever holds the lock of the working copy knows that the last holder is dead."""
    place = ObjectFolder(url)
    now = datetime.now(UTC)
    Lease(place, "a").take(now)
    Lease(place, "a").take(now)


def test_a_dead_process_s_working_copy_goes_on_where_it_was(machine: Callable[[str], RunMirror]) -> None:
    """It may be ahead of the storage: nothing is brought from there, and nothing that it has is lost."""
    mirror = machine("a")
    run = start(mirror)
    write(run, 0, [0, 1])  # killed before it was put
    (run.state / "spending.jsonl").write_text("{}\n")
    again = machine("a")
    again.bring_up_to_date()
    assert RunFolder.open(again.path).committed_shards() == [0]
    again.adopt()
    again.push()
    assert {"commits/part-00000.json", ".state/spending.jsonl"} <= again.place.entries().keys()


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("s3://bucket", "write a run folder's URL as s3://bucket/name-of-the-run"),
        ("s3:///run", "write a run folder's URL as"),
        ("s3://bucket/../run", "write a run folder's URL as"),
        ("s3://key@bucket/run", "write a run folder's URL as"),
        ("gs://bucket/run", "on object storage by a URL of s3://"),
        ("s3://key:hidden@bucket/run", "holds a key or a password"),
    ],
)
def test_a_url_at_which_no_run_can_be_kept_is_refused(place: str, message: str) -> None:
    with pytest.raises(InvalidLocation, match=message) as refused:
        folder_url(place)
    assert "hidden" not in str(refused.value)


def test_a_bucket_that_is_not_there_and_an_endpoint_that_does_not_answer_are_one_sentence(
    s3: ObjectStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidLocation, match=r"^s3://no-such-bucket/run: there is no such bucket\.$"):
        ObjectFolder("s3://no-such-bucket/run").check()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(InvalidLocation, match=r"^s3://bucket/run does not answer: .*AWS_ENDPOINT_URL") as unreachable:
        ObjectFolder("s3://bucket/run").check()
    assert SECRET not in str(unreachable.value)
    assert "\n" not in str(unreachable.value)


def test_a_url_without_a_run_is_no_run_folder(url: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidRun, match=r"is not a run folder: it holds no run\.json"):
        read_only_copy(url, tmp_path)


def test_a_run_by_url_is_opened_verified_and_shown(
    machine: Callable[[str], RunMirror],
    url: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = machine("a")
    run = start(first)
    write(run, 0, [0, 1], failing=[1])
    run.finish(rows=2)
    first.push()
    opened = open_run(url)
    assert len(opened.results()) == 2
    assert opened.cell(0, "mass").evidence
    copy = opened.path
    del opened
    gc.collect()
    assert not copy.exists(), "its copy goes with it"
    assert verify(url).ok
    monkeypatch.setenv("RESEARCH_CACHE_DIR", str(tmp_path / "cache"))
    assert main(["show", url, "--failed"]) == 0
    assert f"{url}: finished" in capsys.readouterr().err
    assert main(["verify", url]) == 0
    assert main(["show", f"{url}-other"]) == 2
    assert "is not a run folder" in capsys.readouterr().err
    assert main(["clean", url]) == 2


def test_decisions_about_a_run_by_url_are_put_there_and_come_to_another_machine(
    machine: Callable[[str], RunMirror], url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = machine("a")
    run = start(first)
    write(run, 0, [0, 1])
    run.finish(rows=2)
    first.push()
    lease = first.lease()
    lease.read()
    lease.release()
    monkeypatch.setenv("RESEARCH_CACHE_DIR", str(tmp_path / "cache"))
    key = row_key({"mission": "Mission 0", "status": "flying"})
    correct = {"row_index": 0, "row_key": key, "field": "mass", "decision": "correct", "found": "100", "value": "5"}
    decided = {**correct, "reviewer": "Ada", "decided_at": "2026-02-01T10:00:00Z"}
    document = {"format": "research-review", "version": 1, "run": run.key, "decisions": [decided]}
    (tmp_path / "d.json").write_text(json.dumps(document))
    assert main(["review", "apply", url, str(tmp_path / "d.json")]) == 0
    first.pull()
    assert open_run(first.path).reviewed_results()["mass"].tolist() == [5, 101]
    assert open_run(url).sql("SELECT mass FROM reviewed_results ORDER BY row_index")["mass"].tolist() == [5, 101]
    assert verify(url).ok
