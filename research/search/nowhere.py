"""Searches nothing: for tasks that name all of their sources themselves."""

from __future__ import annotations

from research.ports import Found
from research.source_policy import SourcePolicy


class Nowhere:
    """A `Search` that finds nothing, and asks nobody."""

    name = "nowhere"
    identity = "nowhere/1"

    async def search(self, query: str, *, limit: int, policy: SourcePolicy | None = None) -> Found:
        return Found(queries=0)
