"""Everything Prefect, and what a person types.

done = await flows.enrich("missions.csv", output_schema="mission.json", objective="Facts about {mission}", corpus="pages/")

Prefect takes a second to import, so the names below are imported when they are first used: `research --help` needs none of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from flows.api import enrich, find, refresh, resynthesize
    from flows.run.events import (
        CellsChanged,
        Event,
        PilotFinished,
        RowEscalated,
        RowFinished,
        RunFinished,
        RunStarted,
        RunStopping,
        ShardCommitted,
    )
    from flows.run.outcome import Enrichment, Found, RunFailed, RunStopped

__all__ = [
    "CellsChanged",
    "Enrichment",
    "Event",
    "Found",
    "PilotFinished",
    "RowEscalated",
    "RowFinished",
    "RunFailed",
    "RunFinished",
    "RunStarted",
    "RunStopped",
    "RunStopping",
    "ShardCommitted",
    "enrich",
    "find",
    "refresh",
    "resynthesize",
]

_WHERE: Final = {
    **dict.fromkeys(("enrich", "find", "refresh", "resynthesize"), "flows.api"),
    **dict.fromkeys(("Enrichment", "Found", "RunFailed", "RunStopped"), "flows.run.outcome"),
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_WHERE.get(name, "flows.run.events")), name)
    globals()[name] = value
    return value
