"""Doubles for testing flows, without a key and without cost: on loopback, Anthropic's Messages API for the real SDK, search
providers, a small web, MCP servers, and a receiver of webhooks; in memory, a few pages.

    with ModelServer([text("Hello")]) as server:
        client = anthropic.Anthropic(base_url=server.url, api_key="test")

See docs/testing.md.
"""

from research.testing.batches import Batches
from research.testing.dns import ScriptedResolver
from research.testing.faults import Faults
from research.testing.mcp_server import McpDouble, McpTool, WireAnswer, WireRequest
from research.testing.model_server import ModelServer
from research.testing.pages import Pages, make_page
from research.testing.plausible import ImpossibleReply
from research.testing.prompt_cache import PromptCache
from research.testing.rate_limits import RateLimits
from research.testing.recording import Answered, Request, ToolResult
from research.testing.replies import (
    Answer,
    BatchEnd,
    Failure,
    Reply,
    WebPage,
    call,
    canceled,
    cited,
    cited_document,
    cut,
    errored,
    expired,
    fail,
    overflowed,
    paused,
    refusal,
    structured,
    text,
    thinking,
    tool_calls,
    web_fetch,
    web_search,
)
from research.testing.researcher import asking, researcher
from research.testing.rules import Rule, Script, ScriptIsOver, echo, smallest
from research.testing.search_server import SearchServer
from research.testing.web_server import Served, WebServer, redirect
from research.testing.webhook_receiver import ReceivedWebhook, WebhookReceiver

__all__ = [
    "Answer",
    "Answered",
    "BatchEnd",
    "Batches",
    "Failure",
    "Faults",
    "ImpossibleReply",
    "McpDouble",
    "McpTool",
    "ModelServer",
    "Pages",
    "PromptCache",
    "RateLimits",
    "ReceivedWebhook",
    "Reply",
    "Request",
    "Rule",
    "Script",
    "ScriptIsOver",
    "ScriptedResolver",
    "SearchServer",
    "Served",
    "ToolResult",
    "WebPage",
    "WebServer",
    "WebhookReceiver",
    "WireAnswer",
    "WireRequest",
    "asking",
    "call",
    "canceled",
    "cited",
    "cited_document",
    "cut",
    "echo",
    "errored",
    "expired",
    "fail",
    "make_page",
    "overflowed",
    "paused",
    "redirect",
    "refusal",
    "researcher",
    "smallest",
    "structured",
    "text",
    "thinking",
    "tool_calls",
    "web_fetch",
    "web_search",
]
