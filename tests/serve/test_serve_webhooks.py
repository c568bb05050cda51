"""Webhooks of tasks over HTTP: told once a task has ended, signed, tried again, each attempt a row."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

from serve_parts import ALICE, door, submission
from sqlalchemy import select

from flows.serve.composition import Door
from flows.serve.database.schema import attempts
from flows.serve.dialects import parallel_request, words
from flows.serve.http.http_tasks import submission_of
from flows.serve.records.task_records import TaskRecord
from flows.serve.service.outbox import AT_ONCE, Told
from research.testing import WebhookReceiver
from research.web.settings import WebSettings
from research.webhooks.delivery import Patience
from research.webhooks.signing import WebhookSecret
from tests.serve.conftest import WEBHOOK_SECRET

SOON = Patience(delays=(0.1, 0.1))
LOOPBACK = WebSettings(allow_private_hosts=("127.0.0.1",))


async def test_the_end_of_a_task_is_told_until_it_is_accepted_and_each_attempt_is_a_row(tmp_path: Path) -> None:
    with WebhookReceiver(WebhookSecret(WEBHOOK_SECRET), failures=[503]) as receiver:
        async with door(tmp_path, web=LOOPBACK, patience=SOON) as opened:
            asked = submission(webhook=f"{receiver.url}/secret-path", handoff="webhook", enable_events=True)
            task = await opened.service.submit(ALICE, asked)
            await opened.service.wait(ALICE, task.id, 30)
            rows = await _attempts(opened, 3)  # an attempt is written down after it was answered
    told = {each.event["type"]: each.event["data"] for each in receiver.accepted}
    assert set(told) == {"research.task.completed", "research.task.artifact"}
    assert told["research.task.completed"]["task_id"] == task.id
    assert told["research.task.artifact"]["result"]["status"] == "completed"
    assert told["research.task.artifact"]["events"]
    assert sorted(row["accepted"] for row in rows) == [False, True, True]
    assert "/secret-path" not in json.dumps(rows)  # what follows the host may be a secret


async def test_only_the_events_that_were_asked_for_are_told(tmp_path: Path) -> None:
    with WebhookReceiver(WebhookSecret(WEBHOOK_SECRET)) as receiver:
        async with door(tmp_path, web=LOOPBACK, patience=SOON, works=False) as opened:
            wants = {"url": receiver.url, "event_types": ["research.task.artifact", "research.task.action_required"]}
            fields = {"task": "Who?", "webhook": wants, "handoff": "webhook"}
            task = await opened.service.submit(ALICE, submission_of(fields, dialect="tasks"))
            await opened.service.cancel(ALICE, task.id)
            await _until(lambda: bool(receiver.accepted))
    assert [each.event["type"] for each in receiver.accepted] == ["research.task.artifact"]
    assert task.warnings == ["webhook: research.task.action_required is not told by this service; the task's own events say it"]


async def test_a_dialect_tells_in_its_own_words_and_a_cancelled_task_is_told_too(tmp_path: Path) -> None:
    def own_words(record: TaskRecord) -> Told:
        return Told("task_run.status", {"run_id": record.id, "status": record.status})

    with WebhookReceiver(WebhookSecret(WEBHOOK_SECRET)) as receiver:
        async with door(tmp_path, web=LOOPBACK, words={"tasks": own_words}, works=False) as opened:
            task = await opened.service.submit(ALICE, submission(webhook=receiver.url))
            await opened.service.cancel(ALICE, task.id)
            await _until(lambda: bool(receiver.accepted))
    [told] = receiver.accepted
    assert told.event["type"] == "task_run.status"
    assert told.event["data"] == {"run_id": task.id, "status": "cancelled"}


async def test_an_address_that_does_not_answer_keeps_no_other_waiting(tmp_path: Path) -> None:
    ended = asyncio.Event()

    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ended.wait()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    nobody = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    with WebhookReceiver(WebhookSecret(WEBHOOK_SECRET)) as receiver:
        async with server, door(tmp_path, web=LOOPBACK, works=False) as opened:
            asked = [submission(webhook=nobody)] * (AT_ONCE + 1) + [submission(webhook=receiver.url)]
            for task in await opened.service.submit_many(ALICE, asked):
                await opened.service.cancel(ALICE, task.id)
            try:
                await _until(lambda: bool(receiver.accepted))
            finally:
                ended.set()


async def _attempts(opened: Door, count: int) -> list[dict[str, object]]:
    """The attempts that were written down, once there are so many of them."""
    for _ in range(300):
        async with opened.records.database.reading() as connection:
            rows = [json.loads(value) for value in (await connection.execute(select(attempts.c.value))).scalars()]
        if len(rows) >= count:
            return rows
        await asyncio.sleep(0.05)
    raise AssertionError(f"{count} attempts have not come: {rows}")


async def _until(holds: Callable[[], bool]) -> None:
    for _ in range(300):
        if holds():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it has not come")


async def test_a_run_of_the_parallel_dialect_is_told_as_the_dialect_answers_it(tmp_path: Path) -> None:
    body = parallel_request.RunBody.model_validate({"input": "When was the Bell Rock Lighthouse first lit?", "processor": "core"})
    with WebhookReceiver(WebhookSecret(WEBHOOK_SECRET)) as receiver:
        async with door(tmp_path, web=LOOPBACK, words=words()) as opened:
            run = await opened.service.submit(ALICE, parallel_request.submission_of(body).changed(webhook=receiver.url))
            await _until(lambda: bool(receiver.accepted))
    [told] = receiver.accepted
    assert (told.event["type"], told.event["data"]["run_id"]) == ("task_run.status", run.id)
    assert told.event["data"]["status"] == "completed"
