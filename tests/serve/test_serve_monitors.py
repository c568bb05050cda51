"""Monitors over HTTP, as the client's own SDK speaks them; and that the schedule loses and doubles nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import parallel
import pytest
from sqlalchemy import func, select, update

from flows.serve.composition import Door
from flows.serve.database.schema import deliveries, monitor_runs, monitors, tasks
from flows.serve.errors import UnknownMonitor
from flows.serve.service.monitor_changes import changed_fields
from research.result.result import Result
from research.testing import WebhookReceiver
from research.web.settings import WebSettings
from research.webhooks.signing import WebhookSecret
from tests.serve.conftest import PAGES, WEBHOOK_SECRET, Served, serve
from tests.serve.serve_parts import ALICE, BOB, MONITOR, door, monitor_spec

ASKED = MONITOR
SCHEMA = MONITOR["settings"]["output_schema"]
QUERY = MONITOR["settings"]["query"]


@pytest.fixture
def sdk(served: Served) -> parallel.Parallel:
    return parallel.Parallel(api_key=served.keys["alice"], base_url=served.url)


@pytest.fixture
def changing(tmp_path: Path) -> Iterator[tuple[Served, Path]]:
    """A service of one's own, and its pages, which may change."""
    for made in serve(tmp_path, pages={"bell-rock.md": PAGES["bell-rock.md"]}):
        yield made, tmp_path / "corpus" / "bell-rock.md"


def events(sdk: parallel.Parallel, id: str, count: int) -> list[Any]:
    """The events of a monitor, once there are so many."""
    until = time.monotonic() + 30
    while len(found := sdk.monitor.events(id, include_completions=True).events) < count:
        assert time.monotonic() < until
        time.sleep(0.05)
    return list(found)


def test_what_a_run_finds_otherwise_is_an_event_with_its_evidence(changing: tuple[Served, Path]) -> None:
    served, page = changing
    sdk = parallel.Parallel(api_key=served.keys["alice"], base_url=served.url)
    made = sdk.monitor.create(**ASKED, metadata={"team": "coast"})
    assert (made.status, made.frequency, made.processor, made.metadata) == ("active", "1d", "lite", {"team": "coast"})
    assert isinstance(made, parallel.types.Monitor)
    (baseline,) = events(sdk, made.monitor_id, 1)
    assert baseline.event_type == "event_stream"
    assert baseline.output.content == {"first_lit": "1811-02-01", "height": 35}

    sdk.monitor.trigger(made.monitor_id)
    unchanged, *_ = events(sdk, made.monitor_id, 2)
    assert unchanged.event_type == "completion"

    page.write_text(page.read_text("utf-8").replace("35 m", "36 m"), "utf-8")
    sdk.monitor.trigger(made.monitor_id)
    changed, *_ = events(sdk, made.monitor_id, 3)
    assert changed.output.content == {"height": 36}
    (basis,) = changed.output.basis
    assert (basis.field, "36 m" in basis.citations[0].excerpts[0]) == ("height", True)
    shown = sdk.monitor.events(made.monitor_id).events
    assert [each.event_type for each in shown] == ["event_stream", "event_stream"]
    assert [each.event_id for each in sdk.monitor.events(made.monitor_id, event_group_id=changed.event_group_id).events] == [
        changed.event_id
    ]
    first = sdk.monitor.events(made.monitor_id, limit=1)
    rest = sdk.monitor.events(made.monitor_id, cursor=first.next_cursor)
    assert [each.event_id for each in [*first.events, *rest.events]] == [changed.event_id, baseline.event_id]


def test_a_run_that_completed_is_kept_up_to_date(changing: tuple[Served, Path]) -> None:
    served, page = changing
    sdk = parallel.Parallel(api_key=served.keys["alice"], base_url=served.url)
    run = sdk.task_run.create(input=QUERY, processor="core", task_spec={"output_schema": SCHEMA})
    assert sdk.task_run.result(run.run_id).output.content["height"] == 35
    made = sdk.monitor.create(type="snapshot", frequency="2w", settings={"task_run_id": run.run_id})
    assert (made.settings.query, made.output.latest_snapshot) == (QUERY, None)
    page.write_text(page.read_text("utf-8").replace("35 m", "36 m"), "utf-8")
    sdk.monitor.trigger(made.monitor_id)
    (event,) = events(sdk, made.monitor_id, 1)
    assert event.event_type == "snapshot"
    assert event.changed_output.content == {"height": 36}
    assert event.previous_output.content == {"first_lit": "1811-02-01", "height": 35}
    assert sdk.monitor.retrieve(made.monitor_id).output.latest_snapshot.content["height"] == 36


