"""Keeps what the server was asked, and how it answered, for tests to look at."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from research.testing.loopback import HttpRequest
from research.testing.prompt_cache import CacheUse

_SECRETS = ("x-api-key", "authorization", "proxy-authorization", "cookie")


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What the client says a tool returned. `name` and `input` are those of the call it answers."""

    id: str
    name: str
    input: Any
    text: str
    is_error: bool


@dataclass(frozen=True, slots=True)
class Answered:
    """How a request was answered. `at` is `time.monotonic()` seconds, when the answer went out (its delay included)."""

    at: float
    status: int
    fault: str | None = None
    retry_after: float | None = None
    message: Mapping[str, Any] | None = None
    """The message in its wire form, where there was one. A fault may have kept it from arriving whole."""
    cache: CacheUse | None = None
    """How the prompt's tokens divided, where there was a message."""


@dataclass(slots=True)
class Request:
    """One request to `/v1/messages`, or one entry of a batch, as received. `arrived` is `time.monotonic()` seconds."""

    number: int
    """From 1, in order of arrival."""
    params: Mapping[str, Any]
    arrived: float
    headers: Mapping[str, str] = field(default_factory=dict)
    """Lower-case names. Keys are masked."""
    key: str = ""
    """Equal requests have equal keys: a retry has its first try's."""
    attempt: int = 1
    """How often these very params were asked, this time included."""
    custom_id: str | None = None
    """Its name in the batch; None outside batches."""
    answered: Answered | None = None

    @property
    def model(self) -> str:
        return str(self.params["model"])

    @property
    def messages(self) -> list[Mapping[str, Any]]:
        return list(self.params["messages"])

    @property
    def system(self) -> str:
        return _text(self.params.get("system") or "")

    @property
    def text(self) -> str:
        """The text of the last user message."""
        return next((_text(each["content"]) for each in reversed(self.messages) if each["role"] == "user"), "")

    @property
    def tools(self) -> list[str]:
        """Names of the tools that are offered and may be used: none under `tool_choice: none`."""
        if (self.params.get("tool_choice") or {}).get("type") == "none":
            return []
        return [str(tool["name"]) for tool in self.params.get("tools") or () if "name" in tool]

    @property
    def schema(self) -> Mapping[str, Any] | None:
        """The JSON Schema that the answer must follow (`output_config.format`)."""
        form = (self.params.get("output_config") or {}).get("format")
        return form["schema"] if form else None

    @property
    def turn(self) -> int:
        """How many turns the model has had already: 0 on the first call of a conversation."""
        return sum(each["role"] == "assistant" for each in self.messages)

    @property
    def tool_results(self) -> list[ToolResult]:
        """Every tool result of the conversation, oldest first."""
        calls = {block["id"]: block for block in _blocks(self.messages, "tool_use")}
        return [
            ToolResult(
                id=block["tool_use_id"],
                name=str(calls.get(block["tool_use_id"], {}).get("name", "")),
                input=calls.get(block["tool_use_id"], {}).get("input"),
                text=_text(block.get("content") or ""),
                is_error=bool(block.get("is_error")),
            )
            for block in _blocks(self.messages, "tool_result")
        ]


class Recording:
    """Every request, in order of arrival; or none of them, only how often each was asked, if they are not to be kept."""

    def __init__(self, keep: bool = True) -> None:
        self._keep_them = keep
        self._count = 0
        self.requests: list[Request] = []
        self._seen: dict[str, int] = {}

    def add(self, http: HttpRequest, params: Mapping[str, Any]) -> Request:
        key = hashlib.sha256(http.body).hexdigest()
        return self._keep(params, http.arrived, key, masked(http.headers), None)

    def add_entry(self, params: Mapping[str, Any], body: bytes, arrived: float, custom_id: str) -> Request:
        return self._keep(params, arrived, hashlib.sha256(body).hexdigest(), {}, custom_id)

    def _keep(self, params: Mapping[str, Any], arrived: float, key: str, headers: Mapping[str, str], name: str | None) -> Request:
        self._seen[key] = attempt = self._seen.get(key, 0) + 1
        self._count += 1
        request = Request(self._count, params, arrived, headers, key, attempt, name)
        if self._keep_them:
            self.requests.append(request)
        return request


def early_retries(requests: Iterable[Request]) -> list[Request]:
    """Requests that were asked again sooner than the `retry-after` of their last answer allowed."""
    allowed: dict[str, float] = {}
    early: list[Request] = []
    for request in requests:
        if request.arrived < allowed.get(request.key, 0.0):
            early.append(request)
        answer = request.answered
        if answer is not None and answer.retry_after is not None:
            allowed[request.key] = answer.at + answer.retry_after
    return early


def masked(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: "(masked)" if name in _SECRETS else value for name, value in headers.items()}


def _blocks(messages: Iterable[Mapping[str, Any]], kind: str) -> Iterator[Mapping[str, Any]]:
    for message in messages:
        if not isinstance(message["content"], str):
            yield from (block for block in message["content"] if block.get("type") == kind)


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(str(block["text"]) for block in content if block.get("type") == "text")
