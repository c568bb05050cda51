"""Opens the world that a task is researched with, from settings that the caller has read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from research.concurrency.outages import Outages, OutageTimes
from research.concurrency.shares import Shares
from research.documents.readers import Readers, ReadingLimits
from research.errors import InvalidInput
from research.mcp.settings import McpSettings
from research.models.names import KEYLESS, TIERS_OWN, refuse_other_makers
from research.money.budget import Budget
from research.money.charge_file import ChargeFile
from research.money.processors import ProcessorName, Processors, load_processors
from research.pages.attached_files import AttachedFilesFetcher
from research.pages.page_store import Folder, PageStore, StoringFetcher
from research.pages.routing import CorpusThenWeb, Nowhere
from research.pages.row_pages import RowPages
from research.ports.fetcher import Fetcher
from research.ports.model import Model
from research.ports.search import Search
from research.ports.world import World
from research.records import Record
from research.search.indexing import Progress
from research.search.local import LocalCorpus
from research.search.opening import default_providers, open_search
from research.search.settings import SearchSettings
from research.task.agents import FOLDER as AGENTS
from research.web.settings import WebSettings

if TYPE_CHECKING:
    from research.models.anthropic.caller import Caller
    from research.models.anthropic.late_caller import LateCaller


class Settings(Record):
    """What a world is made of. The caller reads it from its own configuration, once; the engine reads no environment."""

    cache_dir: Path
    """The folder for indexes, cached answers of search providers and cached web pages."""
    web_cache_dir: Path | None = None
    """The folder for cached answers of search providers and cached web pages, where that is another one than `cache_dir`."""
    model: str | None = None
    """`extractive` (needs no key), `claude` (each tier's own models) or a model's id, which then does everything. None takes
    Claude if there is a key, and the keyless model if there is none."""
    corpus: str | None = None
    """A folder, or a Parquet or JSONL file, of documents to search."""
    search: tuple[str, ...] = ()
    """Names of search providers. None: the corpus if there is one, else those that can be used."""
    names_pages: bool = False
    """Whether the tasks name pages or files themselves, so that no search is required."""
    start_pages: bool = False
    """Whether they name a page of the web to begin with. Where nothing is searched, what it leads to is read from the web."""
    service_searches: bool = False
    """Whether the model's own service searches the web, as in batches: then no provider is needed, and the pages that it cites
    are read from the web."""
    api_key: SecretStr | None = None
    """Of the Messages API. Never shown."""
    base_url: str | None = None
    """Another server that speaks the Messages API; None is Anthropic's own."""
    processors: Path | None = None
    """A TOML file that overrides tiers and prices."""
    workers: int = 1
    """Processes of this run, which share the limits of the model's service and of search providers: each keeps to its part."""
    providers: SearchSettings = SearchSettings()
    """Keys, limits and prices of search providers."""
    web: WebSettings = WebSettings()
    """How the web is read."""
    outages: OutageTimes = OutageTimes()
    """What counts as an outage of a service, and how long it is waited out."""
    names_servers: bool = False
    """Whether the tasks name MCP servers."""
    mcp: McpSettings = McpSettings()
    """Which MCP servers may be asked, and what one may take."""
    reading: ReadingLimits = ReadingLimits()
    """What reading one page may take."""
    agents_dir: Path = AGENTS
    """The folder of the profiles of agents, which tasks name: one TOML file each."""
    secrets: Mapping[str, SecretStr] = {}
    """The secrets that the tasks name, by name, for their tools: headers of MCP servers, keys of search providers."""

    def with_secrets(self, values: Mapping[str, SecretStr]) -> Settings:
        """The same, with the secrets that the tasks name: a search provider's key among them stands for that of the settings."""
        return self.changed(secrets=values, providers=self.providers.with_secrets(values)) if values else self

    @property
    def key(self) -> SecretStr | None:
        """The key, unless it is blank."""
        return self.api_key if self.api_key is not None and self.api_key.get_secret_value().strip() else None

    @property
    def named_model(self) -> str | None:
        return None if self.model in (None, "", "auto") else self.model

    @property
    def model_of_every_tier(self) -> str | None:
        """The id of the model that replaces every tier's own; None: each tier uses its own."""
        return None if self.named_model == TIERS_OWN else self.named_model


@asynccontextmanager
async def open_world(
    settings: Settings,
    pages: Folder,
    *,
    budget: Budget | None = None,
    model: Model | None = None,
    reading: Progress | None = None,
) -> AsyncIterator[World]:
    """A world whose pages are stored in the folder `pages`.

    Args:
        settings: what it is made of.
        pages: the folder of the page store, or a function that returns it; made when the first page is stored.
        budget: pays for every call of the model and the search; None: an empty one, which has no cap until it is bound.
        model: a model of the caller's own, instead of the one that the settings name.
        reading: is called while the index of a corpus is built: documents read, and all of them or None. In another thread.

    Raises:
        InvalidInput: a model or a provider that cannot be used, a processors file that is wrong, nothing to search, a corpus that
            cannot be read.
    """
    processors = load_processors(settings.processors)
    names = _providers(settings)
    cached = settings.web_cache_dir or settings.cache_dir
    outages, shares = Outages(settings.outages), Shares(settings.workers)
    async with AsyncExitStack() as stack:
        calling = _calling(settings, processors, outages, shares, asks_claude=model is None, search=names)
        caller = await stack.enter_async_context(calling)
        answering = model or _named_model(settings, processors, caller)
        corpus = None
        readers = Readers(settings.reading)
        if settings.corpus is not None:
            opening = partial(LocalCorpus.open, progress=reading, readers=readers)
            corpus = await asyncio.to_thread(opening, settings.corpus, settings.cache_dir / "index")
        search: Search = Nowhere()
        if names:
            search = await stack.enter_async_context(
                open_search(
                    names,
                    settings.providers,
                    cached,
                    corpus=corpus,
                    ask=caller,
                    outages=outages,
                    shares=shares,
                )
            )
        web = None
        reads_web = settings.service_searches or any(name != "local" for name in names) or (settings.start_pages and not names)
        if reads_web or settings.names_pages:
            from research.web.opening import open_web  # its HTTP cache takes a while to import

            opened = open_web(settings.web, cached / "web", readers=readers, outages=outages)
            web = await stack.enter_async_context(opened)
        store = PageStore(pages)
        fetcher = StoringFetcher(_reader(corpus, web if reads_web else None), store)
        attached = StoringFetcher(AttachedFilesFetcher(web, readers), store)
        for storing in (fetcher, attached):
            stack.push_async_callback(storing.close)
        tool_servers = None
        if settings.names_servers:
            from research.mcp.servers import open_servers  # most tasks name none

            servers = open_servers(settings.mcp, readers, fetcher.keep, secrets=settings.secrets)
            tool_servers = await stack.enter_async_context(servers)
        yield World(
            model=answering,
            search=search,
            fetcher=fetcher,
            processors=processors,
            attached=attached,
            tool_servers=tool_servers,
            budget=budget or Budget(),
            outages=outages,
            shares=shares,
        )


@asynccontextmanager
async def open_stored_world(
    settings: Settings, pages: RowPages, *, budget: Budget | None = None, model: Model | None = None
) -> AsyncIterator[World]:
    """A world whose search and fetcher are stored pages: only the model is called.

    Args:
        settings: as for `open_world`; those for search and web are ignored.
        budget: pays for every call of the model and the search; None: an empty one, which has no cap until it is bound.
        model: a model of the caller's own, instead of the one that the settings name.

    Raises:
        InvalidInput: a model that cannot be used, or a processors file that is wrong.
    """
    processors = load_processors(settings.processors)
    outages, shares = Outages(settings.outages), Shares(settings.workers)
    async with _calling(settings, processors, outages, shares, asks_claude=model is None, search=()) as caller:
        yield World(
            model=model or _named_model(settings, processors, caller),
            search=pages,
            fetcher=pages,
            processors=processors,
            budget=budget or Budget(),
            outages=outages,
            shares=shares,
        )


def bind_budget(world: World, charges: ChargeFile, max_cost_usd: float | None, processors: Iterable[ProcessorName]) -> None:
    """Bind a world's budget to a run: its cap, its earlier charges, and the file that each charge is written to.

    Args:
        processors: the tiers that tasks will be researched on.

    Raises:
        InvalidInput: there is a cap, and a model without a known price.
        RuntimeError: the world's budget is bound already, or has paid for a call.
    """
    unpriced = dict.fromkeys(name for processor in processors for name in world.model.unpriced(processor))
    if max_cost_usd is not None and unpriced:
        raise InvalidInput(
            f"no price is known for {', '.join(unpriced)}, so a cap on the cost cannot be held: give its prices in a processors "
            "file (0 for a server of your own), or leave the cap out"
        )
    charges.bind(world.budget, max_cost_usd)


def _providers(settings: Settings) -> tuple[str, ...]:
    if settings.search:
        return settings.search
    has_claude = settings.key is not None and settings.base_url is None
    try:
        return default_providers(settings.providers, settings.corpus is not None, has_claude)
    except InvalidInput:
        if settings.names_pages or settings.service_searches:
            return ()
        raise


@asynccontextmanager
async def _calling(
    settings: Settings, processors: Processors, outages: Outages, shares: Shares, *, asks_claude: bool, search: tuple[str, ...]
) -> AsyncIterator[Caller | LateCaller | None]:
    """What calls the Messages API, if anything will."""
    can = settings.key is not None or settings.base_url is not None
    named = settings.named_model
    wanted = "claude_web" in search or (asks_claude and named != KEYLESS and (named is not None or settings.key is not None))
    if not (can and wanted):
        yield None
        return
    from research.models.anthropic.key import check_key
    from research.models.anthropic.late_caller import LateCaller
    from research.models.claude.opening import SERVICE, open_caller

    key = settings.key.get_secret_value() if settings.key is not None else None
    check_key(key)
    share = shares.of("messages", settings.base_url or SERVICE, key or "")

    def opening() -> AbstractAsyncContextManager[Caller]:
        return open_caller(settings.key, settings.base_url, processors, outages, share)

    if settings.service_searches:  # batches are made with the SDK's client itself
        async with opening() as caller:
            yield caller
        return
    async with LateCaller(opening) as late:
        yield late


def _named_model(settings: Settings, processors: Processors, caller: Caller | LateCaller | None) -> Model:
    """The model that the settings name, or the best that can be used.

    Raises:
        InvalidInput: the model is another maker's, or needs a key, and there is none.
    """
    named = settings.named_model
    if named == KEYLESS or (named is None and settings.key is None):
        from research.models.keyless.model import KeylessModel

        return KeylessModel()
    refuse_other_makers(named, settings.base_url, processors)
    if caller is None:
        raise InvalidInput(
            f"the model {named!r} needs a key: set ANTHROPIC_API_KEY, or ANTHROPIC_BASE_URL for a server of your own that needs "
            f"none. The model {KEYLESS!r} needs neither."
        )
    from research.models.claude.opening import claude

    return claude(caller, settings.base_url, processors, model=settings.model_of_every_tier)


def _reader(corpus: LocalCorpus | None, web: Fetcher | None) -> Fetcher:
    """What reads the pages that a model asks for: only what it was allowed to search."""
    if web is None:
        return corpus or Nowhere()
    return web if corpus is None else CorpusThenWeb(corpus, web)
