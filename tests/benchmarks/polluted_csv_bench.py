"""Reads polluted CSV files (HPI Pollock) and compares every cell with the clean file that says what each means.

    python tests/benchmarks/polluted_csv_bench.py DIR

DIR holds `csv/`, `clean/` and `parameters/` (a JSON file for each, whose `header_lines` says whether the clean file begins with
names). Each file is one of:

- ok: every name and every cell as meant, with a warning or without one;
- warned: a cell or a name differs, and a warning says that the reading is a guess;
- refused: an `InvalidTable`;
- silently wrong: a cell or a name differs, and nothing is said;
- crashed: any other exception.

Cells are compared as text: a typed value counts as right if its text is what the clean file holds.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table as Printed

from research.errors import InvalidTable
from research.tables.inputs.read import open_table

Cells = list[list[str]]


def as_text(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def meant(folder: Path, name: str) -> tuple[list[str] | None, Cells]:
    """The names (None: the file has none) and the rows that a file means."""
    with (folder / "clean" / name).open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    about = json.loads((folder / "parameters" / f"{name}_parameters.json").read_text(encoding="utf-8"))
    return (rows[0], rows[1:]) if about["header_lines"] and rows else (None, rows)


def verdict(path: Path, names: list[str] | None, rows: Cells) -> tuple[str, str]:
    try:
        table = open_table(path)
        found = [[as_text(cell) for cell in row.values()] for batch in table.batches(1000) for row in batch.to_pylist()]
    except InvalidTable as exc:
        return "refused", str(exc)
    except Exception as exc:  # noqa: BLE001 - it is what is counted
        return "crashed", f"{type(exc).__name__}: {exc}"
    warned = "; ".join(table.warnings)
    if found == rows and names in (None, table.schema.names):
        return "ok", warned
    return ("warned", warned) if warned else ("silently wrong", difference(names, rows, table.schema.names, found))


def difference(names: list[str] | None, rows: Cells, found_names: list[str], found: Cells) -> str:
    if names is not None and names != found_names:
        return f"names {found_names}, meant {names}"
    if len(rows) != len(found):
        return f"{len(found)} rows, meant {len(rows)}"
    place = next(i for i, (one, other) in enumerate(zip(rows, found, strict=True)) if one != other)
    return f"row {place + 1}: {found[place]}, meant {rows[place]}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the polluted files: csv/, clean/, parameters/")
    parser.add_argument("--all", action="store_true", help="print the files that are read right, too")
    options = parser.parse_args()
    if not (options.folder / "csv").is_dir():
        parser.error(f"{options.folder}: has no folder csv/. This benchmark needs data that is not part of the project")
    counts: Counter[str] = Counter()
    printed = Printed("file", "verdict", "what was printed, or what differs")
    begun = time.process_time()
    for path in sorted((options.folder / "csv").iterdir()):
        kind, detail = verdict(path, *meant(options.folder, path.name))
        counts[kind] += 1
        counts["ok with a warning"] += kind == "ok" and bool(detail)
        if options.all or kind != "ok":
            printed.add_row(path.name, kind, detail[:400])
    console = Console(width=200)
    console.print(printed)
    kinds = ("ok", "ok with a warning", "warned", "refused", "silently wrong", "crashed")
    console.print(", ".join(f"{kind}: {counts[kind]}" for kind in kinds))
    console.print(f"{time.process_time() - begun:.1f} CPU seconds")
    return 1 if counts["silently wrong"] or counts["crashed"] else 0


if __name__ == "__main__":
    sys.exit(main())
