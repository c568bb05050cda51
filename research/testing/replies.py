"""What the double can say: builders for replies. `a + b` says both, and stops as `b` does.

text("Hello") · thinking("…") + structured({"year": 1977})
tool_calls(call("search", query="Voyager"), call("read", url="…"))
web_search("Voyager 1", page) + cited("Launched in 1977.", page, "launched on 5 September 1977")
cut("half a sent") · refusal() · paused(web_search(…)) · overflowed("…") · fail("429", retry_after=2)
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

StopReason = Literal[
    "end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal", "model_context_window_exceeded"
]
RefusalCategory = Literal["cyber", "bio", "frontier_llm", "reasoning_extraction", "general_harms"]


@dataclass(frozen=True, slots=True)
class Reply:
    """A message to come: content blocks in their wire form but for ids, which the server gives."""

    blocks: tuple[Mapping[str, Any], ...]
    stop_reason: StopReason = "end_turn"
    refused: Mapping[str, Any] | None = None
    """`stop_details` of a refusal."""
    stopped_at: str | None = None
    """The stop sequence that ended it."""
    delay: float | None = None
    """Seconds before the first byte, instead of the server's latency."""
    output_tokens: int | None = None
    """Instead of the estimate."""
    unchecked: bool = False
    """Send it even if the service could not: a tool that was not offered, an answer that breaks the format."""

    def __add__(self, other: Reply) -> Reply:
        return replace(
            other,
            blocks=self.blocks + other.blocks,
            delay=self.delay if other.delay is None else other.delay,
            unchecked=self.unchecked or other.unchecked,
        )

    def after(self, seconds: float) -> Reply:
        """The same, `seconds` later."""
        return replace(self, delay=seconds)

    def using(self, output_tokens: int) -> Reply:
        """The same, counted as so many output tokens."""
        return replace(self, output_tokens=output_tokens)

    def anyway(self) -> Reply:
        """The same, sent even if the service could not say it."""
        return replace(self, unchecked=True)


@dataclass(frozen=True, slots=True)
class Failure:
    """An answer that is no message. `kind` is a fault's name (see `research.testing.faults`) or a status: `"403"`."""

    kind: str
    retry_after: float | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class BatchEnd:
    """How an entry of a batch ends that does not succeed."""

    kind: Literal["errored", "expired", "canceled"]
    status: int = 500
    message: str | None = None


Answer = Reply | Failure | BatchEnd


@dataclass(frozen=True, slots=True)
class WebPage:
    """A page as the service's own web search and fetch know it."""

    url: str
    title: str = ""
    text: str = ""
    page_age: str | None = None


def text(words: str) -> Reply:
    """Plain text, and the end of the turn."""
    return Reply(({"type": "text", "text": words},))


def thinking(words: str) -> Reply:
    """A thinking block. Alone it is not an answer: add one."""
    return Reply(({"type": "thinking", "thinking": words},))


def structured(value: Any) -> Reply:
    """A JSON value as the answer's text, as `output_config.format` brings it."""
    return text(json.dumps(value, ensure_ascii=False))


def call(name: str, arguments: Mapping[str, Any] | str | None = None, /, **fields: Any) -> Mapping[str, Any]:
    """A tool call. `arguments` of type str are sent as they are: that is how malformed input arrives."""
    tool_input = arguments if isinstance(arguments, str) else {**(arguments or {}), **fields}
    return {"type": "tool_use", "name": name, "input": tool_input}


def tool_calls(*calls: Mapping[str, Any]) -> Reply:
    """One or several tool calls in one turn."""
    if not calls:
        raise ValueError("tool_calls() needs at least one call(...)")
    return Reply(calls, "tool_use")


def refusal(words: str = "", *, category: RefusalCategory | None = None, explanation: str | None = None) -> Reply:
    """The model declines: stop reason `refusal`, with what it wrote so far."""
    blocks = text(words).blocks if words else ()
    return Reply(blocks, "refusal", {"type": "refusal", "category": category, "explanation": explanation})


def cut(words: str) -> Reply:
    """Text that ran into `max_tokens`."""
    return replace(text(words), stop_reason="max_tokens")


