"""The service's database: one of an older version is brought up to date, and one that is not ours is left alone."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from serve_parts import ALICE, door, submission

from flows.serve.database.database import Database, default_url
from research.errors import InvalidInput


def run(folder: Path, *statements: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(folder / "serve.sqlite")) as connection, connection:
        return [row for statement in statements for row in connection.execute(statement).fetchall()]


async def test_columns_tables_and_indexes_that_an_older_database_lacks_are_added(tmp_path: Path) -> None:
    async with door(tmp_path, works=False) as opened:
        accepted = await opened.service.submit(ALICE, submission())
    forms = run(tmp_path, "select sql from sqlite_master where name in ('tasks_by_id', 'monitor_runs') order by name")
    run(
        tmp_path,
        "alter table tasks drop column team",
        "alter table tasks drop column reserved_usd",
        "drop index tasks_by_id",
        "drop table monitor_runs",
    )
    async with door(tmp_path) as opened:
        done = await opened.service.wait(ALICE, accepted.id, 30)
    assert done.status == "completed"
    assert run(tmp_path, "select team, reserved_usd from tasks") == [(None, 0.0)]
    assert forms == run(tmp_path, "select sql from sqlite_master where name in ('tasks_by_id', 'monitor_runs') order by name")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("update about set version = 2", "made by a newer version of this program .* install that version"),
        ("drop table steps; create table steps (task_number integer)", "lacks steps.key, steps.value: let that version finish"),
        ("drop table about", r"holds tables of something else \(.*tasks.*\): name an empty one"),
    ],
)
async def test_a_database_that_cannot_be_brought_up_to_date_is_refused_unchanged(tmp_path: Path, change: str, told: str) -> None:
    database = Database(default_url(tmp_path))
    await database.open()
    await database.close()
    run(tmp_path, "alter table tasks drop column team", *change.split(";"))
    before = run(tmp_path, "select * from sqlite_master")
    again = Database(default_url(tmp_path))
    with pytest.raises(InvalidInput, match=told):
        await again.open()
    await again.close()
    assert run(tmp_path, "select * from sqlite_master") == before
