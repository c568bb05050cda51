"""The Messages API's rules that types do not state: what follows what, what excludes what, worded as the service words them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from research.testing.api_errors import ApiError, invalid
from research.testing.catalogue import takes_effort, takes_prefill, thinking_types
from research.testing.messages import signature
from research.testing.output_schemas import check_output_schema

Params = Mapping[str, Any]
Block = Mapping[str, Any]

MAX_BREAKPOINTS = 4
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")


def check_rules(
    params: Params, *, models: Sequence[str] | None, context_window: int, max_output: int, prompt_tokens: int
) -> None:
    """`params` have passed their types already. `models` None: every name is a model.

    Raises:
        ApiError: 404 for an unknown model, 400 for the first rule that is broken.
    """
    model = str(params["model"])
    if models is not None and model not in models:
        raise ApiError(404, f"model: {model}")
    _check_limits(params, max_output)
    _check_messages(params)
    _check_tools(params)
    _check_tool_results(params["messages"])
    _check_thinking(params, model)
    _check_breakpoints(params)
    _check_output(params, model)
    if prompt_tokens > context_window:
        raise invalid(f"prompt is too long: {prompt_tokens} tokens > {context_window} maximum")


def _check_limits(params: Params, max_output: int) -> None:
    if "max_tokens" in params and params["max_tokens"] < 0:
        raise invalid("max_tokens: Input should be greater than or equal to 0")
    if params.get("max_tokens", 0) > max_output:
        raise invalid(
            f"max_tokens: {params['max_tokens']} > {max_output}, which is the maximum allowed number of output tokens "
            f"for {params['model']}"
        )
    if any(not each.strip() for each in params.get("stop_sequences") or ()):
        raise invalid("stop_sequences: each stop sequence must contain non-whitespace")
    if len((params.get("metadata") or {}).get("user_id") or "") > 256:
        raise invalid("metadata.user_id: String should have at most 256 characters")


def _check_messages(params: Params) -> None:
    messages = params["messages"]
    if not messages:
        raise invalid("messages: at least one message is required")
    if len(messages) > 100_000:
        raise invalid("messages: at most 100000 messages are allowed")
    if messages[0]["role"] == "assistant":
        raise invalid('messages: first message must use the "user" role')
    last = len(messages) - 1
    for index, message in enumerate(messages):
        content = message["content"]
        if not content and not (index == last and message["role"] == "assistant"):
            raise invalid(
                f"messages.{index}: all messages must have non-empty content except for the optional final assistant message"
            )
        for block in _blocks(message):
            if block["type"] == "text" and not block["text"]:
                raise invalid("messages: text content blocks must be non-empty")
            if block["type"] == "text" and block.get("cache_control") and not block["text"].strip():
                raise invalid(f"messages.{index}: cache_control cannot be set for empty text blocks")
    if messages[-1]["role"] == "assistant":
        _check_prefill(params, messages[-1])


def _check_prefill(params: Params, message: Params) -> None:
    blocks = list(_blocks(message))
    if any(block["type"] in ("server_tool_use", "web_search_tool_result", "web_fetch_tool_result") for block in blocks):
        return  # a paused turn that goes on
    if not takes_prefill(str(params["model"])):
        raise invalid("This model does not support assistant message prefill. The conversation must end with a user message.")
    if blocks and blocks[-1]["type"] == "text" and blocks[-1]["text"] != blocks[-1]["text"].rstrip():
        raise invalid("messages: final assistant content cannot end with trailing whitespace")


def _check_tools(params: Params) -> None:
    tools = params.get("tools") or []
    names = [str(tool["name"]) for tool in tools if "name" in tool]
    if len(set(names)) < len(names):
        raise invalid("tools: Tool names must be unique.")
    for index, tool in enumerate(tools):
        if "input_schema" in tool:
            if not _TOOL_NAME.fullmatch(tool["name"]):
                raise invalid(f"tools.{index}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'")
            if tool["input_schema"].get("type") != "object":
                raise invalid(f"tools.{index}.custom.input_schema.type: Field required")
            if tool.get("strict"):
                check_output_schema(tool["input_schema"], f"tools.{index}.custom")
        if tool.get("allowed_domains") and tool.get("blocked_domains"):
            raise invalid(f"tools.{index}: allowed_domains and blocked_domains cannot be used together")
    choice = params.get("tool_choice")
    if choice and not tools:
        raise invalid("tool_choice may only be specified while providing tools.")
    if choice and choice["type"] == "tool" and choice["name"] not in names:
        raise invalid(f"Tool '{choice['name']}' not found in provided tools")


def _check_tool_results(messages: Sequence[Params]) -> None:
    """Every call is answered in the next message, first thing, once; nothing else is answered."""
    seen: set[str] = set()
    open_ids: list[str] = []
    for index, message in enumerate(messages):
        blocks = list(_blocks(message))
        results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        leading = 0
        while leading < len(blocks) and blocks[leading]["type"] == "tool_result":
            leading += 1
        for place, block in enumerate(blocks):
            if block["type"] == "tool_result" and block["tool_use_id"] not in open_ids:
                raise invalid(
                    f"messages.{index}.content.{place}: unexpected `tool_use_id` found in `tool_result` blocks: "
                    f"{block['tool_use_id']}. Each `tool_result` block must have a corresponding `tool_use` block in the "
                    "previous message."
                )
        missing = [each for each in open_ids if each not in results[:leading]]
        if missing:
            raise invalid(_unanswered(index - 1, missing))
        if len(set(results)) < len(results):
            raise invalid(f"messages.{index}.content: each tool_use must have a single result. Found multiple `tool_result`s.")
        open_ids = [block["id"] for block in blocks if block["type"] == "tool_use"]
        if len(set(open_ids)) < len(open_ids) or seen & set(open_ids):
            raise invalid("messages: `tool_use` ids must be unique")
        seen.update(open_ids)
    if open_ids:
        raise invalid(_unanswered(len(messages) - 1, open_ids))


def _unanswered(index: int, ids: Sequence[str]) -> str:
    return (
        f"messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately after: {', '.join(ids)}. "
        "Each `tool_use` block must have a corresponding `tool_result` block in the next message."
    )


def _check_thinking(params: Params, model: str) -> None:
    thinking = params.get("thinking") or {}
    kind = thinking.get("type")
    if kind and kind not in thinking_types(model):
        if kind == "adaptive":
            raise invalid("adaptive thinking is not supported on this model")
        if kind == "enabled":
            raise invalid(
                '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and '
                '"output_config.effort" to control thinking behavior.'
            )
        raise invalid(f'"thinking.type.{kind}" is not supported for this model.')
    if kind == "enabled":
        if thinking["budget_tokens"] < 1024:
            raise invalid("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
        if "max_tokens" in params and params["max_tokens"] <= thinking["budget_tokens"]:
            raise invalid("`max_tokens` must be greater than `thinking.budget_tokens`.")
    if kind in ("enabled", "adaptive") and (params.get("tool_choice") or {}).get("type") in ("any", "tool"):
        raise invalid("Thinking may not be enabled when tool_choice forces tool use.")
    if (params.get("output_config") or {}).get("effort") and not takes_effort(model):
        raise invalid("This model does not support the effort parameter.")
    for index, message in enumerate(params["messages"]):
        for place, block in enumerate(_blocks(message)):
            if block["type"] == "thinking" and block["thinking"] and block["signature"] != signature(block["thinking"]):
                raise invalid(f"messages.{index}.content.{place}: Invalid `signature` in `thinking` block")
    if kind == "enabled":
        _check_thinking_kept(params["messages"])


def _check_thinking_kept(messages: Sequence[Params]) -> None:
    """With a thinking budget, the turn whose calls are being answered must come back with its thinking."""
    index = next((at for at in range(len(messages) - 1, -1, -1) if messages[at]["role"] == "assistant"), None)
    if index is None:
        return
    blocks = list(_blocks(messages[index]))
    if any(b["type"] == "tool_use" for b in blocks) and blocks[0]["type"] not in ("thinking", "redacted_thinking"):
        raise invalid(
            f"messages.{index}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `{blocks[0]['type']}`. "
            "When `thinking` is enabled, a final `assistant` message must start with a thinking block."
        )


def _check_breakpoints(params: Params) -> None:
    marked = [each["cache_control"] for each in _cacheable(params) if each.get("cache_control")]
    count = len(marked) + bool(params.get("cache_control"))
    if count > MAX_BREAKPOINTS:
        raise invalid(f"A maximum of {MAX_BREAKPOINTS} blocks with cache_control may be provided. Found {count}.")
    short = False
    for control in marked:
        if (control.get("ttl") or "5m") == "5m":
            short = True
        elif short:
            raise invalid(
                "cache_control: a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block. "
                "Note that blocks are processed in the following order: `tools`, `system`, `messages`."
            )


def _check_output(params: Params, model: str) -> None:
    form = (params.get("output_config") or {}).get("format")
    if not form:
        return
    check_output_schema(form["schema"], "output_config.format.schema")
    if params["messages"][-1]["role"] == "assistant" and takes_prefill(model):
        raise invalid("output_config.format: prefill is not compatible with structured outputs")
    settings = [each.get("citations") for each in _cacheable(params)]
    if any(each.get("enabled") for each in settings if isinstance(each, Mapping)):
        raise invalid("output_config.format: citations are not compatible with structured outputs")


def _cacheable(params: Params) -> Iterator[Block]:
    yield from params.get("tools") or ()
    yield from _blocks({"content": params.get("system") or ()})
    for message in params["messages"]:
        for block in _blocks(message):
            yield block
            if block["type"] == "tool_result":
                yield from _blocks(block)


def _blocks(holder: Params) -> Iterator[Block]:
    content = holder.get("content") or ()
    if not isinstance(content, str):
        yield from content
