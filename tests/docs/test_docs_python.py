"""The Python page tells the truth about what is public."""

from __future__ import annotations

import re
from pathlib import Path

import research

PAGE = Path(__file__).parents[2] / "docs" / "python.md"


def test_every_public_name_is_in_the_table_and_nothing_else_is() -> None:
    table = PAGE.read_text().split("## The names that are public")[1].split("\n\nEverything else")[0]
    announced = {
        name for row in table.splitlines() if row.startswith("| `") for name in re.findall(r"`(\w+)`", row.split("|")[1])
    }
    assert announced == set(research.__all__)


def test_every_public_name_is_there() -> None:
    assert all(getattr(research, name) is not None for name in research.__all__)
