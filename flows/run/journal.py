"""Which batches a run has made, and what became of their entries: `.state/batches.jsonl`, each line safe before the next step.

| line | says |
|---|---|
| `{"making": 1, "at": "…", "model": "…", "entries": {"<name>": 0.01}}` | a batch is about to be made; what each entry may cost |
| `{"made": 1, "batch": "msgbatch_…"}` | it was made; nobody has waited for it yet |
| `{"not_made": 1}` | it was looked for, and there is none |
| `{"of": 1, "became": {"<name>": "succeeded"}}` | its entries were paid for, or are to be asked again |
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from research.result.result import utc_now

FILE: Final = "batches.jsonl"
SUCCEEDED: Final = "succeeded"


@dataclass(slots=True)
class Batch:
    """One batch of a run."""

    number: int
    """From 1, over all invocations."""
    at: datetime
    """When it was about to be made, by our clock."""
    model: str
    entries: Mapping[str, float | None]
    """What each entry may cost, by its name. US dollars; None: not known."""
    id: str | None = None
    """None: it is not known whether it was made."""
    made: bool = True
    """False: it is known that it was not."""
    became: dict[str, str] = field(default_factory=dict)
    """What became of entries: `succeeded`, or why they are asked again."""


class Journal:
    """The batches of one run folder, over all invocations of the run.

    Args:
        state: the run folder's `.state`.
    """

    def __init__(self, state: Path) -> None:
        self._file = state / FILE
        text = self._file.read_text("utf-8") if self._file.exists() else ""
        self._torn = bool(text) and not text.endswith("\n")
        self.batches: dict[int, Batch] = {}
        """By number."""
        for line in text.splitlines():
            self._take(line)

    def holding(self, name: str) -> Batch | None:
        """The batch in which an entry is still to be had."""
        for batch in reversed(self.batches.values()):
            if batch.made and name in batch.entries:
                return batch if batch.became.get(name, SUCCEEDED) == SUCCEEDED else None
        return None

    def making(self, model: str, entries: Mapping[str, float | None]) -> Batch:
        """Write down a batch before it is made."""
        batch = Batch(max(self.batches, default=0) + 1, utc_now(), model, dict(entries))
        self._write({"making": batch.number, "at": batch.at.isoformat(), "model": model, "entries": batch.entries})
        self.batches[batch.number] = batch
        return batch

    def made(self, batch: Batch, batch_id: str) -> None:
        """Write down the id of a batch, before anybody waits for it."""
        self._write({"made": batch.number, "batch": batch_id})
        batch.id = batch_id

    def not_made(self, batch: Batch) -> None:
        self._write({"not_made": batch.number})
        batch.made = False

    def became(self, batch: Batch, became: Mapping[str, str]) -> None:
        if became:
            self._write({"of": batch.number, "became": dict(became)})
            batch.became.update(became)

    def discard(self, names: Iterable[str]) -> None:
        """These answers were of no use, and are not taken again."""
        for name in names:
            if (batch := self.holding(name)) is not None:
                self.became(batch, {name: "discarded"})

    def _take(self, line: str) -> None:
        """Read a line. Half a line, which a machine that lost its power may leave, says nothing."""
        try:
            said: dict[str, Any] = json.loads(line)
        except ValueError:
            return
        if "making" in said:
            number = said["making"]
            self.batches[number] = Batch(number, datetime.fromisoformat(said["at"]), said["model"], said["entries"])
        elif "made" in said:
            self.batches[said["made"]].id = said["batch"]
        elif "not_made" in said:
            self.batches[said["not_made"]].made = False
        elif "became" in said:
            self.batches[said["of"]].became.update(said["became"])

    def _write(self, said: Mapping[str, Any]) -> None:
        line = json.dumps(said, ensure_ascii=False) + "\n"
        if self._torn:
            line, self._torn = "\n" + line, False
        with self._file.open("a", encoding="utf-8") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
