"""Tables: what is read, what a run leaves behind, and how to read that again.

from research.tables import open_run

run = open_run("runs/demo")        # or by URL: open_run("s3://bucket/runs/demo")
run.results()                      # a DataFrame; basis(), usage(), findings(), sources(), pages() likewise
run.cell(17, "launch_date")        # the value and every excerpt it rests on
run.sql("FROM low_confidence")     # research.duckdb's tables and views
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from research.tables.audit.calibrate import calibrate
    from research.tables.audit.calibration import Calibration
    from research.tables.audit.compare import Agreement, ComparedCell, ComparedRun, Comparison, compare
    from research.tables.audit.score import Score, Tally, WrongCell, score
    from research.tables.audit.truth import TruthSource
    from research.tables.audit.verify import Problem, Verification, verify
    from research.tables.changes.history import CellVersion, history
    from research.tables.export.export import Exported, ExportOptions, export_run
    from research.tables.run_folder.committed_shard import CommittedShard
    from research.tables.run_folder.reader import Cell, CellEvidence, Run, open_run
    from research.tables.run_folder.request import default_run_path, request_key
    from research.tables.run_folder.run_folder import RunFolder

__all__ = [
    "Agreement",
    "Calibration",
    "Cell",
    "CellEvidence",
    "CellVersion",
    "CommittedShard",
    "ComparedCell",
    "ComparedRun",
    "Comparison",
    "ExportOptions",
    "Exported",
    "Problem",
    "Run",
    "RunFolder",
    "Score",
    "Tally",
    "TruthSource",
    "Verification",
    "WrongCell",
    "calibrate",
    "compare",
    "default_run_path",
    "export_run",
    "history",
    "open_run",
    "request_key",
    "score",
    "verify",
]

_HOME: Final = {
    "Calibration": "audit.calibration",
    "calibrate": "audit.calibrate",
    **dict.fromkeys(("Agreement", "ComparedCell", "ComparedRun", "Comparison", "compare"), "audit.compare"),
    **dict.fromkeys(("Score", "Tally", "WrongCell", "score"), "audit.score"),
    "TruthSource": "audit.truth",
    **dict.fromkeys(("Problem", "Verification", "verify"), "audit.verify"),
    **dict.fromkeys(("ExportOptions", "Exported", "export_run"), "export.export"),
    **dict.fromkeys(("CellVersion", "history"), "changes.history"),
    **dict.fromkeys(("Cell", "CellEvidence", "Run", "open_run"), "run_folder.reader"),
    **dict.fromkeys(("default_run_path", "request_key"), "run_folder.request"),
    "CommittedShard": "run_folder.committed_shard",
    "RunFolder": "run_folder.run_folder",
}


def __getattr__(name: str) -> Any:
    """Names are imported when first used: a run needs no audit, and an audit no reader of tables."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
