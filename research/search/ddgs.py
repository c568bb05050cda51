"""Public search engines through the library `ddgs`: no key, no promise. For trying things out, not for large tables."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, Final, Protocol

from research.concurrency.outages import ServicePausedNow, duration
from research.errors import SearchFailed
from research.money.usage import Usage
from research.money.usage_ledger import UsageLedger
from research.ports.search import SearchResult
from research.search.api_search import today
from research.search.hits import Raw, kept
from research.search.json_api import SearchTimes
from research.search.policy_words import span_since, worded
from research.search.rate import Turns
from research.task.source_policy import SourcePolicy

MOST: Final = 20
_COOL_OFF: Final = 30.0
"""Seconds without searches after an engine refused: none of them names a time."""


class Engine(Protocol):
    """What is used of `ddgs.DDGS`. Its exceptions are the library's own."""

    def text(self, query: str, **options: Any) -> Sequence[Mapping[str, Any]]: ...


def library(timeout: float) -> Engine:
    """The library itself. Importing it takes a moment, so that is done on first use."""
    import ddgs

    return ddgs.DDGS(timeout=max(1, round(timeout)))


class DdgsSearch:
    """A `Search`. It cannot count what its engines are asked, and they cost nothing.

    Args:
        turns: the queue before it.
        engine: makes what is asked; called in a thread, as all of it is.
        times: `attempt` bounds one search.
        today: the day, in UTC.
    """

    name = "ddgs"
    identity = "ddgs/1"

    def __init__(
        self,
        turns: Turns,
        *,
        engine: Callable[[], Engine] | None = None,
        times: SearchTimes | None = None,
        today: Callable[[], date] = today,
    ) -> None:
        self._turns = turns
        self._times = times or SearchTimes()
        self._engine = engine or (lambda: library(self._times.attempt / 2))
        self._today = today

    async def search(self, query: str, *, limit: int, policy: SourcePolicy | None = None, ledger: UsageLedger) -> SearchResult:
        """What the engines find.

        Raises:
            SearchFailed: the engines refused, or none answered in time.
            ServiceUnavailable: no query was answered for longer than there is patience.
        """
        if limit < 1 or not query.strip():
            return SearchResult()
        said = worded(query, policy, provider="ddgs")
        options: dict[str, Any] = {"max_results": MOST if policy is not None else min(limit, MOST)}
        if policy is not None and policy.after_date and (span := span_since(policy.after_date, self._today())):
            options["timelimit"] = span[0]
        results = await self._results(said.query, options)
        ledger.add(Usage(search_queries=1))
        silent = () if results else ("ddgs: no engine had a result; engines that refuse to answer look the same",)
        raw = (Raw(str(each.get("href") or ""), each.get("title"), each.get("body")) for each in results)
        return SearchResult(hits=kept(raw, limit, policy), warnings=(*said.warnings, *silent))

    async def _results(self, query: str, options: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """Ask; where nobody is answered, wait with all others and ask again."""
        health, caller = self._turns.health, object()
        while True:
            try:
                async with health.attempt() as attempt:
                    try:
                        results = await self._once(query, options)
                    except SearchFailed as failed:
                        attempt.failed(caller, str(failed))
                        if not health.is_out:
                            raise
                    else:
                        attempt.answered()
                        return results
            except ServicePausedNow as paused:
                raise SearchFailed(f"ddgs is not asked for {duration(paused.seconds)}: {paused}") from paused

    async def _once(self, query: str, options: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        async with self._turns.turn(self._times.budget):
            try:
                async with asyncio.timeout(self._times.attempt):
                    return await asyncio.to_thread(self._ask, query, options)
            except TimeoutError as exc:
                raise SearchFailed(f"ddgs: no engine answered within {self._times.attempt:.0f} s") from exc

    def _ask(self, query: str, options: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        from ddgs.exceptions import DDGSException, RatelimitException
        from ddgs.exceptions import TimeoutException as EnginesTimedOut

        try:
            return self._engine().text(query, **options)
        except RatelimitException as exc:
            self._turns.pause(_COOL_OFF)
            raise SearchFailed(f"ddgs: an engine asks for fewer searches ({exc}); use a provider with a key") from exc
        except EnginesTimedOut as exc:
            raise SearchFailed(f"ddgs: no engine answered in time ({exc})") from exc
        except DDGSException as exc:
            # Seen in ddgs 9.16: the argument is the error of an engine where one failed, and a text where none has a result.
            if not any(isinstance(each, Exception) for each in exc.args):
                return ()
            raise SearchFailed(f"ddgs: no engine answered ({exc})") from exc
        except Exception as exc:  # the library reads other people's HTML, and meets what it does not expect
            raise SearchFailed(f"ddgs: an engine's answer could not be read ({type(exc).__name__}: {exc})") from exc
