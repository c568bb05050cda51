"""What people have decided about cells: its columns, its files in the run folder, and which decision counts.

    reviews/20261129T142704123456Z-3f9a1c20b7d45e61.jsonl      one file an application, a decision a line

A file is written once and never changed; its name holds the start of the SHA-256 of its bytes. Nothing that was found is changed
by it: `results` and `basis` stay as they are, and `reviewed_results` shows them with the decisions applied.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from research.tables.layout.durable import write_whole

FOLDER: Final = "reviews"
DECISIONS: Final = ("accept", "reject", "correct", "note")
_NAME: Final = re.compile(r"\d{8}T\d{12}Z-([0-9a-f]{16})\.jsonl")
_TIME: Final = pa.timestamp("us", tz="UTC")

_COLUMNS: Final[list[tuple[str, pa.DataType]]] = [
    ("row_index", pa.int64()),
    *((name, pa.string()) for name in ("row_key", "field", "decision", "found", "value", "note", "reviewer")),
    ("decided_at", _TIME),
    ("applied_at", _TIME),
    ("carried_from", pa.string()),
]
REVIEWS: Final = pa.schema(_COLUMNS)
"""`found` is the cell's text when the decision was made, `value` the text of the right value (`cell_text`); `row_key` says which
input row is meant; `carried_from` is the key of the run in which the decision was made, if that was another one."""

Decision = dict[str, Any]
"""One row of `REVIEWS`. Times are moments in UTC."""

_OF_A_DECISION: Final = ("row_index", "row_key", "field", "decision", "found", "value", "note", "reviewer", "decided_at")


def review_files(folder: Path) -> list[Path]:
    """The files of a run folder's reviews, oldest first."""
    return sorted(path for path in (folder / FOLDER).glob("*.jsonl") if _NAME.fullmatch(path.name))


def is_whole(path: Path) -> bool:
    """Whether a file of reviews is as it was written."""
    match = _NAME.fullmatch(path.name)
    return match is not None and _digest(path.read_bytes()) == match[1]


def read_reviews(folder: Path) -> pa.Table:
    """Every decision of a run folder, in the order of their application. Lines that cannot be read are passed over: `verify`
    names them."""
    return pa.Table.from_pylist([line for path in review_files(folder) for line in decisions_in(path)], REVIEWS)


def decisions_in(path: Path) -> Iterator[Decision]:
    """The decisions of one file that can be read."""
    for line in path.read_bytes().splitlines():
        try:
            read = json.loads(line)
            yield {**read, **{name: datetime.fromisoformat(read[name]) for name in ("decided_at", "applied_at")}}
        except (ValueError, KeyError, TypeError):
            continue


def write_reviews(folder: Path, decisions: Sequence[Decision], moment: datetime) -> Path:
    """Add decisions to a run folder, as one file that appears whole or not at all."""
    lines = [{name: decision.get(name) for name in REVIEWS.names} for decision in decisions]
    data = "".join(json.dumps(line, ensure_ascii=False, default=_moment) + "\n" for line in lines).encode("utf-8", "replace")
    path = folder / FOLDER / f"{moment:%Y%m%dT%H%M%S%fZ}-{_digest(data)}.jsonl"
    path.parent.mkdir(exist_ok=True)
    write_whole(path, data)
    return path


def identity(decision: Mapping[str, Any]) -> tuple[Any, ...]:
    """What makes two decisions one: everything but when it was stored, and from where."""
    return tuple(decision.get(name) for name in _OF_A_DECISION)


def latest(decisions: Sequence[Decision]) -> dict[tuple[int, str], Decision]:
    """The decision that counts for each cell: of those that say more than a note, the one that was made last, whoever made it."""
    found: dict[tuple[int, str], Decision] = {}
    for decision in sorted(decisions, key=_age):
        if decision["decision"] != "note":
            found[decision["row_index"], decision["field"]] = decision
    return found


def _age(decision: Decision) -> tuple[Any, ...]:
    return decision["decided_at"], decision["applied_at"], decision["reviewer"]


def _moment(value: Any) -> str:
    return datetime.isoformat(value)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
