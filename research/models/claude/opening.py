"""Opens Claude: the SDK's client, the caller around it, the model on top."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from research.concurrency.outages import Outages
from research.concurrency.shares import Share
from research.errors import InvalidInput
from research.models.claude.conversation import Calls
from research.models.claude.model import ClaudeModel
from research.money.processors import Processors

if TYPE_CHECKING:
    from anthropic import DefaultAsyncHttpxClient

    from research.models.anthropic.caller import Caller

SERVICE: Final = "https://api.anthropic.com"
NO_KEY: Final = "none"
"""Sent where a server of one's own asks for no key."""


@asynccontextmanager
async def open_caller(
    api_key: SecretStr | None,
    base_url: str | None,
    processors: Processors,
    outages: Outages | None = None,
    share: Share | None = None,
) -> AsyncIterator[Caller]:
    """What calls the Messages API, for one event loop. Nothing is asked yet.

    Args:
        api_key: of the service, or of whatever else answers at `base_url`.
        base_url: another server that speaks the Messages API: the part before `/v1/messages`.
        processors: the tiers and their prices.
        outages: of the world, so that all who call a service wait together while it answers nobody.
        share: of the account, which others may use as well.

    Raises:
        InvalidInput: the address holds a password, or is none.
    """
    import anthropic  # takes more than a second, so a world is opened without it

    from research.models.anthropic.caller import LOCAL, Caller
    from research.models.anthropic.limiter import Limiter

    server = checked(base_url)
    async with anthropic.AsyncAnthropic(
        api_key=api_key.get_secret_value() if api_key is not None else NO_KEY,
        base_url=server or SERVICE,  # said in any case, so that the SDK does not look into the environment
        max_retries=0,
        http_client=_without_proxies() if _is_here(server) else None,
    ) as client:
        yield Caller(
            client,
            processors.prices,
            limiter=Limiter(share),
            outages=outages,
            times=LOCAL if server is not None else None,
        )


def _without_proxies() -> DefaultAsyncHttpxClient:
    """The SDK's client for a server on this machine. With a transport of its own it looks for no proxy in the environment."""
    import anthropic
    import httpx2

    transport = httpx2.AsyncHTTPTransport(limits=anthropic.DEFAULT_CONNECTION_LIMITS)
    return anthropic.DefaultAsyncHttpxClient(transport=transport)


def _is_here(server: str | None) -> bool:
    """Whether an address is of this machine."""
    host = urlsplit(server or "").hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def claude(caller: Calls, base_url: str | None, processors: Processors, *, model: str | None = None) -> ClaudeModel:
    """Claude, who asks through a caller.

    Args:
        base_url: where the caller asks, if that is not the service's own.
        model: a model id that stands in for every tier's own.
    """
    return ClaudeModel(caller, processors, model=model, server=checked(base_url))


def checked(base_url: str | None) -> str | None:
    """An address without a slash at its end. None is the service's own.

    Raises:
        InvalidInput: it is no http address, or holds a password, which would be shown wherever the address is.
    """
    if base_url is None or not base_url.strip():
        return None
    given = base_url.strip().rstrip("/")
    try:
        parts = urlsplit(given)
        host, secret = parts.hostname, parts.username or parts.password
    except ValueError:
        host, secret, parts = None, None, urlsplit("")
    if secret:
        raise InvalidInput("the model's base URL holds a user name or a password; give it as the key instead (ANTHROPIC_API_KEY)")
    if parts.scheme not in ("http", "https") or not host:
        raise InvalidInput(f"the model's base URL {given!r} is no address: it begins with http:// or https://")
    return None if given == SERVICE else given
