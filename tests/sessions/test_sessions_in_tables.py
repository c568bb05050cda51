"""Rows of a table go on from sessions, have ids of their own, and what a session holds is part of what makes the run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from flows.run.events import Event
from flows.run.request import Request
from flows.run.reuse import Earlier
from flows.run.row_ids import RowIds
from flows.run.row_work import whole_rows
from flows.run.rows import Rows
from flows.run.runner import Runner
from flows.run.shards import Remaining, Shards
from research.errors import InvalidTable, InvalidTask, UnknownSession
from research.models.keyless.model import KeylessModel
from research.pages.page_store import PageStore, StoringFetcher
from research.ports.page import page_hash
from research.ports.sessions import EarlierPage, EarlierTask
from research.ports.world import World
from research.result.result import utc_now
from research.sessions.folder import FolderSessions
from research.stored_results.store import ResultStore
from research.tables.audit.verify import verify
from research.tables.run_folder.reader import open_run
from research.tables.run_folder.run_folder import RunFolder
from research.testing import Pages, make_page

TEXTS = {
    "test://eddystone": "# Eddystone Lighthouse\n\nFirst lit: 18 May 1882",
    "test://smeaton": "# Smeaton Tower\n\nFirst lit: 16 October 1759",
}
IDS = RowIds("number", "session", "owner")
ROWS = [
    {"number": "a", "session": "s-1", "owner": "alice", "note": "x"},
    {"number": "b", "session": "s-2", "owner": "alice", "note": "x"},
    {"number": "c", "session": "s-2", "owner": "eve", "note": "x"},
]


@pytest.fixture
async def sessions(tmp_path: Path) -> FolderSessions:
    """Two of alice's: one about a lighthouse that no search finds any more, one about a tower."""
    kept = FolderSessions(tmp_path / "sessions")
    await add(kept, "s-1", "Who built Eddystone Lighthouse?", "test://eddystone")
    await add(kept, "s-2", "How high is Smeaton Tower?", "test://smeaton")
    return kept


async def add(kept: FolderSessions, session: str, question: str, url: str) -> None:
    page = make_page(url, TEXTS[url])
    read = EarlierPage(url=url, title=page.title, page_hash=page_hash(page.text))
    task = EarlierTask(task_id=question, task=question, pages=(read,), completed_at=utc_now())
    await kept.save(session, "alice", task, [page])


def request(folder: Path, rows: list[dict[str, Any]], ids: RowIds = IDS, **options: Any) -> Request:
    table = folder / "table.csv"
    pd.DataFrame(rows).to_csv(table, index=False)
    asked = {"query": None, "limit": None, "objective": "When was it first lit?", "objective_column": None}
    return Request.check(table=str(table), output_schema={"first_lit": "date"}, ids=ids, **{**asked, **options})


async def run_of(asked: Request, run: Path, heard: list[Event] | None = None) -> RunFolder:
    source = Pages({"test://smeaton": TEXTS["test://smeaton"]})
    world = World(KeylessModel(), source, StoringFetcher(source, PageStore(run / ".state" / "pages")))
    folder = RunFolder.create(
        run, asked.document(world), input_schema=asked.table.schema, spec=asked.spec, settings={"shard_size": 100}
    )
    with folder.lock():
        runner = Runner(ResultStore(folder.state / "results"))
        listener = [].append if heard is None else heard.append
        rows = Rows(asked, world, runner, listener, 4)
        shards = Remaining.of(folder, asked.table.row_count).shards(asked.table)
        await Shards(folder, rows, world.fetcher.recall, runner, listener).run(shards, open_at_once=1)
        folder.finish(rows=asked.table.row_count)
    return folder


async def test_each_row_goes_on_from_its_session_and_a_foreign_one_fails_alone(tmp_path: Path, sessions: FolderSessions) -> None:
    folder = await run_of(await request(tmp_path, ROWS).with_row_columns(sessions), tmp_path / "run")
    results = open_run(folder.path).results()
    assert results["first_lit"].astype(str).tolist()[:2] == ["1882-05-18", "1759-10-16"]
    assert results["status"].tolist() == ["completed", "completed", "failed"]
    assert results["error"][2].startswith("UnknownSession: The task of row 2 ")
    assert "s-2" not in results["error"][2], "an error stands in logs, which learn of no session"
    assert results["task_id"].tolist() == ["a", "b", "c"]
    assert "Eddystone Lighthouse" in results["warnings"][0][0]
    assert verify(folder.path).ok, "the page of the session is a page of the run"


def test_no_model_learns_a_session_or_an_end_user(tmp_path: Path) -> None:
    task = request(tmp_path, ROWS).task(0, ROWS[0])
    assert task.input == {"number": "a", "note": "x"}
    assert (task.task_id, task.session_id, task.end_user_id) == ("a", "s-1", "alice")


async def test_what_the_sessions_hold_is_part_of_what_makes_the_run(tmp_path: Path, sessions: FolderSessions) -> None:
    asked = request(tmp_path, ROWS)
    before = await asked.with_row_columns(sessions)
    assert (await asked.with_row_columns(sessions)).content == before.content
    assert "s-1" not in str(before.content), "an id lets its holder in"
    folder = await run_of(before, tmp_path / "run")
    find = whole_rows(before, World(KeylessModel(), source := Pages(TEXTS), source))
    key = (await find(0, ROWS[0])).key
    await add(sessions, "s-1", "And how high is Smeaton Tower?", "test://smeaton")
    after = await asked.with_row_columns(sessions)
    assert after.content != before.content
    earlier = Earlier(folder, after)
    assert [earlier.has(row, ROWS[row]) for row in (0, 1)] == [False, True], "only the row of the session that went on"
    now = whole_rows(after, World(KeylessModel(), source, source))
    assert (await now(0, ROWS[0])).key != key
    with pytest.raises(InvalidTask, match="has gone on since this run began"):
        await find(0, ROWS[0])
    with pytest.raises(UnknownSession, match="row 2"):
        await find(2, ROWS[2])


async def test_one_id_is_one_row(tmp_path: Path, sessions: FolderSessions) -> None:
    ids = RowIds(task_column="number")
    cells = [("a", "x"), ("a", "x"), (None, "y"), (None, "z")]
    same = [{"number": number, "note": note} for number, note in cells]
    assert (await request(tmp_path, same, ids).with_row_columns(sessions)).ids == ids
    with pytest.raises(InvalidTable, match="rows 0 and 2 are both 'a'"):
        await request(tmp_path, [*same[:2], {"number": "a", "note": "z"}], ids).with_row_columns(sessions)


@pytest.mark.parametrize(
    ("ids", "options", "words"),
    [
        (RowIds("numbr"), {}, 'did you mean "number"'),
        (RowIds(session_column="sesion"), {}, 'did you mean "session"'),
        (RowIds(end_user_column="owner"), {}, "name --session-id-column, too"),
        (IDS, {"objective": "What does {session} say?"}, "no model learns it"),
        (IDS, {"start_url": "https://a.example/{owner}"}, "no model learns it"),
    ],
)
def test_columns_that_cannot_be_ids_are_refused(tmp_path: Path, ids: RowIds, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidTable, match=words):
        request(tmp_path, ROWS, ids, **options)
