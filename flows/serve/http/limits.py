"""How often an owner may ask: a bucket of tokens for each, in this process."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Final

from cachetools import LRUCache

from flows.serve.errors import OverLimit
from flows.serve.records.task_records import Owner

PER_MINUTE: Final = 6_000
"""Requests of one owner, unless its key or the service says otherwise."""
_MOST_OWNERS: Final = 10_000


class RequestRate:
    """Requests per minute of each owner: a minute's worth at once, then evenly.

    Args:
        per_minute: for owners without a limit of their own; None: no limit.
    """

    def __init__(self, per_minute: int | None = PER_MINUTE, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._buckets: LRUCache[str, tuple[float, float]] = LRUCache(_MOST_OWNERS)

    def count(self, owner: Owner) -> None:
        """Count a request.

        Raises:
            OverLimit: it is one too many; says when the next one may come.
        """
        limit = self._per_minute if owner.requests_per_minute is None else owner.requests_per_minute
        if limit is None:
            return
        now = self._clock()
        tokens, since = self._buckets.get(owner.id, (float(limit), now))
        tokens = min(float(limit), tokens + (now - since) * limit / 60)
        if tokens < 1:
            self._buckets[owner.id] = (tokens, now)
            wait = math.ceil((1 - tokens) * 60 / limit) if limit else 60
            raise OverLimit(f"you may ask {limit} times a minute: the next request may come in {wait} s", wait)
        self._buckets[owner.id] = (tokens - 1, now)
