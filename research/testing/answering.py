"""Answers one request to the model: checks it, lets it fail if a fault is due, asks the rule, counts, delivers."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from research.testing.api_errors import ApiError, invalid
from research.testing.api_rules import check_rules
from research.testing.faults import TRANSPORT, Faults
from research.testing.loopback import Ending, HttpReply
from research.testing.messages import error_event, limited, message, stream_events
from research.testing.params import check_message
from research.testing.plausible import check_possible
from research.testing.prompt_cache import CacheUse, PromptCache
from research.testing.rate_limits import RateLimits
from research.testing.recording import Answered, Request
from research.testing.replies import Answer, BatchEnd, Failure, Reply
from research.testing.rules import Rule, answer_of
from research.testing.spoiling import SPOILERS, spoil
from research.testing.tokens import input_tokens

Latency = float | tuple[float, float] | Callable[[Request], float]
"""Seconds before an answer begins: always the same, drawn from a range, or by the request."""

_HTML = b"<html>\n<head><title>502 Bad Gateway</title></head>\n<body><center><h1>502 Bad Gateway</h1></center></body>\n</html>\n"
BEFORE_THE_MODEL = ("reset", "timeout", "html")
"""Faults that come from what stands before the model: the rule is not asked."""
AFTERWARDS = ("cut_body", "lost")
"""Faults that a gate lets happen once a request is carried out."""
_ENDINGS: dict[str, Ending] = {"timeout": "silence", "reset": "reset"}


@dataclass(slots=True)
class Answering:
    """What a `ModelServer` answers with; its fields are that server's parameters."""

    rule: Rule
    faults: Faults
    cache: PromptCache
    rate_limits: RateLimits | None
    latency: Latency
    pause: float
    chunk: int
    models: tuple[str, ...] | None
    context_window: int
    max_output: int
    random: Random
    faults_served: Counter[str] = field(default_factory=Counter)

    async def answer(self, request: Request, body: bytes, request_id: str) -> HttpReply:
        """Answer a request as the service would, and note what came of it.

        Raises:
            ApiError: the request is refused.
        """
        try:
            return await self._answer(request, body, request_id)
        except ApiError as error:
            _note(request, error.status, retry_after=error.retry_after)
            raise

    async def result(self, request: Request) -> dict[str, Any]:
        """The result of one entry of a batch."""
        try:
            if request.params.get("stream"):
                raise invalid("stream: Input should be False")
            self.check(json.dumps(request.params).encode(), request.params)
            answer = self._spoiled_entry(await self._say(request), request)
        except ApiError as error:
            _note(request, error.status)
            return {"type": "errored", "error": error.body()}
        if isinstance(answer, BatchEnd):
            failed = answer.kind == "errored"
            _note(request, answer.status if failed else 0, fault=answer.kind)
            return {"type": answer.kind, **({"error": ApiError(answer.status, answer.message).body()} if failed else {})}
        use = self.cache.measure(request.params)
        self.cache.begin(use)
        whole = message(limited(answer, request.params), request, use, service_tier="batch")
        _note(request, 200, message=whole, cache=use)
        return {"type": "succeeded", "message": whole}

    def check(self, body: bytes, params: Mapping[str, Any]) -> None:
        """Refuse what the service refuses before it begins to answer.

        Raises:
            ApiError: 400 or 404, as the service would.
        """
        check_message(body, params)
        check_rules(
            params,
            models=self.models,
            context_window=self.context_window,
            max_output=self.max_output,
            prompt_tokens=input_tokens(params),
        )

    def error_headers(self, error: ApiError) -> dict[str, str]:
        return self._limit_headers() | ({} if error.retry_after is None else {"retry-after": f"{error.retry_after:g}"})

    async def _answer(self, request: Request, body: bytes, request_id: str) -> HttpReply:
        self.check(body, request.params)
        fault = self.faults.draw(request)
        use = self.cache.measure(request.params)
        if self.rate_limits is not None and (wait := self.rate_limits.admit(use.total - use.read)) is not None:
            raise ApiError(429, retry_after=wait)
        if fault is not None and fault.kind == "error_event" and not request.params.get("stream"):
            fault = replace(fault, kind="529")
        if fault is not None and (fault.kind.isdigit() or fault.kind in BEFORE_THE_MODEL):
            return self._fail(fault, request, request_id)
        answer = await self._say(request)
        if isinstance(answer, BatchEnd):
            raise TypeError(f"the rule answered {answer.kind!r} outside a batch")
        if isinstance(answer, Reply):
            return await self._deliver(answer, fault, request, use, request_id)
        return self._fail(answer, request, request_id)

    async def _say(self, request: Request) -> Answer:
        if request.params["max_tokens"] == 0:  # fills the cache and generates nothing
            return Reply((), "max_tokens")
        answer = await answer_of(self.rule, request)
        if isinstance(answer, Reply):
            check_possible(answer, request)
        return answer

    async def _deliver(self, reply: Reply, fault: Failure | None, request: Request, use: CacheUse, request_id: str) -> HttpReply:
        if fault is not None and fault.kind in SPOILERS:
            spoiled = spoil(fault.kind, reply, request)
            reply, fault = (spoiled, fault) if spoiled is not None else (reply, None)
        whole = message(limited(reply, request.params), request, use)
        await asyncio.sleep(self._delay(request) if reply.delay is None else reply.delay)
        self.cache.begin(use)
        if self.rate_limits is not None:
            self.rate_limits.spend_output(whole["usage"]["output_tokens"])
        kind = fault.kind if fault is not None and fault.kind in (*TRANSPORT, *SPOILERS) else None
        if kind is not None:
            self.faults_served[kind] += 1
        _note(request, 200, fault=kind, message=whole, cache=use)
        headers = {"request-id": request_id, **self._limit_headers()}
        ending: Ending = "cut" if kind in ("cut_body", "cut_stream") else "whole"
        if request.params.get("stream"):
            headers |= {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
            return HttpReply(200, headers, self._events(whole, kind), pause=self.pause, ending=ending)
        body = json.dumps(whole, ensure_ascii=False).encode()
        if kind == "bad_json":
            body = body[:-9] + b"\x00oops"
        return HttpReply(200, {**headers, "content-type": "application/json"}, body, ending=ending)

    def _events(self, whole: Mapping[str, Any], kind: str | None) -> tuple[bytes, ...]:
        events = tuple(stream_events(whole, self.chunk))
        if kind == "error_event":
            return (*events[: len(events) // 2], error_event("overloaded_error", "Overloaded"))
        if kind == "bad_json":
            return (events[0], b'event: content_block_start\ndata: {"type": "content_block_start", "ind\n\n', *events[2:])
        return events

    def failed(self, failure: Failure, request_id: str) -> HttpReply:
        """An answer that is no message.

        Raises:
            ValueError: this kind of failure spoils a reply, or is unknown.
        """
        headers = {"request-id": request_id}
        if failure.kind.isdigit():
            error = ApiError(int(failure.kind), failure.message, retry_after=failure.retry_after)
            body = json.dumps(error.body(request_id)).encode()
            headers |= {"content-type": "application/json", **self.error_headers(error)}
            reply = HttpReply(error.status, headers, body)
        elif failure.kind in BEFORE_THE_MODEL:
            reply = HttpReply(502, {"content-type": "text/html"}, _HTML, ending=_ENDINGS.get(failure.kind, "whole"))
        else:
            raise ValueError(f"{failure.kind!r} cannot stand in place of a reply: put it into Faults(at={{…}})")
        self.faults_served[failure.kind] += 1
        return reply

    def _fail(self, failure: Failure, request: Request, request_id: str) -> HttpReply:
        reply = self.failed(failure, request_id)
        status = reply.status if reply.ending == "whole" else 0
        _note(request, status, fault=failure.kind, retry_after=failure.retry_after)
        return reply

    def _spoiled_entry(self, answer: Answer, request: Request) -> Reply | BatchEnd:
        """What a fault leaves of a batch entry's answer."""
        fault = self.faults.draw(request)
        if fault is not None and fault.kind in SPOILERS:
            spoiled = spoil(fault.kind, answer, request) if isinstance(answer, Reply) else None
            answer, fault = (spoiled, fault) if spoiled is not None else (answer, None)
        elif fault is not None:
            answer = BatchEnd("expired") if fault.kind == "expired" else BatchEnd("errored", _status_of(fault))
        if fault is not None:
            self.faults_served[fault.kind] += 1
        return BatchEnd("errored", _status_of(answer), answer.message) if isinstance(answer, Failure) else answer

    def _delay(self, request: Request) -> float:
        if callable(self.latency):
            return self.latency(request)
        return self.random.uniform(*self.latency) if isinstance(self.latency, tuple) else self.latency

    def _limit_headers(self) -> dict[str, str]:
        return self.rate_limits.headers() if self.rate_limits is not None else {}


def _note(request: Request, status: int, **more: Any) -> None:
    request.answered = Answered(time.monotonic(), status, **more)


def _status_of(failure: Failure) -> int:
    return int(failure.kind) if failure.kind.isdigit() else 500
