"""The run folder: one run's request, its tables as Parquet parts, and what is finished.

    run.json            the request, its key, the columns of `results`, and at the end a summary
    results/part-00000.parquet, part-00001.parquet, …     one part a shard, in input order
    basis/ usage/ findings/ sources/ pages/               the same
    commits/part-00000.json, …     one commit record a shard: its parts' sizes and hashes
    research.duckdb     all of it in one file, made when the run ends
    .state/             the engine's working state, and the lock

A shard is committed when its commit record is there, and all parts are as large as it says. Readers need no lock, also while a
run goes on. One process at a time runs a run folder (`RunFolder.lock`); its workers may write different shards at once.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from research.errors import DamagedRun, InvalidRun
from research.identity import json_copy
from research.output_schema.output_spec import OutputSpec
from research.ports.page import Page
from research.result.result import Result
from research.storage.location import local_path
from research.tables.layout.parts import OPTIONAL, SCHEMAS, pages_cited, tables_of, with_rows
from research.tables.layout.probabilities import Probabilities
from research.tables.layout.result_columns import ResultColumns
from research.tables.run_folder.commit_records import PartRecord, ShardRows
from research.tables.run_folder.committed_shard import CommittedShard
from research.tables.run_folder.made_database import make_current
from research.tables.run_folder.part_files import PartFiles, check_shard_count
from research.tables.run_folder.repair import Damage, Repair, rows_in
from research.tables.run_folder.request import refuse_another, request_key
from research.tables.run_folder.run_document import (
    RUN_FILE,
    STATE,
    DamagedDocument,
    is_startable,
    new_document,
    read_document,
    recorded_settings,
    write_document,
)
from research.tables.run_folder.run_lock import locked, now

Pages = Iterable[Page] | Callable[[str], Page]
Ended = Literal["finished", "stopped"]


class RunFolder:
    """One run on disk. Make one with `create` or `open`."""

    def __init__(self, path: Path, document: dict[str, Any]) -> None:
        self.path = path
        self._document = document
        self.columns = ResultColumns.from_json(document["columns"])
        self.probabilities = Probabilities.of_settings(document["settings"])
        about = {"key": document["key"], "settings": document["settings"]}
        self._parts = PartFiles(path, about, recorded=document.get("commit_records", False))
        self.repair = Repair(self._parts, self._rows_in)
        self.is_new = False
        """Whether it was started just now, rather than found."""
        self.damage: tuple[Damage, ...] = ()
        """What was found damaged when the lock was taken, and does not count any more."""

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str],
        request: Mapping[str, Any],
        *,
        input_schema: pa.Schema,
        spec: OutputSpec,
        rows: int = 0,
        settings: Mapping[str, Any] | None = None,
    ) -> RunFolder:
        """Start a run folder, or open the one that this very request started before.

        Args:
            request: JSON; every part of it makes the run what it is (table and its fingerprint, schema, objective, processor,
                model, corpus, versions). Never a secret.
            rows: how many the input has.
            settings: JSON that does not change the answers but has to stay as it was (the shard size); the first ones are kept.

        Raises:
            InvalidRun: the folder holds another request (each difference is named), or is not a run folder and not empty; or the
                rows make more shards than a run can have.
            InvalidTable: the input has columns that cannot be kept as they are.
        """
        folder = local_path(path)
        request = json_copy(request)
        if run := cls.find(folder, request):
            return run
        settings = recorded_settings(folder, request_key(request)) or dict(settings or {})
        check_shard_count(rows, settings.get("shard_size"))
        columns = ResultColumns.plan(input_schema, spec)
        document = new_document(request, settings, columns.to_json())
        (folder / STATE).mkdir(parents=True, exist_ok=True)
        run = cls(folder, document)
        run.is_new = not (folder / RUN_FILE).exists() and not run.committed_shards()
        run._parts.make_folders()
        write_document(folder, document)
        return run

    @classmethod
    def find(cls, path: str | os.PathLike[str], request: Mapping[str, Any]) -> RunFolder | None:
        """The run that this very request started in a folder; None if one can be started there, or its `run.json` be made anew.
        Writes nothing.

        Raises:
            InvalidRun: the folder holds another request (each difference is named), or is not a run folder and not empty.
        """
        folder, request = local_path(path), json_copy(request)
        if (folder / RUN_FILE).exists():
            try:
                run = cls.open(folder)
            except DamagedDocument:
                if not is_startable(folder) and recorded_settings(folder, request_key(request)) is None:
                    raise
            else:
                refuse_another(folder, run.request, request, finished=run.status == "finished")
                return run
        elif folder.exists() and not is_startable(folder) and recorded_settings(folder, request_key(request)) is None:
            raise InvalidRun(f"{folder} is not empty and holds no {RUN_FILE}: choose another folder with --out.")
        if "?" in str(folder):
            raise InvalidRun(f"{folder} holds a `?`, and DuckDB would read what follows as options: choose another name.")
        return None

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> RunFolder:
        """Open an existing run folder.

        Raises:
            InvalidRun: there is none, its `run.json` is not whole, or a newer version wrote it.
        """
        folder = local_path(path)
        return cls(folder, read_document(folder))

    @property
    def request(self) -> dict[str, Any]:
        return dict(self._document["request"])

    @property
    def key(self) -> str:
        return str(self._document["key"])

    @property
    def settings(self) -> dict[str, Any]:
        return dict(self._document["settings"])

    @property
    def invocation(self) -> dict[str, Any] | None:
        """How the run was last started, as whoever started it wrote it down. None: an earlier version did, which kept none."""
        invocation: dict[str, Any] | None = self._document.get("invocation")
        return invocation

    @property
    def created_at(self) -> str:
        """When it was started: ISO 8601, in UTC."""
        return str(self._document["created_at"])

    @property
    def shard_size(self) -> int:
        """Rows that are committed together.

        Raises:
            InvalidRun: the settings do not say.
        """
        try:
            return int(self._document["settings"]["shard_size"])
        except (KeyError, TypeError, ValueError) as exc:
            raise InvalidRun(f"{self.path}: its settings hold no shard_size, so its rows cannot be found.") from exc

    @property
    def status(self) -> str:
        """`running` (or killed while it ran), `stopped` (more to do) or `finished`."""
        return str(self._document["status"])

    @property
    def summary(self) -> dict[str, Any] | None:
        """Rows, completed, failed, cost, model, seconds; None until the run ends."""
        summary: dict[str, Any] | None = self._document["summary"]
        return summary

    @property
    def state(self) -> Path:
        """The engine's own folder inside the run folder."""
        return self.path / STATE

    def part(self, table: str, shard: int) -> Path:
        return self._parts.path(table, shard)

    def parts(self, table: str) -> list[Path]:
        """The parts of a table that belong to committed shards, in input order."""
        return self._parts.parts(table)

    def read(self, table: str, shard: int, columns: Sequence[str] | None = None) -> pa.Table:
        """A committed shard's rows of a table, in the run's exact types.

        Raises:
            DamagedRun: the shard is not committed, or its part cannot be read.
        """
        schema = self.columns.schema if table == "results" else SCHEMAS[table]
        if columns is not None:
            schema = pa.schema([schema.field(column) for column in columns])
        return self._parts.read(table, shard, schema)

    @contextmanager
    def lock(self, invocation: Mapping[str, Any] | None = None) -> Iterator[RunFolder]:
        """Hold the run folder for writing; clear up what a killed process left. The system frees the lock of a dead process.

        Args:
            invocation: how the run is being started, to be kept: JSON, without a secret.

        Raises:
            InvalidRun: another process is running this folder; says which.
        """
        with locked(self.path, self.state):
            self.clear_up()
            self.damage = tuple(self.repair.run())
            started = {"invocation": dict(invocation)} if invocation is not None and invocation != self.invocation else {}
            if started or self.status != "running" or not self._parts.recorded:
                self._parts.recorded = True
                self._update(status="running", reason=None, finished_at=None, commit_records=True, **started)
            yield self

    def clear_up(self) -> None:
        """End the commits that a killed process began, and remove its temporary files. For the holder of the lock."""
        self._parts.end_commits()
        self._parts.sweep_temporary()

    def committed_shards(self) -> list[int]:
        """The shards that are committed, in order."""
        return self._parts.shards()

    def read_shard(self, shard: int) -> CommittedShard:
        """A committed shard.

        Raises:
            DamagedRun: it is not committed.
        """
        return CommittedShard.of(self.read("results", shard), self.columns)

    def unfinished(self, rows: int) -> dict[int, list[int]]:
        """Row indexes that are not completed, or not there, by committed shard; finished shards are not in it.

        Args:
            rows: how many the input has.
        """
        found: dict[int, list[int]] = {}
        for shard, there in self._parts.committed().items():
            start = shard * self.shard_size
            if left := (there or self._rows_in(shard)).not_completed(range(start, min(start + self.shard_size, rows))):
                found[shard] = left
        return found

    def waiting_shards(self) -> list[int]:
        """The committed shards that hold rows which wait for people, in order."""
        return [shard for shard, rows in self._parts.committed().items() if (rows or self._rows_in(shard)).waiting]

    def recorded_parts(self, table: str) -> dict[int, PartRecord | None]:
        """A table's parts that were committed, by shard, whether they are there or not; None of one without a record."""
        return self._parts.recorded_parts(table)

    def shards_with_pages(self) -> list[int]:
        """The shards whose part of `pages` counts: the committed ones, and those of which only pages are left."""
        return self._parts.shards_with_pages()

    def stores_page(self, page_hash: str) -> bool:
        """Whether a committed part holds a page."""
        return bytes.fromhex(page_hash) in self._parts.stored_pages()

    def write_shard(
        self, shard: int, batch: pa.RecordBatch | pa.Table, row_start: int, results: Sequence[Result | None], pages: Pages = ()
    ) -> None:
        """Commit a shard: its rows, in every table.

        Args:
            shard: from 0; shards are numbered in input order.
            batch: the shard's rows as they came.
            row_start: the place of its first row in the input.
            results: one a row, in the same order. None: the run was stopped before it came to this row; `rewrite_shard` adds it.
            pages: the pages that the results read (those already stored are passed over), or what finds a page by its hash;
                then only pages that are not yet stored are asked for. One page is held at a time.
        """
        inputs = pa.Table.from_batches([batch]) if isinstance(batch, pa.RecordBatch) else batch
        if inputs.num_rows != len(results):
            raise ValueError(f"shard {shard} has {inputs.num_rows} rows and {len(results)} results")
        if not inputs.schema.equals(self.columns.input_schema):
            raise ValueError(f"shard {shard} has other columns than the run:\n{inputs.schema}\n{self.columns.input_schema}")
        there = {place: result for place, result in enumerate(results) if result is not None}
        if len(there) < len(results):
            inputs = inputs.take(pa.array(there, pa.int64()))
        done = list(there.values())
        rows = [row_start + place for place in there]
        self._commit(shard, tables_of(self.columns, rows, inputs, done, self.probabilities), done, pages)

    def rewrite_shard(
        self,
        shard: int,
        results: Mapping[int, Result],
        pages: Pages = (),
        *,
        batch: pa.RecordBatch | None = None,
        row_start: int = 0,
    ) -> None:
        """Put results in the place of some rows of a committed shard, or add rows that it lacks; its other rows stay as they
        are, in every table.

        Args:
            results: by row index.
            batch: the shard's rows as they came, for rows that it may lack.
            row_start: the place of the batch's first row in the input.

        Raises:
            DamagedRun: the shard is not committed.
        """
        rows = sorted(results)
        committed = self.read_shard(shard)
        cells = committed.inputs if batch is None else pa.Table.from_batches([batch])
        there = committed.rows if batch is None else range(row_start, row_start + batch.num_rows)
        places = {row: place for place, row in enumerate(there)}
        if not set(rows) <= set(places):
            raise ValueError(f"rows {rows} are not all in shard {shard}")
        inputs = cells.take([places[row] for row in rows])
        new = tables_of(self.columns, rows, inputs, [results[row] for row in rows], self.probabilities)
        merged = {}
        for name, table in new.items():
            index = self.columns.row_index if name == "results" else "row_index"
            merged[name] = with_rows(self.read(name, shard), table, rows, index)
        self._commit(shard, merged, [results[row] for row in rows], pages)

    def _commit(self, shard: int, tables: Mapping[str, pa.Table], results: Sequence[Result], pages: Pages) -> None:
        if callable(pages):
            pages = self._parts.unstored_pages(pages_cited(results), pages)
        tables = {
            name: table
            for name, table in tables.items()
            if name not in OPTIONAL or table.num_rows or self._parts.has(name, shard)
        }
        rows = rows_in(tables["results"], self.columns.row_index, self.columns.run["status"])
        self._parts.commit(shard, tables, pages, rows)

    def _rows_in(self, shard: int) -> ShardRows:
        index, status = self.columns.row_index, self.columns.run["status"]
        return rows_in(self.read("results", shard, [index, status]), index, status)

    def finish(
        self, *, rows: int | None = None, status: Ended = "finished", reason: str | None = None, warnings: Sequence[str] = ()
    ) -> dict[str, Any]:
        """End the run: clear up, drop pages stored twice, make `research.duckdb`, write the summary into `run.json`. Where
        nothing has been committed since the last end, pages and database stay as they are.

        Args:
            rows: how many rows the input has; checked if given and the run is finished.
            status: `stopped` if a limit or a person ended the run before its last row; `reason` says which.
            warnings: what a person should know of this invocation.

        Returns: the summary.

        Raises:
            DamagedRun: rows that were committed are gone.
        """
        self.clear_up()
        if status == "finished" and not self.committed_shards():
            self.write_shard(0, self.columns.input_schema.empty_table(), 0, [])
        made = make_current(self.path, self._parts, self.columns, self._document)
        summary: dict[str, Any] = made["summary"]
        if rows is not None and status == "finished" and summary["rows"] != rows:
            raise DamagedRun(f"{self.path} holds {summary['rows']} rows and the table has {rows}: run the same command again.")
        self._update(status=status, reason=reason, finished_at=now(), warnings=list(warnings), **made)
        return summary

    def discard(self) -> None:
        """Remove a run folder that was started just now, and whatever is in it: for one that holds nothing worth keeping.

        Raises:
            ValueError: this object found it and did not create it, so its content may be needed.
        """
        if not self.is_new:
            raise ValueError(f"{self.path} was there before")
        shutil.rmtree(self.path)

    def _update(self, **changes: Any) -> None:
        self._document = {**self._document, **changes}
        write_document(self.path, self._document)
