"""Opens the world that a task is researched with, from settings that the caller has read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, SecretStr

from research.errors import InvalidInput
from research.models.extractive import ExtractiveModel
from research.ports import Model, World
from research.processors import Processors, load_processors
from research.search.local import LocalCorpus
from research.web.page_store import PageStore, StoringFetcher

KEYLESS: Final = "extractive"
TIERS_OWN: Final = "claude"
"""Names of models that are not a model's id."""


class Settings(BaseModel):
    """What a world is made of. Read once by whoever composes it, and passed in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cache_dir: Path
    """Where indexes are kept between runs."""
    model: str | None = None
    """`extractive` (needs no key), `claude` (each tier's own models) or a model's id, which then does everything. None takes
    Claude if there is a key, and the keyless model if there is none."""
    corpus: str | None = None
    """A folder, or a Parquet or JSONL file, of documents to search."""
    search: tuple[str, ...] = ()
    """Names of search providers. None: the corpus if there is one, else those that can be used."""
    names_pages: bool = False
    """Whether the tasks name pages or files themselves, so that there need be nothing else to search."""
    api_key: SecretStr | None = None
    """Of the Messages API. Never shown."""
    base_url: str | None = None
    """Another server that speaks the Messages API; None is Anthropic's own."""
    processors: Path | None = None
    """A TOML file that overrides tiers and prices."""


@asynccontextmanager
async def open_model(settings: Settings, processors: Processors) -> AsyncIterator[Model]:
    """The model that the settings name, or the best that can be used.

    Raises:
        InvalidInput: the model needs a key, and there is none.
    """
    named = None if settings.model in (None, "", "auto") else settings.model
    key = settings.api_key if settings.api_key is not None and settings.api_key.get_secret_value().strip() else None
    if named == KEYLESS or (named is None and key is None):
        yield ExtractiveModel()
        return
    if key is None and settings.base_url is None:
        raise InvalidInput(
            f"the model {named!r} needs a key: set ANTHROPIC_API_KEY, or ANTHROPIC_BASE_URL for a server of your own that needs "
            f"none. The model {KEYLESS!r} needs neither."
        )
    from research.models.claude.opening import open_claude  # the SDK takes half a second to import

    async with open_claude(key, settings.base_url, processors, model=None if named == TIERS_OWN else named) as claude:
        yield claude


@asynccontextmanager
async def open_world(settings: Settings, pages: Path, *, model: Model | None = None) -> AsyncIterator[World]:
    """A world whose pages are stored in the folder `pages`.

    Args:
        settings: what it is made of.
        pages: the folder of the page store; made when the first page is stored.
        model: a model of the caller's own, instead of the one that the settings name.

    Raises:
        InvalidInput: a model that cannot be used, a processors file that is wrong, no corpus, or one that cannot be read.
    """
    if settings.corpus is None:
        raise InvalidInput(
            "there is nothing to search: give a corpus (a folder or a file of documents) with `--corpus` or `corpus=`"
        )
    processors = load_processors(settings.processors)
    async with open_model(settings, processors) if model is None else nullcontext(model) as judge:
        corpus = await asyncio.to_thread(LocalCorpus.open, settings.corpus, settings.cache_dir / "index")
        yield World(model=judge, search=corpus, fetcher=StoringFetcher(corpus, PageStore(pages)), processors=processors)
