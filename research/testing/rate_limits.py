"""Rate limits as token buckets that refill all the time, as the service describes its own."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class _Bucket:
    def __init__(self, per_minute: int, burst: float, now: float) -> None:
        self.limit = per_minute
        self.size = burst
        self.level = burst
        self._at = now

    def refill(self, now: float) -> None:
        self.level = min(self.size, self.level + (now - self._at) * self.limit / 60)
        self._at = now

    def wait_for(self, amount: float) -> float:
        """Seconds until `amount` is there, or the bucket is full."""
        missing = min(amount, self.size) - self.level
        return max(0.0, missing * 60 / self.limit)


class RateLimits:
    """Limits per minute; None is no limit. What is read from the prompt cache is free.

    `burst` is the share of a minute's allowance that may be used at once (1: the whole). A request that does not fit is answered
    with 429 and the seconds after which it would; `whole_seconds` rounds them up, as the service does.
    """

    def __init__(
        self,
        *,
        requests: int | None = None,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        burst: float = 1.0,
        whole_seconds: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        now = clock()
        self._clock = clock
        self._whole_seconds = whole_seconds
        limits = {"requests": requests, "input-tokens": input_tokens, "output-tokens": output_tokens}
        self._buckets = {
            name: _Bucket(limit, max(1.0, limit * burst), now) for name, limit in limits.items() if limit is not None
        }

    def admit(self, input_tokens: int) -> float | None:
        """None if the request may pass, and is counted; otherwise the seconds to wait."""
        now = self._clock()
        costs = {"requests": 1, "input-tokens": input_tokens, "output-tokens": 1}
        for bucket in self._buckets.values():
            bucket.refill(now)
        wait = max((bucket.wait_for(costs[name]) for name, bucket in self._buckets.items()), default=0.0)
        if wait > 0:
            return float(max(1, math.ceil(wait))) if self._whole_seconds else wait
        for name in ("requests", "input-tokens"):
            if name in self._buckets:
                self._buckets[name].level -= costs[name]
        return None

    def spend_output(self, tokens: int) -> None:
        """Count what was written. The level may fall below zero: the next request waits for it."""
        if "output-tokens" in self._buckets:
            self._buckets["output-tokens"].level -= tokens

    def headers(self) -> dict[str, str]:
        """`anthropic-ratelimit-<what>-limit`, `-remaining` and `-reset` (RFC 3339: when the bucket is full again)."""
        lines: dict[str, str] = {}
        now = datetime.now(UTC)
        for name, bucket in self._buckets.items():
            full = now + timedelta(seconds=bucket.wait_for(bucket.size))
            lines[f"anthropic-ratelimit-{name}-limit"] = str(bucket.limit)
            lines[f"anthropic-ratelimit-{name}-remaining"] = str(max(0, int(bucket.level)))
            lines[f"anthropic-ratelimit-{name}-reset"] = full.isoformat(timespec="seconds").replace("+00:00", "Z")
        return lines
