"""Stores a file of decisions in a run folder, beside what was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from research.errors import InvalidRun
from research.tables.layout.reviews import Decision, identity, read_reviews, write_reviews
from research.tables.review.decision_file import read_decision_file
from research.tables.run_folder.made_database import refresh
from research.tables.run_folder.run_folder import RunFolder
from research.tables.run_folder.run_lock import locked
from research.tables.warehouse.warehouse import FILE

_OF_A_VALUE: Final = ("accept", "reject")
"""Decisions about the value that was found. A correction says what is right, whatever was found."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a file of decisions."""

    stored: int
    already_there: int
    outdated: int
    """Of those stored, decisions about a value that is another one by now: they are kept, and change nothing."""
    file: Path | None
    """What was written into the run folder; None if nothing was new."""
    is_in_database: bool
    """Whether `research.duckdb` has them. If not, the run is going on, and its end brings them in."""


def apply_decisions(path: Path, file: Path) -> Applied:
    """Store the decisions of a file that the run folder does not have yet. Applying a file twice is applying it once.

    Raises:
        InvalidRun: there is no run folder.
        InvalidReview: the file does not fit the run; nothing was stored.
    """
    run = RunFolder.open(path)
    decisions, rows = read_decision_file(run, file)
    new = unstored(path, decisions)
    outdated = sum(
        decision["decision"] in _OF_A_VALUE and rows[decision["row_index"]].texts[decision["field"]] != decision["found"]
        for decision in new
    )
    written = store(path, new) if new else None
    return Applied(len(new), len(decisions) - len(new), outdated, written, bring_into_database(path))


def unstored(path: Path, decisions: Sequence[Decision]) -> list[Decision]:
    """Decisions that a run folder does not have, each once."""
    known = {identity(decision) for decision in read_reviews(path).to_pylist()}
    new: dict[tuple[object, ...], Decision] = {}
    for decision in decisions:
        if identity(decision) not in known:
            new.setdefault(identity(decision), decision)
    return list(new.values())


def store(path: Path, decisions: Sequence[Decision]) -> Path:
    """Write decisions into a run folder. Returns the file."""
    moment = datetime.now(UTC)
    return write_reviews(path, [{**decision, "applied_at": moment} for decision in decisions], moment)


def bring_into_database(path: Path) -> bool:
    """Bring `research.duckdb` up to date with the decisions that are stored; not while a process runs the folder, nor before
    there is one. Returns whether it is."""
    if not (path / FILE).exists():
        return False
    state = RunFolder.open(path).state
    try:
        with locked(path, state):
            refresh(path)
    except InvalidRun:  # the process that holds it makes the file anew at its end
        return False
    return True
