"""Scratch folders of killed processes do not pile up in the system's temporary folder."""

from __future__ import annotations

import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from research.tables.inputs.copies import Scratch


def test_a_new_scratch_folder_removes_those_that_nobody_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    held, being_made = Scratch(), tmp_path / "research-table-new"
    killed_now, killed_while_made = tmp_path / "research-table-killed", tmp_path / "research-table-unlocked"
    for folder in (killed_now, killed_while_made, being_made):
        folder.mkdir()
        (folder / "1-rows.arrow").write_bytes(b"rows")
    (killed_now / ".lock").touch()
    long_ago = time.time() - 3600
    for folder in (held.path, killed_while_made):
        os.utime(folder, (long_ago, long_ago))
    own = Scratch()
    assert {path for path in tmp_path.iterdir() if path.is_dir()} == {held.path, being_made, own.path}
    for scratch in (held, own):
        scratch.close()
    assert list(tmp_path.iterdir()) == [being_made]


def test_scratch_folders_made_side_by_side_do_not_sweep_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: Scratch(), range(60)))
    assert {scratch.path for scratch in made} <= set(tmp_path.iterdir())
    for scratch in made:
        scratch.new("rows").write_bytes(b"rows")
        scratch.close()
