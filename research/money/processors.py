"""The tiers and their prices: one table of what each processor may do, with which models, at what cost.

The table is data (`processors.toml`, beside this file) in the form in which a user overrides it: `load_processors(path)` lays the
user's TOML over it, value by value. See docs/processors.md.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal, get_args

from pydantic import Field, NonNegativeFloat, PositiveInt, ValidationError, model_validator

from research.errors import Fault, InvalidInput
from research.faults import pointer, validation_faults
from research.identity import content_key
from research.money.amounts import total
from research.money.limits import PROCESSOR_NAMES as PROCESSOR_NAMES
from research.money.limits import RANGES
from research.money.limits import ProcessorName as ProcessorName
from research.money.usage import Tokens
from research.records import Record, read_table

Role = Literal["investigate", "plan", "grade", "synthesize", "verify", "judge"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)

LEAST_STEPS, MOST_STEPS = RANGES["max_steps"]

_MILLION: Final = 1_000_000


class ModelSettings(Record):
    """How one role of a tier calls its model. Names and values are those of the Messages API."""

    model: str = Field(min_length=1)
    thinking: Literal["adaptive", "disabled", "between_tools"] | None = None
    """None sends nothing: the model's own default."""
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    """None sends nothing: the model's own default."""
    max_tokens: PositiveInt
    """Output tokens of one call, thinking included."""
    most_tokens: PositiveInt
    """Output tokens when an answer did not fit, and is asked for once more."""

    @model_validator(mode="after")
    def _more_is_more(self) -> ModelSettings:
        if self.most_tokens < self.max_tokens:
            raise ValueError(f"most_tokens ({self.most_tokens}) is less than max_tokens ({self.max_tokens})")
        return self


class Processor(Record):
    """One tier: its budgets, and who does what."""

    name: ProcessorName
    tool_calls: PositiveInt
    """Calls of `search` and `read` that one investigation may make."""
    agentic: bool
    """Plans, grades and synthesizes; otherwise one investigation answers."""
    max_rounds: PositiveInt
    """Rounds of investigation: the planned one and those the grader asks for."""
    max_steps: int = Field(ge=LEAST_STEPS, le=MOST_STEPS)
    """Model calls of one investigation, unless the task says another number."""
    most_steps: int = Field(ge=LEAST_STEPS, le=MOST_STEPS)
    """The most that a task may ask for; more is clamped."""
    roles: Mapping[Role, ModelSettings]

    @model_validator(mode="after")
    def _complete(self) -> Processor:
        if missing := [role for role in ROLES if role not in self.roles]:
            raise ValueError(f"no model for the role {missing[0]!r}")
        return self

    def steps(self, asked: int | None) -> int:
        """Model calls that one investigation may make, when the task asks for so many (None: nothing said)."""
        return self.max_steps if asked is None else min(asked, self.most_steps)


class Rate(Record):
    """US dollars per million tokens. None is not known, and makes every cost that needs it unknown."""

    input: NonNegativeFloat | None = None
    output: NonNegativeFloat | None = None
    cache_read: NonNegativeFloat | None = None
    cache_write: NonNegativeFloat | None = None
    """A write that lives five minutes: the only kind this project makes."""

    def tokens_cost(self, tokens: Tokens) -> float | None:
        """US dollars, or None where a price or a count is not known."""
        return total(_part(getattr(self, kind), getattr(tokens, kind)) for kind in Rate.model_fields)


class LongPrompt(Rate):
    """Other prices for every token of a request whose prompt (fresh, read and written together) is longer."""

    above: PositiveInt
    """Tokens."""


class Price(Rate):
    """What one model costs."""

    search: NonNegativeFloat | None = None
    """US dollars for one web search that the service makes itself."""
    long_prompt: LongPrompt | None = None

    def cost(self, tokens: Tokens, searches: int = 0) -> float | None:
        """US dollars of one call, or None where a price or a count is not known.

        Args:
            tokens: as the service counts them: `input` is neither read from the cache nor written to it.
            searches: web searches that the service made.
        """
        prompt = total((tokens.input, tokens.cache_read, tokens.cache_write))
        if prompt is None:
            return None
        found = 0.0 if not searches else None if self.search is None else self.search * searches
        return total((self.rate(prompt).tokens_cost(tokens), found))

    def rate(self, prompt_tokens: float) -> Rate:
        """What a token costs in a request whose prompt has so many."""
        return self.long_prompt if self.long_prompt is not None and prompt_tokens > self.long_prompt.above else self


