"""Data files: the tables that lie beside a room's modules, as TOML."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any


def read_table(package: str, name: str) -> dict[str, Any]:
    """The contents of a package's TOML file."""
    return tomllib.loads(files(package).joinpath(name).read_text("utf-8"))
