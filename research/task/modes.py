"""How a task is researched. Light to import, for help's sake."""

from __future__ import annotations

from typing import Final, Literal, get_args

Mode = Literal["agent", "chat", "plan"]
"""With every tool, by searches alone, or along a plan that people approve."""
MODES: Final[tuple[Mode, ...]] = get_args(Mode)
