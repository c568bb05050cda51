"""What Prefect's UI shows of a run beside its task runs: how far it is, and at the end what came of it."""

from __future__ import annotations

import asyncio
import re
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

import duckdb
import httpx
from prefect.artifacts import (
    acreate_link_artifact,
    acreate_markdown_artifact,
    acreate_progress_artifact,
    acreate_table_artifact,
    aupdate_progress_artifact,
)
from prefect.exceptions import PrefectException
from prefect.logging import get_run_logger

from flows.run.events import CellsChanged
from flows.run.outcome import Enrichment
from flows.run.second_look import SecondLook
from research.concurrency.outages import Notice, ServicePaused
from research.display.figures import count, duration, share
from research.display.printable import printable
from research.faults import shortened
from research.money.amounts import dollars
from research.tables.export.csv_file import as_text
from research.tables.warehouse.reading import warehouse_of

REPORT_KEY: Final = "enrichment"
PROGRESS_KEY: Final = "enrichment-progress"
FAILED_KEY: Final = "enrichment-failed-rows"
DOUBTFUL_KEY: Final = "enrichment-doubtful-cells"
FOLDER_KEY: Final = "enrichment-run-folder"
SHEET_KEY: Final = "enrichment-review-sheet"
CHANGES_KEY: Final = "refresh-changes"
FOUND_KEY: Final = "find-found"
REVIEW_SHEET: Final = "report.html"
"""Where `research report` puts the review sheet in a run folder."""
UPDATE_SECONDS: Final = 2.0
ANSWER_SECONDS: Final = 3.0
"""How long the server may take for a bar. Prefect's client tries again for a minute, with growing waits."""
NEXT_ANSWER_SECONDS: Final = 1.0
"""The same after one that it did not answer."""
REPORT_SECONDS: Final = 20.0
LOW_CELLS: Final = 10
TABLE_ROWS: Final = 50
"""Rows that a table shows at most: failed rows, doubtful cells, changes, what was found."""
EXCERPT: Final = 240

_PUNCTUATION: Final = re.compile(f"([{re.escape(string.punctuation)}])")

Table = Sequence[Sequence[object]]


class Progress:
    """A bar in the UI while the run goes on, moved every two seconds. A UI that cannot be reached costs the run nothing."""

    def __init__(self, rows: int, kept: int) -> None:
        self._rows = rows
        self._done = kept
        self._failed = 0
        self._waiting = 0
        self._paused: dict[str, ServicePaused] = {}
        self._artifact: UUID | None = None
        self._mover: asyncio.Task[None] | None = None
        self._answer_seconds = ANSWER_SECONDS

    def row_finished(self, *, failed: bool, waiting: bool = False) -> None:
        self._done += 1
        self._failed += failed
        self._waiting += waiting

    def service_changed(self, notice: Notice) -> None:
        """A service pauses, or answers again."""
        if isinstance(notice, ServicePaused):
            self._paused[notice.service] = notice
        else:
            self._paused.pop(notice.service, None)

    async def __aenter__(self) -> Progress:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                self._artifact = await acreate_progress_artifact(self._percent(), key=PROGRESS_KEY, description=self._words())
        except (TimeoutError, httpx.HTTPError, PrefectException) as error:
            get_run_logger().warning("no progress bar in the UI: %s", error or "no answer")
        else:
            self._mover = asyncio.create_task(self._move())
        return self

    async def __aexit__(self, _type: type[BaseException] | None, _value: object, _trace: TracebackType | None) -> None:
        if self._mover is not None:
            self._mover.cancel()
            await asyncio.wait([self._mover])
            await self._update()

    async def _move(self) -> None:
        shown = ""
        while True:
            await asyncio.sleep(UPDATE_SECONDS)
            if shown != self._words():
                shown = self._words()
                await self._update()

    async def _update(self) -> None:
        if self._artifact is not None:
            seconds, self._answer_seconds = self._answer_seconds, NEXT_ANSWER_SECONDS
            with suppress(TimeoutError, httpx.HTTPError, PrefectException):  # the next move, or the report, says it again
                async with asyncio.timeout(seconds):
                    await aupdate_progress_artifact(self._artifact, self._percent(), description=self._words())
                self._answer_seconds = ANSWER_SECONDS

    def _percent(self) -> float:
        return 100.0 * self._done / self._rows if self._rows else 100.0

    def _words(self) -> str:
        failed = f", {self._failed:,} failed" if self._failed else ""
        failed += f", {self._waiting:,} waiting for people" if self._waiting else ""
        paused = [printable(str(each), one_line=True) for each in self._paused.values()]
        return ". ".join([f"{self._done:,} of {count(self._rows, 'row')}{failed}", *paused])


