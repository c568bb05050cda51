"""What the search providers are opened with. Read once where a world is composed, and passed in."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from pydantic import Field, SecretStr

from research.records import Record
from research.search.json_api import SearchTimes
from research.search.rate import RATES, Rate

ProviderName = Literal["local", "claude_web", "brave", "tavily", "exa", "searxng", "ddgs"]
PricedName = Literal["brave", "tavily", "exa", "searxng"]

PRICES: Final[Mapping[str, float | None]] = MappingProxyType({"brave": 0.005, "tavily": 0.008, "exa": 0.007, "searxng": 0.0})
"""US dollars for one query, by the public price lists: Brave's Search plan, one Tavily credit as you go, Exa's search of up to
ten results. What is free each month is not taken off: no provider says how much of it is left."""

DAY: Final = 86_400.0

KEYS: Final[Mapping[str, str]] = MappingProxyType(
    {"BRAVE_API_KEY": "brave_key", "TAVILY_API_KEY": "tavily_key", "EXA_API_KEY": "exa_key"}
)
"""The field that holds a provider's key, by the key's name."""


class SearchSettings(Record):
    """Keys, addresses, limits and prices."""

    brave_key: SecretStr | None = None
    """`BRAVE_API_KEY`."""
    tavily_key: SecretStr | None = None
    """`TAVILY_API_KEY`."""
    exa_key: SecretStr | None = None
    """`EXA_API_KEY`."""
    searxng_url: str | None = Field(default=None, repr=False)
    """`SEARXNG_URL`: an instance that answers in JSON. May hold a user's name and password, which are sent as a header."""
    brave_url: str = "https://api.search.brave.com"
    tavily_url: str = "https://api.tavily.com"
    exa_url: str = "https://api.exa.ai"
    claude_model: str = "claude-haiku-5-5"
    """The model that calls Claude's own web search: it only passes the query on, so the cheapest does."""
    rates: Mapping[ProviderName, Rate] = {}
    """How often a provider is asked, instead of `RATES`: a paid plan lets in more."""
    prices: Mapping[PricedName, float | None] = {}
    """US dollars for one query, instead of `PRICES`. None: not known."""
    freshness: float = Field(default=DAY, ge=0)
    """Seconds for which an answer is used again. 0: never."""
    times: SearchTimes = SearchTimes()
    """How long one search is tried."""

    def with_secrets(self, secrets: Mapping[str, SecretStr]) -> SearchSettings:
        """The same, with the keys that are among a task's secrets, under the names of their variables: `BRAVE_API_KEY`."""
        return self.changed(**{field: secrets[name] for name, field in KEYS.items() if name in secrets})

    def rate(self, provider: ProviderName) -> Rate:
        return self.rates.get(provider) or RATES.get(provider) or Rate()

    def price(self, provider: PricedName) -> float | None:
        return self.prices[provider] if provider in self.prices else PRICES[provider]
