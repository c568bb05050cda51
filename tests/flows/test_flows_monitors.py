"""A monitor is a series of run folders that is refreshed on a schedule: kept by Prefect, read from its run folders."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.cli.app import main
from flows.cli.terminal import Exit
from flows.monitoring import flow_options
from flows.monitoring import monitor as monitor_flow
from flows.monitors import Monitors, UnknownMonitor, changed_settings, monitors_at_server
from flows.run.monitor import MonitorSettings, Schedule, events_of, is_finished, task_settings
from flows.run.runtime import Runtime, use_runtime
from research.errors import InvalidInput
from research.models.keyless.model import KeylessModel
from research.pages.page_store import Folder
from research.ports.world import World
from research.testing import Pages
from research.world import Settings
from tests.tables import run_samples as samples

POOL = "monitors"
DAILY = Schedule(every_seconds=86_400)
SETTINGS = MonitorSettings(run="/runs/missions", refresh={"key": ["mission"]}, metadata={"team": "probes"})


@pytest.fixture
async def monitors(prefect_server: None) -> AsyncIterator[Monitors]:
    async with get_client() as client:
        if POOL not in [pool.name for pool in await client.read_work_pools()]:
            await client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
    async with monitors_at_server() as here:
        yield here


async def test_a_monitor_is_kept_by_prefect(monitors: Monitors) -> None:
    made = await monitors.create(name := uuid4().hex, DAILY, SETTINGS, POOL)
    assert (made.name, made.state, made.schedule, made.settings, made.pool) == (name, "active", DAILY, SETTINGS, POOL)
    assert (await monitors.get(name)).id == (await monitors.get(made.id)).id == made.id
    assert made.next_run_at is not None, "though Prefect plans its flow runs some seconds later"
    assert timedelta(hours=23) < made.next_run_at - datetime.now(UTC) <= timedelta(days=1)
    assert (await monitors.get(name)).next_run_at == made.next_run_at
    hourly = await monitors.create(uuid4().hex, Schedule(cron="30 * * * *", timezone="Europe/Berlin"), SETTINGS, POOL)
    assert hourly.next_run_at is not None
    assert hourly.next_run_at.minute == 30
    assert (await monitors.create(uuid4().hex, DAILY, SETTINGS, POOL, paused=True)).next_run_at is None
    assert name in [each.name for each in await monitors.all()]
    with pytest.raises(InvalidInput, match="another name"):
        await monitors.create(name, DAILY, SETTINGS, POOL)
    flow_run = await monitors.run_now(name)
    assert flow_run.parameters == SETTINGS.model_dump(mode="json")
    assert (await monitors.pause(name)).state == "paused"
    assert (await monitors.resume(name)).state == "active"
    weekly = Schedule(cron="0 7 * * 1", timezone="Europe/Berlin")
    settings = changed_settings(SETTINGS, {"key": None, "max_cost": 2.5})
    changed = await monitors.change(name, schedule=weekly, settings=settings)
    assert (changed.schedule, changed.settings.refresh) == (weekly, {"max_cost": 2.5})
    assert (await monitors.delete(name)).id == made.id
    with pytest.raises(UnknownMonitor, match=name):
        await monitors.get(name)


async def test_what_cannot_be_kept_is_refused(monitors: Monitors) -> None:
    with pytest.raises(InvalidInput, match="work-pool create nowhere"):
        await monitors.create(uuid4().hex, DAILY, SETTINGS, "nowhere")
    with pytest.raises(InvalidInput, match="'often'"):
        await monitors.create(uuid4().hex, Schedule(cron="often"), SETTINGS, POOL)
    with pytest.raises(InvalidInput, match="is no name"):
        await monitors.create("a/b", DAILY, SETTINGS, POOL)
    with temporary_settings(updates={PREFECT_API_URL: None}), pytest.raises(InvalidInput, match="PREFECT_API_URL"):
        async with monitors_at_server():
            pass


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"refresh": {"out": "elsewhere"}}, "refresh: leave 'out' out: .* each refresh goes into the next of its series"),
        ({"refresh": {"run": "another"}}, "refresh: leave 'run' out"),
        ({"first": {"table": "t.csv", "out": "elsewhere"}}, "first: leave 'out' out"),
        ({"refresh": {"older_than": "soon"}}, "'soon' is no duration"),
        ({"refresh": {"older": "3d"}}, r"refresh: the flow refresh has no parameter 'older'; did you mean \"older_than\"\?"),
        ({"refresh": {"max_cost": "much"}}, "refresh: .*\n.*max_cost: Input should be a valid number"),
        ({"first": {"objective": "Who?"}}, "first: the flow enrich needs the parameter 'table'"),
        ({"first": {"table": "t.csv", "tabel": "x"}}, "first: the flow enrich has no parameter 'tabel'"),
    ],
)
async def test_options_are_checked_by_the_flow_that_they_are_for_where_a_monitor_is_made_and_where_it_runs(
    monitors: Monitors, tmp_path: Path, parameters: dict[str, Any], message: str
) -> None:
    """A form takes any JSON for an object. What is wrong is a sentence, and no failure of Python's; what a monitor decides by
    itself is not passed over."""
    run = str(tmp_path / "run")
    with use_runtime(Runtime()), pytest.raises(InvalidInput, match=message):
        await monitor_flow(run, **parameters)
    with pytest.raises(InvalidInput, match=message):
        await monitors.create(uuid4().hex, DAILY, MonitorSettings(run=run, **parameters), POOL)


def test_a_wrong_option_of_a_monitor_puts_no_webhook_into_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Its address is a secret."""
    stated = {"webhook": "https://hooks.example/secret-token", "max_cost": -5}
    logging.getLogger("prefect").addHandler(caplog.handler)  # Prefect's loggers do not propagate
    try:
        with pytest.raises(InvalidInput, match="max_cost"):
            flow_options(MonitorSettings(run="run", refresh=stated))
    finally:
        logging.getLogger("prefect").removeHandler(caplog.handler)
    assert "secret-token" not in caplog.text