def overflowed(words: str = "") -> Reply:
    """Text that ran into the end of the context window."""
    return replace(text(words) if words else Reply(()), stop_reason="model_context_window_exceeded")


def paused(reply: Reply) -> Reply:
    """A long turn of server tools that the service interrupts: send it back to go on."""
    return replace(reply, stop_reason="pause_turn")


def web_search(query: str, *pages: WebPage, error: str | None = None) -> Reply:
    """The service searched the web: its call and what it found, or an error code such as `max_uses_exceeded`."""
    found: Any = [
        {"type": "web_search_result", "url": each.url, "title": each.title, "page_age": each.page_age,
         "encrypted_content": _sealed(each)}
        for each in pages
    ]  # fmt: skip
    content = {"type": "web_search_tool_result_error", "error_code": error} if error else found
    return Reply(
        (
            {"type": "server_tool_use", "name": "web_search", "input": {"query": query}},
            {"type": "web_search_tool_result", "content": content},
        )
    )


def web_fetch(page: WebPage, *, error: str | None = None) -> Reply:
    """The service read a page: its call and the page's text, or an error code such as `url_not_accessible`."""
    source = {"type": "text", "media_type": "text/plain", "data": page.text}
    document = {"type": "document", "source": source, "title": page.title}
    whole = {"type": "web_fetch_result", "url": page.url, "content": document, "retrieved_at": "2026-01-01T00:00:00Z"}
    content = {"type": "web_fetch_tool_result_error", "error_code": error} if error else whole
    return Reply(
        (
            {"type": "server_tool_use", "name": "web_fetch", "input": {"url": page.url}},
            {"type": "web_fetch_tool_result", "content": content},
        )
    )


def cited(words: str, page: WebPage, *quotes: str) -> Reply:
    """Text with citations of a page that web search found. The service's quotes have at most 150 characters."""
    citations = [
        {"type": "web_search_result_location", "url": page.url, "title": page.title, "cited_text": quote,
         "encrypted_index": _sealed(page)}
        for quote in quotes
    ]  # fmt: skip
    return Reply(({"type": "text", "text": words, "citations": citations},))


def cited_document(words: str, document: str, *quotes: str, index: int = 0, title: str | None = None) -> Reply:
    """Text with citations of a document by its characters. Each quote must stand in `document`.

    Raises:
        ValueError: a quote does not stand there.
    """
    citations = []
    for quote in quotes:
        start = document.find(quote)
        if start < 0:
            raise ValueError(f"the quote does not stand in the document: {quote!r}")
        citations.append(
            {"type": "char_location", "cited_text": quote, "document_index": index, "document_title": title,
             "start_char_index": start, "end_char_index": start + len(quote)}
        )  # fmt: skip
    return Reply(({"type": "text", "text": words, "citations": citations},))


def fail(kind: str, *, retry_after: float | None = None, message: str | None = None) -> Failure:
    """An error in place of a reply: a status (`"403"`) or a fault (`"reset"`). `retry_after` in seconds."""
    return Failure(kind, retry_after, message)


def errored(status: int = 500, message: str | None = None) -> BatchEnd:
    """An entry of a batch that failed: 400 is the caller's fault, 500 the service's."""
    return BatchEnd("errored", status, message)


def expired() -> BatchEnd:
    """An entry of a batch that was not reached in time."""
    return BatchEnd("expired")


def canceled() -> BatchEnd:
    """An entry of a batch that was canceled before it was reached."""
    return BatchEnd("canceled")


def written_text(blocks: Sequence[Mapping[str, Any]]) -> str:
    """All that the model itself wrote in these blocks: what its output tokens are counted from."""
    return "".join(_written(block) for block in blocks)


def _written(block: Mapping[str, Any]) -> str:
    if block["type"] in ("text", "thinking"):
        return str(block[block["type"]])
    if "input" in block:
        return block["input"] if isinstance(block["input"], str) else json.dumps(block["input"], ensure_ascii=False)
    return ""


def _sealed(page: WebPage) -> str:
    """Stands for what the service encrypts: opaque to the client, sent back as it came."""
    return f"sealed:{page.url}"
