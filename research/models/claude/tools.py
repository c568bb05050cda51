"""The tools that Claude has while it investigates: `search` and `read`, on the engine's tools."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import json_repair
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from research.errors import BudgetExhausted, FetchFailed, ResearchError, SearchFailed, TerminalError, TransientError
from research.faults import validation_faults
from research.models.claude import quoting
from research.ports.model import ResearchTools
from research.records import read_table

if TYPE_CHECKING:
    from anthropic.types import ToolUseBlock


HITS: Final = 8
"""Search results that are shown."""
PASSAGES: Final = 14
"""Passages of a page that are shown: those that matter most for what is looked for."""

MOST_WORDS: Final = 2000
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MOST_WORDS)]


class SearchInput(BaseModel):
    """Arguments of `search`."""

    model_config = ConfigDict(extra="forbid", title=None)

    query: Words


class ReadInput(BaseModel):
    """Arguments of `read`."""

    model_config = ConfigDict(extra="forbid")

    url: Words
    about: Words


Input = TypeVar("Input", SearchInput, ReadInput)


class _WrongInput(Exception):
    """A tool was called with what it does not take. Written for the model."""

    def __init__(self, tool: str, error: ValidationError) -> None:
        faults = "; ".join(map(str, validation_faults(error)))
        super().__init__(f"The input of {tool} is wrong ({faults}). Nothing was done. Call it again with the right input.")


@lru_cache(maxsize=1)
def tool_definitions() -> tuple[Mapping[str, Any], ...]:
    """The tools, as the Messages API takes them."""
    return tuple(read_table("research.models.claude", "prompt_texts/tools.toml")["tools"])


class ToolRunner:
    """Runs the tool calls of one investigation. An error is the result of its call: the model may try another."""

    def __init__(self, tools: ResearchTools) -> None:
        self._tools = tools
        self.read_any = False
        self.outage: TransientError | None = None
        """The last search or fetch that failed in passing."""

    @property
    def calls_left(self) -> int:
        return self._tools.tool_calls_left

    async def use(self, call: ToolUseBlock) -> dict[str, Any]:
        """The result of one call, as a block in its wire form."""
        try:
            content, is_error = await self._do(call), False
        except (SearchFailed, FetchFailed) as error:
            self.outage = error
            content, is_error = _error_text(error), True
        except BudgetExhausted as error:
            content, is_error = f"Not done: {quoting.one_line(str(error))}. Answer with what you have.", True
        except TerminalError as error:
            if error.stops_run:  # a search provider's wrong key: every row would meet it
                raise
            content, is_error = _error_text(error), True
        except _WrongInput as error:
            content, is_error = str(error), True
        result = {"type": "tool_result", "tool_use_id": call.id, "content": content}
        return {**result, "is_error": True} if is_error else result

    async def task_sources(self, looked_for: str) -> str | None:
        """What the task itself names, for the first turn: its start page, read, and the documents that came with it."""
        parts = []
        if self._tools.start is not None and self.calls_left > 0:
            try:
                shown = await self._read(ReadInput(url=self._tools.start, about=looked_for[:MOST_WORDS]))
            except FetchFailed as error:
                self.outage, shown = error, _error_text(error)
            except (TerminalError, BudgetExhausted) as error:
                shown = _error_text(error)
            parts.append(f"# The page to begin with\n\nWhere it answers a field, no search is needed for that.\n\n{shown}")
        if documents := await self._tools.documents():
            listed = quoting.quote_hits(documents)
            parts.append(f"# Documents given with the task\n\n`search` finds them, and `read` reads them.\n\n{listed}")
        return "\n\n".join(parts) or None

    async def _read(self, asked: ReadInput) -> str:
        passages = await self._tools.read(asked.url, asked.about, PASSAGES)
        self.read_any = self.read_any or bool(passages)
        return quoting.quote_page(asked.url, "", passages) if passages else "The page holds no text."

    async def _do(self, call: ToolUseBlock) -> str:
        match call.name:
            case "search":
                arguments = _input(SearchInput, call)
                hits = await self._tools.search(arguments.query, HITS)
                return quoting.quote_hits(hits) if hits else "No results. Try other words."
            case "read":
                return await self._read(_input(ReadInput, call))
            case other:
                raise TerminalError(f"there is no tool {other!r}; there are: search, read")


def _input(kind: type[Input], call: ToolUseBlock) -> Input:
    """A call's arguments; servers that are not Anthropic's own also send them as text.

    Raises:
        _WrongInput: they are not what the tool takes.
    """
    arguments: Any = call.input
    try:
        return kind.model_validate(json_repair.loads(arguments) if isinstance(arguments, str) else arguments)
    except ValidationError as error:
        raise _WrongInput(call.name, error) from error


def _error_text(error: ResearchError) -> str:
    """An error, for the model. A page's own words may stand in it."""
    return quoting.fenced("error", (("Not done:", quoting.one_line(str(error))),))
