"""Reads the files of csv-spectrum (max-mapper/csv-spectrum) and compares every value with the JSON that says what they mean.

    python tests/benchmarks/csv_spectrum.py --eval DIR

DIR holds `csvs/` and `json/`. A typed value counts as right if its text is what the JSON says.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table as Printed

from research.tables.inputs.read import open_table

WRONG_JSON = {"location_coordinates": {"Contact Phone Number": ("1234567890", "2095257564")}}
"""Values that the JSON gives otherwise than the CSV: (JSON, CSV)."""


def values_of(content: bytes) -> list[dict[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_bytes(content)
        rows = [row for batch in open_table(path).batches(100) for row in batch.to_pylist()]
    return [{name: as_text(value) for name, value in row.items()} for row in rows]


def as_text(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--eval", type=Path, required=True, help="folder of the evaluation data")
    folder = parser.parse_args().eval / "csv-spectrum"
    printed = Printed("file", "rows", "verdict", "exception")
    right = 0
    files = sorted((folder / "csvs").glob("*.csv"))
    for path in files:
        meant = json.loads((folder / "json" / f"{path.stem}.json").read_text(encoding="utf-8"))
        meant = meant if isinstance(meant, list) else [meant]
        notes = []
        for name, (given, stands) in WRONG_JSON.get(path.stem, {}).items():
            notes.append(f"its JSON says {given} where its CSV says {stands}: compared with the CSV's")
            meant = [row | {name: stands} if row[name] == given else row for row in meant]
        content = path.read_bytes()
        if path.stem.endswith("_crlf") and b"\r" not in content:
            notes.append("this copy lost its CRLFs: put back before reading")
            content = content.replace(b"\n", b"\r\n")
        found = values_of(content)
        agrees = found == meant
        right += agrees
        printed.add_row(path.name, str(len(found)), "as meant" if agrees else f"differs: {found}", "; ".join(notes))
    Console(width=130).print(printed)
    print(f"{right} of {len(files)} read as they must")
    return 0 if files and right == len(files) else 1


if __name__ == "__main__":
    sys.exit(main())
