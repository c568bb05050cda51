"""Excel and OpenDocument sheets, read by calamine.

The workbook is in memory while it is read: that is how its format works.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from python_calamine import CalamineError, CalamineWorkbook, WorksheetNotFound

from research.concurrency.worker_processes import Bounds, NoWorker, WorkBroke, WorkFailed, shared_pool
from research.documents.office import sheet_details
from research.documents.office.sheet_cells import EXACT, fill_merged, shown_sheets, text_of
from research.documents.office.sheet_details import column_letters
from research.documents.sniffing import binary_format, looks_like_html
from research.documents.tabular.cell_kinds import is_value
from research.documents.tabular.header import NoTable, find_header, shown
from research.documents.tabular.separated import Record
from research.documents.tabular.table_rows import Body
from research.errors import InvalidTable
from research.tables.inputs.column_types import NUMBER_FORMAT
from research.tables.inputs.copies import Scratch, Spool
from research.tables.inputs.csv_file import FileTable
from research.tables.inputs.odd_cells import Sheet, listed, odd_cells

BOUNDS: Final = Bounds(seconds=300, memory=4_000_000_000)
"""What reading a workbook may take. It is the user's own, so this is generous."""

_WORK: Final = "research.tables.inputs.excel_file:write_rows"
_HEAD_BYTES: Final = 4_096
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0e-\x1f]")


def read_excel(path: Path, sheet: str | None, scratch: Scratch, name: str) -> FileTable:
    """The rows of one sheet: the one that is named, or the first that is shown and holds a table.

    A column has a type if all its cells are of one kind; numbers that are all whole are integers (Excel itself knows only
    floats). Cells of mixed kinds become text. Empty cells are null, merged cells have all the merged value; empty rows at the end
    are not rows.

    Read in a process of its own: a cell in a far corner makes calamine ask for hundreds of gigabytes, and that ends the process.

    Args:
        name: the file's name for messages.

    Raises:
        InvalidTable: it is not a workbook, has no such sheet, the sheet is empty, or reading it takes more than `BOUNDS`.
    """
    _refuse_text(path, name)
    target = scratch.new("rows.arrow")
    try:
        found, _ = shared_pool(BOUNDS).call(_WORK, {"path": str(path.absolute()), "sheet": sheet, "target": str(target)})
    except NoWorker as failure:
        raise InvalidTable(f"{name}: {failure}") from failure
    except WorkBroke as failure:
        raise InvalidTable(f"{name}: cannot be read as a workbook: {failure}") from failure
    except WorkFailed as failure:
        raise InvalidTable(
            f"{name}: reading this workbook takes more than {BOUNDS.memory // 10**9} GB of memory or {BOUNDS.seconds:g} "
            "seconds. A cell in a far corner makes a sheet as large as all before it: delete such cells, or save the sheet as CSV"
        ) from failure
    if "refused" in found:
        raise InvalidTable(f"{name}: {found['refused']}")
    return FileTable(Spool.opened(target), found["names"], found["warnings"])


def _refuse_text(path: Path, name: str) -> None:
    """Many programs write HTML or separated text into a file that they call a workbook, and Excel opens it.

    Raises:
        InvalidTable: the file is such a text.
    """
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    if not head:
        raise InvalidTable(f"{name}: is empty")
    if looks_like_html(head) or head.lstrip().startswith(b"<"):
        raise InvalidTable(f"{name}: is no workbook, but HTML or XML. Open it in Excel or LibreOffice and save it as .xlsx")
    if binary_format(head) is None and not _CONTROL.search(head):
        raise InvalidTable(f"{name}: is no workbook, but text. Call it .csv, or open it in Excel and save it as .xlsx")


def write_rows(arguments: Mapping[str, Any], _: bytes) -> tuple[dict[str, Any], bytes]:
    """What the worker does: writes the rows of a sheet to an Arrow file. Returns the names in its header and what to warn of, or
    why it cannot."""
    path = arguments["path"]
    try:
        with Path(path).open("rb") as stream:  # by its content, for many an .xls is an .xlsx
            sheet, warnings = _chosen(CalamineWorkbook.from_filelike(stream), arguments["sheet"])
        details = sheet_details.read(path, sheet.name)
        _complete(sheet, details)
        header, body, used, more = _table(sheet)
    except (CalamineError, WorksheetNotFound, OSError, IndexError) as exc:
        return {"refused": f"cannot be read as a workbook: {exc}"}, b""
    except NoTable as fault:
        return {"refused": str(fault)}, b""
    columns = [_column([row[place] for row in body]) for place in range(len(header))]
    fields = [
        pa.field(f"c{place}", column.type, metadata={NUMBER_FORMAT: code} if code else None)
        for place, (column, code) in enumerate(zip(columns, _formats(details, sheet, body, used), strict=True))
    ]
    batch = pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))
    Spool.write(Path(arguments["target"]), batch.schema, [batch])
    warnings += [*more, *_odd_columns(header, body), *odd_cells(details, sheet)]
    return {"names": header, "warnings": warnings}, b""


