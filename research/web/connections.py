"""Opens connections, to addresses that the guard has seen and to no others.

A name is looked up once, its addresses are judged, and the connection goes to one of those addresses: not to the name, which may
lead elsewhere a moment later. TLS still asks for the name, since httpcore takes that from the URL.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from itertools import chain, zip_longest
from typing import Final, Protocol

import httpcore

from research.errors import FetchRefused
from research.web.guard import Guard

HEAD_START: Final = 0.25
"""Seconds that an address has to answer before the next one is tried beside it (RFC 8305 says 250 ms)."""
_LOOK_UPS: Final = 16
"""Names that are looked up at the same time."""


class Resolver(Protocol):
    """Looks up names."""

    async def resolve(self, host: str) -> Sequence[str]:
        """The IP addresses of a name, the best first.

        Raises:
            OSError: it has none, or no name server answered.
        """
        ...


class SystemResolver:
    """Asks as every other program on this machine does: hosts file, search domains, DNS. In threads of its own, so that a slow
    DNS server does not hold up what else runs in the loop's threads."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_LOOK_UPS, thread_name_prefix="resolve")

    async def resolve(self, host: str) -> Sequence[str]:
        found = await asyncio.get_running_loop().run_in_executor(self._threads, _look_up, host)
        return list(dict.fromkeys(found))

    def close(self) -> None:
        """Look up nothing more. Does not wait for what is under way."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str) -> list[str]:
    return [str(place[0]) for *_, place in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]


_Attempt = httpcore.AsyncNetworkStream | httpcore.ConnectError | httpcore.ConnectTimeout
"""A connection, or why there is none."""


class GuardedConnections(httpcore.AsyncNetworkBackend):
    """What an httpcore pool opens its connections with.

    Args:
        guard: judges every address, before a connection and after it.
        resolver: looks up names.
        connect_timeout: seconds for a connection, its look-up included, without TLS. A request's own limit holds if it is lower.
        resolve_timeout: seconds of these for the look-up.
        inner: opens a connection to an address.
    """

    def __init__(
        self,
        guard: Guard,
        resolver: Resolver,
        *,
        connect_timeout: float,
        resolve_timeout: float,
        inner: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        self._guard = guard
        self._resolver = resolver
        self._connect_timeout = connect_timeout
        self._resolve_timeout = resolve_timeout
        self._inner = inner or httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to a host.

        Raises:
            FetchRefused: one of its addresses may not be fetched from. Then none is connected to: no public name has an honest
                reason to lead to a private address as well.
            httpcore.ConnectError, httpcore.ConnectTimeout: it has no address, or none of them answered.
        """
        limit = self._connect_timeout if timeout is None else min(timeout, self._connect_timeout)
        options = None if socket_options is None else list(socket_options)

        async def attempt(address: str) -> _Attempt:
            try:
                return await self._inner.connect_tcp(address, port, None, local_address, options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
                return exc

        try:
            async with asyncio.timeout(limit):
                addresses = await self._addresses(host, port)
                stream = await _first_of(addresses, attempt, host)
        except TimeoutError as exc:
            raise httpcore.ConnectTimeout(f"{host}: no connection within {limit:g} s") from exc
        try:
            self._check_peer(host, port, stream)
        except BaseException:
            await stream.aclose()
            raise
        return stream

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Always refused: a socket on this machine's disk is no page."""
        raise FetchRefused(f"{path}: a socket on this machine is no page")

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)

    async def _addresses(self, host: str, port: int) -> list[str]:
        """The addresses of a host, all of them allowed, in the order in which to try them."""
        addresses = [host] if _is_address(host) else await self._look_up(host)
        for address in addresses:
            self._guard.check_address(host, port, address)
        return _by_turns(addresses)

    async def _look_up(self, host: str) -> list[str]:
        try:
            async with asyncio.timeout(self._resolve_timeout):
                addresses = list(await self._resolver.resolve(host))
        except TimeoutError as exc:
            raise httpcore.ConnectTimeout(f"{host}: its address was not found within {self._resolve_timeout:g} s") from exc
        except (OSError, UnicodeError) as exc:
            raise httpcore.ConnectError(f"{host}: its address was not found ({exc})") from exc
        if not addresses:
            raise httpcore.ConnectError(f"{host}: it has no address")
        return addresses

    def _check_peer(self, host: str, port: int, stream: httpcore.AsyncNetworkStream) -> None:
        """Judge who is at the other end, as the operating system says: the last word, whatever was looked up."""
        peer = stream.get_extra_info("server_addr")
        if peer is None:
            raise httpcore.ConnectError(f"{host}: the connection ended before it was known who was at its other end")
        self._guard.check_address(host, port, str(peer[0]))


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _by_turns(addresses: Sequence[str]) -> list[str]:
    """IPv6 and IPv4 by turns, the family of the first address first, so that one that does not work costs one attempt."""
    first = ":" in addresses[0]
    families = zip_longest(*([a for a in addresses if (":" in a) is family] for family in (first, not first)))
    return [address for address in chain.from_iterable(families) if address is not None]


async def _first_of(
    addresses: Sequence[str], attempt: Callable[[str], Awaitable[_Attempt]], host: str
) -> httpcore.AsyncNetworkStream:
    """The first connection to come about. Each address is tried when the one before has failed or has had its head start."""
    waiting = list(addresses)
    running: set[asyncio.Future[_Attempt]] = set()
    failures: list[Exception] = []
    try:
        while waiting or running:
            if waiting:
                running.add(asyncio.ensure_future(attempt(waiting.pop(0))))
            done, _ = await asyncio.wait(running, timeout=HEAD_START if waiting else None, return_when=asyncio.FIRST_COMPLETED)
            for ended in done:
                running.discard(ended)
                outcome = ended.result()
                if isinstance(outcome, httpcore.AsyncNetworkStream):
                    return outcome
                failures.append(outcome)
    finally:
        await _give_up(running)
    try:
        raise failures[0]
    except (httpcore.ConnectError, httpcore.ConnectTimeout) as first:
        # Raised in here because httpcore's pool cuts a cause off, and leaves a context.
        raise httpcore.ConnectError(f"{host}: no connection to {', '.join(addresses)} ({first})") from first


async def _give_up(running: Iterable[asyncio.Future[_Attempt]]) -> None:
    """End attempts that are not needed, and close what they have connected to in the meantime."""
    for attempt in running:
        attempt.cancel()
    for outcome in await asyncio.gather(*running, return_exceptions=True):
        if isinstance(outcome, httpcore.AsyncNetworkStream):
            await outcome.aclose()
