"""Estimates what a table will cost before anything is spent: three guesses at how hard the rows are, times the tier's prices.

docs/cost.md explains the model. A row is a conversation that grows: each turn sends the earlier turns again (read from the prompt
cache) and what the last search or page returned (new). `low` is a row that takes two tool calls, `likely` one that takes half of
the tier's tool calls, `high` one that takes all of them. Retries and corrected answers are left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final, get_args

from research.display.figures import count
from research.identity import canonical_json
from research.models.names import TIERS_OWN
from research.money.amounts import dollars, total
from research.money.processors import ModelSettings, Price, Processor, Role
from research.money.usage import Tokens
from research.output_schema.output_spec import OutputSpec
from research.ports.search import Search
from research.ports.world import World
from research.search.merged import MergedSearch
from research.search.settings import PricedName, SearchSettings
from research.task.task import Task

CHARACTERS_PER_TOKEN: Final = 3.5
INSTRUCTIONS: Final = 1_400
"""Tokens of instructions and tools, the same for every row."""
TOOL_RESULT: Final = 1_800
"""Tokens of the result of a search or a page, on average."""
TOOL_CALL: Final = 80
"""Tokens that a model writes to call a tool."""
FIELD: Final = 70
"""Tokens of one field's answer: value, passages, reasoning."""
ANSWER: Final = 200
"""Tokens of an answer beside its fields."""
SEARCHES: Final = 0.5
"""The share of tool calls that search; the others read a page."""
SERVICE_SEARCH: Final = Tokens(input=12_000, output=500)
"""Of one search by Claude's own service: the model that passes the query on reads the results."""
THINKING: Final = {None: 400, "low": 200, "medium": 400, "high": 800, "xhigh": 1_500, "max": 2_500}
"""Tokens of thinking in one turn, by effort, where the model thinks."""


@dataclass(frozen=True, slots=True)
class Guess:
    """US dollars and tokens of one row. None: not known."""

    usd: float | None
    tokens_input: int
    """All input tokens, whether read from the cache or not."""
    tokens_output: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the rows that are left will cost."""

    rows: int
    low: Guess
    likely: Guess
    high: Guess
    unpriced: tuple[str, ...] = ()
    """Models whose price is not known."""

    def usd(self, guess: Guess) -> float | None:
        """US dollars of all rows that are left."""
        return None if guess.usd is None else guess.usd * self.rows

    def as_json(self) -> dict[str, Any]:
        guesses = {"low": self.low, "likely": self.likely, "high": self.high}
        return {
            "rows": self.rows,
            **{f"{name}_usd": self.usd(guess) for name, guess in guesses.items()},
            "row": {name: asdict(guess) for name, guess in guesses.items()},
            "unpriced": list(self.unpriced),
        }

    def __str__(self) -> str:
        tokens = f"{self.likely.tokens_input:,} tokens in and {self.likely.tokens_output:,} out a row"
        if self.unpriced:
            return f"unknown: no price is known for {', '.join(self.unpriced)} (likely {tokens})"
        low, likely, high = (dollars(self.usd(guess) or 0.0) for guess in (self.low, self.likely, self.high))
        rows = count(self.rows, "row")
        return f"likely {likely}, between {low} and {high}, for {rows} (likely {tokens}); an estimate, see docs/cost.md"


@dataclass(slots=True)
class _Bill:
    """The sum of one row's calls."""

    usd: float | None = 0.0
    input: int = 0
    output: int = 0

    def call(self, price: Price, *, new: int, cached: int, written: int) -> None:
        """One call: `new` tokens that the next call will read from the cache, `cached` that this one reads, `written` output."""
        tokens = Tokens(input=0, output=written, cache_read=cached, cache_write=new)
        cost = price.cost(tokens)
        if cost is None:  # a service without a prompt cache
            cost = price.cost(Tokens(input=new + cached, output=written))
        self.usd = total((self.usd, cost))
        self.input += new + cached
        self.output += written


