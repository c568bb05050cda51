"""`RESEARCH_…` and `ANTHROPIC_…` variables of the environment. Only the makers of a world's settings read them, nothing below."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path, user_data_path
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from research.concurrency.outages import OutageTimes
from research.documents.readers import ReadingLimits
from research.errors import InvalidInput
from research.faults import validation_faults
from research.mcp.settings import McpSettings
from research.search.settings import SearchSettings
from research.secrets import KnownSecrets, from_variables
from research.storage.location import is_url, local_path
from research.task.agents import FOLDER
from research.web.settings import WebSettings
from research.world import Settings


def names_of(text: str) -> tuple[str, ...]:
    """The names in a text with commas between them."""
    return tuple(name for part in text.split(",") if (name := part.strip()))


def read_environment() -> Environment:
    """The environment of this process.

    Raises:
        InvalidInput: a variable is not what it should be; says which, and never shows a key.
    """
    try:
        return Environment()
    except ValidationError as error:
        raise InvalidInput("Variables of the environment are wrong:", validation_faults(error, _variable)) from None


async def environment_secrets() -> KnownSecrets:
    """The secrets of this process: its variables `RESEARCH_SECRET_…`. No request can name another variable."""
    return from_variables(os.environ)


def _variable(place: list[int | str]) -> str:
    named = "_".join(str(part) for part in place if isinstance(part, str)).upper()
    return named if named.endswith(("_API_KEY", "_URL")) and "PROVIDERS" not in named else f"RESEARCH_{named}"


class Environment(BaseSettings):
    """Defaults for what a request does not state."""

    model_config = SettingsConfigDict(
        env_prefix="RESEARCH_",
        frozen=True,
        populate_by_name=True,
        env_ignore_empty=True,
        env_nested_delimiter="_",
        env_nested_max_split=1,
        enable_decoding=False,
    )

    cache_dir: Path = Field(default_factory=lambda: user_cache_path("research-flows"))
    """`RESEARCH_CACHE_DIR`: where search indexes are kept between runs."""
    calibrations: Path = Field(default_factory=lambda: user_data_path("research-flows") / "calibrations")
    """`RESEARCH_CALIBRATIONS`: the folder where calibrations are kept, and runs find that of their kind."""
    corpus: str | None = None
    """`RESEARCH_CORPUS`: documents to search when the request names none."""
    model: str | None = None
    """`RESEARCH_MODEL`: the model when the request names none."""
    search: str | None = None
    """`RESEARCH_SEARCH`: search providers when the request names none, with commas between: `brave,tavily`."""
    processors: Path | None = None
    """`RESEARCH_PROCESSORS`: a TOML file that overrides tiers and prices."""
    runs_url: str | None = None
    """`RESEARCH_RUNS_URL`: the address at which a browser finds the folder that holds run folders, for links in Prefect's UI."""
    webhook: str | None = Field(default=None, repr=False)
    """`RESEARCH_WEBHOOK`: the address that is told what a run came to, when the request names none. It may be a secret itself."""
    webhook_secret: SecretStr | None = None
    """`RESEARCH_WEBHOOK_SECRET`: what deliveries to a webhook are signed with."""
    database: SecretStr | None = None
    """`RESEARCH_DATABASE`: where `research serve` and its workers keep their records, `sqlite:///…` or `postgresql://…`."""
    web: WebSettings = WebSettings()
    """`RESEARCH_WEB_…`: how the web is read, each setting under its name: `RESEARCH_WEB_CONTACT`, `RESEARCH_WEB_OBEY_ROBOTS`."""
    mcp: McpSettings = McpSettings()
    """`RESEARCH_MCP_…`: which MCP servers may be asked beside public ones, and what one may take."""
    outages: OutageTimes = OutageTimes()
    """`RESEARCH_OUTAGES_…`: what counts as an outage of a service, in seconds: `RESEARCH_OUTAGES_AFTER`. How long one is waited
    out is the option `--patience`."""
    reading: ReadingLimits = ReadingLimits()
    """`RESEARCH_READING_SECONDS`, `RESEARCH_READING_MEMORY_MB`: what reading one page may take."""
    sessions: Path | None = None
    """`RESEARCH_SESSIONS`: the folder of the sessions that rows go on from. Default: `sessions` in the cache folder, where
    `research.run` keeps them."""
    agents_dir: Path = FOLDER
    """`RESEARCH_AGENTS_DIR`: the folder of the profiles of agents."""
    brave_key: SecretStr | None = Field(default=None, validation_alias="BRAVE_API_KEY")
    tavily_key: SecretStr | None = Field(default=None, validation_alias="TAVILY_API_KEY")
    exa_key: SecretStr | None = Field(default=None, validation_alias="EXA_API_KEY")
    searxng_url: str | None = Field(default=None, validation_alias="SEARXNG_URL", repr=False)
    """`BRAVE_API_KEY`, `TAVILY_API_KEY`, `EXA_API_KEY`, `SEARXNG_URL`: search providers that can be used."""
    providers: SearchSettings = SearchSettings()
    """`RESEARCH_PROVIDERS_…`: those of their settings that are one word, such as `RESEARCH_PROVIDERS_FRESHNESS`. Prices and
    limits are given in Python."""
    api_key: SecretStr | None = Field(default=None, validation_alias="ANTHROPIC_API_KEY")
    """`ANTHROPIC_API_KEY`: with it, Claude does the research unless another model is named."""
    base_url: str | None = Field(default=None, validation_alias="ANTHROPIC_BASE_URL")
    """`ANTHROPIC_BASE_URL`: another server that speaks the Messages API."""

    @field_validator("cache_dir", "calibrations", "agents_dir", "sessions", "processors", mode="before")
    @classmethod
    def _on_this_disk(cls, value: Any) -> Any:
        if isinstance(value, str) and is_url(value):
            raise ValueError("must be on this disk, not a URL")
        return local_path(value) if isinstance(value, str) else value

    @field_validator("web", "mcp", mode="before")
    @classmethod
    def _lists(cls, value: Any) -> Any:
        """Lists are written with commas."""
        if not isinstance(value, dict):
            return value
        lists = ("allow_private_hosts", "allow_ports")
        return {name: names_of(text) if name in lists and isinstance(text, str) else text for name, text in value.items()}

    def settings(
        self,
        *,
        model: str | None = None,
        corpus: str | None = None,
        search: tuple[str, ...] = (),
        names_pages: bool = False,
        names_servers: bool = False,
        service_searches: bool = False,
        patience: float | None = None,
    ) -> Settings:
        """The settings of a world: those that a request states, and the environment's for the rest."""
        return Settings(
            cache_dir=self.cache_dir,
            model=model or self.model,
            corpus=corpus or self.corpus,
            search=search or names_of(self.search or ""),
            names_pages=names_pages,
            names_servers=names_servers,
            mcp=self.mcp,
            service_searches=service_searches,
            api_key=self.api_key,
            base_url=self.base_url,
            outages=self.outages if patience is None else self.outages.changed(patience=patience),
            processors=self.processors,
            agents_dir=self.agents_dir,
            web=self.web,
            reading=self.reading,
            providers=self.providers.changed(**self._keys()),
        )

    def _keys(self) -> dict[str, Any]:
        keys = {name: getattr(self, name) for name in ("brave_key", "tavily_key", "exa_key", "searxng_url")}
        return {name: key for name, key in keys.items() if key is not None}