async def publish(done: Enrichment, look: SecondLook, runs_url: str | None = None) -> None:
    """Put what came of a finished run into the UI: a report, tables of failed rows and of doubtful cells, and where the run is.

    Args:
        look: the first `TABLE_ROWS` of each.
        runs_url: the address at which a browser finds the folder that holds run folders.
    """
    text = await asyncio.to_thread(report, done.run, facts(done, look), look)
    places = await asyncio.to_thread(lambda: list(links(done, runs_url)))
    try:
        async with asyncio.timeout(REPORT_SECONDS):
            await asyncio.gather(
                acreate_markdown_artifact(text, key=REPORT_KEY, description=plain(f"Enrichment of {done.place}")),
                acreate_table_artifact(failed_rows(look), key=FAILED_KEY, description=_first_of(look.all_failed, "failed row")),
                acreate_table_artifact(
                    doubtful_cells(look), key=DOUBTFUL_KEY, description=_first_of(look.all_doubtful, "doubtful cell")
                ),
                *(acreate_link_artifact(url, plain(shown), key=key, description=why) for key, url, shown, why in places),
            )
    except (TimeoutError, httpx.HTTPError, PrefectException) as error:
        get_run_logger().warning("no report in the UI: %s", error or "no answer")


async def publish_changes(changes: CellsChanged, lines: Iterable[Mapping[str, Any]]) -> None:
    """Put what a refresh has found otherwise than the run before it into the UI.

    Args:
        lines: of the table `changes`, without cells that were confirmed.
    """
    names = ("field", "change", "old_value", "new_value", "why", "new_url")
    rows = [
        {"row": "" if line["row_index"] is None else f"row {line['row_index']}", **{name: _shown(line[name]) for name in names}}
        for line in islice(lines, TABLE_ROWS)
    ]
    await _publish_table(rows, CHANGES_KEY, str(changes))


async def publish_found(found: int, lines: Iterable[Mapping[str, Any]]) -> None:
    """Put the rows that a find has found into the UI, with their values and the pages that name them.

    Args:
        lines: of `found.parquet`. The excerpts of each condition, and their addresses, stay there.
    """
    rows = [
        {name: _shown(value) for name, value in line.items() if not _is_beside(name, line)} for line in islice(lines, TABLE_ROWS)
    ]
    await _publish_table(rows, FOUND_KEY, f"{_first_of(found, 'row')} found" if found else "Nothing was found")


def _is_beside(name: str, line: Mapping[str, Any]) -> bool:
    """Whether a column holds the excerpt of a condition or where that stands."""
    condition, _, part = name.rpartition("_")
    return part in ("excerpt", "url") and f"{condition}_confidence" in line


async def _publish_table(rows: list[dict[str, Any]], key: str, description: str) -> None:
    try:
        async with asyncio.timeout(REPORT_SECONDS):
            await acreate_table_artifact(rows, key=key, description=plain(description))
    except (TimeoutError, httpx.HTTPError, PrefectException) as error:
        get_run_logger().warning("no table %s in the UI: %s", key, error or "no answer")


def facts(done: Enrichment, look: SecondLook) -> Iterator[tuple[str, object]]:
    """What a run came to, as people read it."""
    yield "rows", count(done.rows)
    yield "completed", f"{count(done.completed)} ({share(done.completed, done.rows)})"
    yield "failed", f"{count(look.all_failed)} ({share(look.all_failed, done.rows)})" if look.all_failed else "none"
    if done.waiting:
        yield "waiting for people", count(done.waiting)
    if left := done.rows - done.completed - look.all_failed - done.waiting:
        yield "left", count(left)
    yield "cost of the rows", _money(done.cost_usd)
    yield "paid so far", _money(done.spent_usd)
    if done.cost_usd and done.completed:
        yield "cost of a row", dollars(done.cost_usd / done.completed)
    yield "model", done.model
    yield "time", duration(done.seconds)
    if done.escalated or done.not_escalated:
        yield "escalated", count(done.escalated) + (f", {count(done.not_escalated)} could not be" if done.not_escalated else "")
    if done.stopped:
        yield "stopped", done.stopped
    yield "run folder", done.address


