"""`research monitor …`: a refresh on a schedule, kept by a Prefect server."""

from __future__ import annotations

import asyncio
import json
import shlex
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

from cyclopts import App, Parameter
from cyclopts.validators import Number
from rich.box import SIMPLE
from rich.table import Table
from rich.text import Text

from flows.cli.flow_run import quiet_prefect
from flows.cli.terminal import Exit, Output, note, out, print_json, shown
from research.display.figures import count

if TYPE_CHECKING:
    from flows.monitors import Monitors
    from flows.run.monitor import Monitor, MonitorEvent

T = TypeVar("T")
NONE: Final = Output()
Cap = Annotated[float | None, Parameter(validator=Number(gt=0))]
Several = Annotated[tuple[str, ...], Parameter(show_default=False, negative="")]

monitor: Final = App(name="monitor", help="Refresh a run, or ask a question again, on a schedule.")


@monitor.command
def create(
    run: str | None = None,
    /,
    *,
    name: str | None = None,
    every: str | None = None,
    cron: str | None = None,
    timezone: str | None = None,
    objective: str | None = None,
    schema: str | None = None,
    corpus: str | None = None,
    processor: str | None = None,
    model: str | None = None,
    key: Several = (),
    stale: str | None = None,
    older_than: str | None = None,
    webhook: str | None = None,
    max_cost: Cap = None,
    pool: str = "research",
    paused: Annotated[bool, Parameter(negative="")] = False,
    output: Output = NONE,
) -> int:
    """Make a monitor: of a run folder, or of one question. A worker of its work pool carries it out at each time.

    Args:
        run: the run folder; of a series, any.
        name: what it is called. Default: the run folder's name.
        every: the interval: `12h`, `7d`, `1w`.
        cron: or a cron expression: `0 7 * * 1`.
        timezone: of the cron expression. Default: UTC.
        objective: without a run: the question, which is asked for the first time at the first time.
        schema: with an objective, an output schema, as a file or as JSON.
        corpus: with an objective, the documents to search; of a run, where they lie now.
        processor: with an objective, the tier.
        model: which model answers.
        key: of a run, a column that names a row, so that an edited row is known again.
        stale: which cells are looked at: `all`, `low`, `empty`, `rejected`, `failed`; with commas.
        older_than: only cells that were checked longer ago: `30d`.
        webhook: an address that is told what changed.
        max_cost: most US dollars that one time may cost.
        pool: the Prefect work pool whose workers carry it out.
        paused: make it, and do not let it run yet.
    """
    from flows.run.monitor import MonitorSettings, Schedule, task_settings
    from research.errors import InvalidInput

    schedule = Schedule.of(every, cron, timezone)
    stale_kinds = None if stale is None else [kind for each in stale.split(",") if (kind := each.strip())]
    refresh = {"stale": stale_kinds, "older_than": older_than, "key": list(key) or None, "webhook": webhook, "max_cost": max_cost}
    refresh = {option: value for option, value in refresh.items() if value is not None}
    _check_refresh(refresh)
    if (run is None) == (objective is None):
        raise InvalidInput("a monitor has a run folder, or an --objective: give one of the two")
    if run is not None:
        beside = {"--schema": schema, "--processor": processor}
        if unused := [option for option, value in beside.items() if value is not None]:
            raise InvalidInput(f"{', '.join(unused)}: of a run, this is what the run says")
        folder = _folder(run, list(key))
        refresh |= {option: value for option, value in (("corpus", _corpus(corpus)), ("model", model)) if value is not None}
        name, settings = name or folder.name, MonitorSettings(run=str(folder), refresh=refresh)
    else:
        if not (objective or "").strip():
            raise InvalidInput("--objective: must not be empty")
        options = {"output_schema": _schema(schema), "corpus": _corpus(corpus), "processor": processor, "model": model}
        name = name or "task"
        stated = {option: value for option, value in options.items() if value is not None}
        settings = task_settings(name, str(objective), Path("runs"), stated, refresh=refresh)
    made = _at_server(output, lambda monitors: monitors.create(name, schedule, settings, pool, paused=paused))
    _show(made, output)
    what = "the run is refreshed" if run is not None else "the question is asked"
    if paused:
        note(f"it is paused: research monitor resume {shlex.quote(name)} lets it run")
    else:
        note(f"{what} for the first time at {_moment(made.next_run_at)}; at once with: research monitor run {shlex.quote(name)}")
    return Exit.OK


