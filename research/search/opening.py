"""Opens the search that providers' names stand for."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, get_args

import httpx

from research.concurrency.outages import Outages, ServiceHealth
from research.concurrency.shares import Share, Shares
from research.concurrency.traffic import Outcome, SearchBringsNothing
from research.errors import InvalidInput
from research.faults import nearest
from research.ports.search import Search
from research.search.brave import brave
from research.search.claude_web import Ask, ClaudeWebSearch
from research.search.ddgs import DdgsSearch
from research.search.exa import exa
from research.search.health import LoneHealth
from research.search.local import LocalCorpus
from research.search.merged import MergedSearch
from research.search.query_cache import CachedSearch, QueryStore
from research.search.rate import Turns
from research.search.searxng import searxng
from research.search.settings import ProviderName, SearchSettings
from research.search.tavily import tavily


@dataclass(frozen=True, slots=True)
class Provider:
    """A way to find pages, for people to choose."""

    name: ProviderName
    line: str
    """What it is."""
    needs: str
    """The variable, or what else, it needs; "" for nothing."""


PROVIDERS: Final[tuple[Provider, ...]] = (
    Provider("local", "the documents of the corpus", "a corpus"),
    Provider("claude_web", "Claude's own web search", "ANTHROPIC_API_KEY"),
    Provider("brave", "Brave's index of the web", "BRAVE_API_KEY"),
    Provider("tavily", "Tavily, made for language models", "TAVILY_API_KEY"),
    Provider("exa", "Exa, an index searched by meaning", "EXA_API_KEY"),
    Provider("searxng", "a SearXNG instance of your own", "SEARXNG_URL"),
    Provider("ddgs", "public search engines, without a key and without a promise", ""),
)
_NAMES: Final[tuple[ProviderName, ...]] = get_args(ProviderName)


def default_providers(settings: SearchSettings, has_corpus: bool, has_claude: bool) -> tuple[ProviderName, ...]:
    """What to search with by default: a corpus if there is one; else every provider whose key or address is set; else
    Claude's own search.

    Raises:
        InvalidInput: there is none of these.
    """
    if has_corpus:
        return ("local",)
    ready = _ready(settings)
    if with_keys := tuple(provider.name for provider in PROVIDERS if ready.get(provider.name)):
        return with_keys
    if has_claude:
        return ("claude_web",)
    needed = ", ".join(provider.needs for provider in PROVIDERS if provider.needs and provider.name != "local")
    raise InvalidInput(
        "there is nothing to search: give a corpus (a folder or a file of documents), set one of the variables "
        f"{needed}, or name `ddgs`, which needs no key"
    )


@asynccontextmanager
async def open_search(
    names: Sequence[str],
    settings: SearchSettings,
    cache_dir: Path,
    *,
    corpus: LocalCorpus | None = None,
    ask: Ask | None = None,
    outages: Outages | None = None,
    shares: Shares | None = None,
) -> AsyncIterator[Search]:
    """The search of these providers, merged if there are several, with rate limits that all who use it share and a cache of
    queries in the folder `search` of `cache_dir`. Belongs to one event loop.

    Args:
        names: of `PROVIDERS`; a name that stands twice counts once.
        settings: their keys and addresses.
        cache_dir: where things are kept between runs.
        corpus: what `local` searches.
        ask: what `claude_web` asks Claude with.
        outages: of the world. While one of several providers answers nobody, the others stand in; if none does, all wait.
        shares: of the world: who else uses the same accounts.

    Raises:
        InvalidInput: an unknown name, or one that lacks what it needs.
        AuthenticationFailed: a key that cannot be one.
    """
    chosen = _chosen(names, settings, corpus, ask)
    async with AsyncExitStack() as opened:
        client = await opened.enter_async_context(httpx.AsyncClient(follow_redirects=False))
        store = QueryStore(cache_dir / "search")
        searches: list[Search] = []
        outages, shares = outages or Outages(), shares or Shares()
        health = _health(chosen, outages)
        for name in chosen:
            if name == "local" and corpus is not None:
                searches.append(corpus)
                continue
            turns = Turns(name, settings.rate(name), health[name], _share(name, settings, shares))
            saw = _watching(name, outages, alone=len(chosen) == 1)
            cached = CachedSearch(_opened(name, settings, client, ask, turns), store, settings.freshness, saw=saw)
            opened.push_async_callback(cached.close)
            searches.append(cached)
        yield searches[0] if len(searches) == 1 else MergedSearch(searches, announce=partial(_announce, outages))


def _announce(outages: Outages, notice: SearchBringsNothing) -> None:
    outages.listener(notice)  # that of the run, which is set after this is opened


def _watching(name: ProviderName, outages: Outages, *, alone: bool) -> Callable[[Outcome, float], None]:
    """Counts how a provider's queries end. Of one that stands alone, it is also announced that it brings nothing."""
    lone = LoneHealth(name)

    def saw(outcome: Outcome, seconds: float) -> None:
        outages.traffic.saw("search", name, outcome, seconds)
        if alone and outcome != "failed" and (notice := lone.answered(with_hits=outcome == "answered")) is not None:
            _announce(outages, notice)

    return saw


