"""Which batches a run has made, and what became of their entries: `.state/batches.jsonl`, each line with a digest, and safe
before the next step.

| line | says |
|---|---|
| `{"making": 1, "at": "…", "model": "…", "entries": {"<name>": 0.01}}` | a batch is about to be made; what each entry may cost |
| `{"made": 1, "batch": "msgbatch_…"}` | it was made; nothing has waited for it yet |
| `{"not_made": 1}` | it was looked for, and there is none |
| `{"of": 1, "became": {"<name>": "succeeded"}}` | its entries were paid for, or are to be asked again |
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from research.display.printable import printable_logger
from research.durable.lines import json_line, read_json_line
from research.result.result import utc_now

FILE: Final = "batches.jsonl"
SUCCEEDED: Final = "succeeded"

_log: Final = printable_logger(__name__)


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
        text = self._file.read_bytes() if self._file.exists() else b""
        self._torn = bool(text) and not text.endswith(b"\n")
        """Whether the file may end in half a line."""
        self._writing = threading.Lock()
        self.batches: dict[int, Batch] = {}
        """By number."""
        for line in text.split(b"\n"):
            self._take(line)

    def holding(self, name: str) -> Batch | None:
        """The batch that holds an entry's answer, or will."""
        for batch in reversed(self.batches.values()):
            if batch.made and name in batch.entries:
                return batch if batch.became.get(name, SUCCEEDED) == SUCCEEDED else None
        return None

    async def making(self, model: str, entries: Mapping[str, float | None]) -> Batch:
        """Write down a batch before it is made.

        Raises:
            OSError: it cannot be written down, and so must not be made.
        """
        batch = Batch(max(self.batches, default=0) + 1, utc_now(), model, dict(entries))
        line = {"making": batch.number, "at": batch.at.isoformat(), "model": model, "entries": batch.entries}
        await asyncio.to_thread(self._write, line)
        self.batches[batch.number] = batch
        return batch

    async def made(self, batch: Batch, batch_id: str) -> None:
        """Write down the id of a batch, before anything waits for it."""
        batch.id = batch_id
        await self._note({"made": batch.number, "batch": batch_id})

    async def not_made(self, batch: Batch) -> None:
        batch.made = False
        await self._note({"not_made": batch.number})

    async def became(self, batch: Batch, became: Mapping[str, str]) -> None:
        if became:
            batch.became.update(became)
            await self._note({"of": batch.number, "became": dict(became)})

    async def discard(self, names: Iterable[str]) -> None:
        """These answers were of no use, and are not taken again."""
        for name in names:
            if (batch := self.holding(name)) is not None:
                await self.became(batch, {name: "discarded"})

    async def _note(self, line: Mapping[str, Any]) -> None:
        """Write down what has happened. A full disk does not undo it: this run goes on, and the next one asks the service."""
        try:
            await asyncio.to_thread(self._write, line)
        except OSError as error:
            _log.warning("%s cannot be written: %s. Batches under way go on", self._file, error)

    def _take(self, line: bytes) -> None:
        """Read a line. One that is not whole says nothing."""
        entry = read_json_line(line)
        if entry is None:
            return
        if "making" in entry:
            number = entry["making"]
            self.batches[number] = Batch(number, datetime.fromisoformat(entry["at"]), entry["model"], entry["entries"])
        elif "made" in entry:
            self.batches[entry["made"]].id = entry["batch"]
        elif "not_made" in entry:
            self.batches[entry["not_made"]].made = False
        elif "became" in entry:
            self.batches[entry["of"]].became.update(entry["became"])

    def _write(self, entry: Mapping[str, Any]) -> None:
        line = json_line(entry)
        with self._writing, self._file.open("ab") as file:
            file.write(b"\n" + line if self._torn else line)
            self._torn = True  # until all of it is on the disk
            file.flush()
            os.fsync(file.fileno())
            self._torn = False
