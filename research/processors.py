"""The tiers: one table of what each processor may do."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, Literal, get_args

from pydantic import BaseModel, ConfigDict

ProcessorName = Literal["base", "core", "ultra", "research"]
PROCESSOR_NAMES: Final[tuple[ProcessorName, ...]] = get_args(ProcessorName)


class Processor(BaseModel):
    """A tier's budget."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ProcessorName
    tool_calls: int
    """Calls of `search` and `read` that one investigation may make."""
    agentic: bool
    """Plans, grades and synthesizes; otherwise one investigation answers."""
    max_rounds: int
    """Rounds of investigation: the planned one and those the grader asks for."""


PROCESSORS: Final = MappingProxyType(
    {
        "base": Processor(name="base", tool_calls=3, agentic=False, max_rounds=1),
        "core": Processor(name="core", tool_calls=8, agentic=False, max_rounds=1),
        "ultra": Processor(name="ultra", tool_calls=15, agentic=False, max_rounds=1),
        "research": Processor(name="research", tool_calls=8, agentic=True, max_rounds=3),
    }
)
