"""Scratch folders of killed processes do not pile up in the system's temporary folder."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import pytest

from research.tables.inputs.copies import Scratch


def test_a_new_scratch_folder_removes_those_that_nobody_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    held, abandoned, being_made = Scratch(), tmp_path / "research-table-killed", tmp_path / "research-table-new"
    for folder in (abandoned, being_made):
        folder.mkdir()
        (folder / "1-rows.arrow").write_bytes(b"rows")
    long_ago = time.time() - 3600
    for folder in (held.path, abandoned):
        os.utime(folder, (long_ago, long_ago))
    own = Scratch()
    assert {path for path in tmp_path.iterdir() if path.is_dir()} == {held.path, being_made, own.path}
    for scratch in (held, own):
        scratch.close()
    assert list(tmp_path.iterdir()) == [being_made]
