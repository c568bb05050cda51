"""The Message Batches API: made, looked at, read and found again. The only module that knows how a batch looks on the wire.

Calls that fail temporarily are retried here, except the one that creates a batch: if its reply is lost, the batch may exist, and
a retry would pay for it twice. That is `FateUnknown`, and the caller looks for the batch before it creates another.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypeVar

import anthropic
from anthropic.types import Message
from anthropic.types.messages import MessageBatch

from research.concurrency.retrying import Retries
from research.errors import ModelUnavailable, RequestRejected, ResearchError
from research.models.anthropic.caller import Caller, CallTimes
from research.models.anthropic.errors import Failure, is_about_form

T = TypeVar("T")

NAME: Final = "Message Batches"

Became = Literal["succeeded", "errored", "expired", "canceled"]

_CALLERS_FAULT: Final = frozenset({"invalid_request_error", "not_found_error", "permission_error", "request_too_large"})
"""Errors of an entry that a retry cannot help; any other is temporary."""


class FateUnknown(Exception):
    """The reply to creating a batch was lost: the batch may exist or not."""


class BatchGone(Exception):
    """The service has no such batch, or no longer has its results."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How one entry of a batch ended."""

    became: Became
    message: Message | None = None
    error: ResearchError | None = None
    """Why a retry cannot help; None: the entry succeeded, or may be requested again."""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """A batch as the service lists it. It does not list what is in it."""

    id: str
    created: datetime
    entries: int
    ended: bool


class BatchClient:
    """The service's batches.

    Args:
        caller: supplies the client and the translation of errors.
        times: how long a call is tried.
    """

    def __init__(self, caller: Caller, times: CallTimes | None = None) -> None:
        self._batches = caller.client.messages.batches
        self._translator = caller.translator
        self._health = caller.health(NAME)
        self._times = times or CallTimes()

    async def make(self, entries: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
        """Create a batch; returns its id.

        Args:
            entries: each a custom id, and the parameters of `messages.create`.

        Raises:
            FateUnknown: the reply was lost.
            ModelUnavailable, RequestRejected, AccessDenied, AuthenticationFailed: there is no batch.
        """
        requests: Any = [{"custom_id": name, "params": params} for name, params in entries]

        def refuse_retry(failure: Failure) -> None:
            if failure.kind in ("lost", "broken"):
                raise FateUnknown(str(failure.error)) from failure.cause

        return (await self._retried(lambda: self._batches.create(requests=requests), refuse_retry)).id

    async def has_ended(self, batch_id: str) -> bool:
        """Look at a batch once.

        Raises:
            BatchGone: there is no such batch any more.
        """
        batch = await self._retried(lambda: self._batches.retrieve(batch_id), _gone)
        if batch.archived_at is not None:
            raise BatchGone(batch_id)
        return batch.processing_status == "ended"

    async def results(self, batch_id: str) -> dict[str, Ended]:
        """How each entry of an ended batch ended, by its custom id.

        Raises:
            BatchGone: there is no such batch any more.
        """

        async def read() -> dict[str, Ended]:
            lines = await self._batches.results(batch_id)
            return {line.custom_id: _ended(line.result) async for line in lines}

        return await self._retried(read, _gone)

    async def made_since(self, when: datetime) -> list[Made]:
        """The batches created since, newest first."""

        async def read() -> list[Made]:
            found: list[Made] = []
            async for batch in self._batches.list(limit=100):
                if batch.created_at < when:
                    break
                found.append(_made(batch))
            return found

        return await self._retried(read)

    async def _retried(self, call: Callable[[], Awaitable[T]], on_failure: Callable[[Failure], None] | None = None) -> T:
        retries = Retries(self._times, clock=time.monotonic, sleep=asyncio.sleep)
        retries.begin()
        while True:
            async with AsyncExitStack() as stack:
                with retries.not_counted():
                    attempt = await stack.enter_async_context(self._health.attempt())
                try:
                    answer = await call()
                except Exception as error:
                    failure = self._translator.failure(error, NAME)
                    if failure is None:
                        raise
                    if failure.kind == "rejected":
                        attempt.answered()
                    else:
                        attempt.failed(retries, str(failure.error), asked=failure.retry_after, certain=True)
                    if on_failure is not None:
                        on_failure(failure)
                    if failure.kind == "rejected":
                        raise failure.error from failure.cause
                    wait = retries.failed(failure.retry_after)
                    if not self._health.is_out and not retries.allow(wait):
                        raise ModelUnavailable(
                            f"{failure.error}. Run the same command again later: its batches are kept."
                        ) from error
                else:
                    attempt.answered()
                    return answer
            if not self._health.is_out:
                await retries.wait(wait)


def _gone(failure: Failure) -> None:
    if isinstance(failure.cause, anthropic.NotFoundError):
        raise BatchGone(str(failure.error)) from failure.cause


def _ended(result: Any) -> Ended:
    if result.type == "succeeded":
        return Ended("succeeded", result.message)
    if result.type != "errored":
        return Ended(result.type, why=f"the entry {result.type} before its turn came")
    kind, message = result.error.error.type, result.error.error.message
    why = f"{kind}: {message}"
    if kind not in _CALLERS_FAULT:
        return Ended("errored", why=why)
    rejected = RequestRejected(f"the service rejected the request ({why}).", about_form=is_about_form(message))
    return Ended("errored", error=rejected, why=why)


def _made(batch: MessageBatch) -> Made:
    counts = batch.request_counts
    entries = counts.processing + counts.succeeded + counts.errored + counts.canceled + counts.expired
    return Made(batch.id, batch.created_at, entries, batch.processing_status == "ended")
