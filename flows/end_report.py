"""What Prefect is told of a run that has ended: artifacts for its UI, events for its automations, and its results as an asset."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from prefect.events import emit_event

from flows.artifacts import TABLE_ROWS, publish, publish_changes
from flows.assets import materialize_results
from flows.run.announcements import Announcement, announcements, of_changes, of_waiting
from flows.run.events import CellsChanged
from flows.run.options import Options
from flows.run.outcome import Enrichment
from flows.run.second_look import second_look
from research.display.printable import printable
from research.tables.layout.made_tables import CHANGES, read_made
from research.tables.run_folder.run_folder import RunFolder


@dataclass(frozen=True, slots=True)
class EndOf:
    """How a run has ended."""

    folder: RunFolder
    done: Enrichment
    options: Options
    is_new: bool
    """Whether the results are others than before this flow run."""
    is_waiting: bool
    """Whether it goes on once people have decided: then the UI shows what it came to so far, and no event tells of an end."""
    changes: CellsChanged | None = None
    """Of a refresh that has come to its end."""


async def report_end(end: EndOf, runs_url: str | None) -> int:
    """Tell Prefect what a run came to. Whatever it does not take costs the run nothing.

    Args:
        runs_url: the address at which a browser finds the folder that holds run folders.

    Returns: the task runs that were made for it.
    """
    look = await asyncio.to_thread(second_look, end.done.run, TABLE_ROWS)
    await publish(end.done, look, runs_url)
    if end.is_waiting:
        if end.done.waiting:
            emit(end.folder, end.done.address, [of_waiting(end.done)])
        return 0
    emit(end.folder, end.done.address, announcements(end.done, look, end.options.max_cost))
    if end.changes is not None:
        made = await asyncio.to_thread(read_made, end.folder.path, CHANGES)
        first = [] if made is None else await asyncio.to_thread(_first_changes, made)
        await publish_changes(end.changes, first)
        if end.changes.has_changes and end.is_new:
            lines = [] if made is None else made.to_pylist()
            emit(end.folder, end.done.address, [of_changes(end.changes, lines)])
    if not end.done.completed or not end.is_new:
        return 0
    await materialize_results(end.folder, end.done, end.options)
    return 1


def emit(folder: RunFolder, place: str, events: Iterable[Announcement]) -> None:
    """Send events about a run. In a flow run, Prefect adds it, its flow, its deployment and its tags as related resources."""
    resource = {
        "prefect.resource.id": f"research.run.{folder.key[:16]}",
        "prefect.resource.name": printable(folder.path.name, one_line=True),
        "research.run": place,
    }
    for event in events:
        emit_event(event.name, resource, payload=dict(event.payload))


def _first_changes(made: pa.Table) -> list[dict[str, Any]]:
    """As many of the cells that were not confirmed as a table in the UI shows."""
    return made.filter(pc.field("change") != "confirmed").slice(0, TABLE_ROWS).to_pylist()
