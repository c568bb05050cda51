"""Excel and OpenDocument sheets, read by calamine.

The workbook is in memory while it is read: that is how its format works.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from python_calamine import CalamineError, CalamineWorkbook, WorksheetNotFound

from research.concurrency.worker_processes import Bounds, NoWorker, WorkBroke, WorkerPool, WorkFailed
from research.errors import InvalidTable
from research.tables.inputs.copies import Scratch, Spool

BOUNDS: Final = Bounds(seconds=300, memory=4_000_000_000)
"""What reading a workbook may take. It is the user's own, so this is generous."""

_WORK: Final = "research.tables.inputs.excel_file:write_rows"
_EXACT: Final = 2**53


def read_excel(path: Path, sheet: str | None, scratch: Scratch, shown: str) -> tuple[Spool, list[str]]:
    """The rows of one sheet (the first, unless it is named) and the names in its first row.

    A column has a type if all its cells are of one kind; numbers that are all whole are integers (Excel itself knows only
    floats). Cells of mixed kinds become text. Empty cells are null; empty rows at the end are not rows.

    Read in a process of its own: a cell in a far corner makes calamine ask for hundreds of gigabytes, and that ends the process.

    Raises:
        InvalidTable: it is not a workbook, has no such sheet, the sheet is empty, or reading it takes more than `BOUNDS`.
    """
    target = scratch.new("rows.arrow")
    pool = WorkerPool(BOUNDS, size=1)
    try:
        found, _ = pool.call(_WORK, {"path": str(path), "sheet": sheet, "target": str(target)})
    except NoWorker as failure:
        raise InvalidTable(f"{shown}: {failure}") from failure
    except WorkBroke as failure:
        raise InvalidTable(f"{shown}: cannot be read as a workbook: {failure}") from failure
    except WorkFailed as failure:
        raise InvalidTable(
            f"{shown}: reading this workbook takes more than {BOUNDS.memory // 10**9} GB of memory or {BOUNDS.seconds:g} "
            "seconds. A cell in a far corner makes a sheet as large as all before it: delete such cells, or save the sheet as CSV"
        ) from failure
    finally:
        pool.close()
    if "refused" in found:
        raise InvalidTable(f"{shown}: {found['refused']}")
    return Spool.opened(target), found["names"]


def write_rows(arguments: Mapping[str, Any], _: bytes) -> tuple[dict[str, Any], bytes]:
    """What the worker does: writes the rows of a sheet to an Arrow file. Returns the names in its first row, or why it cannot."""
    path, sheet = arguments["path"], arguments["sheet"]
    try:
        workbook = CalamineWorkbook.from_path(path)
        names = workbook.sheet_names
        if sheet is not None and sheet not in names:
            return {"refused": f"has no sheet {sheet!r}. Its sheets: {', '.join(names)}"}, b""
        rows = workbook.get_sheet_by_name(sheet or names[0]).to_python(skip_empty_area=True)
    except (CalamineError, WorksheetNotFound, OSError, IndexError) as exc:
        return {"refused": f"cannot be read as a workbook: {exc}"}, b""
    while rows and all(cell == "" for cell in rows[-1]):
        rows.pop()
    if not rows:
        return {"refused": "is empty; its first row must name the columns"}, b""
    header = [_text(cell) or f"column_{place}" for place, cell in enumerate(rows[0], 1)]
    columns = [_column([row[index] for row in rows[1:]]) for index in range(len(header))]
    batch = pa.RecordBatch.from_arrays(columns, names=[f"c{index}" for index in range(len(header))])
    Spool.write(Path(arguments["target"]), batch.schema, [batch])
    return {"names": header}, b""


def _column(cells: Sequence[Any]) -> pa.Array[Any]:
    values = [None if cell == "" else cell for cell in cells]
    kinds = {type(value) for value in values if value is not None}
    if kinds and kinds <= {int, float}:
        if all(value is None or (value == int(value) and abs(value) <= _EXACT) for value in values):
            return pa.array([None if value is None else int(value) for value in values], pa.int64())
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    for kind, arrow in ((bool, pa.bool_()), (date, pa.date32()), (datetime, pa.timestamp("us"))):
        if kinds == {kind}:
            return pa.array(values, arrow)
    return pa.array([None if value is None else _text(value) for value in values], pa.string())


def _text(cell: Any) -> str:
    """A cell as Excel would show it in a plain format: whole numbers without a point, dates in ISO form."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, (date, datetime)):
        return cell.isoformat()
    return str(cell)
