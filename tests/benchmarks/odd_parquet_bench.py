"""Reads odd, corrupt and fuzzed Parquet files as input tables, each in a process of its own.

    python tests/benchmarks/odd_parquet_bench.py FOLDER [--list]

FOLDER holds Parquet files, whatever their names. Each is opened, read to its end and turned into JSON, as a run does, with
a limit on time and memory. What came of it:

    ok              every announced row was read, and DuckDB, which has a reader of its own, reads the same or refuses
    refused         `InvalidTable`, with the file's name in the message: before a row was given away, or in the middle
    silently wrong  fewer rows than announced, other values than DuckDB's, or a page whose checksum is wrong
    crashed         another error, or the end of the process
    hung            more than the limit

Exit code 1 if anything is silently wrong, crashed or hung.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

SECONDS = 20
MEMORY = 4 << 30

# Files in which a published corpus says what is wrong: their page checksums do not fit their pages.
CHECKSUM = "corrupt-checksum"


def judge(path: Path) -> dict[str, Any]:
    """What comes of one file, in this process."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    from research.errors import InvalidTable
    from research.tables.inputs.read import json_rows, open_table

    given: list[dict[str, Any]] = []
    try:
        table = open_table(path)
    except InvalidTable as error:
        return {"came": "refused", "when": "opening", "why": str(error), "named": path.name in str(error)}
    try:
        for batch in table.batches(100):
            given += json_rows(batch)
    except InvalidTable as error:
        return {"came": "refused", "when": "reading", "why": str(error), "named": path.name in str(error)}
    if len(given) != table.row_count:
        return {"came": "silently wrong", "why": f"{len(given)} of {table.row_count} announced rows"}
    if CHECKSUM in path.name:
        return {"came": "silently wrong", "why": "the checksum of a page is wrong, and the page was read"}
    theirs, why = by_duckdb(path, table.schema.names)
    if theirs is None:
        return {"came": "ok", "why": f"DuckDB refuses it: {why}", "alone": True}
    ours = [[row[name] for name in table.schema.names] for row in given]
    different = [place for place, (a, b) in enumerate(zip(ours, theirs, strict=False)) if not alike(a, b)]
    if len(ours) != len(theirs) or different:
        place = different[0] if different else min(len(ours), len(theirs))
        pair = f"{ours[place : place + 1]} and not {theirs[place : place + 1]}"[:600]
        return {"came": "silently wrong", "why": f"{len(ours)} rows against {len(theirs)}; row {place}: {pair}"}
    return {"came": "ok", "why": f"{len(ours)} rows"}


def by_duckdb(path: Path, names: list[str]) -> tuple[list[list[Any]] | None, str]:
    """The rows as DuckDB's own reader of Parquet has them, as JSON; or why it has none."""
    import duckdb

    columns = ", ".join('"' + name.replace('"', '""') + '"' for name in names)
    try:
        with duckdb.connect(config={"threads": 1}) as con:
            rows = con.sql(f"SELECT {columns} FROM read_parquet('{path}')").fetchall()  # noqa: S608
    except (duckdb.Error, ValueError, OverflowError) as error:
        return None, str(error).split("\n", 1)[0]
    return [list(row) for row in rows], ""


def alike(ours: Any, theirs: Any) -> bool:
    """Whether JSON of ours is the value that DuckDB gives as Python's own."""
    from research.tables.inputs.json_values import json_value

    if isinstance(theirs, list | tuple) and isinstance(ours, list):
        return len(ours) == len(theirs) and all(map(alike, ours, theirs))
    if isinstance(theirs, dict) and isinstance(ours, dict):
        return list(ours) == list(map(str, theirs)) and all(map(alike, ours.values(), theirs.values()))
    theirs = json_value(theirs)
    if isinstance(ours, float) and isinstance(theirs, int | float):
        return math.isclose(ours, theirs, rel_tol=1e-6)
    return bool(ours == theirs) or str(ours).rstrip("0").rstrip(".") == str(theirs).rstrip("0").rstrip(".")


def in_a_process(path: Path) -> dict[str, Any]:
    """What comes of one file."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / f"{path.name.removesuffix('.parquet')}.parquet"
        shutil.copy(path, copy)
        try:
            ended = subprocess.run(
                [sys.executable, __file__, "--one", str(copy), folder], capture_output=True, text=True, timeout=SECONDS
            )
        except subprocess.TimeoutExpired:
            return {"came": "hung", "why": f"more than {SECONDS} s"}
    if ended.returncode != 0:
        last = ended.stderr.strip().splitlines()[-1:] or [""]
        return {"came": "crashed", "why": f"exit code {ended.returncode}: {last[0][:300]}"}
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return found


def main() -> int:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--list", action="store_true", help="print what came of every file")
    options = parser.parse_args()
    write = sys.stdout.write
    if options.one:
        write(json.dumps(judge(options.one)) + "\n")
        return 0
    files = sorted(path for path in options.folder.iterdir() if path.is_file())
    with ThreadPoolExecutor(1) as pool:
        found = dict(zip(files, pool.map(in_a_process, files), strict=True))
    counts = Counter(each["came"] for each in found.values())
    kinds = ("ok", "refused", "silently wrong", "crashed", "hung")
    write(f"{len(files)} files: " + ", ".join(f"{counts[kind]} {kind}" for kind in kinds) + "\n")
    refused = [each for each in found.values() if each["came"] == "refused"]
    late = sum(each["when"] == "reading" for each in refused)
    unnamed = sum(not each["named"] for each in refused)
    write(f"refused after rows were given away: {late}; without the file's name: {unnamed}\n")
    for path, each in found.items():
        if options.list or each["came"] not in ("ok", "refused"):
            write(f"  {each['came']:14} {path.name}: {each.get('when', '')} {each['why']}\n")
    return 1 if counts["silently wrong"] + counts["crashed"] + counts["hung"] else 0


if __name__ == "__main__":
    sys.exit(main())
