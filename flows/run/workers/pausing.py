"""`Pausing`: tells once what several workers wait for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from research.concurrency.outages import Notice, ServicePaused
from research.concurrency.traffic import SearchBringsNothing


class Pausing:
    """What workers wait for, told once for all of them.

    Args:
        announce: is told.
    """

    def __init__(self, announce: Callable[[Notice], None]) -> None:
        self._announce = announce
        self._waiting: dict[str, dict[str, int]] = {}
        self._bring_nothing: set[str] = set()

    def heard(self, order: str, notice: Notice) -> None:
        """A worker announces that a service is paused, answers again, or brings nothing."""
        if isinstance(notice, SearchBringsNothing):
            if notice.service not in self._bring_nothing:
                self._bring_nothing.add(notice.service)
                self._announce(notice)
            return
        waiting = self._waiting.setdefault(notice.service, {})
        if isinstance(notice, ServicePaused):
            waiting[order] = notice.waiting
            self._announce(replace(notice, waiting=sum(waiting.values())))
            return
        waiting.pop(order, None)
        if not waiting:
            self._announce(notice)

    def forget(self, order: str) -> None:
        """A worker has ended."""
        for waiting in self._waiting.values():
            waiting.pop(order, None)