def _health(names: Sequence[ProviderName], outages: Outages) -> dict[ProviderName, ServiceHealth]:
    """Whether each provider answers. A corpus always does, and Claude's own search waits where Claude does."""
    health: dict[ProviderName, ServiceHealth] = {}

    def others_answer(name: ProviderName) -> bool:
        return any(not health[other].is_out for other in names if other != name)

    for name in names:
        health[name] = outages.service(name, alternatives=partial(others_answer, name))
    return health


def _share(name: ProviderName, settings: SearchSettings, shares: Shares) -> Share | None:
    """The share of the account that a provider is asked with. Claude's own limits are kept by its caller."""
    keys = {"brave": settings.brave_key, "tavily": settings.tavily_key, "exa": settings.exa_key}
    if name == "claude_web":
        return None
    if (key := keys.get(name)) is not None:
        return shares.of(name, key.get_secret_value())
    if name == "searxng":
        return shares.of(name, settings.searxng_url or "")
    return shares.of(name, socket.gethostname())  # who asks without an account is told apart by the machine


def _opened(name: ProviderName, settings: SearchSettings, client: httpx.AsyncClient, ask: Ask | None, turns: Turns) -> Search:
    if name == "brave":
        return brave(settings, client, turns)
    if name == "tavily":
        return tavily(settings, client, turns)
    if name == "exa":
        return exa(settings, client, turns)
    if name == "searxng":
        return searxng(settings, client, turns)
    if name == "claude_web" and ask is not None:
        return ClaudeWebSearch(ask, settings.claude_model, turns)
    return DdgsSearch(turns, times=settings.times)


def _ready(settings: SearchSettings) -> dict[ProviderName, bool]:
    """Whether what a provider needs of the settings is there."""
    keys = {"brave": settings.brave_key, "tavily": settings.tavily_key, "exa": settings.exa_key}
    ready: dict[ProviderName, bool] = {
        name: (key := keys.get(name)) is not None and bool(key.get_secret_value().strip()) for name in _NAMES if name in keys
    }
    return {**ready, "searxng": bool(settings.searxng_url and settings.searxng_url.strip())}


def _chosen(
    names: Sequence[str], settings: SearchSettings, corpus: LocalCorpus | None, ask: Ask | None
) -> tuple[ProviderName, ...]:
    chosen: dict[ProviderName, None] = {}
    ready = _ready(settings) | {"local": corpus is not None, "claude_web": ask is not None}
    for said in names:
        name = next((known for known in _NAMES if known == said.strip().lower().replace("-", "_")), None)
        if name is None:
            raise InvalidInput(
                f"there is no search provider {said!r}{nearest(said, _NAMES) or '.'} There are: {', '.join(_NAMES)}."
            )
        if not ready.get(name, True):
            needs = next(provider.needs for provider in PROVIDERS if provider.name == name)
            wanted = "give a corpus with it" if name == "local" else f"set {needs}"
            raise InvalidInput(f"the search provider {name!r} needs {needs}: {wanted}, or search with another one")
        chosen[name] = None
    if not chosen:
        raise InvalidInput(f"no search provider is named. There are: {', '.join(_NAMES)}.")
    for name, url in (
        ("brave", settings.brave_url),
        ("tavily", settings.tavily_url),
        ("exa", settings.exa_url),
        ("searxng", settings.searxng_url or ""),
    ):
        if name in chosen and not _is_address(url):
            raise InvalidInput(f"the address of {name!r} is no URL of the web: write it as https://host or http://host:port")
    return tuple(chosen)


def _is_address(url: str) -> bool:
    try:
        parts = httpx.URL(url.strip())
    except (httpx.InvalidURL, ValueError):
        return False
    return parts.scheme in ("http", "https") and bool(parts.host)
