"""Opens the world that a task is researched with, from settings that the caller has read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict

from research.errors import InvalidInput
from research.models.extractive import ExtractiveModel
from research.ports import Model, World
from research.search.local import LocalCorpus
from research.web.page_store import PageStore, StoringFetcher

MODELS: Final = ("extractive",)


class Settings(BaseModel):
    """What a world is made of. Read once by whoever composes it, and passed in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cache_dir: Path
    """Where indexes are kept between runs."""
    model: str | None = None
    """`extractive`; None takes the best that can be used, and says which."""
    corpus: str | None = None
    """A folder, or a Parquet or JSONL file, of documents to search."""


def open_model(name: str | None) -> Model:
    """The model by name.

    Raises:
        InvalidInput: there is no such model.
    """
    if name in (None, "auto", "extractive"):
        return ExtractiveModel()
    raise InvalidInput(f"model {name!r} is not known; those that are: {', '.join(MODELS)}")


@asynccontextmanager
async def open_world(settings: Settings, pages: Path, *, model: Model | None = None) -> AsyncIterator[World]:
    """A world whose pages are stored in the folder `pages`.

    Args:
        settings: what it is made of.
        pages: the folder of the page store; made when the first page is stored.
        model: a model of the caller's own, instead of the one that the settings name.

    Raises:
        InvalidInput: a model that is not known, no corpus, or one that cannot be read.
    """
    judge = model or open_model(settings.model)
    if settings.corpus is None:
        raise InvalidInput(
            "there is nothing to search: give a corpus (a folder or a file of documents) with `--corpus` or `corpus=`"
        )
    corpus = await asyncio.to_thread(LocalCorpus.open, settings.corpus, settings.cache_dir / "index")
    yield World(model=judge, search=corpus, fetcher=StoringFetcher(corpus, PageStore(pages)))
