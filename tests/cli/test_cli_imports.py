"""What a command imports is most of what its start takes: each imports only what it uses, so that this does not rot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from prefect.settings import get_current_settings

PROGRAM: Final = """
import json, sys
from flows.cli import main
codes = [main(json.loads(sys.argv[1])) for _ in range(int(sys.argv[2]))]
print(json.dumps([max(codes), *sorted(sys.modules)]), file=sys.stderr)
"""
READERS: Final = ("trafilatura", "lxml", "pypdfium2", "feedparser", "mammoth", "pptx", "htmldate")


def imported(folder: Path, *arguments: str, times: int = 1, **environment: str) -> tuple[int, set[str]]:
    """The exit code of a command that is given so many times in a process of its own, and the modules that it imported."""
    settings = {name: value for name, value in os.environ.items() if not name.startswith(("ANTHROPIC_", "RESEARCH_"))}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(arguments), str(times)],
        env={**settings, "RESEARCH_CACHE_DIR": str(folder / "cache"), **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    code, *modules = json.loads(done.stderr.splitlines()[-1])
    return code, set(modules)


def test_help_imports_no_library_of_a_run(tmp_path: Path) -> None:
    code, modules = imported(tmp_path, "enrich", "--help")
    assert code == 0
    assert modules & {"prefect", "pydantic", "pyarrow", "duckdb", "httpx", "anthropic", *READERS} == set()


def test_a_mistake_in_the_request_is_found_before_prefect_is_imported(desk: Path) -> None:
    code, modules = imported(desk, "enrich", "missions.csv", "--schema", "missing.json", "--corpus", "pages")
    assert code == 2
    assert modules & {"prefect", "research.world", "httpx", "anthropic", "pandas", "pyarrow.dataset", *READERS} == set()


@pytest.mark.usefixtures("prefect_server")
def test_a_run_imports_neither_prefects_server_nor_an_sdk_nor_a_reader_which_its_workers_have(desk: Path) -> None:
    """The second time, it has a current index and every row: it does all that a start does, and researches nothing."""
    command = ("enrich", "missions.csv", "--schema", "mission.json", "--corpus", "pages", "--objective", "On {mission}")
    url = get_current_settings().api.url
    assert url is not None
    code, modules = imported(desk, *command, "--out", "run", times=2, PREFECT_API_URL=url)
    assert code == 0
    assert modules & {"prefect.server", "anthropic", "pandas", "pyarrow.dataset", *READERS} == set()
