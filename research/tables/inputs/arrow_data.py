"""Tables that are Arrow already: Parquet files, and pandas and Arrow objects from Python."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from research.errors import InvalidTable
from research.faults import first_line
from research.tables.inputs import parquet_file
from research.tables.inputs.copies import Scannable, Scratch, Spool, rebatch, sha256_of
from research.tables.inputs.parquet_file import validated
from research.tables.inputs.wide_decimals import without_wide_decimals

if TYPE_CHECKING:
    import pyarrow.dataset as ds

_ROWS = 8192


class ParquetFiles:
    """Rows of one or more Parquet files, in the order of the files' paths. Types are the files' own."""

    def __init__(self, files: Sequence[Path], folder: Path | None = None) -> None:
        """Every page is read once, so that a damaged one is found before anything is spent on a row.

        Args:
            files: at least one, in order.
            folder: where hive-style folder names (`year=1977/`) begin to count as columns.

        Raises:
            InvalidTable: a file is not Parquet or is damaged, or a column has different types in different files.
        """
        import pyarrow.dataset as ds  # imports pandas where it is installed, a third of a second

        self.files, self.folder = files, folder
        schemas = [parquet_file.checked_schema(file) for file in files]
        try:
            together = schemas[0] if len(files) == 1 else pa.unify_schemas(schemas)
            partitioning = ds.HivePartitioning.discover() if folder else None
            base = str(folder) if folder else None
            options: Any = ds.ParquetReadOptions  # the stubs know fewer arguments than there are defaults
            form = ds.ParquetFileFormat(read_options=options(coerce_int96_timestamp_unit=parquet_file.INT96_UNIT))

            def read_as(schema: pa.Schema | None) -> ds.Dataset:
                paths = [str(file) for file in files]
                return ds.dataset(paths, schema, format=form, partitioning=partitioning, partition_base_dir=base)

            # Partitions are columns that only a dataset without a schema discovers.
            stored = _with_partitions(together, read_as(None).schema)
            self.schema, self.warnings = without_wide_decimals(stored)
            self.dataset: ds.Dataset = read_as(self.schema)
            self.row_count = self.dataset.count_rows()
        except parquet_file.FAULTS as exc:
            shown = files[0] if len(files) == 1 else files[0].parent
            raise InvalidTable(f"{shown}: its columns do not fit together: {first_line(exc)}") from exc

    def content_hash(self) -> str:
        digest = hashlib.sha256()
        for file in self.files:
            place = file.relative_to(self.folder) if self.folder else file.name
            digest.update(f"{place}\n{sha256_of(file)}\n".encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def read(self) -> Iterator[pa.RecordBatch]:
        try:
            yield from self.dataset.to_batches(batch_size=_ROWS, batch_readahead=2, fragment_readahead=1)
        except parquet_file.FAULTS as exc:
            shown = self.folder or self.files[0]
            raise InvalidTable(f"{shown}: cannot be read any more as it was when it was checked: {first_line(exc)}") from exc

    def scan(self, names: list[str]) -> Scannable:
        """The dataset, whose names these are."""
        return self.dataset


def _with_partitions(together: pa.Schema, discovered: pa.Schema) -> pa.Schema:
    extra = [field for field in discovered if field.name not in together.names]
    return pa.schema([*together, *extra])


def spool_of(data: Any, scratch: Scratch) -> tuple[Spool, list[str]]:
    """The rows of a pandas DataFrame (without its index) or of anything that gives an Arrow stream, in a spool; and warnings.

    Raises:
        InvalidTable: it is neither, or a pandas column mixes types that Arrow cannot hold together.
    """
    path = scratch.new("rows.arrow")
    try:
        if hasattr(data, "iloc") and hasattr(data, "columns"):
            data = _from_pandas(data)
        if isinstance(data, pa.RecordBatch):
            data = pa.Table.from_batches([data])
        reader = pa.RecordBatchReader.from_stream(data)
        schema, told = without_wide_decimals(reader.schema.remove_metadata())
        return Spool.write(path, schema, (validated(batch.cast(schema)) for batch in reader)), told
    except (pa.ArrowException, TypeError, ValueError) as exc:
        raise InvalidTable(f"the {type(data).__name__} cannot be read as a table: {exc}") from exc


def _from_pandas(frame: Any) -> pa.Table:
    """Column by column, because pandas allows one name twice, and so that an error names the column."""
    names, columns = [str(name) for name in frame.columns], []
    for place, name in enumerate(names):
        try:
            columns.append(pa.array(frame.iloc[:, place], from_pandas=True))
        except pa.ArrowException as exc:
            raise InvalidTable(f"column {place + 1} ({name!r}) of the DataFrame mixes types: {exc}") from exc
    return pa.Table.from_arrays(columns, names=names)


class _Hashing(io.RawIOBase):
    """A file that keeps nothing of what is written to it but its hash."""

    def __init__(self, digest: hashlib._Hash) -> None:
        self._digest = digest

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._digest.update(data)
        return len(data)


def rows_hash(spool: Spool) -> str:
    """The hash of a spool's schema and rows, however they were divided into batches before."""
    digest = hashlib.sha256(str(spool.schema).encode("utf-8", "surrogatepass"))

    with pa.ipc.new_stream(pa.PythonFile(_Hashing(digest), "w"), spool.schema) as writer:
        for batch in rebatch(spool.read(), _ROWS, spool.schema):
            writer.write_batch(batch)
    return digest.hexdigest()
