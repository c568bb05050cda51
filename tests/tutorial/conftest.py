"""What the lessons share: two pages about a lighthouse and a harbour."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """A folder with two pages."""
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "lighthouse.md").write_text(
        "# Eddystone Lighthouse\n\nHeight: 49 m\nFirst lit: 18 May 1882\n\nJames Douglass built it on the Eddystone Rocks.\n"
    )
    (folder / "harbour.md").write_text("# The harbour\n\nShips wait in the harbour for the tide to turn.\n")
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Where indexes and pages are kept. Without it, that is your own cache folder."""
    return tmp_path / "cache"
