"""The dialects of the front door, one module each: shapes in, shapes out, error bodies, status words. All else is shared."""

from __future__ import annotations

from typing import Any, Final

from flows.serve.dialects import agent, browser, chat, extract, findall, monitors, parallel, search, shared_tasks, tasks
from flows.serve.service.outbox import Words

DIALECTS: Final[tuple[Any, ...]] = (
    parallel,
    chat,
    search,
    extract,
    findall,
    monitors,
    shared_tasks,
    tasks,
    browser,
    agent,
)
"""The modules that are mounted, in order: where two of them have the same path at the root, the first one answers."""


def words() -> dict[str, Words]:
    """What dialects tell webhooks in words of their own, by their names: `told` of their modules."""
    return {dialect.NAME: dialect.told for dialect in DIALECTS if hasattr(dialect, "told")}
