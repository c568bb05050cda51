"""How much may be spent on one task: the names of the tiers, and the range of each limit. Light to import, for help's sake."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, get_args

ProcessorName = Literal["base", "core", "ultra", "research"]
PROCESSOR_NAMES: Final[tuple[ProcessorName, ...]] = get_args(ProcessorName)

RANGES: Final[Mapping[str, tuple[int, int]]] = {
    "max_subqueries": (1, 12),
    "max_fetches": (1, 30),
    "max_steps": (4, 200),
    "verify_loops": (0, 5),
}
"""The least and the most of each number that a task may ask for."""
