"""Turns a reply into the message that goes out: ids, limits, usage; whole as JSON, or as the events of a stream."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from research.testing.prompt_cache import CacheUse
from research.testing.recording import Request
from research.testing.replies import Reply, written_text
from research.testing.tokens import CHARACTERS_PER_TOKEN, estimate

_SERVER_TOOLS = ("web_search", "web_fetch")


def signature(words: str) -> str:
    """Signs a thinking block, so that one that was changed, or made up, is refused when it comes back (one whose text was
    omitted cannot be told from another).
    """
    return base64.b64encode(hashlib.sha256(f"thinking\x00{words}".encode()).digest()).decode("ascii")


def limited(reply: Reply, params: Mapping[str, Any]) -> Reply:
    """The reply as far as `max_tokens` and `stop_sequences` let it go."""
    reply = _up_to_stop_sequence(reply, params.get("stop_sequences") or ())
    room = int(params["max_tokens"]) * CHARACTERS_PER_TOKEN
    if reply.output_tokens is not None or len(written_text(reply.blocks)) <= room:
        return reply
    kept: list[Mapping[str, Any]] = []
    for block in reply.blocks:
        size = len(written_text([block]))
        if size <= room:
            kept.append(block)
            room -= size
            continue
        if block["type"] in ("text", "thinking") and room > 0:
            kept.append({**block, block["type"]: block[block["type"]][:room]})
        break  # a tool call that does not fit is not made
    return replace(reply, blocks=tuple(kept), stop_reason="max_tokens", refused=None)


def message(reply: Reply, request: Request, cache: CacheUse, *, service_tier: str = "standard") -> dict[str, Any]:
    """The message in its wire form. The same request gets the same ids: they are made from its content."""
    seed = f"{request.key}:{request.attempt}"
    blocks = _with_ids(reply.blocks, seed)
    usage = _usage(reply, blocks, cache)
    if (request.params.get("thinking") or {}).get("display") == "omitted":
        blocks = [{**block, "thinking": ""} if block["type"] == "thinking" else block for block in blocks]
    return {
        "id": f"msg_{_id(seed)}",
        "type": "message",
        "role": "assistant",
        "model": request.model,
        "content": blocks,
        "stop_reason": reply.stop_reason,
        "stop_sequence": reply.stopped_at,
        "stop_details": dict(reply.refused) if reply.refused else None,
        "usage": {**usage, "service_tier": service_tier},
    }


def stream_events(whole: Mapping[str, Any], chunk: int) -> Iterator[bytes]:
    """The message as server-sent events, each one piece. Texts go in deltas of at most `chunk` characters."""
    usage = whole["usage"]
    started = {**whole, "content": [], "stop_reason": None, "stop_sequence": None, "stop_details": None,
               "usage": {**usage, "output_tokens": 1}}  # fmt: skip
    yield _event({"type": "message_start", "message": started})
    for index, block in enumerate(whole["content"]):
        start, deltas = _opened(block, chunk)
        yield _event({"type": "content_block_start", "index": index, "content_block": start})
        if index == 0:
            yield _event({"type": "ping"})
        for delta in deltas:
            yield _event({"type": "content_block_delta", "index": index, "delta": delta})
        yield _event({"type": "content_block_stop", "index": index})
    ended = {key: whole[key] for key in ("stop_reason", "stop_sequence", "stop_details")}
    final = {key: value for key, value in usage.items() if key not in ("cache_creation", "service_tier")}
    yield _event({"type": "message_delta", "delta": ended, "usage": final})
    yield _event({"type": "message_stop"})


def error_event(kind: str, words: str) -> bytes:
    """An error in the middle of a stream, after a 200."""
    return _event({"type": "error", "error": {"type": kind, "message": words}})


def _event(data: Mapping[str, Any]) -> bytes:
    return f"event: {data['type']}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


def _opened(block: Mapping[str, Any], chunk: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A block as it starts, and the deltas that complete it."""
    kind = block["type"]
    if kind == "text":
        citations = [{"type": "citations_delta", "citation": each} for each in block.get("citations") or ()]
        start = {**block, "text": "", **({"citations": []} if citations else {})}
        return start, citations + [{"type": "text_delta", "text": part} for part in _chunks(block["text"], chunk)]
    if kind == "thinking":
        words = [{"type": "thinking_delta", "thinking": part} for part in _chunks(block["thinking"], chunk)]
        return {**block, "thinking": "", "signature": ""}, [*words, {"type": "signature_delta", "signature": block["signature"]}]
    if "input" in block:
        raw = block["input"] if isinstance(block["input"], str) else json.dumps(block["input"], ensure_ascii=False)
        return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": part} for part in ("", *_chunks(raw, chunk))]
    return dict(block), []


def _chunks(words: str, size: int) -> Iterator[str]:
    return (words[start : start + size] for start in range(0, len(words), size))


def _with_ids(blocks: tuple[Mapping[str, Any], ...], seed: str) -> list[dict[str, Any]]:
    """Calls get ids, a server tool's result the id of the call before it, thinking its signature."""
    wired: list[dict[str, Any]] = []
    last_call = ""
    for index, block in enumerate(blocks):
        kind = block["type"]
        if kind == "tool_use":
            wired.append({"type": kind, "id": block.get("id") or f"toolu_{_id(f'{seed}:{index}')}", **_but(block, "type", "id")})
        elif kind == "server_tool_use":
            last_call = block.get("id") or f"srvtoolu_{_id(f'{seed}:{index}')}"
            wired.append({"type": kind, "id": last_call, **_but(block, "type", "id")})
        elif kind.endswith("_tool_result"):
            wired.append({"type": kind, "tool_use_id": last_call, **_but(block, "type", "tool_use_id")})
        elif kind == "thinking":
            wired.append({**block, "signature": block.get("signature") or signature(block["thinking"])})
        else:
            wired.append(dict(block))
    return wired


def _usage(reply: Reply, blocks: list[dict[str, Any]], cache: CacheUse) -> dict[str, Any]:
    """What server tools brought in counts as fresh input: the model has read it."""
    usage = cache.usage()
    results = [block["content"] for block in blocks if block["type"].endswith("_tool_result")]
    usage["input_tokens"] += sum(estimate(json.dumps(each, ensure_ascii=False)) for each in results)
    written = reply.output_tokens if reply.output_tokens is not None else estimate(written_text(blocks))
    usage["output_tokens"] = written
    thought = [block for block in blocks if block["type"] == "thinking"]
    if thought:
        usage["output_tokens_details"] = {"thinking_tokens": min(written, estimate(written_text(thought)))}
    used = {name: sum(b["type"] == "server_tool_use" and b["name"] == name for b in blocks) for name in _SERVER_TOOLS}
    if any(used.values()):
        usage["server_tool_use"] = {f"{name}_requests": count for name, count in used.items()}
    return usage


def _up_to_stop_sequence(reply: Reply, sequences: Any) -> Reply:
    for index, block in enumerate(reply.blocks):
        if block["type"] != "text":
            continue
        found = [(at, each) for each in sequences if (at := block["text"].find(each)) >= 0]
        if found:
            at, each = min(found)
            blocks = (*reply.blocks[:index], {**block, "text": block["text"][:at]})
            return replace(reply, blocks=blocks, stop_reason="stop_sequence", stopped_at=each, refused=None)
    return reply


def _but(block: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in block.items() if key not in names}


def _id(seed: str) -> str:
    return hashlib.sha256(seed.encode()).hexdigest()[:24]