def _chosen(workbook: CalamineWorkbook, name: str | None) -> tuple[Sheet, list[str]]:
    """The sheet that is named, or the first that is shown and holds a table; and what is to be said of the choice."""
    names = workbook.sheet_names
    if name is not None:
        if name not in names:
            raise NoTable(f"has no sheet {name!r}. Its sheets: {', '.join(names)}")
        return _cells(workbook, name), []
    shown = shown_sheets(workbook)
    cover: Sheet | None = None
    empty: set[str] = set()
    for each in shown:
        sheet = _cells(workbook, each)
        if not sheet.rows:
            empty.add(each)
        elif not sheet.is_cover:
            break
        else:
            cover = cover or sheet
    else:
        if cover is None:
            raise NoTable(f"has no sheet that is shown and holds cells. Its sheets: {', '.join(names)}")
        sheet = cover
    others = [each for each in shown if each != sheet.name and each not in empty]
    if not others:
        return sheet, []
    return sheet, [f"its sheet {sheet.name!r} was read; {', '.join(map(repr, others))} not: --sheet names another"]


def _cells(workbook: CalamineWorkbook, name: str) -> Sheet:
    sheet = workbook.get_sheet_by_name(name)
    rows: list[list[Any]] = list(sheet.to_python(skip_empty_area=True))
    row, column = sheet.start or (0, 0)
    fill_merged(dict(enumerate(rows, row)), sheet.merged_cell_ranges, column)
    while rows and all(cell == "" for cell in rows[-1]):
        rows.pop()
    return Sheet(name, rows, row, column)


def _complete(sheet: Sheet, details: sheet_details.Details) -> None:
    """Give the cells what calamine does not: lengths of time, and the values of merged ranges that it does not know."""
    for (row, column), text in details.texts.items():
        if 0 <= row - sheet.row < len(sheet.rows) and 0 <= column - sheet.column < len(sheet.rows[row - sheet.row]):
            sheet.rows[row - sheet.row][column - sheet.column] = text
    fill_merged(dict(enumerate(sheet.rows, sheet.row)), details.merged, sheet.column)


def _table(sheet: Sheet) -> tuple[list[str], list[list[Any]], list[int], list[str]]:
    """The names of the columns, the rows below them, which of the sheet's columns they are, and what is odd about them."""
    if not sheet.rows:
        raise NoTable(f"its sheet {sheet.name!r} is empty; its first row must name the columns")
    used = [place for place in range(len(sheet.rows[0])) if any(row[place] != "" for row in sheet.rows)]
    rows = [[row[place] for place in used] for row in sheet.rows]
    records = [
        Record([_text(cell) or None if cell != "" else None for cell in row], number)
        for number, row in enumerate(rows, sheet.row + 1)
    ]
    gaps = [place for place in range(used[0], used[-1]) if place not in set(used)] if used else []
    header = find_header(records, len(used), "row")
    body = Body(header, records[header.used :], row="row")
    for _ in body.rows():
        continue
    warnings = body.warnings
    if gaps:
        letters = [column_letters(sheet.column + place) for place in gaps]
        warnings.append(
            f"{listed('column', letters)} empty and left out. If two tables stand side by side there, move one to a sheet "
            "of its own"
        )
    return header.names, rows[header.used :], used, warnings


def _formats(details: sheet_details.Details, sheet: Sheet, body: Sequence[Sequence[Any]], used: Sequence[int]) -> Iterator[str]:
    """The number format of each column whose numbers and dates all have the same one; "" of others."""
    first = sheet.row + len(sheet.rows) - len(body)
    for place, column in enumerate(used):
        shown = {
            details.formats.get((first + number, sheet.column + column), "")
            for number, row in enumerate(body)
            if isinstance(row[place], int | float | date)
        }
        yield shown.pop() if len(shown) == 1 else ""


def _odd_columns(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> Iterator[str]:
    for place, name in enumerate(names):
        cells = [row[place] for row in rows]
        if any(isinstance(cell, float) and abs(cell) > EXACT for cell in cells):
            yield f"column {name!r} holds numbers of more than 15 digits, of which a workbook keeps the first; text keeps all"
        dates = sum(isinstance(cell, date) for cell in cells)
        texts = [cell for cell in cells if isinstance(cell, str) and is_value(cell)]
        if dates and texts:
            yield (
                f"column {name!r} holds dates beside texts ({shown(texts[0])}); all were read as text. Excel makes dates of "
                "texts that look like one"
            )


def _column(cells: Sequence[Any]) -> pa.Array[Any]:
    values = [None if cell == "" else cell for cell in cells]
    kinds = {type(value) for value in values if value is not None}
    if kinds and kinds <= {int, float}:
        if all(value is None or (value == int(value) and abs(value) <= EXACT) for value in values):
            return pa.array([None if value is None else int(value) for value in values], pa.int64())
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    for kind, arrow in ((bool, pa.bool_()), (date, pa.date32()), (datetime, pa.timestamp("us"))):
        if kinds == {kind}:
            return pa.array(values, arrow)
    if kinds == {date, datetime}:  # calamine takes a moment at midnight for a day
        moments = [datetime(v.year, v.month, v.day) if isinstance(v, date) and not isinstance(v, datetime) else v for v in values]
        return pa.array(moments, pa.timestamp("us"))
    return pa.array([None if value is None else _text(value) for value in values], pa.string())


def _text(cell: Any) -> str:
    """A cell as text beside others of its column: as a CSV file would have it."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return cell.isoformat() if isinstance(cell, (date, datetime)) else text_of(cell)
