"""What `research answer` and `research approve` share: the rows that wait, and how they go on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flows.cli.flow_run import quiet_prefect
from flows.cli.named_run import open_named
from flows.cli.terminal import Exit, Output, note, out, print_json
from research.display.figures import count

if TYPE_CHECKING:
    from flows.run.decisions import RowDecisions
    from research.tables.run_folder.open_questions import WaitingRow
    from research.tables.run_folder.run_folder import RunFolder
    from research.task.decisions import Decision


@dataclass(frozen=True, slots=True)
class Waiting:
    """The rows of a run that wait for one kind of decision."""

    folder: RunFolder
    rows: list[WaitingRow]
    labels: Mapping[int, str]


def waiting_of(run: str, kind: str) -> Waiting:
    """The rows of a run that wait.

    Args:
        run: the run folder, or its URL.
        kind: `plan` or `questions`.
    """
    from flows.run.decision_files import labels
    from research.tables.run_folder.open_questions import waiting_rows

    folder = open_named(run)
    rows = [each for each in waiting_rows(folder) if each.action.kind == kind]
    return Waiting(folder, rows, labels(folder, rows))


def wrote(file: Path, write: Callable[[], None], then: str, output: Output) -> Exit:
    """Write a file to fill in, and say what to do with it."""
    write()
    if output.json:
        print_json({"event": "file_written", "file": str(file)})
    note(f"{file} is written: {then}")
    return Exit.WAITING


def goes_on(run: str, waiting: Waiting, decisions: RowDecisions, output: Output, *, max_cost: float | None = None) -> int:
    """Let rows go on: in the flow run that waits in Prefect for them, or else here and now.

    Raises:
        InvalidInput: the run cannot go on.
    """
    from flows.cli.resume import go_on_with

    quiet_prefect(output.debug)
    from flows.waiting_in_prefect import send

    flow_run = asyncio.run(send(waiting.folder.key, decisions)) if max_cost is None else None
    if flow_run is None:
        return go_on_with(run, decisions, output, max_cost=max_cost)
    rows = count(len(decisions), "row")
    if output.json:
        print_json({"flow_run": flow_run.id, "name": flow_run.name, "rows": list(decisions)})
    else:
        out().print(f"{flow_run.name} goes on with {rows}, once a worker takes it", markup=False)
    return Exit.OK


def rows_of(text: str, known: Iterable[int]) -> list[int]:
    """The rows that a text names: `0-9,12`.

    Raises:
        InvalidInput: it names none, or one that does not wait.
    """
    from flows.run.row_numbers import row_numbers
    from research.errors import InvalidInput

    waiting, found = set(known), row_numbers(text)
    if strangers := [row for row in found if row not in waiting]:
        shown = ", ".join(map(str, strangers[:10]))
        raise InvalidInput(f"--rows: {shown} {'does' if len(strangers) == 1 else 'do'} not wait for approval.")
    return found


def same_for(rows: Iterable[int], decision: Decision) -> RowDecisions:
    return dict.fromkeys(rows, decision)