@dataclass(frozen=True, slots=True)
class _Row:
    processor: Processor
    price: Callable[[str], Price]
    model: str | None
    fields: int
    question: int
    """Tokens of the objective and the row."""
    schema: int
    """Tokens of the output schema: the same for every row."""
    search_usd: float | None
    """US dollars of one search; None is not known."""

    def guess(self, tool_calls: int, subqueries: int, rounds: int) -> Guess:
        bill = _Bill()
        if not self.processor.agentic:
            self._investigation(bill, tool_calls, self.fields)
            return Guess(bill.usd, bill.input, bill.output)
        share = max(1, -(-self.fields // subqueries))
        finding = ANSWER + FIELD * share
        self._call(bill, "plan", new=self.question, written=60 * subqueries)
        for _ in range(subqueries):
            self._investigation(bill, tool_calls, share)
        for _ in range(rounds):
            self._call(bill, "grade", new=self.question + finding * subqueries, written=30 * self.fields + 100)
        written = ANSWER + FIELD * self.fields + 800  # the report
        self._call(bill, "synthesize", new=self.question + 2 * finding * subqueries, written=written)
        return Guess(bill.usd, bill.input, bill.output)

    def _investigation(self, bill: _Bill, tool_calls: int, fields: int) -> None:
        cached, new = INSTRUCTIONS + self.schema, self.question
        bill.usd = total((bill.usd, None if self.search_usd is None else self.search_usd * math.ceil(SEARCHES * tool_calls)))
        for _ in range(tool_calls):
            written = self._call(bill, "investigate", new=new, cached=cached, written=TOOL_CALL)
            cached, new = cached + new, written + TOOL_RESULT
        self._call(bill, "investigate", new=new, cached=cached, written=ANSWER + FIELD * fields)

    def _call(self, bill: _Bill, role: Role, *, new: int, written: int, cached: int | None = None) -> int:
        settings = self.processor.roles[role]
        written += 0 if settings.thinking in (None, "disabled") else THINKING[settings.effort]
        cached = INSTRUCTIONS + self.schema if cached is None else cached
        bill.call(self.price(self.model or settings.model), new=new, cached=cached, written=written)
        return written


def estimate(
    spec: OutputSpec,
    processor: Processor,
    price: Callable[[str], Price],
    *,
    rows: int,
    row_characters: float,
    max_subqueries: int,
    model: str | None = None,
    search_usd: float | None = 0.0,
) -> Estimate:
    """Estimate the rows that are left.

    Args:
        price: a model's price, by its id.
        rows: how many are left.
        row_characters: of an average row's objective and cells.
        max_subqueries: of one row (research tier).
        model: a model that stands in for the tier's own.
        search_usd: US dollars of one search; None is not known.
    """
    row = _Row(
        processor,
        price,
        model,
        fields=len(spec.fields),
        question=_tokens(row_characters),
        schema=_tokens(len(canonical_json(dict(spec.schema)))),
        search_usd=search_usd,
    )
    budget, rounds = processor.tool_calls, processor.max_rounds - 1
    used: list[ModelSettings] = [processor.roles["investigate"]]
    if processor.agentic:
        used += [processor.roles[role] for role in ("plan", "grade", "synthesize")]
    names = dict.fromkeys(model or settings.model for settings in used)
    return Estimate(
        rows=rows,
        low=row.guess(min(2, budget), 1, min(1, rounds)),
        likely=row.guess(min(budget, max(2, -(-budget // 2))), -(-max_subqueries // 2), min(1, rounds)),
        high=row.guess(budget, max_subqueries, rounds),
        unpriced=(
            *(name for name in names if None in (price(name).input, price(name).output)),
            *(() if search_usd is not None else ("the search",)),
        ),
    )


def keyless_estimate(spec: OutputSpec, *, rows: int, max_subqueries: int, search_usd: float | None) -> Estimate | None:
    """What a model that costs nothing pays for searches: one for each sub-query, two where the first finds nothing.

    Returns None if that is nothing.

    Args:
        rows: how many are left.
        max_subqueries: of one row.
        search_usd: US dollars of one search; None is not known.
    """
    if search_usd == 0:
        return None
    subqueries = min(max_subqueries, max(1, math.ceil(len(spec.fields) / 2)))

    def guess(searches: int) -> Guess:
        return Guess(None if search_usd is None else search_usd * searches, 0, 0)

    unpriced = () if search_usd is not None else ("the search",)
    return Estimate(rows, guess(subqueries), guess(subqueries), guess(2 * subqueries), unpriced)


def search_usd(providers: Iterable[str], settings: SearchSettings, price: Callable[[str], Price]) -> float | None:
    """US dollars of one search by several providers; None if a price is not known.

    Args:
        providers: their names.
        settings: the prices of all providers.
        price: a model's price, by its id.
    """

    def one(name: str) -> float | None:
        if name == "claude_web":
            model = price(settings.claude_model)
            return total((model.search, model.cost(SERVICE_SEARCH)))
        return next((settings.price(known) for known in get_args(PricedName) if known == name), 0.0)

    return total(one(name) for name in providers)


def world_search_usd(world: World, prices: SearchSettings) -> float | None:
    """US dollars of one search in a world; None if a price is not known.

    Args:
        prices: those of search providers.
    """
    return search_usd(_providers(world.search), prices, world.processors.price)


def task_estimate(
    task: Task,
    world: World,
    prices: SearchSettings,
    *,
    spec: OutputSpec | None = None,
    rows: int = 1,
    row_characters: float | None = None,
    in_batches: bool = False,
) -> Estimate | None:
    """What tasks like this one will cost in a world; None: nothing.

    Args:
        prices: those of search providers.
        spec: what is asked for; None: what the task asks for.
        rows: how many tasks.
        row_characters: of an average objective, and its cells; None: those of this task's objective.
        in_batches: whether the model is asked in batches, which search by themselves.
    """
    spec, processors = spec or task.output_schema, world.processors
    search = 0.0 if in_batches else world_search_usd(world, prices)
    if world.model.keyless:
        return keyless_estimate(spec, rows=rows, max_subqueries=task.max_subqueries, search_usd=search)
    return estimate(
        spec,
        processors[task.processor],
        (lambda name: processors.batch.price(processors.price(name))) if in_batches else processors.price,
        rows=rows,
        row_characters=len(task.task) if row_characters is None else row_characters,
        max_subqueries=task.max_subqueries,
        model=None if world.model.name == TIERS_OWN else world.model.name,
        search_usd=search,
    )


def longest_answer_usd(task: Task, world: World) -> float | None:
    """What the output of the dearest call may cost that a task can make: so much is reserved while it is under way. None: not
    known."""
    model = None if world.model.name == TIERS_OWN else world.model.name
    longest = [
        world.processors.price(model or role.model).cost(Tokens(input=0, output=role.most_tokens))
        for role in world.processors[task.processor].roles.values()
    ]
    return None if None in longest else max(usd for usd in longest if usd is not None)


def _providers(search: Search) -> tuple[str, ...]:
    return search.names if isinstance(search, MergedSearch) else (search.name,)


def _tokens(characters: float) -> int:
    return round(characters / CHARACTERS_PER_TOKEN) + 1