def test_a_monitor_is_listed_changed_paused_cancelled_and_deleted(served: Served, sdk: parallel.Parallel) -> None:
    first, second = (sdk.monitor.create(**ASKED).monitor_id for _ in range(2))
    page = sdk.monitor.list(limit=1)
    assert [each.monitor_id for each in page.monitors] == [second]
    assert first in [each.monitor_id for each in sdk.monitor.list(cursor=page.next_cursor).monitors]
    changed = sdk.monitor.update(
        first, frequency="12h", processor="base", type="event_stream", settings={"query": "How high is it?"}
    )
    assert (changed.frequency, changed.processor, changed.settings.query) == ("12h", "base", "How high is it?")
    assert sdk.monitor.retrieve(first).settings.output_schema == changed.settings.output_schema
    with served.client() as client:
        assert client.patch(f"/v1/monitors/{first}", json={"metadata": {"a": "b"}}).json()["metadata"] == {"a": "b"}
        assert client.post(f"/v1/monitors/{first}/pause").json()["status"] == "paused"
        assert client.post(f"/v1/monitors/{first}/resume").json()["status"] == "active"
        assert sdk.monitor.cancel(first).status == "cancelled"
        assert client.post(f"/v1/monitors/{first}/resume").status_code == 409
        assert first in [each.monitor_id for each in sdk.monitor.list(status=["cancelled"]).monitors]
        assert client.delete(f"/v1/monitors/{second}").status_code == 204
        assert client.get(f"/v1/monitors/{second}").status_code == 404
    assert not {first, second} & {each.monitor_id for each in sdk.monitor.list().monitors}
    with served.client("bob") as other:
        assert other.get(f"/v1/monitors/{first}/events").status_code == 404
        assert other.get("/v1/monitors?status=cancelled").json()["monitors"] == []


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"frequency": "31d"}, "/frequency"),
        ({"frequency": "10m"}, "/frequency"),
        ({"processor": "huge"}, "/processor"),
        ({"memory_scope_key": "x"}, "/memory_scope_key"),
        ({"type": "snapshot"}, "/settings"),
        ({"settings": {"query": " "}}, "/settings/query"),
        ({"settings": {"query": "x", "advanced_settings": {"location": "gb"}}}, "location"),
        ({"settings": {"query": "x", "output_schema": {"type": "json", "json_schema": 7}}}, "/settings/output_schema"),
        ({"webhook": {"url": "http://169.254.169.254/"}}, "/webhook/url"),
    ],
)
def test_what_is_wrong_with_a_monitor_is_named(served: Served, change: dict[str, Any], place: str) -> None:
    with served.client() as client:
        answer = client.post("/v1/monitors", json=ASKED | change)
    assert answer.status_code == 422
    assert place in answer.json()["error"]["message"]


def test_a_text_has_changed_only_where_it_rests_on_an_excerpt_that_is_new() -> None:
    first, reworded, other = (
        Result.model_validate(
            {
                "task_id": "t",
                "status": "completed",
                "task": "How high?",
                "processor": "base",
                "model": "m",
                "fields": ["answer"],
                "output": text,
                "basis": [
                    {
                        "field": "answer",
                        "citations": [
                            {
                                "url": "https://a.example",
                                "title": "",
                                "excerpts": [{"text": excerpt, "page_hash": "0" * 64, "start": 0, "end": 9, "support": "stated"}],
                            }
                        ],
                    }
                ],
            }
        )
        for text, excerpt in (
            ("It is 35 m high.", "35 m high"),
            ("Its height is 35 metres.", "35 m high"),
            ("36 m", "36 m high"),
        )
    )
    assert changed_fields(first, reworded) == ()
    assert changed_fields(reworded, other) == ("answer",)


async def test_a_due_monitor_runs_once_however_many_look_and_is_followed_after_a_kill(tmp_path: Path) -> None:
    async with door(tmp_path, sweep_seconds=3600) as opened:
        store, service = opened.records.monitors, opened.service
        made = await service.monitors.create(ALICE, monitor_spec())
        await _until_ended(opened)
        assert await store.begin_due() == 0
        await _make_due(opened)
        assert sum(await asyncio.gather(*(store.begin_due() for _ in range(4)))) == 1
        (run,) = await store.unsent()
        # A process that is killed between submitting and writing it down: the next look finds the same task.
        task = await service.submit(ALICE, run.submission)
        await asyncio.gather(*(service.monitors.sweep() for _ in range(3)))
        await service.wait(ALICE, task.id, 30)
        await asyncio.gather(*(service.monitors.sweep() for _ in range(3)))
        assert await _count(opened, tasks) == 2
        assert await _outcomes(opened) == ["baseline", "unchanged"]
        after = await store.get("alice", made.id)
        assert after.next_run_at > made.created_at
        assert after.next_run_at.timestamp() > time.time()
        with pytest.raises(UnknownMonitor):
            await service.monitors.get(BOB, made.id)