def _money(usd: float | None) -> str:
    return "not known" if usd is None else dollars(usd)


def failed_rows(look: SecondLook) -> list[dict[str, Any]]:
    """A table artifact's rows."""
    return [{"row": cell(each.label), "error": cell(each.error)} for each in look.failed]


def doubtful_cells(look: SecondLook) -> list[dict[str, Any]]:
    """A table artifact's rows."""
    return [
        {
            "row": cell(each.label),
            "field": cell(each.field),
            "value": cell(each.value),
            "confidence": each.confidence or "none",
            "why": cell(each.why),
        }
        for each in look.doubtful
    ]


def _first_of(number: int, noun: str) -> str:
    if not number:
        return f"No {noun}"
    return count(number, noun) if number <= TABLE_ROWS else f"The first {TABLE_ROWS} of {count(number, noun)}"


def links(done: Enrichment, runs_url: str | None) -> Iterator[tuple[str, str, str, str]]:
    """Key, address, text and description of each link. A browser follows none to a disk: there, the text is what helps."""
    folder, place = done.run.absolute(), done.address
    address = f"{runs_url.rstrip('/')}/{quote(folder.name)}" if runs_url else done.url or folder.as_uri()
    yield FOLDER_KEY, _link(address), place, "The run folder: results, evidence and pages"
    if (folder / REVIEW_SHEET).exists():
        yield SHEET_KEY, _link(f"{address}/{REVIEW_SHEET}"), f"{place}/{REVIEW_SHEET}", "The review sheet of the run"


def _link(address: str) -> str:
    """An address that ends where Markdown thinks it ends."""
    return address.replace("(", "%28").replace(")", "%29").replace(" ", "%20")


def report(run: Path, facts: Iterable[tuple[str, object]], look: SecondLook) -> str:
    """The report of a finished run, as Markdown. Whatever came from a table or a page is escaped.

    Args:
        look: the first `LOW_CELLS` of each, or more.
    """
    failed = [(each.row, each.error) for each in look.failed[:LOW_CELLS]]
    with warehouse_of(run) as db:
        coverage = db.execute(
            'SELECT field, filled, "rows", empty, high, medium, low, without_confidence FROM coverage'
        ).fetchall()
        low = _low_cells(db) if look.all_doubtful else []
        suspicious = db.execute(
            'SELECT url, suspected_injection, "rows", cells FROM suspicious_sources LIMIT ?', [LOW_CELLS]
        ).fetchall()
    parts = [
        "# Enrichment",
        table(("", ""), list(facts)),
        "## Fields",
        table(
            ("field", "filled", "of all", "empty", "high", "medium", "low", "no confidence"),
            [(name, count(filled), share(filled, rows), *map(count, rest)) for name, filled, rows, *rest in coverage],
        ),
    ]
    if failed:
        parts += ["## Failed rows", table(("row", "error"), failed)]
    if low:
        parts += ["## Cells worth a second look", table(("row", "field", "value", "excerpt", "page"), low)]
    if suspicious:
        parts += ["## Pages that look as if they try to instruct a model", table(("page", "words", "rows", "cells"), suspicious)]
    return "\n\n".join(parts) + "\n"


def _low_cells(db: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    return db.execute(
        "SELECT cell.row_index, cell.field, cell.value, any_value(basis.excerpt), any_value(basis.url) "
        "FROM low_confidence AS cell LEFT JOIN basis USING (row_index, field) "
        "GROUP BY ALL ORDER BY cell.row_index, cell.field LIMIT ?",
        [LOW_CELLS],
    ).fetchall()


def table(heading: Sequence[str], rows: Table) -> str:
    lines = [heading, ["---"] * len(heading)]
    cells = [[plain(cell) for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in [*lines, *cells])


def _shown(value: object) -> str:
    return "" if value is None else cell(as_text(value))


def cell(text: str) -> str:
    """Any text as a table artifact shows it: one line, cut. Prefect's first UI takes a cell with a Markdown link for Markdown."""
    return shortened(printable(" ".join(text.split()), one_line=True), EXCERPT).replace("](", "] (")


def plain(value: Any) -> str:
    """Any text as Markdown that shows it and does nothing else: one line, cut, every punctuation mark escaped."""
    text = printable(" ".join(str("" if value is None else value).split()), one_line=True)
    return _PUNCTUATION.sub(r"\\\1", shortened(text, EXCERPT))
