"""research: one research task, from the question to typed answers with their evidence.

`await research.run("Who launched Voyager 1?", corpus="pages/")` is the whole of it; the rest is for composing it yourself. Tables
of tasks are the business of `flows`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from research.api import run
    from research.errors import InvalidInput, LimitReached, ResearchError, TerminalError, TransientError
    from research.output_schema.output_spec import OutputSpec
    from research.ports.fetcher import Fetcher
    from research.ports.model import Model
    from research.ports.search import Search
    from research.ports.world import World
    from research.result.result import SCHEMA_VERSION, Result
    from research.task.task import SourcePolicy, Task
    from research.world import Settings, open_world

_HOME: Final = {
    "run": "api",
    "InvalidInput": "errors",
    "LimitReached": "errors",
    "ResearchError": "errors",
    "TerminalError": "errors",
    "TransientError": "errors",
    "OutputSpec": "output_schema.output_spec",
    "Fetcher": "ports.fetcher",
    "Model": "ports.model",
    "Search": "ports.search",
    "World": "ports.world",
    "Result": "result.result",
    "SCHEMA_VERSION": "result.result",
    "Settings": "world",
    "open_world": "world",
    "SourcePolicy": "task.source_policy",
    "Task": "task.task",
}

__all__ = [  # noqa: RUF022 - by what a newcomer needs first
    "run",
    "Task",
    "SourcePolicy",
    "OutputSpec",
    "Result",
    "SCHEMA_VERSION",
    "World",
    "open_world",
    "Settings",
    "Model",
    "Search",
    "Fetcher",
    "ResearchError",
    "TerminalError",
    "InvalidInput",
    "TransientError",
    "LimitReached",
]


def __getattr__(name: str) -> Any:
    """Names are brought in when first used: a command that only prints its help does not wait for an index and a parser."""
    if name not in _HOME:
        raise AttributeError(f"module 'research' has no attribute {name!r}")
    return getattr(import_module(f"research.{_HOME[name]}"), name)