def test_the_form_of_a_monitor_says_what_each_field_is_for() -> None:
    fields = monitor_flow.parameters.properties
    assert [field["title"] for field in fields.values()] == [f"Monitor · {name}" for name in fields]
    for field in fields.values():
        assert field["description"][0].isupper(), field
        assert field["description"].endswith("."), field


@pytest.mark.parametrize(
    ("every", "cron", "message"),
    [(None, None, "one schedule"), ("1d", "0 7 * * 1", "one schedule"), ("soon", None, "interval"), ("10s", None, "interval")],
)
def test_a_schedule_is_an_interval_or_a_cron_expression(every: str | None, cron: str | None, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Schedule.of(every, cron)


def test_a_schedule_reads_as_it_is_written() -> None:
    assert [str(Schedule.of(every, None)) for every in ("12h", "7d", "1w", "90m")] == [
        "every 12 h",
        "every 1 w",
        "every 1 w",
        "every 90 min",
    ]
    assert str(Schedule.of(None, "0 7 * * 1", "Europe/Berlin")) == "0 7 * * 1 (Europe/Berlin)"
    assert Schedule.of("12h", None).every_seconds == timedelta(hours=12).total_seconds()


@asynccontextmanager
async def opened(site: Pages, settings: Settings, pages: Folder) -> AsyncIterator[World]:
    yield World(model=KeylessModel(), search=site, fetcher=site)


async def test_a_monitored_question_is_asked_once_and_then_looked_at_again(prefect_server: None, tmp_path: Path) -> None:
    """The flow that a worker carries out: the first time makes the run, each further time refreshes it, and the series has the
    events."""
    site = Pages({"test://acme": "# Acme\n\nPresident: Ada Lovelace"})
    schema = {"properties": {"president": {"type": ["string", "null"]}}}
    settings = task_settings("acme", "Acme", tmp_path, {"output_schema": schema}, refresh={"stale": ["all"]})
    with use_runtime(Runtime(opener=partial(opened, site))):
        assert not is_finished(settings.run)
        first = await monitor_flow(**settings.model_dump(mode="json"))
        assert (first.run, first.completed) == (Path(settings.run), 1)
        (begun,) = events_of(settings.run)
        assert (begun.run, begun.is_first, begun.has_changes) == (settings.run, True, False)
        site.pages["test://acme"] = "# Acme\n\nPresident: Grace Hopper"
        site.identity = "pages/2"
        second = await monitor_flow(**settings.model_dump(mode="json"))
    assert second.run != first.run
    event, begun = events_of(settings.run)
    assert (begun.is_first, event.is_first) == (True, False)
    assert (event.run, event.has_changes) == (str(second.run), True)
    (change,) = event.changes
    assert (change["field"], change["change"]) == ("president", "changed")
    assert (change["old_value"], change["new_value"]) == ("Ada Lovelace", "Grace Hopper")


def said(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_the_command_keeps_a_monitor_of_a_question(
    monitors: Monitors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    name = uuid4().hex
    line = [
        "create",
        "--objective",
        "Who leads Acme?",
        "--every",
        "1d",
        "--name",
        name,
        "--pool",
        POOL,
        "--webhook",
        "https://hooks.internal/x",
    ]
    assert main(["monitor", *line, "--json"]) == Exit.OK
    told = capsys.readouterr()
    (made,) = map(json.loads, told.out.splitlines())
    assert "each worker" in told.err, "its settings count, and not those of whoever makes the monitor"
    assert (made["name"], made["webhook"], made["run"]) == (name, True, str(tmp_path / "runs" / name))
    assert "hooks.internal" not in json.dumps(made)
    again = [each if each != name else f"{name}-2" for each in line]
    assert main(["monitor", *again]) == Exit.OK
    asked = " ".join(capsys.readouterr().err.split())
    assert f"the question is asked for the first time at {made['next_run_at'][:4]}" in asked
    assert asked.endswith(f"at once with: research monitor run {name}-2")
    assert (tmp_path / "runs" / ".monitors" / f"{name}.csv").read_text() == "objective\nWho leads Acme?\n"
    for command in (["show", name], ["change", name, "--cron", "0 6 * * *"], ["pause", name], ["resume", name], ["run", name]):
        assert main(["monitor", *command, "--json"]) == Exit.OK
    assert said(capsys)[1]["schedule"] == {"every_seconds": None, "cron": "0 6 * * *", "timezone": "UTC"}
    assert main(["monitor", "list", "--json"]) == Exit.OK
    assert name in [each["name"] for each in said(capsys)]
    assert main(["monitor", "events", name]) == Exit.OK
    told_of = capsys.readouterr().err
    zone = datetime.now().astimezone().strftime("%Z")
    assert re.search(rf"no run of it has ended yet: it runs next at [-\d]+ \d\d:\d\d {re.escape(zone)}", told_of)
    assert main(["monitor", "list"]) == Exit.OK
    assert zone in capsys.readouterr().out
    samples.finished(tmp_path / "runs" / name)
    assert main(["monitor", "events", name]) == Exit.OK
    assert "nothing has changed so far; --all lists its 1 run" in capsys.readouterr().err
    assert main(["monitor", "events", name, "--all"]) == Exit.OK
    assert f"the first run: research show {tmp_path / 'runs' / name} has its answers" in capsys.readouterr().out
    assert main(["monitor", "delete", name]) == Exit.OK
    assert main(["monitor", "show", name]) == Exit.BAD_INPUT


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("create --every 1d", "an --objective"),
        ("create --objective Who? --every 1d --stale everything", "--stale"),
        ("create runs/none --every 1d", "runs/none"),
        ("create runs/planets --every 1d --key moon", "the key 'moon' is no column of planets"),
        ("create runs/planets --every 1d --webhook hook", "the webhook's address cannot be used"),
        ("create runs/planets --every 1d --corpus pages", "--corpus pages: there is no such file or folder"),
        ("create runs/planets --every 1d --timezone Europe/Berlin", "--timezone is where the hours of a --cron are"),
        ("create --objective= --every 1d", "--objective: must not be empty"),
        ("change any --webhook ftp://127.0.0.1/", "the webhook's address cannot be used"),
        ("change any --timezone Europe/Berlin", "--cron"),
    ],
)
def test_a_monitor_that_cannot_be_is_refused_before_it_is_kept(
    line: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Otherwise it would be kept, and each of its scheduled runs would fail."""
    monkeypatch.chdir(tmp_path)
    samples.finished(tmp_path / "runs" / "planets")
    assert main(["monitor", *line.split()]) == Exit.BAD_INPUT
    assert message in capsys.readouterr().err
