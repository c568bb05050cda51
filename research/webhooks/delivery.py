"""Delivers an event to a receiver: signed, tried again until it is accepted or patience ends, each attempt written down.

A delivery may arrive more than once (an answer may be lost on its way), always with the same id, by which a receiver can tell.
Nothing that a receiver does is more than a refusal: its answer's body is not read, its redirects are not followed, its address
is judged by the guard of the web, also where a connection stands (docs/design/fetch-guard.md).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import httpx
from pydantic import Field

from research.display.printable import printable, printable_logger
from research.errors import FetchRefused, InvalidInput
from research.faults import shortened
from research.records import Record
from research.result.result import utc_now
from research.web.connections import Resolver
from research.web.guard import Guard, fault_of
from research.web.settings import WebSettings
from research.web.transport import guarded_transport
from research.webhooks.attempts import Attempt, Attempts
from research.webhooks.signing import WebhookSecret

FILE: Final = "webhooks.jsonl"
"""The name of the file of attempts, in a run folder's `.state`."""
GONE: Final = 410
"""The answer of a receiver that wants no more of them."""
_MOST_OF_ERROR: Final = 200

_log: Final = printable_logger(__name__)


class Patience(Record):
    """How long a delivery is tried."""

    delays: tuple[float, ...] = (5.0, 10.0, 20.0, 40.0, 80.0)
    """Seconds after each failed attempt until the next one. After the last the delivery is given up, until the same event is
    delivered again: a run whose command is repeated does that."""
    seconds: float = Field(default=20.0, gt=0)
    """Seconds that one attempt may take."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

    Its `key` makes it this event: delivered again under the same key, it has the same id, and is not sent where it was accepted.
    """

    type: str
    """Dotted, as `research.run.finished`."""
    key: str
    """Such as the key of a run, and what happened to it."""
    data: Mapping[str, Any]
    """JSON. Not a secret, and no cell of a private column."""
    at: datetime


def check_address(url: str, web: WebSettings) -> None:
    """See that an address may be told.

    Raises:
        InvalidInput: the guard does not allow it; says which setting would.
    """
    if (why := _guard(web).refusal(url)) is not None:
        raise InvalidInput(f"the webhook's address cannot be used: {why}")


def check_address_for_others(url: str) -> str | None:
    """See that an address can be told by somebody, whose settings are not known here.

    Returns: what their settings have to allow, which those of the public web do not; None: nothing.

    Raises:
        InvalidInput: no settings allow it.
    """
    if (fault := fault_of(url)) is not None:
        raise InvalidInput(f"the webhook's address cannot be used: {fault}")
    return Guard().refusal(url)


def _guard(web: WebSettings) -> Guard:
    return Guard(web.allow_private_hosts, web.allow_ports)


@dataclass(frozen=True, slots=True)
class Receiver:
    """An address that wants to know of events.

    Raises:
        InvalidInput: the guard does not allow it; says which setting would.
    """

    url: str
    secret: WebhookSecret
    web: WebSettings = field(default_factory=WebSettings)
    """`allow_private_hosts` and `allow_ports`: which addresses are allowed beside the public web's."""

    def __post_init__(self) -> None:
        check_address(self.url, self.web)

    @property
    def guard(self) -> Guard:
        return _guard(self.web)

    @property
    def origin(self) -> str:
        """Scheme, host and port: what may be shown."""
        return self.guard.check(self.url).origin


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of a delivery."""

    id: str
    accepted: bool
    attempts: int
    """All that were ever made, by earlier calls included."""
    why: str | None = None
    """Why it was not accepted."""


async def deliver(
    event: Event,
    receiver: Receiver,
    state: Path,
    *,
    patience: Patience | None = None,
    resolver: Resolver | None = None,
) -> Delivered:
    """Deliver an event, unless it was accepted before. That a receiver fails is never raised: it is in what is returned, and in
    the log.

    Args:
        state: the folder that the attempts are written down in: a run folder's `.state`.
        resolver: looks up names. None: as this machine does.

    Raises:
        OSError: an attempt cannot be written down. It may have been accepted.
    """
    patience = patience or Patience()
    attempts = Attempts(state / FILE)
    delivery = delivery_id(event, receiver)
    before = await asyncio.to_thread(attempts.of, delivery)
    if any(attempt.accepted for attempt in before):
        return Delivered(delivery, accepted=True, attempts=len(before))
    body = _body(event)
    async with guarded_transport(receiver.guard, resolver, http2=False) as transport:
        for number, delay in enumerate((*patience.delays, None), start=len(before) + 1):
            attempt = await _attempt(transport, event, receiver, delivery, body, number, patience.seconds)
            await asyncio.to_thread(attempts.add, attempt)
            if attempt.accepted:
                return Delivered(delivery, accepted=True, attempts=number)
            _log.warning("%s to %s, attempt %d: %s", event.type, receiver.origin, number, attempt.error)
            if delay is None or attempt.status == GONE:
                break
            await asyncio.sleep(delay)
    return Delivered(delivery, accepted=False, attempts=number, why=attempt.error)


async def attempt_delivery(
    event: Event, receiver: Receiver, delivery: str, number: int, seconds: float, *, resolver: Resolver | None = None
) -> Attempt:
    """Make one attempt, for who keeps the attempts elsewhere than in a file. That the receiver fails is in what is returned.

    Args:
        delivery: its id (`delivery_id`), the same in all its attempts.
        number: of the attempt, from 1.
        seconds: that it may take.
    """
    async with guarded_transport(receiver.guard, resolver, http2=False) as transport:
        return await _attempt(transport, event, receiver, delivery, _body(event), number, seconds)


def delivery_id(event: Event, receiver: Receiver) -> str:
    """The id of an event's delivery to a receiver: always the same one."""
    parts = json.dumps([event.type, event.key, receiver.url])
    return f"msg_{hashlib.sha256(parts.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def _body(event: Event) -> str:
    """The payload, in the form that the specification recommends."""
    at = event.at.isoformat().replace("+00:00", "Z")
    document = {"type": event.type, "timestamp": at, "data": dict(event.data)}
    return json.dumps(document, ensure_ascii=True, allow_nan=False, separators=(",", ":"))


async def _attempt(
    transport: httpx.AsyncBaseTransport, event: Event, receiver: Receiver, delivery: str, body: str, number: int, seconds: float
) -> Attempt:
    at, started = utc_now(), time.monotonic()
    headers = {
        "content-type": "application/json",
        "user-agent": receiver.web.user_agent,
        **receiver.secret.headers(delivery, at, body),
    }
    status, error = None, None
    try:
        async with asyncio.timeout(seconds):
            request = httpx.Request("POST", receiver.url, headers=headers, content=body.encode())
            answer = await transport.handle_async_request(request)
            status = answer.status_code
            await answer.aclose()
    except TimeoutError:
        error = f"no answer within {seconds:g} s"
    except (httpx.TransportError, FetchRefused) as exc:
        error = shortened(f"{exc or type(exc).__name__}", _MOST_OF_ERROR)
    else:
        if not answer.is_success:
            error = f"answered {status}" + (", and redirects are not followed" if answer.is_redirect else "")
    return Attempt(
        delivery=delivery,
        type=event.type,
        to=receiver.origin,
        attempt=number,
        at=at,
        status=status,
        error=None if error is None else printable(error, one_line=True),
        seconds=round(time.monotonic() - started, 3),
        accepted=error is None,
    )
