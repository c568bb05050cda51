"""Opens and closes the web: guard, connections, politeness, cache and fetcher, put together in one place."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx

from research.concurrency.outages import Outages
from research.documents.readers import Readers
from research.web.browser import open_browser
from research.web.connections import Resolver, SystemResolver
from research.web.fetcher import WebFetcher
from research.web.freshness import FreshnessHeaders
from research.web.guard import Guard
from research.web.http_cache import HttpCache
from research.web.limits_transport import LimitsTransport
from research.web.network import Network
from research.web.politeness import Politeness
from research.web.requesting import Asker
from research.web.robots import Robots
from research.web.settings import WebSettings
from research.web.shared_requests import SharedRequests
from research.web.transport import guarded_transport


@asynccontextmanager
async def open_web(
    settings: WebSettings,
    cache_dir: Path,
    *,
    readers: Readers | None = None,
    resolver: Resolver | None = None,
    outages: Outages | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[WebFetcher]:
    """A fetcher of the web. Open one for a process's event loop and let all rows share it.

    Args:
        settings: how politely, how much, what of it.
        cache_dir: the folder of the HTTP cache, which any number of runs and processes may share.
        readers: read the pages; None: with the default limits.
        resolver: looks up names. None: as this machine does.
        outages: of the world, so that all who read the web wait together while there is no network.
        clock: seconds, only ever rising.
        sleep: waits for seconds.

    Raises:
        InvalidInput: an entry of `allow_private_hosts` or `allow_ports` cannot be read; or `browser` is wanted, and Playwright or
            Chromium is not installed.
    """
    guard = Guard(settings.allow_private_hosts, settings.allow_ports)
    politeness = Politeness(
        per_host=settings.per_host,
        delay=settings.host_delay_seconds,
        at_once=settings.at_once,
        max_delay=settings.max_crawl_delay_seconds,
        clock=clock,
        sleep=sleep,
    )
    limits = settings.limits
    async with AsyncExitStack() as stack:
        cache = HttpCache(cache_dir, max_bytes=settings.cache_bytes, max_body_bytes=limits.max_bytes)
        await cache.open()
        stack.push_async_callback(cache.close)
        if resolver is None:
            resolver = own = SystemResolver()
            stack.callback(own.close)
        transport = guarded_transport(
            guard,
            resolver,
            connect_timeout=limits.connect_seconds,
            limits=httpx.Limits(
                max_connections=settings.at_once, max_keepalive_connections=settings.at_once, keepalive_expiry=30.0
            ),
        )
        stack.push_async_callback(transport.aclose)
        limited = LimitsTransport(transport, politeness, limits, clock=clock)
        asker = Asker(
            cache.over(FreshnessHeaders(limited, settings.freshness_seconds)),
            politeness,
            settings,
            Network(outages or Outages(clock=clock, sleep=sleep), resolver),
            clock=clock,
            sleep=sleep,
        )
        robots = Robots(asker, guard, politeness, clock=clock) if settings.obey_robots else None
        if robots is not None:
            stack.push_async_callback(robots.close)
        requests = SharedRequests(settings.remember_failures_seconds, clock=clock)
        stack.push_async_callback(requests.close)
        browser = await stack.enter_async_context(open_browser()) if settings.browser else None
        yield WebFetcher(asker, guard, robots, settings, requests, readers or Readers(), browser)
