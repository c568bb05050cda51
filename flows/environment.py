"""`RESEARCH_…` environment variables. Read at the edge, by whoever composes a world; nothing below reads them."""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_cache_path
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Environment(BaseSettings):
    """Defaults for what a request leaves open."""

    model_config = SettingsConfigDict(env_prefix="RESEARCH_", frozen=True)

    cache_dir: Path = Field(default_factory=lambda: user_cache_path("research-flows"))
    """`RESEARCH_CACHE_DIR`: where search indexes are kept between runs."""
    corpus: str | None = None
    """`RESEARCH_CORPUS`: documents to search when the request names none."""
    model: str | None = None
    """`RESEARCH_MODEL`: the model when the request names none."""
