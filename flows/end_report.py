"""What Prefect is told of a run that has ended: artifacts for its UI, events for its automations, and its results as an asset."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from prefect.events import emit_event

from flows.artifacts import TABLE_ROWS, publish
from flows.assets import materialize_results
from flows.run.announcements import Announcement, announcements
from flows.run.options import EnrichOptions, ResynthesizeOptions
from flows.run.outcome import Enrichment
from flows.run.second_look import second_look
from research.display.printable import printable
from research.tables.run_folder.run_folder import RunFolder


async def report_end(
    folder: RunFolder, done: Enrichment, options: EnrichOptions | ResynthesizeOptions, runs_url: str | None, *, is_new: bool
) -> int:
    """Tell Prefect what a run came to. Whatever it does not take costs the run nothing.

    Args:
        is_new: whether the results are others than before this flow run.
        runs_url: the address at which a browser finds the folder that holds run folders.

    Returns: the task runs that were made for it.
    """
    look = await asyncio.to_thread(second_look, done.run, TABLE_ROWS)
    await publish(done, look, runs_url)
    emit(folder, done.address, announcements(done, look, options.max_cost))
    if not done.completed or not is_new:
        return 0
    await materialize_results(folder, done, options)
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
