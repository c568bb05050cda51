"""The double of Anthropic's Messages API: an HTTP server on loopback that the real SDK talks to."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from random import Random
from typing import Any

from research.testing.answering import AFTERWARDS, Answering, Latency
from research.testing.api_errors import ApiError, invalid
from research.testing.api_rules import check_rules
from research.testing.batches import Batches, check_entries
from research.testing.catalogue import SDK_MODELS, model_info, page
from research.testing.faults import Faults
from research.testing.loopback import HttpReply, HttpRequest, LoopbackServer
from research.testing.params import check_count
from research.testing.prompt_cache import PromptCache, cache_share
from research.testing.rate_limits import RateLimits
from research.testing.recording import Recording, Request, early_retries
from research.testing.replies import Answer, Failure, Reply
from research.testing.rules import Rule, rule_of
from research.testing.tokens import input_tokens

_LARGEST_BODY = 32 * 1024 * 1024
_LARGEST_BATCH = 256 * 1024 * 1024


class ModelServer(LoopbackServer):
    """Speaks `/v1/messages` (plain and streamed, `count_tokens`, `batches`) and `/v1/models`.

        with ModelServer([text("Hello")]) as server:
            client = anthropic.Anthropic(base_url=server.url, api_key="test")

    `rule`: a function of a request, a script of answers, or one reply for everything.
    `models`: the model ids that exist (default: those that the SDK names); None: every name is one.
    `api_keys`: the keys that are let in; None: any.
    `chunk`: characters per delta of a stream; `pause`: seconds between its events.
    `context_window`, `max_output`: tokens, the same for all models.
    `gate`: may fail any HTTP request, batches included, before (a status, `reset`, `timeout`, `html`) or after it was carried out
    (`cut_body`, `lost`: done, and the answer never arrives).
    `record`: False keeps no requests: for long benchmarks.
    """

    def __init__(
        self,
        rule: Rule | Reply | Iterable[Answer | Rule],
        *,
        faults: Faults | None = None,
        latency: Latency = 0.0,
        pause: float = 0.0,
        chunk: int = 40,
        cache: PromptCache | None = None,
        rate_limits: RateLimits | None = None,
        batches: Batches | None = None,
        models: Collection[str] | None = SDK_MODELS,
        api_keys: Collection[str] | None = None,
        context_window: int = 200_000,
        max_output: int = 64_000,
        seed: int = 0,
        port: int = 0,
        gate: Callable[[HttpRequest], Failure | None] | None = None,
        record: bool = True,
    ) -> None:
        super().__init__(port=port)
        self._answering = Answering(
            rule=rule_of(rule),
            faults=faults or Faults(),
            cache=cache or PromptCache(),
            rate_limits=rate_limits,
            latency=latency,
            pause=pause,
            chunk=chunk,
            models=None if models is None else tuple(models),
            context_window=context_window,
            max_output=max_output,
            random=Random(seed),  # noqa: S311 - latencies, not secrets
        )
        self._batches = batches or Batches()
        self._api_keys = api_keys
        self._recording = Recording(record)
        self._gate = gate
        self._count = 0

    @property
    def requests(self) -> list[Request]:
        """Every request to `/v1/messages` and every entry of a batch, in order of arrival."""
        return self._recording.requests

    @property
    def faults_served(self) -> Counter[str]:
        """How often each kind of fault was served."""
        return self._answering.faults_served

    def early_retries(self) -> list[Request]:
        """Requests that came again sooner than the `retry-after` of their last answer allowed."""
        return early_retries(self.requests)

    def cache_share(self) -> float | None:
        """Input tokens read from the prompt cache, of those that a perfect use of breakpoints would have read."""
        answers = [each.answered for each in self.requests if each.answered is not None]
        return cache_share([answer.cache for answer in answers if answer.cache is not None])

    async def handle(self, request: HttpRequest) -> HttpReply:
        self._count += 1
        request_id = f"req_{self._count:016d}"
        failure = self._gate(request) if self._gate is not None else None
        if failure is not None and failure.kind not in AFTERWARDS:
            return self._answering.failed(failure, request_id)
        try:
            reply = await self._route(request, request_id)
        except ApiError as error:
            return _json(error.body(request_id), request_id, error.status, self._answering.error_headers(error))
        if failure is None:
            return reply
        self.faults_served[failure.kind] += 1
        return replace(reply, ending="cut" if failure.kind == "cut_body" else "reset")

    async def _route(self, http: HttpRequest, request_id: str) -> HttpReply:
        parts = http.path.strip("/").split("/")
        match http.method, parts:
            case "POST", ["v1", "messages"]:
                params = _parsed(http.body)
                request = self._recording.add(http, params if isinstance(params, Mapping) else {})
                self._check_door(http)
                return await self._answering.answer(request, http.body, request_id)
            case "POST", ["v1", "messages", "count_tokens"]:
                self._check_door(http)
                return _json({"input_tokens": self._count_tokens(http)}, request_id)
            case "GET", ["v1", "models", *model]:
                self._check_door(http)
                return _json(self._models("/".join(model), http.query), request_id)
            case method, ["v1", "messages", "batches", *rest]:
                self._check_door(http, _LARGEST_BATCH)
                return await self._batch(method, rest, http, request_id)
        raise ApiError(404, f"Not found: {http.method} {http.path}")

    def _check_door(self, http: HttpRequest, largest: int = _LARGEST_BODY) -> None:
        # SDK 2.12 sends `api_key` as a bearer token, earlier ones as x-api-key: either lets a client in.
        key = http.headers.get("x-api-key") or http.headers.get("authorization", "").removeprefix("Bearer ")
        if not key:
            raise ApiError(401, "x-api-key header is required")
        if self._api_keys is not None and key not in self._api_keys:
            raise ApiError(401)
        if "anthropic-version" not in http.headers:
            raise invalid("anthropic-version: header is required")
        if len(http.body) > largest:
            raise ApiError(413, "Request exceeds the maximum size")

    def _count_tokens(self, http: HttpRequest) -> int:
        check_count(http.body)
        params = _parsed(http.body)
        check_rules(params, models=self._answering.models, context_window=2**62, max_output=2**62, prompt_tokens=0)
        return input_tokens(params)

    def _models(self, model: str, query: Mapping[str, str]) -> dict[str, Any]:
        known = SDK_MODELS if self._answering.models is None else self._answering.models
        window, most = self._answering.context_window, self._answering.max_output
        infos = [model_info(each, max_input_tokens=window, max_tokens=most) for each in known]
        if not model:
            return page(infos, query)
        found = next((each for each in infos if each["id"] == model), None)
        if found is None:
            raise ApiError(404, f"model: {model}")
        return found

    async def _batch(self, method: str, parts: list[str], http: HttpRequest, request_id: str) -> HttpReply:
        match method, parts:
            case "POST", []:
                entries = [
                    self._recording.add_entry(params, json.dumps(params).encode(), http.arrived, name)
                    for name, params in check_entries(_parsed(http.body))
                ]
                return _json(self._batches.create(entries), request_id)
            case "GET", []:
                return _json(self._batches.listed(http.query, self.url), request_id)
            case "GET", [batch_id]:
                return _json(await self._batches.look(batch_id, self._answering.result, self.url), request_id)
            case "DELETE", [batch_id]:
                return _json(self._batches.delete(batch_id), request_id)
            case "POST", [batch_id, "cancel"]:
                return _json(self._batches.cancel(batch_id, self.url), request_id)
            case "GET", [batch_id, "results"]:
                lines = self._batches.results(batch_id)
                return HttpReply(200, {"content-type": "application/x-jsonl", "request-id": request_id}, lines)
        raise ApiError(404, f"Not found: {method} {http.path}")


def _json(value: Mapping[str, Any], request_id: str, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpReply:
    lines = {"content-type": "application/json", "request-id": request_id, **(headers or {})}
    return HttpReply(status, lines, json.dumps(value, ensure_ascii=False).encode())


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError as error:
        raise invalid(f"The request body is not valid JSON: {error}") from None
