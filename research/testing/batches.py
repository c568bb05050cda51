"""Message Batches: many requests at once, processed while the client polls, results as JSON lines in no particular order."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from research.testing.api_errors import ApiError, invalid
from research.testing.catalogue import page
from research.testing.recording import Request

Process = Callable[[Request], Awaitable[dict[str, Any]]]
"""Makes the result of one entry: `{"type": "succeeded", "message": …}` and its kin."""

_CUSTOM_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@dataclass(slots=True)
class _Batch:
    id: str
    entries: list[Request]
    created: datetime
    started: float
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    polls: int = 0
    cancel_asked: datetime | None = None
    ended: datetime | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Two polls at once do not process an entry twice."""


class Batches:
    """A batch ends with the `polls`-th poll or, with `seconds`, once these have passed. Entries are processed evenly until then.
    An entry that is not processed within `expires_after` seconds expires; one that is not when the batch is canceled is canceled.
    """

    def __init__(
        self,
        *,
        polls: int = 1,
        seconds: float | None = None,
        expires_after: float = 86_400.0,
        seed: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._polls = polls
        self._seconds = seconds
        self._expires_after = expires_after
        self._seed = seed
        self._clock = clock
        self._batches: dict[str, _Batch] = {}

    def create(self, entries: list[Request]) -> dict[str, Any]:
        number = len(self._batches) + 1
        batch = _Batch(f"msgbatch_{self._seed:04d}{number:08d}", entries, datetime.now(UTC), self._clock())
        self._batches[batch.id] = batch
        return self._wire(batch, "")

    async def look(self, batch_id: str, process: Process, url: str) -> dict[str, Any]:
        """One poll: processes some entries, and returns the batch's state."""
        batch = self._get(batch_id)
        async with batch.lock:
            if batch.ended is None:
                batch.polls += 1
                await self._advance(batch, process)
        return self._wire(batch, url)

    def listed(self, query: Mapping[str, str], url: str) -> dict[str, Any]:
        """Newest first. Listing is no poll."""
        return page([self._wire(batch, url) for batch in reversed(self._batches.values())], query)

    def cancel(self, batch_id: str, url: str) -> dict[str, Any]:
        """Asks for an end: what is not processed by now is canceled, and the next poll finds the batch ended."""
        batch = self._get(batch_id)
        if batch.ended is None and batch.cancel_asked is None:
            batch.cancel_asked = datetime.now(UTC)
        return self._wire(batch, url)

    def delete(self, batch_id: str) -> dict[str, Any]:
        if self._get(batch_id).ended is None:
            raise invalid("Message Batch cannot be deleted while it is in progress. Cancel it first.")
        del self._batches[batch_id]
        return {"id": batch_id, "type": "message_batch_deleted"}

    def results(self, batch_id: str) -> tuple[bytes, ...]:
        """JSON lines, shuffled: results are matched by `custom_id`, never by place."""
        batch = self._get(batch_id)
        if batch.ended is None:
            raise invalid(f"Message Batch {batch_id} has no available results yet.")
        lines = [json.dumps({"custom_id": name, "result": result}).encode() + b"\n" for name, result in batch.results.items()]
        Random(f"{self._seed}:{batch_id}").shuffle(lines)  # noqa: S311 - a shuffle, not a secret
        return tuple(lines)

    def _get(self, batch_id: str) -> _Batch:
        if batch_id not in self._batches:
            raise ApiError(404, f"Message Batch {batch_id} was not found.")
        return self._batches[batch_id]

    async def _advance(self, batch: _Batch, process: Process) -> None:
        elapsed = self._clock() - batch.started
        share = elapsed / self._seconds if self._seconds else batch.polls / max(1, self._polls)
        late = elapsed >= self._expires_after
        if batch.cancel_asked is None and not late:
            due = len(batch.entries) if share >= 1 else int(len(batch.entries) * share)
            for entry in batch.entries[:due]:
                if entry.custom_id not in batch.results:
                    batch.results[str(entry.custom_id)] = await process(entry)
        if late or batch.cancel_asked is not None or len(batch.results) == len(batch.entries):
            for entry in batch.entries:
                batch.results.setdefault(str(entry.custom_id), {"type": "canceled" if batch.cancel_asked else "expired"})
            batch.ended = datetime.now(UTC)

    def _wire(self, batch: _Batch, url: str) -> dict[str, Any]:
        counts = dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0)
        if batch.ended is None:
            counts["processing"] = len(batch.entries)  # the others stay 0 until the whole batch has ended
        for result in batch.results.values() if batch.ended else ():
            counts[result["type"]] += 1
        state = "ended" if batch.ended else "canceling" if batch.cancel_asked else "in_progress"
        return {
            "id": batch.id,
            "type": "message_batch",
            "processing_status": state,
            "request_counts": counts,
            "created_at": _stamp(batch.created),
            "expires_at": _stamp(batch.created + timedelta(seconds=self._expires_after)),
            "ended_at": _stamp(batch.ended),
            "cancel_initiated_at": _stamp(batch.cancel_asked),
            "archived_at": None,
            "results_url": f"{url}/v1/messages/batches/{batch.id}/results" if batch.ended else None,
        }


def check_entries(body: Any) -> list[tuple[str, Mapping[str, Any]]]:
    """The entries of a new batch. Their params are checked when each is processed, as the service does it.

    Raises:
        ApiError: 400, for what is wrong with the list itself.
    """
    entries = body.get("requests") if isinstance(body, Mapping) else None
    if not isinstance(entries, list) or not entries:
        raise invalid("requests: List should have at least 1 item")
    if unknown := set(body) - {"requests"}:
        raise invalid(f"{min(unknown)}: Extra inputs are not permitted")
    if len(entries) > 100_000:
        raise ApiError(413, "requests: List should have at most 100000 items")
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        where = f"requests.{index}"
        if not isinstance(entry, Mapping) or set(entry) != {"custom_id", "params"} or not isinstance(entry["params"], Mapping):
            raise invalid(f"{where}: an entry has a custom_id and params, and nothing else")
        name = entry["custom_id"]
        if not isinstance(name, str) or not _CUSTOM_ID.fullmatch(name):
            raise invalid(f"{where}.custom_id: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$'")
        if name in seen:
            raise invalid(f"{where}.custom_id: custom_id must be unique within a batch: {name}")
        seen.add(name)
    return [(entry["custom_id"], entry["params"]) for entry in entries]


def _stamp(when: datetime | None) -> str | None:
    return when.isoformat().replace("+00:00", "Z") if when else None
