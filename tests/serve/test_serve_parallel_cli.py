"""`parallel-cli enrich` of `parallel-web-tools`, unchanged, pointed at loopback by `PARALLEL_API_URL`."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

from tests.serve.conftest import Served


def test_enrich_fills_the_columns_of_a_csv(served: Served, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("lighthouse,region\nBell Rock Lighthouse,Scotland\nEddystone Lighthouse,Cornwall\n", "utf-8")
    columns = {
        "--source-columns": [{"name": "lighthouse", "description": "Name of a lighthouse"}],
        "--enriched-columns": [
            {"name": "builder", "description": "Who built it"},
            {"name": "height_m", "description": "Height in metres", "type": "int | None"},
            {"name": "keeper", "description": "The name of its first keeper"},
        ],
    }
    command = [str(Path(sys.executable).with_name("parallel-cli")), "enrich", "run", "--source-type", "csv"]
    command += ["--source", "in.csv", "--target", "out.csv", "--processor", "lite-fast"]
    for option, value in columns.items():
        command += [option, json.dumps(value)]
    environment = os.environ | {"PARALLEL_API_URL": served.url, "PARALLEL_API_KEY": served.keys["alice"], "HOME": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    with (tmp_path / "out.csv").open(encoding="utf-8") as file:
        rows = [{name: row[name] for name in ("lighthouse", "builder", "height_m", "keeper")} for row in csv.DictReader(file)]
    assert rows == [
        {"lighthouse": "Bell Rock Lighthouse", "builder": "Robert Stevenson", "height_m": "35", "keeper": ""},
        {"lighthouse": "Eddystone Lighthouse", "builder": "John Smeaton", "height_m": "22", "keeper": ""},
    ]
