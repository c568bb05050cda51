"""A database of Prefect that was made once for all test processes: making one of nothing, as a new server does, takes five
seconds of processor time."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

DATABASE: Final = "prefect.db"
MEMORY: Final = "memo_store.toml"
"""Where a server notes what it has put into the database, so that the next one need not."""


def take(made: Path, home: Path) -> bool:
    """Put the database that was made into the home of a server that is yet to start. Returns whether there is one.

    One that another server of this home has left stays: SQLite would write what is in its log (`-wal`) into the copy.
    """
    if (home / DATABASE).exists():
        return True
    if not (made / DATABASE).exists():
        return False
    home.mkdir(parents=True, exist_ok=True)
    for name in (DATABASE, MEMORY):
        if (made / name).exists():
            shutil.copyfile(made / name, home / name)
    return True


def keep(home: Path, made: Path) -> None:
    """Copy the database of a server that has just started, and that runs on."""
    made.mkdir(exist_ok=True)
    if (home / MEMORY).exists():
        shutil.copyfile(home / MEMORY, made / MEMORY)
    with closing(sqlite3.connect(home / DATABASE)) as source, closing(sqlite3.connect(made / "copy.db")) as copy:
        source.backup(copy)
    (made / "copy.db").replace(made / DATABASE)
