"""The transport of every fetch: an httpx transport whose requests and connections the guard has seen.

httpx has no place for a network backend of one's own; httpcore, which it stands on, has. So this is httpx's own transport with
another backend, without proxies, without anything from the environment.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from contextlib import contextmanager
from functools import cache
from types import TracebackType
from typing import Final, Self

import httpcore
import httpx

from research.web.connections import GuardedConnections, Resolver, SystemResolver
from research.web.guard import Guard

CONNECT_TIMEOUT: Final = 10.0
"""Seconds for a connection, the look-up of its name included."""
RESOLVE_TIMEOUT: Final = 5.0
"""Seconds of these for the look-up."""
LIMITS: Final = httpx.Limits(max_connections=100, max_keepalive_connections=50, keepalive_expiry=30.0)
"""Connections at the same time; of these, how many may wait for another request, and how many seconds."""

_IN_HTTPX: Final[dict[type[BaseException], type[httpx.TransportError]]] = {
    getattr(httpcore, error.__name__): error
    for error in map(vars(httpx).get, httpcore.__all__)
    if isinstance(error, type) and issubclass(error, httpx.TransportError)
}
"""httpcore's errors and httpx's: the same names."""


def guarded_transport(
    guard: Guard,
    resolver: Resolver | None = None,
    *,
    http2: bool = True,
    connect_timeout: float = CONNECT_TIMEOUT,
    resolve_timeout: float = RESOLVE_TIMEOUT,
    limits: httpx.Limits = LIMITS,
    ssl_context: ssl.SSLContext | None = None,
    inner: httpcore.AsyncNetworkBackend | None = None,
) -> GuardedTransport:
    """A transport for `httpx.AsyncClient(transport=…)` that reaches only what a guard allows.

    Args:
        guard: what may be fetched.
        resolver: looks up names. None: as this machine does.
        http2: speak HTTP/2 with servers that do.
        connect_timeout: seconds for a connection, the look-up of its name included, without TLS. The client's own limit holds
            if it is lower.
        resolve_timeout: seconds of these for the look-up.
        limits: of the pool of connections.
        ssl_context: which certificates count. None: certifi's.
        inner: opens a connection to an address. None: TCP.
    """
    own = None
    if resolver is None:
        resolver = own = SystemResolver()
    connections = GuardedConnections(
        guard, resolver, connect_timeout=connect_timeout, resolve_timeout=resolve_timeout, inner=inner
    )
    pool = httpcore.AsyncConnectionPool(
        ssl_context=ssl_context or _certificates(http2),
        max_connections=limits.max_connections,
        max_keepalive_connections=limits.max_keepalive_connections,
        keepalive_expiry=limits.keepalive_expiry,
        http2=http2,
        network_backend=connections,
    )
    return GuardedTransport(guard, pool, own)


@cache
def _certificates(_http2: bool) -> ssl.SSLContext:
    """certifi's, which take 30 ms to load: once a process. One for each choice of protocols, since httpcore notes them in it."""
    return httpx.create_ssl_context(trust_env=False)


class GuardedTransport(httpx.AsyncBaseTransport):
    """Sends requests for URLs that a guard allows, over a pool whose connections it has seen. Each redirect is a request.

    A request fails with FetchRefused, or with what httpx's own transport raises.
    """

    def __init__(self, guard: Guard, pool: httpcore.AsyncConnectionPool, resolver: SystemResolver | None = None) -> None:
        self._guard = guard
        self._pool = pool
        self._resolver = resolver

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not isinstance(request.stream, httpx.AsyncByteStream):
            raise TypeError("an async client is wanted: this request's body cannot be read asynchronously")
        target = self._guard.check(str(request.url))
        # The host that was checked, not the request's own reading of it.
        url = httpcore.URL(scheme=target.scheme, host=target.host, port=target.port, target=request.url.raw_path)
        sent = httpcore.Request(
            request.method, url, headers=request.headers.raw, content=request.stream, extensions=request.extensions
        )
        with _as_httpx():
            answer = await self._pool.handle_async_request(sent)
        assert isinstance(answer.stream, AsyncIterable)  # noqa: S101 - an async pool gives no other
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer.stream), extensions=answer.extensions)

    async def aclose(self) -> None:
        if self._resolver is not None:
            self._resolver.close()
        with _as_httpx():
            await self._pool.aclose()

    async def __aenter__(self) -> Self:
        await self._pool.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.aclose()


class _Body(httpx.AsyncByteStream):
    """An answer's body, as it arrives."""

    def __init__(self, pieces: AsyncIterable[bytes]) -> None:
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx():
            async for piece in self._pieces:
                yield piece

    async def aclose(self) -> None:
        close = getattr(self._pieces, "aclose", None)
        if close is not None:
            with _as_httpx():
                await close()


@contextmanager
def _as_httpx() -> Iterator[None]:
    """httpcore's errors become httpx's; all others pass."""
    try:
        yield
    except Exception as exc:
        named = next((_IN_HTTPX[kind] for kind in type(exc).__mro__ if kind in _IN_HTTPX), None)
        if named is None:
            raise
        raise named(str(exc)) from exc
