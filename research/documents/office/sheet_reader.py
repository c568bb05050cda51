"""Reads a workbook in a process of its own, for `sheets.py`: the workbook on standard input, JSON on standard output.

Two cells in far corners of a sheet make calamine ask for hundreds of gigabytes, and that ends the process that asks. Here it is
this one, whose memory and time are bounded. Run as `python -I sheet_reader.py`; it imports nothing of this project.
"""

from __future__ import annotations

import io
import json
import sys
from datetime import date, datetime, time, timedelta
from typing import Any, Final

MAX_CHARACTERS: Final = 1_900_000
"""Of all sheets together. Rows beyond it are counted and left out."""
MAX_CELLS: Final = 5_000_000
"""Cells that are looked at, empty ones included."""
MAX_MEMORY: Final = 2 << 30
"""Bytes of address space of the process that reads."""
MAX_SECONDS: Final = 60
NOT_A_WORKBOOK: Final = 3
"""The exit code that says so."""


def main() -> None:
    """Read a workbook from standard input, write `[[sheet, rows, rows left out], …]` to standard output."""
    _bound()
    from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

    found: list[tuple[str, list[list[str]], int]] = []
    left, cells = MAX_CHARACTERS, MAX_CELLS
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(sys.stdin.buffer.read()))
        for sheet in workbook.sheets_metadata:
            if sheet.visible != SheetVisibleEnum.Visible:
                continue
            rows: list[list[str]] = []
            left_out = 0
            for row in workbook.get_sheet_by_name(sheet.name).iter_rows():
                cells -= len(row)
                if cells <= 0 or left <= 0:
                    left_out += 1
                    continue
                texts = [_shown(cell) for cell in row]
                if any(texts):
                    rows.append(texts)
                    left -= sum(map(len, texts)) + 3 * len(texts) + 4
            found.append((sheet.name, rows, left_out))
    except CalamineError as error:
        sys.stderr.write(str(error))
        sys.exit(NOT_A_WORKBOOK)
    sys.stdout.write(json.dumps(found))


def _bound() -> None:
    try:
        import resource
    except ImportError:  # Windows: there the process is bounded by its time only.
        return
    for kind, most in ((resource.RLIMIT_AS, MAX_MEMORY), (resource.RLIMIT_CPU, MAX_SECONDS)):
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _shown(cell: Any) -> str:
    """A cell as a person would read it: whole numbers without a point, dates in ISO form, no time where it is midnight."""
    match cell:
        case bool():
            return "TRUE" if cell else "FALSE"
        case float():
            return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else f"{cell:.15g}"
        case datetime():
            return cell.isoformat(" ", "seconds") if cell.time() != time() else cell.date().isoformat()
        case date() | time():
            return cell.isoformat()
        case timedelta():
            return str(cell)
        case _:
            return " ".join(str(cell).split("\x00"))


if __name__ == "__main__":
    main()
