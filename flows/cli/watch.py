"""`research watch`: follow a run from another terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.box import SIMPLE
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Column, Table
from rich.text import Text

from flows.cli.named_run import run_path
from flows.cli.runs import state_of
from flows.cli.terminal import Exit, Output, described, money, out, print_json
from research.display.figures import count

if TYPE_CHECKING:
    from flows.run.causes import Cause
    from flows.run.status import RunStatus

NONE = Output()
BAR = 40
"""Terminal cells."""


def watch(
    run: str,
    /,
    *,
    once: bool = False,
    every: Annotated[float, Parameter(validator=Number(gte=0.2))] = 2.0,
    output: Output = NONE,
) -> int:
    """Follow a run until it ends: rows, speed, cost, how sure its cells are, why rows failed and what mends them, and which hosts
    and search providers are slow, fail, or bring nothing. It reads the run folder only.

    Args:
        run: the run folder, or its URL while a process of this machine runs it.
        once: show where it stands, and end.
        every: seconds between two looks.
    """
    from flows.run.status import Watcher
    from research.storage.location import is_url

    folder = run_path(run)
    watcher = Watcher(folder, run if is_url(run) else str(folder))
    looks = _looks(watcher.look, every, once)
    if output.json:
        for status in looks:
            print_json({"event": "status", **asdict(status)})
        return Exit.OK
    console = out()
    if not console.is_terminal:
        for status in looks:
            console.print(shown(status))
        return Exit.OK
    with Live(console=console, auto_refresh=False, transient=False) as live:
        for status in looks:
            live.update(shown(status), refresh=True)
    return Exit.OK


def _looks(look: Callable[[], RunStatus], every: float, once: bool) -> Iterator[RunStatus]:
    while True:
        yield (status := look())
        if once or status.run.state != "running":
            return
        time.sleep(every)


def shown(status: RunStatus) -> RenderableType:
    """A run's status for a person. `research show` prints it, too."""
    parts: list[RenderableType] = [_head(status)]
    if status.run.rows:
        done = status.run.completed + status.run.failed + status.run.waiting
        parts.append(Text("━" * round(BAR * min(1.0, done / status.run.rows))))
    parts.append(_figures(status))
    if status.cells:
        parts.append(confidences(status))
    parts += [Text(f"warning: {warning}", style="yellow") for warning in (*status.paused, *status.warnings)]
    if status.causes:
        parts.append(causes_table(status.causes))
    if status.services:
        parts.append(_services(status))
    return Group(*parts)


def _head(status: RunStatus) -> Text:
    run = status.run
    state = state_of(run)
    if run.reason:
        state = run.reason if run.reason.startswith(run.state) else f"{state}: {run.reason}"  # `stopped by Ctrl-C` says both
    stopping = f" · {status.stopping}" if status.stopping else ""
    return Text.assemble((str(run.path), "bold"), f"  {state}{stopping}\nanswered by: {described(run.model)}")


def _figures(status: RunStatus) -> Text:
    run = status.run
    failed = f", {run.failed:,} failed" if run.failed else ""
    failed += f", {run.waiting:,} waiting for people" if run.waiting else ""
    figures = [f"{run.completed:,} of {'? rows' if run.rows is None else count(run.rows, 'row')}{failed}"]
    if status.rows_per_second is not None:
        speed = status.rows_per_second
        figures.append(f"{speed:,.0f} rows/s" if speed >= 10 else f"{speed:.2g} rows/s")
    if status.seconds is not None:
        figures.append(f"{_time(status.seconds)}")
    if status.seconds_left is not None:
        figures.append(f"about {_time(status.seconds_left)} left")
    cap = f" of {money(status.cap_usd)} ({_share(status.spent_usd, status.cap_usd)})" if status.cap_usd else ""
    figures.append(f"spent {money(status.spent_usd)}{cap}")
    return Text(" · ".join(figures))


def _share(spent: float | None, cap: float) -> str:
    return "?" if spent is None else f"{100 * spent / cap:.0f} %"


def _time(seconds: float) -> str:
    return str(timedelta(seconds=round(max(0.0, seconds))))


def confidences(status: RunStatus) -> Table:
    """How sure cells are: of all fields, and of each where that is known."""
    table = _table(Column("cells", no_wrap=True), *(Column(name, justify="right") for name in status.cells), "")
    for field, counts in [*status.fields.items(), ("all fields", status.cells)]:
        total = sum(counts.values()) or 1
        shares = (f"{100 * count / total:.0f} %" if count else "–" for count in counts.values())
        table.add_row(Text(field), *shares, _bar(counts))
    return table


def _bar(counts: dict[str, int]) -> Text:
    """`high` to `none` as a strip that says the same without colours."""
    total = sum(counts.values()) or 1
    styles = {"high": ("█", "green"), "medium": ("▓", "cyan"), "low": ("▒", "yellow"), "none": ("·", "dim")}
    return Text.assemble(*((styles[name][0] * round(20 * count / total), styles[name][1]) for name, count in counts.items()))


def causes_table(causes: Sequence[Cause]) -> Table:
    """Failed rows by cause."""
    table = _table(Column("failed", justify="right"), "cause", "rows", "mended by")
    for cause in causes:
        more = f", … {cause.rows - len(cause.first)} more" if cause.rows > len(cause.first) else ""
        mends = cause.command or f"{cause.remedy}: running again cannot mend it"
        table.add_row(f"{cause.rows:,}", Text(f"{cause.kind}: {cause.error}"), Text(", ".join(cause.first) + more), Text(mends))
    return table


def _services(status: RunStatus) -> Table:
    counted = ("calls", "empty", "failed", "mean", "slowest")
    table = _table(Column("asked", no_wrap=True), *(Column(name, justify="right") for name in counted))
    for each in status.services:
        times = (f"{each.mean_seconds:.1f} s", f"{each.slowest:.1f} s")
        table.add_row(Text(f"{each.kind} {each.name}"), f"{each.calls:,}", f"{each.empty:,}", f"{each.failed:,}", *times)
    return table


def _table(*columns: Column | str) -> Table:
    return Table(*columns, box=SIMPLE, padding=(0, 1, 0, 0))
