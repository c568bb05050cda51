"""Fields of one task's request that mean nothing for a table's run, and what does their work there. They are refused by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from research.errors import Fault, InvalidInput

MEANINGLESS: Final[Mapping[str, str]] = {
    "project_id": "a label by which a service sorts its tasks; a run is known by its folder: choose it with `name` or `out`",
    "visibility": "a service shows tasks to others; who may read a run folder is what its disk or bucket allows",
    "handoff": "a table has no completion artifact: `export` writes a file of its rows, and `webhook` tells of its end",
    "enable_events": "a run always records its events, in `.state/events.jsonl` of its folder; `research watch` follows them",
}


def refuse_task_only(names: Iterable[str]) -> None:
    """Refuse options that mean nothing for a table.

    Args:
        names: of options that are stated.

    Raises:
        InvalidInput: some mean nothing for a table; says of each why, and what does.
    """
    if faults := [Fault(f"/{name}", MEANINGLESS[name]) for name in names if name in MEANINGLESS]:
        raise InvalidInput("These are fields of one task, and mean nothing for a table:", faults)
