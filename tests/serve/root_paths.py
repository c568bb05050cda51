"""The routes that have two addresses: under their dialect's name, and at the root."""

from __future__ import annotations

from collections.abc import Collection

from flows.serve.dialects import DIALECTS


def at_root(path: str, paths: Collection[str]) -> str | None:
    """The path at the root that is the same as this one under the name of its dialect. None: it has no other."""
    names = [f"/{dialect.NAME}" for dialect in DIALECTS if dialect.AT_ROOT and dialect.NAME]
    return next((root for name in names if path.startswith(f"{name}/") and (root := path.removeprefix(name)) in paths), None)
