"""The folders that a run writes to are tried before it begins."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flows.run.writable import CACHE, check_writable
from research.errors import InvalidInput


def test_runs_that_begin_together_do_not_take_a_new_folder_from_each_other(tmp_path: Path) -> None:
    """Each makes it and takes it away again, since the run itself has not begun."""

    def one_run(_: int) -> None:
        for _attempt in range(10):
            check_writable(tmp_path / "new" / "cache", CACHE, "RESEARCH_CACHE_DIR")

    with ThreadPoolExecutor(8) as runs:
        list(runs.map(one_run, range(8)))
    assert not [each for each in tmp_path.rglob("*") if each.is_file()]


def test_a_file_in_a_folders_place_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "cache").touch()
    with pytest.raises(InvalidInput, match=r"nothing can be written to .*cache, .*: File exists. Name another folder with X"):
        check_writable(tmp_path / "cache", CACHE, "X")