class BatchShare(Record):
    """What a request costs in a batch, as a share of what it costs at once. None is not known."""

    tokens: NonNegativeFloat | None = None
    """Of the price of every token: 0.5 is half."""
    search: NonNegativeFloat | None = None
    """Of the price of a web search."""

    def price(self, whole: Price) -> Price:
        """A model's price in a batch."""
        long = whole.long_prompt
        return Price(
            **_shared(whole, self.tokens),
            search=_share(whole.search, self.search),
            long_prompt=None if long is None else LongPrompt(**_shared(long, self.tokens), above=long.above),
        )


def _shared(rate: Rate, share: float | None) -> dict[str, float | None]:
    return {kind: _share(getattr(rate, kind), share) for kind in Rate.model_fields}


def _share(price: float | None, share: float | None) -> float | None:
    return None if price is None or share is None else price * share


class Processors(Record):
    """The whole table. `processors["core"]` is a tier; `processors.price(model)` a price."""

    tiers: Mapping[ProcessorName, Processor]
    prices: Mapping[str, Price]
    batch: BatchShare = BatchShare()

    def __getitem__(self, name: ProcessorName) -> Processor:
        return self.tiers[name]

    def price(self, model: str) -> Price:
        """A model's price; all of it is None where the table does not know the model."""
        return self.prices.get(model, _UNKNOWN)

    @property
    def identity(self) -> str:
        """Changes with whatever can change an answer: every tier's budgets and settings, and no price."""
        return content_key("processors", tiers=self.model_dump(mode="json")["tiers"])[:16]


_UNKNOWN: Final = Price()


def _part(price: float | None, count: int | None) -> float | None:
    if count == 0:
        return 0.0
    return None if price is None or count is None else price * count / _MILLION


def load_processors(path: Path | None = None) -> Processors:
    """The table that ships, with what a user's TOML says laid over it.

    Args:
        path: a file in the form of `processors.toml` that needs to hold only what differs.

    Raises:
        InvalidInput: the file cannot be read, is not TOML, or says what the table has no place for; names each fault.
    """
    if path is None:
        return _shipped()
    try:
        own = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InvalidInput(f"the processors file {path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # TOMLDecodeError and UnicodeDecodeError are ValueErrors
        raise InvalidInput(f"the processors file {path} is not TOML: {error}") from error
    return _parsed(_over(read_table("research.money", "processors.toml"), own), f"the processors file {path}")


@lru_cache(maxsize=1)
def _shipped() -> Processors:
    return _parsed(read_table("research.money", "processors.toml"), "processors.toml")


def _over(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` laid over `under`, table by table; what is not a table replaces what was there."""
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = _over(below, value) if isinstance(value, dict) and isinstance(below, Mapping) else value
    return merged


def _parsed(table: Mapping[str, Any], name: str) -> Processors:
    """A table as objects. A tier's `[roles.all]` holds what its roles share; what a role says itself wins."""
    tiers: dict[str, Any] = {}
    for tier, parts in table.get("tiers", {}).items():
        if not isinstance(parts, Mapping) or not isinstance(roles := parts.get("roles", {}), Mapping):
            raise InvalidInput(
                f"{name} cannot be used:", [Fault(pointer(["tiers", tier]), "must be a table, with a table `roles`")]
            )
        shared = roles.get("all", {})
        own = {role: _over(shared, said) if isinstance(said, Mapping) else said for role, said in roles.items() if role != "all"}
        tiers[tier] = {**parts, "name": tier, "roles": {**{role: shared for role in ROLES if shared}, **own}}
    try:
        return Processors.model_validate({**table, "tiers": tiers})
    except ValidationError as error:
        raise InvalidInput(f"{name} cannot be used:", validation_faults(error)) from error
