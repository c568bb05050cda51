"""`AgentProfile`: how a named agent researches. Kept as a file, and read where a task names it."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from research.money.limits import ProcessorName
from research.records import PublishedRecord
from research.task.source_policy import SourcePolicy

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
TOOLS: Final = ("search", "read")
"""What an agent may have, beside the MCP servers of its task, by their names."""
MOST_AGENTS: Final = 12
"""Of one task: no more than it may have sub-queries."""


def agent_name(name: str) -> str:
    """An agent's name without the space around it.

    Raises:
        ValueError: it can be no agent's name.
    """
    name = name.strip()
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r:.80} is no name of an agent: letters, digits, _ and -, 64 characters at most")
    return name


class AgentProfile(PublishedRecord):
    """How a named agent researches."""

    id: Annotated[str, AfterValidator(agent_name)]
    """Its name: that of its file, without `.toml`."""
    description: Annotated[str, Field(max_length=500)] = ""
    """What it is for. A planner reads it, where several agents divide a task."""
    instructions: Annotated[str, Field(max_length=20_000)] = ""
    """Part of the prompt of what it plans, investigates and writes."""
    tools: tuple[str, ...] | None = None
    """The only tools that it has: `search`, `read`, MCP servers by their names. None: all that the task has."""
    processor: ProcessorName | None = None
    """The tier of a task that names this agent alone, and no processor."""
    source_policy: SourcePolicy | None = None
    """Which pages it may use, where the task does not say."""

    def may(self, tool: str) -> bool:
        """Whether it has a tool."""
        return self.tools is None or tool in self.tools
