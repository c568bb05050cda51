"""Server-sent events: an async iterator as a `text/event-stream` response, with a comment now and then while nothing happens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, Final

from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event

from research.records import Record

QUIET_SECONDS: Final = 15.0
"""Proxies close connections on which nothing is sent for longer than about a minute."""

_EVENT: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"data": {"type": "string"}, "event": {"type": "string"}, "id": {"type": "string"}},
}
"""One event, as OpenAPI describes it: `data` is JSON."""
DOCUMENTED: Final[dict[str, Any]] = {
    "description": "Server-sent events",
    "content": {"text/event-stream": {"schema": _EVENT}},
}
"""What the OpenAPI document says of a stream: a route has `responses={200: DOCUMENTED}, response_class=StreamingResponse`."""

_pumps: Final[set[asyncio.Task[None]]] = set()
"""Those under way. The event loop alone would let them be collected."""


class SentEvent(Record):
    """One event of a stream."""

    data: Any
    """JSON."""
    is_text: bool = False
    """Whether `data` is text that is sent as it is: `[DONE]`."""
    event: str | None = None
    """Its type; None: clients call it `message`."""
    id: str | None = None
    """What a client sends back as `Last-Event-ID` when it connects again."""


def event_stream(events: AsyncGenerator[SentEvent], *, quiet_seconds: float = QUIET_SECONDS) -> EventSourceResponse:
    """A response that sends these events as they come, and ends with them."""
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}  # the second one: nginx does not hold them back
    return EventSourceResponse(_encoded(events, quiet_seconds), headers=headers)


async def _encoded(events: AsyncGenerator[SentEvent], quiet_seconds: float) -> AsyncIterator[bytes]:
    waiting: asyncio.Queue[SentEvent | None] = asyncio.Queue(1)
    pump = asyncio.create_task(_pump(events, waiting))
    _pumps.add(pump)
    pump.add_done_callback(_pumps.discard)
    try:
        while True:
            try:
                async with asyncio.timeout(quiet_seconds):
                    sent = await waiting.get()
            except TimeoutError:
                yield KEEPALIVE_COMMENT
                continue
            if sent is None:
                break
            text = sent.data if sent.is_text else json.dumps(sent.data)
            yield format_sse_event(data_str=text, event=sent.event, id=sent.id)
        await pump  # raises what the events have raised
    finally:
        pump.cancel()  # where the client has gone, nothing can be awaited here any more: the pump closes the events itself


async def _pump(events: AsyncGenerator[SentEvent], waiting: asyncio.Queue[SentEvent | None]) -> None:
    """Put events into a queue as they come, and None after the last one."""
    try:
        async with aclosing(events):
            async for sent in events:
                await waiting.put(sent)
    except Exception:
        await waiting.put(None)
        raise
    await waiting.put(None)
