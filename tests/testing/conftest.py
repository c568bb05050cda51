"""Clients of the real SDK, aimed at the double."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from research.testing import ModelServer

if TYPE_CHECKING:
    import anthropic  # 2,900 modules; pytest imports this file before any process of tests is started

HELLO = {"model": "claude-haiku-4-5", "max_tokens": 1000, "messages": [{"role": "user", "content": "Hello"}]}

PATIENCE = {"max_retries": 0, "timeout": 10}


@pytest.fixture
def hello() -> dict[str, Any]:
    """The parameters of the smallest request."""
    return {**HELLO}


@pytest.fixture
def sync_client() -> Callable[..., anthropic.Anthropic]:
    import anthropic

    def make(server: ModelServer, **options: Any) -> anthropic.Anthropic:
        http = anthropic.DefaultHttpxClient(verify=False)  # there is no TLS on loopback: loading certificates would take 40 ms
        return anthropic.Anthropic(base_url=server.url, api_key="test", http_client=http, **(PATIENCE | options))

    return make


@pytest.fixture
def async_client() -> Callable[..., anthropic.AsyncAnthropic]:
    import anthropic

    def make(server: ModelServer, **options: Any) -> anthropic.AsyncAnthropic:
        http = anthropic.DefaultAsyncHttpxClient(verify=False)
        return anthropic.AsyncAnthropic(base_url=server.url, api_key="test", http_client=http, **(PATIENCE | options))

    return make
