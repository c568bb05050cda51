"""Verify a run: that every excerpt stands where it says, that every row is there, that nothing was changed since.

The Parquet parts are the truth that is checked; `research.duckdb` is compared with them. Texts are compared in DuckDB, whose
`substr` counts Unicode code points as our offsets do, some hundred megabytes of pages at a time.
"""

# ruff: noqa: S608 (the SQL is made of our own names and of quoted ones; values are bound or quoted)

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from research.faults import shortened
from research.tables.audit.stated import not_stated
from research.tables.inputs.database import literal, quoted
from research.tables.layout.made_tables import made_parts
from research.tables.layout.parts import OPTIONAL, SCHEMAS, TABLES
from research.tables.layout.reviews import FOLDER as REVIEWS
from research.tables.layout.reviews import read_reviews
from research.tables.review.stored import review_faults
from research.tables.run_folder.reading_by_url import folder_to_read
from research.tables.run_folder.run_folder import RunFolder
from research.tables.warehouse.views import of_field
from research.tables.warehouse.warehouse import FILE, read_parts, result_names

LIMIT: Final = 1_000
"""Problems of one kind that are named; there may be more."""
_GROUP_BYTES: Final = 256 << 20
_DIGEST: Final = "count(*), sum(hash(t)::HUGEINT)"
"""Of the rows of `t`, in whatever order."""
_MADE_ANEW: Final = "the command of the run makes it anew, and researches no completed row again"
_CELL_BASIS: Final = """
SELECT row_index, name AS field, count(excerpt) AS excerpts, any_value(confidence) FILTER (WHERE basis.field = name) AS confidence
FROM basis JOIN of_field ON path = basis.field GROUP BY row_index, name"""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is not as it was promised, and where."""

    message: str
    file: str
    """Inside the run folder: `basis/part-00000.parquet`."""
    row: int | None = None
    field: str | None = None

    def __str__(self) -> str:
        cell = f"row {self.row}" + (f", {self.field}" if self.field is not None else "") if self.row is not None else ""
        return ": ".join(part for part in (cell, self.message) if part) + f" ({self.file})"


@dataclass(frozen=True, slots=True)
class Verification:
    """What was checked and what is wrong. `ok`: nothing is."""

    rows: int
    excerpts: int
    pages: int
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        return not self.problems


def verify(path: str | os.PathLike[str]) -> Verification:
    """Check a whole run folder, one that still runs included (then only its committed shards).

    Raises:
        InvalidRun: it is no run folder.
        InvalidLocation: it is named by a URL that cannot be read.
    """
    with (
        folder_to_read(path) as folder,
        tempfile.TemporaryDirectory(prefix="research-verify-") as scratch,
        duckdb.connect(config={"memory_limit": "1GB", "temp_directory": scratch}) as db,
    ):
        return _Check(RunFolder.open(folder), db).run()


class _Check:
    def __init__(self, run: RunFolder, db: duckdb.DuckDBPyConnection) -> None:
        self.run_folder, self.columns, self.db = run, run.columns, db
        self.root = run.path
        self.problems: list[Problem] = []
        self.parts: dict[str, list[Path]] = {}

    def run(self) -> Verification:
        for table in TABLES:
            self.parts[table] = list(self._readable(table))
        self._load()
        checks = (self._rows, self._references, self._reports, self._pages, self._cells, self._stated)
        for check in (*checks, self._reviews, self._warehouse):
            check()
        return Verification(
            rows=self._count("run_rows"),
            excerpts=self._count("cited"),
            pages=self._count("stored"),
            problems=tuple(self.problems),
        )

    def _readable(self, table: str) -> Iterator[Path]:
        for shard, part in self.run_folder.recorded_parts(table).items():
            path = self.run_folder.part(table, shard)
            if not path.exists():
                self._add("is missing, though its shard is committed", path)
                continue
            try:
                with pq.ParquetFile(path, page_checksum_verification=True) as file:
                    for batch in file.iter_batches():
                        batch.validate(full=True)
            except (OSError, pa.ArrowException) as exc:
                self._add(f"cannot be read: {exc}", path)
                continue
            if part is not None and not part.is_whole(path):
                self._add("is not as it was committed: its size or its hash is another", path)
            yield path

    def _load(self) -> None:
        self.db.execute("CREATE TABLE run_rows (place BIGINT, row_index BIGINT, status VARCHAR, task_id VARCHAR, file VARCHAR)")
        names = [self.columns.run[name] for name in ("row_index", "status", "task_id")]
        for path in self.parts["results"]:
            part = pq.read_table(path, columns=names, partitioning=None).rename_columns(["row_index", "status", "task_id"])
            self.db.register("part", part)
            self.db.execute(
                "INSERT INTO run_rows SELECT (SELECT count(*) FROM run_rows) + row_number() OVER () - 1, "
                "row_index, status, task_id, ? FROM part",
                [self._name(path)],
            )
            self.db.unregister("part")
        columns = 'row_index, task_id, field, excerpt, page_hash, start, "end" AS stop, confidence, file'
        self.db.execute(f"CREATE TABLE basis AS SELECT {columns} FROM {self._source('basis')}")
        self.db.execute("CREATE TABLE cited AS SELECT * FROM basis WHERE excerpt IS NOT NULL OR page_hash IS NOT NULL")
        self.db.execute("CREATE TABLE stored (page_hash VARCHAR, file VARCHAR)")

    def _rows(self) -> None:
        """Every input row once, in order. A run that was stopped may have shards that are not there yet."""
        whole = self.run_folder.status == "finished"
        wrong = "row_index <> coalesce(before + 1, 0)" if whole else "row_index <= before OR row_index < 0"
        for file, row, before in self._rows_of(
            "SELECT file, row_index, before FROM (SELECT *, lag(row_index) OVER (ORDER BY place) AS before FROM run_rows) "
            f"WHERE {wrong} OR row_index IS NULL ORDER BY place"
        ):
            after = "at the beginning" if before is None else f"after row {before}"
            self._add(f"stands {after}: a row is missing, repeated or out of order", file, row)
        summary = self.run_folder.summary
        if whole and summary and summary["rows"] != self._count("run_rows"):
            self._add(f"has {self._count('run_rows')} rows; run.json counts {summary['rows']}", "results")

    def _references(self) -> None:
        tables = ("usage", "findings", "sources", "reports", "questions")
        named = " UNION ALL ".join(f"SELECT file, row_index, task_id FROM {self._source(table)}" for table in tables)
        for file, row, task, its in self._rows_of(
            "SELECT DISTINCT t.file, t.row_index, t.task_id, r.task_id FROM (SELECT file, row_index, task_id FROM basis "
            f"UNION ALL {named}) AS t LEFT JOIN run_rows AS r USING (row_index) "
            "WHERE r.row_index IS NULL OR r.task_id IS DISTINCT FROM t.task_id ORDER BY 1, 2"
        ):
            self._add("belongs to no row of results" if its is None else f"has task {task}; results has {its}", file, row)
        for file, row, n in self._rows_of(
            f"SELECT any_value(r.file), r.row_index, count(u.row_index) FROM run_rows AS r LEFT JOIN {self._source('usage')} "
            "AS u USING (row_index) GROUP BY r.row_index HAVING count(u.row_index) <> 1 ORDER BY 2"
        ):
            self._add(f"has {n} rows in usage, not one", file.replace("results/", "usage/"), row)
        open_ = f"SELECT row_index FROM {self._source('questions')} WHERE answer IS NULL"
        waiting = f"SELECT file, row_index FROM run_rows WHERE status = 'action_required' AND row_index NOT IN ({open_})"
        for file, row in self._rows_of(waiting):
            self._add("waits for people, and nothing says for what", file, row)

    def _reports(self) -> None:
        """What a report cites is a source of its row."""
        for file, row, number in self._rows_of(
            "SELECT r.file, r.row_index, number FROM (SELECT file, row_index, unnest(list_distinct("
            f"regexp_extract_all(report, '\\[(\\d+)\\]', 1)))::BIGINT AS number FROM {self._source('reports')}) AS r "
            f"ANTI JOIN {self._source('sources')} AS s ON s.row_index = r.row_index AND s.index = r.number ORDER BY ALL"
        ):
            self._add(f"the report cites [{number}], which is no source of the row", file, row)

    def _pages(self) -> None:
        """Texts against their hashes, excerpts against the texts: a group of parts at a time."""
        for group in self._page_groups():
            source = self._source("pages", group)
            self.db.execute(f"INSERT INTO stored SELECT page_hash, file FROM {source}")
            for file, page_hash, row, field in self._rows_of(
                "SELECT DISTINCT p.file, p.page_hash, c.row_index, c.field "
                f"FROM {source} AS p LEFT JOIN cited AS c USING (page_hash) "
                "WHERE p.text IS NULL OR p.page_hash IS DISTINCT FROM sha256(p.text) ORDER BY ALL"
            ):
                self._add(f"the text of page {_short(page_hash)} is not the text that was stored", file, row, field)
            for file, row, field, start, stop, page_hash, excerpt, there in self._rows_of(
                "SELECT c.file, c.row_index, c.field, c.start, c.stop, c.page_hash, c.excerpt, "
                f"substr(p.text, c.start + 1, c.stop - c.start) AS there FROM cited AS c JOIN {source} AS p USING (page_hash) "
                "WHERE c.start IS NULL OR c.stop IS NULL OR c.start < 0 OR c.stop <= c.start OR c.excerpt IS DISTINCT FROM there "
                "ORDER BY c.file, c.row_index, c.field"
            ):
                self._add(
                    f"page {_short(page_hash)} does not hold the excerpt at {start}:{stop}: "
                    f"there is {_quote(there)}, not {_quote(excerpt)}",
                    file,
                    row,
                    field,
                )
        for file, row, field, page_hash in self._rows_of(
            "SELECT file, row_index, field, page_hash FROM cited ANTI JOIN stored USING (page_hash) ORDER BY ALL"
        ):
            named = "an excerpt names no page" if page_hash is None else f"page {_short(page_hash)} is not stored"
            self._add(named, file, row, field)
        if self.run_folder.status == "finished":
            for page_hash, file in self._rows_of("SELECT page_hash, max(file) FROM stored GROUP BY 1 HAVING count(*) > 1"):
                self._add(f"page {_short(page_hash)} is stored more than once", file)

    def _cells(self) -> None:
        """A value has evidence; an empty cell claims no confidence."""
        if not self.parts["results"] or not self.columns.outputs:
            return
        results = read_parts(self.parts["results"])
        called = dict(zip(self.columns.schema.names, result_names(self.db, results), strict=True))
        index, status = quoted(called[self.columns.row_index]), quoted(called[self.columns.run["status"]])
        self.db.execute(f"CREATE TABLE cell_basis AS WITH {of_field(self.columns)} {_CELL_BASIS}")
        cells = ", ".join(
            f"{{number: {number}, field: {literal(output.field)}, filled: {quoted(called[output.column])} IS NOT NULL}}"
            for number, output in enumerate(self.columns.outputs)
        )
        for file, row, field, filled in self._rows_of(
            f"SELECT r.file, row_index, field, filled FROM (SELECT {index} AS row_index, unnest([{cells}], recursive := true) "
            f"FROM {results} WHERE {status} = 'completed') LEFT JOIN run_rows AS r USING (row_index) "
            "LEFT JOIN cell_basis USING (row_index, field) "
            "WHERE (filled AND coalesce(excerpts, 0) = 0) OR (NOT filled AND confidence IS NOT NULL) ORDER BY number, row_index"
        ):
            self._add("has a value and no evidence" if filled else "is empty and claims a confidence", file, row, field)

    def _stated(self) -> None:
        """What is called stated is stated in its excerpt: a value that was changed afterwards is not."""
        for path, row, field, value in islice(self._not_stated(), LIMIT):
            self._add(f"its excerpt does not state {_quote(str(value))}", path, row, field)

    def _not_stated(self) -> Iterator[tuple[Path, int, str, Any]]:
        there = {path for table in ("results", "basis") for path in self.parts[table]}
        for shard in self.run_folder.recorded_parts("results"):
            if {self.run_folder.part(table, shard) for table in ("results", "basis")} <= there:
                results = self.run_folder.read("results", shard)
                basis = self.run_folder.read("basis", shard, ["row_index", "field", "excerpt", "support"])
                for row, field, value in not_stated(self.columns, results, basis):
                    yield self.run_folder.part("basis", shard), row, field, value

    def _reviews(self) -> None:
        """People's decisions are as they were stored, and about cells of this run."""
        self.problems.extend(
            Problem(fault.message, fault.file, fault.row, fault.field) for fault in review_faults(self.run_folder)
        )

    def _warehouse(self) -> None:
        """`research.duckdb` holds what the parts hold. While a run goes on, it is an earlier run's end and not compared."""
        file = self.root / FILE
        if self.run_folder.status == "running":
            return
        if not file.exists():
            self._add(f"is missing: {_MADE_ANEW}", FILE)
            return
        try:
            self.db.execute(f"ATTACH {literal(str(file))} AS made (READ_ONLY)")
            there = {name for (name,) in self._rows_of("SELECT table_name FROM duckdb_tables() WHERE database_name = 'made'")}
            made = made_parts(self.root)
            needed = (table for table in TABLES if table not in OPTIONAL or self.parts[table])  # an earlier version lacks others
            if missing := [table for table in (*needed, *made) if table not in there]:
                self._add(f"has no table {', '.join(missing)}: {_MADE_ANEW}", FILE)
                return
            for table, path in made.items():
                if self._digest(f"SELECT * FROM made.{table}") != self._digest(f"SELECT * FROM {read_parts([path])}"):
                    self._add(f"table {table} does not hold what {self._name(path)} holds", FILE)
            for table in self._differing([table for table in TABLES if table in there]):
                self._add(f"table {table} does not hold what the Parquet parts hold", FILE)
            self._made_reviews(there)
        except duckdb.Error as exc:
            self._add(f"cannot be read ({str(exc).splitlines()[0]}): {_MADE_ANEW}", FILE)

    def _differing(self, tables: Sequence[str]) -> Iterator[str]:
        """The tables of the database that do not hold what the parts hold. One query: planning takes longer than small runs."""
        digests: list[str] = []
        for table in tables:
            parts = read_parts(self.parts[table]) if self.parts[table] else f"(SELECT * FROM made.{table} LIMIT 0)"
            # A column that one of them lacks (older parts do) is null there.
            both = f"(SELECT * FROM {parts} LIMIT 0) UNION ALL BY NAME (SELECT * FROM made.{table} LIMIT 0)"
            digests += [
                f"SELECT {literal(table)}, {_DIGEST} FROM ({both} UNION ALL BY NAME (SELECT * FROM {source})) AS t"
                for source in (f"made.{table}", parts)
            ]
        found = Counter(table for table, *_ in set(self.db.execute(" UNION ALL ".join(digests)).fetchall()))
        return (table for table in tables if found[table] > 1)

    def _made_reviews(self, there: Collection[str]) -> None:
        self.db.register("stored_reviews", read_reviews(self.root))
        # A folder from before there were decisions has no such table.
        if "reviews" in there and self._digest("FROM made.reviews") != self._digest("FROM stored_reviews"):
            self._add(f"table reviews does not hold what {REVIEWS}/ holds", FILE)

    def _digest(self, query: str) -> Any:
        return self.db.execute(f"SELECT {_DIGEST} FROM ({query}) AS t").fetchone()

    def _page_groups(self) -> Iterator[list[Path]]:
        group: list[Path] = []
        size = 0
        for path in self.parts["pages"]:
            metadata = pq.read_metadata(path)
            size += sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
            group.append(path)
            if size >= _GROUP_BYTES:
                yield group
                group, size = [], 0
        if group:
            yield group

    def _source(self, table: str, paths: Sequence[Path] | None = None) -> str:
        """The parts of a table (not `results`), each row with its `file` inside the run folder."""
        paths = self.parts[table] if paths is None else paths
        if not paths:
            self.db.register(f"no_{table}", SCHEMAS[table].append(pa.field("file", pa.string())).empty_table())
            return f"no_{table}"
        folder = len(str(self.root)) + 2
        return f"(SELECT * EXCLUDE (filename), substr(filename, {folder}) AS file FROM {read_parts(paths, 'filename = true')})"

    def _name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def _count(self, table: str) -> int:
        return int(self.db.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])

    def _rows_of(self, query: str) -> list[tuple[Any, ...]]:
        return self.db.execute(f"{query} LIMIT {LIMIT}").fetchall()

    def _add(self, message: str, file: str | Path, row: int | None = None, field: str | None = None) -> None:
        self.problems.append(Problem(message, self._name(file) if isinstance(file, Path) else file, row, field))


def _short(page_hash: str | None) -> str:
    return (page_hash or "(none)")[:12]


def _quote(text: str | None) -> str:
    return "nothing" if text is None else repr(shortened(text, 60))