async def test_a_failed_run_is_an_event_and_the_schedule_goes_on_but_not_while_it_is_paused(tmp_path: Path) -> None:
    async with door(tmp_path, sweep_seconds=3600, works=False) as opened:
        monitor = opened.service.monitors
        made = await monitor.create(ALICE, monitor_spec())
        (run,) = await opened.records.monitors.under_way(made.number)
        await _make_due(opened)
        await monitor.sweep()
        assert await _count(opened, monitor_runs) == 1  # the last run is still open
        await opened.service.cancel(ALICE, str(run.task_id))
        await monitor.pause(ALICE, made.id)
        await monitor.sweep()
        await monitor.sweep()
        assert await _outcomes(opened) == ["failed"]
        await monitor.resume(ALICE, made.id)
        await monitor.sweep()
        assert await _outcomes(opened) == ["failed", None]


async def test_a_monitor_of_an_owner_without_a_key_fails_until_there_is_one_again(tmp_path: Path) -> None:
    owners = {"alice": ALICE}
    async with door(tmp_path, sweep_seconds=3600, works=False, owners=owners.get) as opened:
        made = await opened.service.monitors.create(ALICE, monitor_spec())
        await opened.service.cancel(ALICE, str((await opened.records.monitors.under_way(made.number))[0].task_id))
        owners.clear()
        await opened.service.monitors.run(ALICE, made.id)
        assert await _outcomes(opened) == ["failed", "failed"]
        assert await _count(opened, tasks) == 1


async def test_a_run_that_is_not_accepted_is_told_to_the_webhook(tmp_path: Path) -> None:
    owners = {"alice": ALICE}
    with WebhookReceiver(WebhookSecret(WEBHOOK_SECRET)) as receiver:
        web = WebSettings(allow_private_hosts=("127.0.0.1",))
        async with door(tmp_path, sweep_seconds=3600, works=False, owners=owners.get, web=web) as opened:
            spec = monitor_spec(webhook={"url": receiver.url, "event_types": ["monitor.execution.failed"]})
            made = await opened.service.monitors.create(ALICE, spec, baseline="earlier")
            owners.clear()
            await opened.service.monitors.run(ALICE, made.id)
            async with asyncio.timeout(20):
                while not receiver.accepted:  # noqa: ASYNC110 - it is another thread's
                    await asyncio.sleep(0.02)
    (told,) = (each.event for each in receiver.accepted)
    assert told["type"] == "monitor.execution.failed"
    assert told["data"]["monitor_id"] == made.id
    assert "no key of its owner" in told["data"]["error_message"]


async def test_a_webhook_is_told_of_the_events_that_it_wants(tmp_path: Path) -> None:
    with WebhookReceiver(WebhookSecret(WEBHOOK_SECRET)) as receiver:
        web = WebSettings(allow_private_hosts=("127.0.0.1",))
        async with door(tmp_path, sweep_seconds=0.05, web=web) as opened:
            wants = {"url": receiver.url, "event_types": ["monitor.event.detected"]}
            made = await opened.service.monitors.create(ALICE, monitor_spec(webhook=wants, metadata={"team": "coast"}))
            await _until_ended(opened)
            await opened.service.monitors.run(ALICE, made.id)
            await _until_ended(opened, 2)
            assert await _count(opened, deliveries) == 1
            async with asyncio.timeout(20):
                while not receiver.accepted:  # noqa: ASYNC110 - it is another thread's
                    await asyncio.sleep(0.02)
    (told,) = (each.event for each in receiver.accepted)
    assert told["type"] == "monitor.event.detected"
    assert told["data"]["monitor_id"] == made.id
    assert told["data"]["metadata"] == {"team": "coast"}
    assert told["data"]["event"]["event_group_id"].startswith("mevtgrp_")


async def _until_ended(opened: Door, runs: int = 1) -> None:
    async with asyncio.timeout(30):
        while True:
            await opened.service.monitors.sweep()
            outcomes = await _outcomes(opened)
            if len(outcomes) == runs and None not in outcomes:
                return
            await asyncio.sleep(0.02)


async def _make_due(opened: Door) -> None:
    async with opened.records.database.writing() as connection:
        await connection.execute(update(monitors).values(next_at=time.time() - 200_000))


async def _count(opened: Door, table: Any) -> int:
    async with opened.records.database.reading() as connection:
        return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())


async def _outcomes(opened: Door) -> list[str | None]:
    async with opened.records.database.reading() as connection:
        found = await connection.execute(select(monitor_runs.c.outcome).order_by(monitor_runs.c.number))
        return list(found.scalars().all())
