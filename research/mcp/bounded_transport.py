"""The SDK's way to the network: requests go through our guarded transport, and no answer takes more than it may.

The SDK's client has one task group for all requests of a connection, which an exception of its transport ends. So this transport
raises none: what fails is told as an answer of its own making, and written into the trace of the call that waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

import httpx
import httpx2
from pydantic import SecretStr

from research.errors import FetchRefused
from research.faults import first_line
from research.mcp.settings import McpSettings

REQUESTS_PER_CALL: Final = 10
"""Requests that one call may lead to: it, a redirect, answers to what the server asks in between."""
_OURS: Final = {"content-type": "text/plain"}


@dataclass(slots=True)
class Trace:
    """What became of the requests of one call."""

    failure: str = ""
    """Why there was no answer, for people."""
    refused: bool = False
    """Whether the guard let no request through."""
    status: int | None = None
    """The last status that the server answered."""
    requests: int = 0
    ends_at: float = field(default=0.0)
    """When the call is over, on the event loop's clock."""


_TRACE: Final[ContextVar[Trace | None]] = ContextVar("mcp_call", default=None)


@contextmanager
def traced(seconds: float) -> Iterator[Trace]:
    """Requests that begin in this block, and in what it starts, are written into one trace, and end in time."""
    trace = Trace(ends_at=asyncio.get_running_loop().time() + seconds)
    token = _TRACE.set(trace)
    try:
        yield trace
    finally:
        _TRACE.reset(token)


class BrokenAnswer(httpx2.StreamError):
    """The rest of an answer is not read. (Of this kind the SDK expects errors while it reads.)"""


class BoundedTransport(httpx2.AsyncBaseTransport):
    """Sends the requests of one connection.

    Args:
        inner: reaches only what the guard allows.
        host: of the server, as its URL has it: only it is sent the headers.
        headers: sent with every request.
    """

    def __init__(
        self, inner: httpx.AsyncBaseTransport, host: str, headers: Mapping[str, SecretStr], settings: McpSettings
    ) -> None:
        self._inner = inner
        self._host = host
        self._headers = headers
        self._settings = settings

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        trace = _TRACE.get() or Trace(ends_at=asyncio.get_running_loop().time() + self._settings.call_seconds)
        trace.requests += 1
        if request.method == "GET":
            # A stream on which the server speaks unasked, or goes on with an answer: nothing of it is used here.
            return httpx2.Response(405, headers=_OURS, request=request)
        if trace.requests > REQUESTS_PER_CALL:
            trace.failure = f"the server leads to more than {REQUESTS_PER_CALL} requests for one call"
            return httpx2.Response(429, headers=_OURS, request=request)
        try:
            async with asyncio.timeout_at(trace.ends_at):
                answer = await self._inner.handle_async_request(await self._sent(request))
        except FetchRefused as error:
            trace.failure, trace.refused = str(error), True
        except TimeoutError:
            trace.failure = "the server did not answer in time"
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            trace.failure = first_line(error)
        else:
            return await self._received(request, answer, trace)
        return httpx2.Response(502, headers=_OURS, request=request)

    async def _sent(self, request: httpx2.Request) -> httpx.Request:
        headers = {name: value for name, value in request.headers.items() if name != "accept-encoding"}
        if request.url.host == self._host:
            headers |= {name.lower(): value.get_secret_value() for name, value in self._headers.items()}
        headers["accept-encoding"] = "identity"
        seconds = {"connect": self._settings.connect_seconds, "read": None, "write": None, "pool": None}
        return httpx.Request(
            request.method,
            str(request.url),
            headers=headers,
            content=await request.aread(),
            extensions={"timeout": seconds},
        )

    async def _received(self, request: httpx2.Request, answer: httpx.Response, trace: Trace) -> httpx2.Response:
        trace.status = answer.status_code
        if answer.headers.get("content-encoding", "identity").lower() != "identity":
            await answer.aclose()
            trace.failure = "the server compressed its answer, which was not asked for"
            return httpx2.Response(502, headers=_OURS, request=request)
        body = _Body(answer, trace, self._settings.max_bytes)
        return httpx2.Response(answer.status_code, headers=answer.headers.raw, stream=body, request=request)

    async def aclose(self) -> None:
        """The transport below is shared."""


class _Body(httpx2.AsyncByteStream):
    """An answer's body, as far as it is taken."""

    def __init__(self, answer: httpx.Response, trace: Trace, most: int) -> None:
        self._answer = answer
        self._trace = trace
        self._most = most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        received = 0
        pieces = aiter(self._answer.aiter_raw())
        while True:
            try:
                async with asyncio.timeout_at(self._trace.ends_at):
                    piece = await anext(pieces)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                raise self._broken("the answer did not end in time") from error
            except (httpx.HTTPError, httpx.StreamError) as error:
                raise self._broken(f"the answer broke off ({first_line(error)})") from error
            received += len(piece)
            if received > self._most:
                raise self._broken(f"the answer does not end after {self._most / 1e6:g} MB, the most that one has")
            yield piece

    def _broken(self, why: str) -> BrokenAnswer:
        self._trace.failure = why
        return BrokenAnswer(why)

    async def aclose(self) -> None:
        await self._answer.aclose()
