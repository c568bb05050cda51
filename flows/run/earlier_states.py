"""Finds runs of the same request over another state of its table, or over its first rows: their work is not paid again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from flows.run.request import Request
from flows.run.reuse import Earlier
from research.errors import InvalidInput, InvalidRun, InvalidTable, ResearchError
from research.identity import json_copy
from research.tables.changes.row_matching import RowMatcher, TableChanges, compare_table, rows_of
from research.tables.inputs.read import Table
from research.tables.run_folder.run_document import RUN_FILE
from research.tables.run_folder.run_folder import RunFolder

LATEST: Final = "latest"
"""What `--reuse` calls the newest run of the same request over an earlier state of its table."""
_OF_THE_TABLE: Final = frozenset({"table", "limit", "reuse", "refresh", "sessions", "agents"})
"""Parts of a request that say which rows there are, and what is kept of others."""
_LOOKED_AT: Final = 500
"""Run folders, the newest first, that are looked at."""
MOST_ROWS_COMPARED: Final = 100_000
"""Of a table, for a message that says how it has changed."""


class Resolved(NamedTuple):
    """What `--reuse latest` stands for."""

    request: Request
    earlier: Earlier | None
    """None: there is no such run."""
    path: Path | None
    """The run folder to go on with: of a run over this very state of the table. None: the run begins."""


def resolve_latest(request: Request, document: Mapping[str, Any], directory: Path) -> Resolved:
    """Find the run whose cells are kept: the newest of the same request over an earlier state of the table. A run over this very
    state goes on, with what it had kept.

    Args:
        document: of the request, as a run folder keeps it.
        directory: where run folders lie.
    """
    runs = list(_same_request(document, directory))
    for run in runs:
        if _is_same_state(run, document) and "refresh" not in run.request:
            kept = run.request.get("reuse")
            if kept is None:
                return Resolved(request, None, run.path)
            before = next((other for other in runs if other.key == kept.get("run")), None)
            if before is not None:
                earlier = Earlier(before, request)
                return Resolved(request.keeping(earlier.identity), earlier, run.path)
    for run in runs:
        if run.committed_shards():
            earlier = Earlier(run, request)
            return Resolved(request.keeping(earlier.identity), earlier, None)
    return Resolved(request, None, None)


def other_rows_of_it(request: Request, document: Mapping[str, Any], path: Path) -> Earlier | None:
    """A run of the same request over more or fewer rows of the same table (`--limit`), whose results are this run's own. None:
    there is none. That it is used makes this run no other run: the results are what it would find.

    Args:
        path: this run's folder.
    """
    found = [
        run
        for run in _same_request(document, path.parent)
        if run.path.name != path.name
        and run.request.get("table") == document.get("table")
        and run.request.get("limit") != document.get("limit")
        and not {"reuse", "refresh"} & run.request.keys()
    ]
    most = max(found, key=lambda run: _limit(run.request), default=None)
    return None if most is None or not most.committed_shards() else Earlier(most, request)


def hint_of(request: Request, document: Mapping[str, Any], path: Path) -> str:
    """What to say before all rows of a changed table are paid again; "": nothing."""
    runs = [run for run in _same_request(document, path.parent) if not _is_same_state(run, document)]
    run = next((run for run in runs if run.committed_shards()), None)
    if run is None or request.table.row_count > MOST_ROWS_COMPARED:
        return ""
    changes = how_changed(run, request.table, request.private)
    if not changes.same:
        return ""
    left = request.table.row_count - changes.same
    return (
        f"{run.path} has researched an earlier state of this table ({changes}): --reuse {LATEST} would research only "
        f"{left:,} {'row' if left == 1 else 'rows'}, and this run researches all {request.table.row_count:,}"
    )


def refuse_changed(path: Path, request: Request, document: Mapping[str, Any], error: InvalidRun) -> InvalidRun:
    """What to say of a run folder that holds a run over another state of the same table; the error itself of any other."""
    try:
        run = RunFolder.open(path)
    except ResearchError:
        return error
    if not _is_same_request(run.request, document) or request.table.row_count > MOST_ROWS_COMPARED:
        return error
    if run.request.get("table") == document.get("table") and run.request.get("limit") == document.get("limit"):
        return error
    changes = how_changed(run, request.table, request.private)
    if changes.are_none:
        return InvalidRun(
            f"{path} holds a run over the same rows that another version of this program began, which read the table otherwise: "
            f"let that version finish it. Or name another folder with --out, and add --reuse {path}, which keeps what it found."
        )
    return InvalidRun(
        f"{path} holds the run of another state of this table: {changes}. To research only what is new or edited, name another "
        f"folder with --out, and add --reuse {path}. To look at the other rows again as well: research refresh {path}."
    )


def how_changed(run: RunFolder, table: Table, private: frozenset[str]) -> TableChanges:
    """How a table differs from what a run had of it. The first column that names every row tells edited rows from new ones."""
    try:
        matcher = RowMatcher(run, table.schema.names, _likely_key(run, table), private)
        return compare_table(matcher, table)
    except InvalidTable:
        return compare_table(RowMatcher(run, table.schema.names, (), private), table)


def _likely_key(run: RunFolder, table: Table) -> tuple[str, ...]:
    seen: dict[str, set[str]] = {name: set() for name in run.columns.inputs if name in table.schema.names}
    for _, values in rows_of(run):
        for name in list(seen):
            text = str(values.get(name) or "").strip()
            if not text or text in seen[name]:
                del seen[name]
            else:
                seen[name].add(text)
    return tuple(seen)[:1]


def _same_request(document: Mapping[str, Any], directory: Path) -> Iterator[RunFolder]:
    """Runs that were asked the same, but for the state of their table; the newest first."""
    files = sorted(directory.glob(f"*/{RUN_FILE}"), key=lambda file: -file.stat().st_mtime_ns)[:_LOOKED_AT]
    runs = []
    for file in files:
        try:
            run = RunFolder.open(file.parent)
        except InvalidInput:
            continue
        if _is_same_request(run.request, document):
            runs.append(run)
    yield from sorted(runs, key=lambda run: run.created_at, reverse=True)


def _is_same_request(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    def asked(document: Mapping[str, Any]) -> dict[str, Any]:
        return {name: part for name, part in json_copy(document).items() if name not in _OF_THE_TABLE}

    return asked(old) == asked(new)


def _is_same_state(run: RunFolder, document: Mapping[str, Any]) -> bool:
    return all(run.request.get(part) == document.get(part) for part in ("table", "limit", "sessions", "agents"))


def _limit(request: Mapping[str, Any]) -> float:
    limit = request.get("limit")
    return float("inf") if limit is None else float(limit)
