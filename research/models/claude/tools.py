"""The tools that Claude has while it investigates: `search`, `read` and those of MCP servers, on the engine's tools."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn, TypeVar

import json_repair
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from research.errors import BudgetExhausted, FetchFailed, ResearchError, SearchFailed, TerminalError, ToolFailed, TransientError
from research.faults import validation_faults
from research.models.claude import quoting
from research.ports.model import PAGES_OF_A_SEARCH, Ask, ResearchTools
from research.ports.page import Hit
from research.ports.tool_servers import ServerTool
from research.ports.waiting import Resumed
from research.records import read_table

if TYPE_CHECKING:
    from anthropic.types import ToolUseBlock


START: Final = (
    "Where it answers a field, no search is needed for that. Where it leads to a page that may, `read` it again with `links`: "
    "they are listed then."
)
HITS: Final = 8
"""Search results that are shown."""
PASSAGES: Final = 14
"""Passages of a page that are shown: those that matter most for what is looked for."""

LINKS: Final = 40
"""Links of a page that are shown where they are asked for."""
PASSAGES_OF_A_RESULT: Final = 6
"""Passages of each page that a search brings along in mode `chat`."""
NAMES: Final = ("search", "read")
"""Of the tools that an agent may be without, in the order in which they are offered."""
ASK: Final = "ask_question"
MOST_CHOICES: Final = 8

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
    links: bool = False


class AskInput(BaseModel):
    """Arguments of `ask_question`."""

    model_config = ConfigDict(extra="forbid")

    question: Words
    choices: Annotated[list[Words], Field(max_length=MOST_CHOICES)] = []


Input = TypeVar("Input", SearchInput, ReadInput, AskInput)


class _WrongInput(Exception):
    """A tool was called with what it does not take. Written for the model."""

    def __init__(self, tool: str, error: ValidationError) -> None:
        faults = "; ".join(map(str, validation_faults(error)))
        super().__init__(f"The input of {tool} is wrong ({faults}). Nothing was done. Call it again with the right input.")


@lru_cache(maxsize=8)
def tool_definitions(
    names: tuple[str, ...] = NAMES, *, search_only: bool = False, questions: bool = False
) -> tuple[Mapping[str, Any], ...]:
    """The tools, as the Messages API takes them.

    Args:
        names: those that the agent has.
        search_only: mode `chat`.
        questions: whether people may be asked.
    """
    table = read_table("research.models.claude", "prompt_texts/tools.toml")
    tools = [tool for tool in table["chat_tools" if search_only else "tools"] if tool["name"] in names]
    return (*tools, *(table["question_tools"] if questions else ()))


def server_tool_definition(tool: ServerTool) -> Mapping[str, Any]:
    """A server's tool, as the Messages API takes it. What the server says of it stands in a fence, and is data."""
    said = quoting.fenced("tool", ((f"{quoting.one_line(tool.server)} says of it:", tool.described),)) if tool.described else ""
    ours = f"A tool of the MCP server {tool.server}, which the person who asks has named. Each call counts as one tool call."
    return {"name": tool.name, "description": f"{ours}\n{said}".strip(), "input_schema": dict(tool.arguments)}


