"""Draws faults: which request fails, and how, by rate or by position, the same way for the same seed.

A draw depends on the seed, the request's content and how often it was asked, not on the order of arrival: concurrent clients meet
the same faults in every run.

    a status    "429" "529" "500" "502" … the API's own error; 429 and 529 carry `retry-after`
    html        502 with a proxy's HTML page
    reset       the connection is reset before a byte
    timeout     nothing is ever answered
    cut_body    the connection closes after half of the body
    cut_stream  the same, for streams; a plain request gets `cut_body`
    error_event a stream that turns into an `error` event half way; a plain request gets "529"
    bad_json    200 with a body that is not JSON
    and what spoils a reply (`research.testing.spoiling`): truncated off_schema bad_tool_input bad_tool_json bad_passages
    in batches: errored expired; any other fault but a spoiled reply is an entry that errored
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from research.testing.recording import Request
from research.testing.replies import Failure
from research.testing.spoiling import SPOILERS

TRANSPORT = ("html", "reset", "timeout", "cut_body", "cut_stream", "error_event", "bad_json")
BATCH_ONLY = ("errored", "expired")
KINDS = (*TRANSPORT, *SPOILERS, *BATCH_ONLY)


class Faults:
    """`rates`: share of requests per kind, together at most 1. `at`: kinds by request number, from 1; these come first.

    `retry_after`: seconds, or a range to draw from, sent with 429 and 529; None sends none.
    `in_a_row`: the most faults that one request meets before it passes; None is no bound.
    `only`: which requests may meet a fault at all.
    """

    def __init__(
        self,
        rates: Mapping[str, float] | None = None,
        *,
        seed: int = 0,
        at: Mapping[int, str] | None = None,
        retry_after: float | tuple[float, float] | None = 1.0,
        in_a_row: int | None = None,
        only: Callable[[Request], bool] | None = None,
    ) -> None:
        self._rates = dict(rates or {})
        self._at = dict(at or {})
        self._seed = seed
        self._retry_after = retry_after
        self._in_a_row = in_a_row
        self._only = only
        self._met: dict[str, int] = {}
        for kind in (*self._rates, *self._at.values()):
            if kind not in KINDS and not _is_error_status(kind):
                raise ValueError(f"no such fault: {kind!r}. There are: error statuses such as '429', {', '.join(KINDS)}")
        if any(rate < 0 for rate in self._rates.values()) or sum(self._rates.values()) > 1 + 1e-9:
            raise ValueError("rates are shares of all requests: each at least 0, together at most 1")

    def draw(self, request: Request) -> Failure | None:
        """The fault that this request meets, or None."""
        if self._only is not None and not self._only(request):
            return None
        random = Random(f"{self._seed}:{request.key}:{request.attempt}")  # noqa: S311 - a draw, not a secret
        kind = self._at.get(request.number) or self._by_rate(random.random())
        met = self._met.get(request.key, 0)
        if kind is None or (self._in_a_row is not None and met >= self._in_a_row):
            self._met[request.key] = 0
            return None
        self._met[request.key] = met + 1
        return Failure(kind, self._seconds(random) if kind in ("429", "529") else None)

    def _by_rate(self, draw: float) -> str | None:
        for kind, rate in self._rates.items():
            draw -= rate
            if draw < 0:
                return kind
        return None

    def _seconds(self, random: Random) -> float | None:
        if isinstance(self._retry_after, tuple):
            return round(random.uniform(*self._retry_after), 3)
        return self._retry_after


def _is_error_status(kind: str) -> bool:
    return kind.isdigit() and 400 <= int(kind) <= 599
