"""`research runs`: which run folders there are, and what became of each."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.box import SIMPLE
from rich.table import Column, Table
from rich.text import Text

from flows.cli.terminal import Exit, Output, money, note, out, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from research.tables.run_folder.overview import RunOverview

NONE = Output()


def runs(directory: Path = Path("runs"), /, *, output: Output = NONE) -> int:
    """List run folders, the latest first: what each researches, how far it is, whether a process is at it, and what it cost.

    Args:
        directory: holds the run folders, in itself or in folders of its own.
    """
    from research.errors import InvalidRun
    from research.tables.run_folder.finding import run_folders
    from research.tables.run_folder.overview import overview

    found, unreadable = [], []
    for folder in run_folders(directory):
        try:
            found.append(overview(folder))
        except InvalidRun as error:
            unreadable.append(str(error))
    found.sort(key=lambda run: run.created_at, reverse=True)
    if output.json:
        for run in found:
            print_json(asdict(run))
    elif found:
        out().print(_table(found))
    else:
        note(f"there is no run folder in {directory}")
    for problem in unreadable:
        note(problem)
    return Exit.OK


def _table(runs: Sequence[RunOverview]) -> Table:
    table = Table(
        Column("run", no_wrap=True),
        Column("state", no_wrap=True),
        Column("rows", justify="right", no_wrap=True),
        Column("failed", justify="right", no_wrap=True),
        *([Column("waiting", justify="right", no_wrap=True)] if any(run.waiting for run in runs) else []),
        Column("cost", justify="right", no_wrap=True),
        Column("begun", no_wrap=True),
        Column("table", overflow="fold"),
        Column("objective", max_width=50),
        box=SIMPLE,
        padding=(0, 1, 0, 0),
    )
    for run in runs:
        table.add_row(
            Text(str(run.path)),
            Text(state_of(run)),
            Text(f"{run.completed:,} of {'?' if run.rows is None else f'{run.rows:,}'}"),
            Text(f"{run.failed:,}" if run.failed else "–"),
            *([Text(f"{run.waiting:,}" if run.waiting else "–")] if any(run.waiting for run in runs) else []),
            Text(money(run.cost_usd)),
            Text(moment(run.created_at)),
            Text(Path(run.table).name or run.table),
            Text(run.objective),
        )
    return table


def state_of(run: RunOverview) -> str:
    """The state of a run, and which process is at it."""
    if run.holder is None:
        return run.state
    where = f"process {run.holder.pid}" if run.holder.is_here else f"on {run.holder.host}"
    return f"{run.state} ({where})"


def moment(iso: str) -> str:
    """A moment for a person, in the time of this machine."""
    return datetime.fromisoformat(iso).astimezone().strftime("%Y-%m-%d %H:%M")
