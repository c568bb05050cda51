"""`RESEARCH_…` and `ANTHROPIC_…` variables of the environment. Read at the edge, by whoever composes a world; nowhere below."""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_cache_path
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from research.world import Settings


def names_of(text: str) -> tuple[str, ...]:
    """The names in a text with commas between them."""
    return tuple(name for part in text.split(",") if (name := part.strip()))


class Environment(BaseSettings):
    """Defaults for what a request leaves open."""

    model_config = SettingsConfigDict(env_prefix="RESEARCH_", frozen=True, populate_by_name=True, env_ignore_empty=True)

    cache_dir: Path = Field(default_factory=lambda: user_cache_path("research-flows"))
    """`RESEARCH_CACHE_DIR`: where search indexes are kept between runs."""
    corpus: str | None = None
    """`RESEARCH_CORPUS`: documents to search when the request names none."""
    model: str | None = None
    """`RESEARCH_MODEL`: the model when the request names none."""
    search: str | None = None
    """`RESEARCH_SEARCH`: search providers when the request names none, with commas between: `brave,tavily`."""
    processors: Path | None = None
    """`RESEARCH_PROCESSORS`: a TOML file that overrides tiers and prices."""
    api_key: SecretStr | None = Field(default=None, validation_alias="ANTHROPIC_API_KEY")
    """`ANTHROPIC_API_KEY`: with it, Claude does the research unless another model is named."""
    base_url: str | None = Field(default=None, validation_alias="ANTHROPIC_BASE_URL")
    """`ANTHROPIC_BASE_URL`: another server that speaks the Messages API."""

    def settings(
        self,
        *,
        model: str | None = None,
        corpus: str | None = None,
        search: tuple[str, ...] = (),
        names_pages: bool = False,
    ) -> Settings:
        """What a world is made of: what a request says, and what it leaves open."""
        return Settings(
            cache_dir=self.cache_dir,
            model=model or self.model,
            corpus=corpus or self.corpus,
            search=search or names_of(self.search or ""),
            names_pages=names_pages,
            api_key=self.api_key,
            base_url=self.base_url,
            processors=self.processors,
        )
