"""One conversation with a model: what is sent, and what becomes of every way in which a turn can end.

| stop reason | what happens |
|---|---|
| `end_turn`, `tool_use`, `stop_sequence` | the turn is taken |
| `max_tokens` | asked once more with more room, then InvalidAnswer |
| `refusal` | ModelRefused |
| `pause_turn` | sent back to be continued |
| the context has overflowed | older tool results are shortened, asked once more, then ContextOverflow |

Every call is a step; a conversation that makes no end is stopped by its step cap.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from research.errors import ContextOverflow, InvalidAnswer, ModelRefused
from research.models.claude.cache_warmup import CacheWarmup
from research.models.claude.quoting import shortened
from research.money.budget import Budget
from research.money.processors import ModelSettings
from research.money.usage import Usage
from research.money.usage_ledger import UsageLedger

if TYPE_CHECKING:
    from anthropic.types import Message


WHOLE_RESULTS: Final = 2
"""Messages with tool results that stay whole when the context has overflowed: the newest."""
SHORTENED: Final = 600
"""Characters that stay of an older tool result."""
CONTINUE: Final = "Go on."

_CACHED: Final[Mapping[str, str]] = {"type": "ephemeral"}


class Called(Protocol):
    """One call that was answered."""

    @property
    def message(self) -> Message: ...
    @property
    def usage(self) -> Usage: ...
    @property
    def cost_usd(self) -> float | None: ...


class Calls(Protocol):
    """Makes the calls: retries what is transient, keeps to rate limits, pays from the budget."""

    async def create(self, params: Mapping[str, Any], *, purpose: str, budget: Budget) -> Called: ...


@dataclass(frozen=True)
class ConversationKind:
    """What all conversations of one kind share: the stable part of the prompt, which all but the first read from the cache.

    One object serves all rows of a table: what is made of it is made once.
    """

    purpose: str
    """For people: `investigate`."""
    system: str
    schema: Mapping[str, Any]
    """The JSON Schema of the answer, as the service accepts it."""
    tools: tuple[Mapping[str, Any], ...] = ()
    each_call: Usage = field(default_factory=Usage)
    """What each answered call counts as, beside its tokens."""

    @cached_property
    def prefix(self) -> str:
        """A digest of the part of the prompt that one model can read from its cache."""
        said = json.dumps([self.purpose, self.system, self.schema, self.tools], sort_keys=True)
        return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()

    @cached_property
    def instructions(self) -> str:
        """`system`, as it can be sent."""
        return utf8(self.system)


class Conversation:
    """A conversation that ends in one JSON object.

    Args:
        calls: makes the calls.
        settings: the model and how it is asked.
        kind: the stable part of the prompt.
        max_steps: calls at most.
        warmup: shared by all conversations of the process.
        ledger: pays for the calls, and counts them.
    """

    def __init__(
        self,
        calls: Calls,
        settings: ModelSettings,
        kind: ConversationKind,
        max_steps: int,
        warmup: CacheWarmup,
        ledger: UsageLedger,
    ) -> None:
        self._calls = calls
        self._settings = settings
        self._kind = kind
        self._max_steps = max_steps
        self._warmup = warmup
        self._ledger = ledger
        self._room = settings.max_tokens
        self._shortened = False
        self._prefix = f"{settings.model} {kind.prefix}"
        self.messages: list[dict[str, Any]] = []
        self.steps = 0

    @property
    def model(self) -> str:
        return self._settings.model

    @property
    def steps_left(self) -> int:
        return self._max_steps - self.steps

    def say(self, *blocks: str | Mapping[str, Any]) -> None:
        """Add to what we say next: texts, or blocks in their wire form (tool results come first)."""
        wire = [_sendable({"type": "text", "text": block} if isinstance(block, str) else block) for block in blocks]
        if self.messages and self.messages[-1]["role"] == "user":
            self.messages[-1]["content"].extend(wire)
        else:
            self.messages.append({"role": "user", "content": wire})

    def state(self) -> dict[str, Any]:
        """JSON of where it stands."""
        return {"messages": self.messages, "steps": self.steps, "room": self._room, "shortened": self._shortened}

    def go_on(self, state: Mapping[str, Any]) -> None:
        """Stand where another conversation of this kind stood."""
        self.messages = list(state["messages"])
        self.steps, self._room, self._shortened = int(state["steps"]), int(state["room"]), bool(state["shortened"])

    async def turn(self, *, tools: bool = True) -> Message:
        """The model's next turn, and the last part of it where it was interrupted. It is part of the conversation from now on.

        Args:
            tools: whether it may use tools; they stay in the prompt either way, so that the cache holds.

        Raises:
            InvalidAnswer: it does not fit even with more room, or no step is left.
            ModelRefused: it declines.
            ContextOverflow: the conversation is too long, even shortened.
        """
        while True:
            message = await self._call(tools)
            match message.stop_reason:
                case "max_tokens":
                    self._make_room()
                case "model_context_window_exceeded":
                    self._shorten(None)
                case "refusal":
                    raise ModelRefused(_refusal(message))
                case "pause_turn":
                    self._append(message)
                    if not any(block.type == "server_tool_use" for block in message.content):
                        self.say(CONTINUE)
                case _:
                    self._append(message)
                    if self._kind.tools and any(block.type == "tool_use" for block in message.content):
                        self._ledger.add(Usage(scratchpad_tool_turns=1))
                    return message

    async def _call(self, tools: bool) -> Message:
        if self.steps_left <= 0:
            raise InvalidAnswer(f"the model came to no answer within {self._max_steps} steps")
        self.steps += 1
        try:
            called = await self._warmup.call(self._prefix, partial(self._create, tools))
        except ContextOverflow as error:
            self._shorten(error)
            called = await self._create(tools)
        self._ledger.add(called.usage + self._kind.each_call, called.cost_usd)
        return called.message

    async def _create(self, tools: bool) -> Called:
        return await self._calls.create(self._params(tools), purpose=self._kind.purpose, budget=self._ledger.budget)

    def _params(self, tools: bool) -> dict[str, Any]:
        settings = self._settings
        output: dict[str, Any] = {"format": {"type": "json_schema", "schema": self._kind.schema}}
        if settings.effort is not None:
            output["effort"] = settings.effort
        params: dict[str, Any] = {
            "model": settings.model,
            "max_tokens": self._room,
            "system": [{"type": "text", "text": self._kind.instructions, "cache_control": _CACHED}],
            "messages": self._marked() if self._kind.tools and tools else self.messages,
            "output_config": output,
        }
        if settings.thinking is not None:
            params["thinking"] = {"type": settings.thinking}
        if self._kind.tools:
            params["tools"] = list(self._kind.tools)
            if not tools:
                params["tool_choice"] = {"type": "none"}
        return params

    def _marked(self) -> list[dict[str, Any]]:
        """The messages with a cache breakpoint at their end: the next turn reads all of this one."""
        *before, last = self.messages
        *blocks, end = last["content"]
        return [*before, {**last, "content": [*blocks, {**end, "cache_control": _CACHED}]}]

    def _append(self, message: Message) -> None:
        content = [block.model_dump(mode="json", exclude_unset=True) for block in message.content]
        content = [block for block in content if block["type"] != "text" or block["text"]]
        if content:
            self.messages.append({"role": "assistant", "content": content})

    def _make_room(self) -> None:
        most = self._settings.most_tokens
        if self._room >= most:
            raise InvalidAnswer(f"the model's answer does not fit into {most:,} tokens")
        self._room = most

    def _shorten(self, reason: ContextOverflow | None) -> None:
        """Cut older tool results short. What they showed can still be cited by its id.

        Raises:
            ContextOverflow: that was done already, or there is nothing to shorten.
        """
        places = [place for place, message in enumerate(self.messages) if _has_results(message)][:-WHOLE_RESULTS]
        if self._shortened or not places:
            why = "even with its older tool results shortened" if self._shortened else "and has no older tool results to shorten"
            raise ContextOverflow(f"the conversation is longer than {self._settings.model} can take, {why}") from reason
        self._shortened = True
        for place in places:
            message = self.messages[place]
            self.messages[place] = {**message, "content": [_short(block) for block in message["content"]]}


def _sendable(block: Mapping[str, Any]) -> dict[str, Any]:
    """The block without halves of characters, which some pages hold and no UTF-8 can."""
    return {key: utf8(value) if isinstance(value, str) else value for key, value in block.items()}


def utf8(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def _has_results(message: Mapping[str, Any]) -> bool:
    return any(block["type"] == "tool_result" for block in message["content"])


def _short(block: Mapping[str, Any]) -> Mapping[str, Any]:
    if block["type"] != "tool_result" or len(str(block.get("content", ""))) <= SHORTENED:
        return block
    return {**block, "content": shortened(str(block["content"]), SHORTENED)}


def _refusal(message: Message) -> str:
    details = message.stop_details
    said = " ".join(part for part in (details.category, details.explanation) if part) if details is not None else ""
    return f"{message.model} declined to answer{f': {said}' if said else ''}; ask in other words, or with another model"
