"""Everything Prefect, and what a person types.

done = await flows.enrich("missions.csv", output_schema="mission.json", objective="Facts about {mission}", corpus="pages/")

Prefect takes a second to import, so the names below are imported when they are first used: `research --help` needs none of them.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from flows.api import enrich, resynthesize
    from flows.enrich import Enrichment
    from flows.events import Event, PilotFinished, RowEscalated, RowFinished, RunFinished, RunStarted, ShardCommitted

__all__ = [
    "Enrichment",
    "Event",
    "PilotFinished",
    "RowEscalated",
    "RowFinished",
    "RunFinished",
    "RunStarted",
    "ShardCommitted",
    "enrich",
    "resynthesize",
]

_WHERE: Final = {"enrich": "flows.api", "resynthesize": "flows.api", "Enrichment": "flows.enrich"}


class _Flows(ModuleType):
    """This package, whose `enrich` and `resynthesize` are functions: Python would put the modules of these names in their place
    when they are imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in ("enrich", "resynthesize") or not isinstance(value, ModuleType):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Flows


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_WHERE.get(name, "flows.events")), name)
    globals()[name] = value
    return value
