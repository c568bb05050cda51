"""A fetcher whose web is on loopback, quick and impatient."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from research.testing import WebServer
from research.web.fetcher import WebFetcher
from research.web.opening import open_web
from research.web.settings import WebLimits, WebSettings

WORDS = "The probe was sent to study the comet at close range, and it did so for two years. " * 12
PAGE = f"<html><head><title>The probe</title></head><body><h1>The probe</h1><p>{WORDS}</p></body></html>"

QUICK: dict[str, Any] = {
    "connect_seconds": 2.0,
    "first_byte_seconds": 5.0,
    "idle_seconds": 5.0,
    "total_seconds": 10.0,
    "pace_grace_seconds": 0.5,
    "max_bytes": 300_000,
    "max_decoded_bytes": 2_000_000,
    "max_redirects": 5,
}


IMPATIENT: dict[str, Any] = {"first_byte_seconds": 1.0, "idle_seconds": 1.0, "total_seconds": 3.0}
"""Limits for servers that are meant to exceed them. Not for others: a machine that is busy must not fail a test."""


class Clock:
    """A clock that is put forward by waiting. With `hold`, waiting lasts until a test puts it forward."""

    def __init__(self, *, hold: bool = False) -> None:
        self.now = 1000.0
        self.waiting = 0
        self._hold = hold

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        end = self.now + seconds
        if not self._hold:
            self.now = end
        self.waiting += 1
        while self.now < end:  # noqa: ASYNC110 - a test sets `now`, and no event
            await asyncio.sleep(0.001)
        self.waiting -= 1
        await asyncio.sleep(0)


def quick(*, limits: dict[str, Any] | None = None, **settings: Any) -> WebSettings:
    """Settings for loopback: no delays, and limits that a test can wait for."""
    given = {
        "allow_private_hosts": ("127.0.0.1",),
        "host_delay_seconds": 0.0,
        "per_host": 8,
        "retry_seconds": 0.0,
        "obey_robots": False,
        **settings,
    }
    return WebSettings(limits=WebLimits(**{**QUICK, **(limits or {})}), **given)


def opened(
    folder: Path, *, limits: dict[str, Any] | None = None, resolver: Any = None, clock: Clock | None = None, **settings: Any
) -> AbstractAsyncContextManager[WebFetcher]:
    timing: dict[str, Any] = {} if clock is None else {"clock": clock, "sleep": clock.sleep}
    return open_web(quick(limits=limits, **settings), folder / "http", resolver=resolver, **timing)


def asked(web: WebServer) -> list[str]:
    """The targets that were asked for, in order."""
    return [request.target for request in web.requests]