@monitor.command(name="list")
def list_(*, output: Output = NONE) -> int:
    """List the monitors, the latest first."""
    monitors = _at_server(output, lambda monitors: monitors.all())
    if output.json:
        for each in monitors:
            print_json(_as_json(each))
        return Exit.OK
    if not monitors:
        note("there is no monitor: research monitor create RUN --every 1d makes one")
        return Exit.OK
    table = Table(box=SIMPLE)
    for heading in ("name", "state", "schedule", "last", "next", "run"):
        table.add_column(heading)
    for each in monitors:
        last = "never" if each.last_run_at is None else f"{_moment(each.last_run_at)} {each.last_state}"
        cells = (each.name, each.state, str(each.schedule), last, _moment(each.next_run_at), each.settings.run)
        table.add_row(*(Text(cell) for cell in cells))
    out().print(table)
    return Exit.OK


@monitor.command
def show(name: str, /, *, output: Output = NONE) -> int:
    """Show a monitor.

    Args:
        name: its name, or its id.
    """
    return _show(_at_server(output, lambda monitors: monitors.get(name)), output)


@monitor.command
def change(
    name: str,
    /,
    *,
    every: str | None = None,
    cron: str | None = None,
    timezone: str | None = None,
    stale: str | None = None,
    older_than: str | None = None,
    webhook: str | None = None,
    max_cost: Cap = None,
    output: Output = NONE,
) -> int:
    """Change when a monitor runs, or what it does. What is not named stays.

    Args:
        name: its name, or its id.
        every: another interval.
        cron: another cron expression.
        timezone: of the cron expression.
        stale: other cells to look at.
        older_than: another age.
        webhook: another address; an empty text for none.
        max_cost: another cap on one time.
    """
    from flows.monitors import changed_settings
    from flows.run.monitor import Schedule

    stated_one = any(each is not None for each in (every, cron, timezone))
    schedule = Schedule.of(every, cron, timezone) if stated_one else None
    kinds = None if stale is None else [kind for each in stale.split(",") if (kind := each.strip())]
    options: dict[str, Any] = {"stale": kinds, "older_than": older_than, "webhook": webhook, "max_cost": max_cost}
    stated = {option: value or None for option, value in options.items() if value is not None}
    _check_refresh(stated)

    async def work(monitors: Monitors) -> Monitor:
        before = await monitors.get(name)
        settings = changed_settings(before.settings, stated) if stated else None
        return await monitors.change(name, schedule=schedule, settings=settings)

    return _show(_at_server(output, work), output)


@monitor.command
def pause(name: str, /, *, output: Output = NONE) -> int:
    """Let a monitor run no more until it is resumed.

    Args:
        name: its name, or its id.
    """
    return _show(_at_server(output, lambda monitors: monitors.pause(name)), output)


@monitor.command
def resume(name: str, /, *, output: Output = NONE) -> int:
    """Let a paused monitor run again.

    Args:
        name: its name, or its id.
    """
    return _show(_at_server(output, lambda monitors: monitors.resume(name)), output)


@monitor.command
def run(name: str, /, *, output: Output = NONE) -> int:
    """Have a monitor run now, whatever its schedule says. A worker of its pool carries it out.

    Args:
        name: its name, or its id.
    """
    flow_run = _at_server(output, lambda monitors: monitors.run_now(name))
    if output.json:
        print_json({"flow_run": str(flow_run.id), "name": flow_run.name})
    else:
        out().print(f"{flow_run.name} waits for a worker: {flow_run.id}", markup=False)
    return Exit.OK


@monitor.command
def delete(name: str, /, *, output: Output = NONE) -> int:
    """Forget a monitor. Its run folders stay.

    Args:
        name: its name, or its id.
    """
    gone = _at_server(output, lambda monitors: monitors.delete(name))
    if output.json:
        print_json(_as_json(gone))
    else:
        out().print(f"{gone.name} is deleted; what it found stays in {gone.settings.run}", markup=False)
    return Exit.OK


@monitor.command
def events(
    name: str,
    /,
    *,
    limit: Annotated[int, Parameter(validator=Number(gte=1))] = 20,
    all: Annotated[bool, Parameter(negative="")] = False,
    output: Output = NONE,
) -> int:
    """What a monitor found changed, the latest first.

    Args:
        name: its name, or its id.
        limit: most runs of its series that are shown.
        all: runs that found nothing changed, too, and the first.
    """
    from flows.run.monitor import events_of

    found = _at_server(output, lambda monitors: monitors.get(name))
    ended = list(events_of(found.settings.run))
    told = [each for each in ended if all or each.has_changes][:limit]
    for each in told:
        _show_event(each, output)
    if not ended and not output.json:
        when = "it is paused" if found.next_run_at is None else f"it runs next at {_moment(found.next_run_at)}"
        note(f"no run of it has ended yet: {when}")
    elif not told and not output.json:
        note(f"nothing has changed so far; --all lists its {count(len(ended), 'run')}")
    return Exit.OK


