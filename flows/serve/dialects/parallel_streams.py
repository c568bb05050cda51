"""The streams of the dialect of task runs: what happens to a run, to the runs of a group, and the runs of a group themselves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final, TypeVar

from flows.serve.dialects.parallel_shapes import group_status_event, progress_event, state_event, stats_event
from flows.serve.http.streaming import SentEvent
from flows.serve.records.task_records import Owner, TaskRecord
from flows.serve.service.service import Service
from research.result.result import ACTIVE, Status

STATUS_SECONDS: Final = 1.0
"""The least time between two events that count a whole group."""
PAGE: Final = 100
"""Runs that are read from the records at once."""

T = TypeVar("T")


async def run_events(service: Service, owner: Owner, id: str) -> AsyncGenerator[SentEvent]:
    """What happens to a run, until it is final."""
    async for event in service.events(owner, task_id=id):
        if event.type != "status" or event.data["status"] in ACTIVE:
            yield SentEvent(data=progress_event(event))
            continue
        record = await service.get(owner, id)
        if record.status != event.data["status"]:  # it has gone on since, which a later event tells
            continue
        if record.result is not None:
            yield SentEvent(data=stats_event(record.result))
        yield SentEvent(data=state_event(record))


async def group_events(service: Service, owner: Owner, id: str, after: int) -> AsyncGenerator[SentEvent]:
    """What happens to the runs of a group, until none is active: each run that ended or waits, and how all of them stand."""
    yield SentEvent(data=group_status_event(await service.get_group(owner, id), str(after)))
    told = time.monotonic()
    async for event in service.events(owner, group_id=id, after=after):
        after = event.id
        if event.type != "status":
            continue
        if event.data["status"] not in ACTIVE:
            record = await service.get(owner, event.task_id)
            if record.status == event.data["status"]:
                yield SentEvent(data=state_event(record, event_id=str(after), with_output=False))
        if time.monotonic() - told >= STATUS_SECONDS:
            told = time.monotonic()
            yield SentEvent(data=group_status_event(await service.get_group(owner, id), str(after)))
    yield SentEvent(data=group_status_event(await service.get_group(owner, id), str(after)))


async def group_runs(
    service: Service, owner: Owner, id: str, after: int, *, status: Status | None, with_input: bool, with_output: bool
) -> AsyncGenerator[SentEvent]:
    """The runs of a group in the order in which they were added, as they stand."""
    async with aclosing(_records(service, owner, id, after, status)) as records:
        async for record in records:
            event = state_event(record, event_id=str(record.number), with_input=with_input, with_output=with_output)
            yield SentEvent(data=event)


async def _records(service: Service, owner: Owner, id: str, after: int, status: Status | None) -> AsyncGenerator[TaskRecord]:
    while records := await service.group_tasks(owner, id, after=after, limit=PAGE, status=status):
        for record in records:
            yield record
        after = records[-1].number


async def for_seconds(events: AsyncGenerator[T], seconds: float) -> AsyncGenerator[T]:
    """What comes within so many seconds."""
    until = time.monotonic() + seconds
    async with aclosing(events):
        while True:
            upcoming = asyncio.ensure_future(anext(events))
            try:
                await asyncio.wait({upcoming}, timeout=max(0.0, until - time.monotonic()))
            finally:
                if not upcoming.done():
                    upcoming.cancel()
                    await asyncio.wait({upcoming})
            if upcoming.cancelled():
                return
            try:
                yield upcoming.result()
            except StopAsyncIteration:
                return