class ToolRunner:
    """Runs the tool calls of one investigation. An error is the result of its call: the model may try another.

    Args:
        tools: the engine's.
        server_tools: those of MCP servers that the model is offered.
        looked_for: what the investigation wants to know: by it, passages of a long answer are chosen.
    """

    def __init__(self, tools: ResearchTools, server_tools: Sequence[ServerTool] = (), looked_for: str = "") -> None:
        self._tools = tools
        self.server_tools = tuple(server_tools)
        self._looked_for = looked_for[:MOST_WORDS]
        self.read_any = False
        self.outage: TransientError | None = None
        """The last search or fetch that failed in passing."""

    @property
    def names(self) -> tuple[str, ...]:
        """The tools that may be used."""
        return tuple(name for name in NAMES if self._tools.has(name) and not (name == "read" and self._tools.search_only))

    @property
    def calls_left(self) -> int:
        return self._tools.tool_calls_left if self.names or self.server_tools else 0

    async def use(self, call: ToolUseBlock) -> dict[str, Any]:
        """The result of one call, as a block in its wire form."""
        try:
            content, is_error = await self._do(call), False
        except (SearchFailed, FetchFailed) as error:
            self.outage = error
            content, is_error = _error_text(error), True
        except ToolFailed as error:  # a tool is missing, and no answer with it: the row goes on
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

    def questions(self, calls: Sequence[ToolUseBlock]) -> dict[str, Ask]:
        """Those of a turn's calls that put a question to people and can be asked, by the ids of the calls."""
        asked: dict[str, Ask] = {}
        for call in calls:
            if call.name == ASK and len(asked) < self._tools.questions_left:
                try:
                    arguments = _input(AskInput, call)
                except _WrongInput:
                    continue
                asked[call.id] = Ask(arguments.question, tuple(arguments.choices))
        return asked

    def ask(self, asked: Mapping[str, Ask], conversation: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> NoReturn:
        """Leave off until people have answered.

        Args:
            asked: by the ids of the calls.
            conversation: as it stands, with these calls.
            results: of the other calls of the same turn.

        Raises:
            ActionRequired: always.
        """
        state = {
            "conversation": dict(conversation),
            "results": list(results),
            "calls": list(asked),
            "read_any": self.read_any,
        }
        self._tools.ask(tuple(asked.values()), state)

    def answered(self, resumed: Resumed) -> list[Mapping[str, Any]]:
        """The results of the turn in which people were asked, who have answered."""
        self.read_any = bool(resumed.state["read_any"])
        answers = [
            {"type": "tool_result", "tool_use_id": call, "content": f"The answer: {resumed.answers[question.id]}"}
            for call, question in zip(resumed.state["calls"], resumed.questions, strict=True)
        ]
        return [*resumed.state["results"], *answers]

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
            parts.append(f"# The page to begin with\n\n{START}\n\n{shown}")
        if documents := await self._tools.documents():
            listed = quoting.quote_hits(documents)
            how = "`search` finds them." if self._tools.search_only else "`search` finds them, and `read` reads them."
            parts.append(f"# Documents given with the task\n\n{how}\n\n{listed}")
        return "\n\n".join(parts) or None

    async def _read(self, asked: ReadInput) -> str:
        passages = await self._tools.read(asked.url, asked.about, PASSAGES)
        self.read_any = self.read_any or bool(passages)
        shown = quoting.quote_page(asked.url, "", passages) if passages else "The page holds no text."
        if not asked.links:
            return shown
        links = self._tools.links(asked.url, asked.about, LINKS)
        return f"{shown}\n\n{quoting.quote_links(links) if links else 'The page has no links that can be read.'}"

    async def _do(self, call: ToolUseBlock) -> str:
        match call.name:
            case "search" if "search" in self.names:
                arguments = _input(SearchInput, call)
                hits = await self._tools.search(arguments.query, HITS)
                if not hits:
                    return "No results. Try other words."
                listed = quoting.quote_hits(hits)
                return await self._with_pages(listed, hits, arguments.query) if self._tools.search_only else listed
            case "read" if "read" in self.names:
                return await self._read(_input(ReadInput, call))
            case "ask_question":
                _input(AskInput, call)
                raise BudgetExhausted("nobody can be asked any more: decide it yourself, and say what you took it to mean")
            case name if any(tool.name == name for tool in self.server_tools):
                url, passages = await self._tools.call_tool(name, _arguments(call), self._looked_for, PASSAGES)
                self.read_any = self.read_any or bool(passages)
                return quoting.quote_page(url, "", passages) if passages else "It returned no text."
            case other:
                there_are = ", ".join([*self.names, *(tool.name for tool in self.server_tools)])
                raise TerminalError(f"there is no tool {other!r:.80}; there are: {there_are or 'none'}")

    async def _with_pages(self, listed: str, hits: Sequence[Hit], query: str) -> str:
        """Search results with what the pages of the first of them say."""

        async def page(hit: Hit) -> str:
            try:
                passages = await self._tools.read(hit.url, query, PASSAGES_OF_A_RESULT)
            except FetchFailed as error:
                self.outage = error
                return _error_text(error)
            except (TerminalError, BudgetExhausted) as error:
                return _error_text(error)
            self.read_any = self.read_any or bool(passages)
            return quoting.quote_page(hit.url, hit.title, passages) if passages else "The page holds no text."

        return "\n\n".join([listed, *await asyncio.gather(*map(page, hits[:PAGES_OF_A_SEARCH]))])


def _arguments(call: ToolUseBlock) -> Mapping[str, Any]:
    """The arguments for a server's tool, which the server checks itself.

    Raises:
        TerminalError: they are no object.
    """
    arguments: Any = json_repair.loads(call.input) if isinstance(call.input, str) else call.input
    if not isinstance(arguments, dict):
        raise TerminalError(f"the input of {call.name} must be an object. Nothing was done. Call it again with the right input.")
    return arguments


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