def _at_server(output: Output, work: Callable[[Monitors], Awaitable[T]]) -> T:
    quiet_prefect(output.debug)

    async def at_server() -> T:
        from flows.monitors import monitors_at_server

        async with monitors_at_server() as monitors:
            return await work(monitors)

    return asyncio.run(at_server())


def _folder(run: str, keys: Sequence[str]) -> Path:
    """The run folder, whose rows these keys tell apart."""
    from research.errors import InvalidInput
    from research.storage.location import is_url
    from research.tables.changes.row_matching import RowMatcher
    from research.tables.run_folder.finding import find_run
    from research.tables.run_folder.run_folder import RunFolder

    if is_url(run):
        raise InvalidInput(f"{run}: a monitor names the folder of each refresh by itself, which needs a run folder on this disk")
    folder = RunFolder.open(find_run(run))
    RowMatcher(folder, folder.columns.inputs, keys)
    return folder.path.resolve()


def _check_refresh(options: dict[str, Any]) -> None:
    from flows.run.staleness import Staleness
    from research.webhooks.delivery import check_address_for_others

    if options.get("webhook") and (refusal := check_address_for_others(options["webhook"])):
        note(f"the settings of each worker have to allow the webhook's address: {refusal}")
    Staleness.parse(options.get("stale"), options.get("older_than"))


def _schema(schema: str | None) -> Any:
    """An output schema by its content: the folder that a worker runs in is another one."""
    if schema is None:
        return None
    from research.output_schema.output_spec import OutputSpec

    spec = OutputSpec.parse(schema)
    return dict(spec.schema)


def _corpus(path: str | None) -> str | None:
    from research.errors import InvalidInput
    from research.storage.location import is_url, local_path

    if path is None or is_url(path):
        return path
    place = local_path(path).resolve()
    if not place.exists():
        raise InvalidInput(f"--corpus {path}: there is no such file or folder")
    return str(place)


def _show(monitor_: Monitor, output: Output) -> int:
    if output.json:
        print_json(_as_json(monitor_))
        return Exit.OK
    settings = monitor_.settings
    lines = [
        ("name", monitor_.name),
        ("state", monitor_.state),
        ("schedule", str(monitor_.schedule)),
        ("last", "never" if monitor_.last_run_at is None else f"{_moment(monitor_.last_run_at)} {monitor_.last_state}"),
        ("next", _moment(monitor_.next_run_at)),
        ("run", settings.run),
        *((name, shown(value)) for name, value in settings.refresh.items() if name != "webhook"),
        ("webhook", "yes" if settings.refresh.get("webhook") else "no"),
        ("pool", monitor_.pool or "none"),
        ("id", monitor_.id),
    ]
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, value in lines:
        table.add_row(Text(name, style="bold"), Text(value))
    out().print(table)
    return Exit.OK


def _as_json(monitor_: Monitor) -> dict[str, Any]:
    """For programs: without the webhook's address, which may be a secret."""
    made = monitor_.model_dump(mode="json", exclude={"settings"})
    refresh = {name: value for name, value in monitor_.settings.refresh.items() if name != "webhook"}
    has_webhook = bool(monitor_.settings.refresh.get("webhook"))
    return {**made, "run": monitor_.settings.run, "refresh": refresh, "webhook": has_webhook}


def _show_event(event: MonitorEvent, output: Output) -> None:
    if output.json:
        print_json(json.loads(event.model_dump_json()))
        return
    counts = ", ".join(f"{number:,} {kind}" for kind, number in event.counts.items()) or "nothing was looked at"
    counts = f"the first run: research show {shlex.quote(event.run)} has its answers" if event.is_first else counts
    out().print(f"{_moment(event.at)}  {counts}" + ("" if event.is_first else f"  {event.run}"), markup=False, soft_wrap=True)
    for change_ in event.changes:
        where = f"{change_['row_key']} {change_['field'] or ''}".strip()
        values = f"{shown(change_['old_value'])} → {shown(change_['new_value'])}"
        out().print(f"  {change_['change']}: {where}: {values}  {change_['new_url'] or ''}".rstrip(), markup=False)


def _moment(at: datetime | None) -> str:
    return "–" if at is None else at.astimezone().strftime("%Y-%m-%d %H:%M %Z")
