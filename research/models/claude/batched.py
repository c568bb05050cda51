"""`BatchedClaude`: one request a row, answered in a batch. The service searches and reads; quotes are found again in the pages.

The model names its passages itself: `quotes`, each with an address and words copied from there. Afterwards the tools reads these
pages, and each quote is looked for in them. A quote that is found stands for the page's own passages from then on; one that is
not found is no passage, so that the evidence rules drop what rests on it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final, Protocol

from anthropic.types import Message
from pydantic import BaseModel, ValidationError

from research.errors import (
    BudgetExhausted,
    ContextOverflow,
    FetchFailed,
    FetchRefused,
    InvalidAnswer,
    ModelRefused,
    PageUnreadable,
    RequestRejected,
)
from research.faults import validation_faults
from research.identity import content_key
from research.models.anthropic.batches import BatchClient
from research.models.anthropic.metering import cost_usd, max_usd, used
from research.models.claude import messages
from research.models.claude.answer_schema import AnswerSchema
from research.models.claude.cache_warmup import CacheWarmup
from research.models.claude.conversation import Conversation, ConversationKind
from research.models.claude.json_reply import Unreadable, json_object, text_of
from research.models.claude.model import ClaudeModel
from research.models.claude.prompts import Prompts
from research.models.claude.quotes import find_quote
from research.money.budget import Budget
from research.money.processors import Price, ProcessorName
from research.money.usage import Usage
from research.money.usage_ledger import UsageLedger
from research.output_schema.output_spec import OutputSpec
from research.ports.model import Checker, ResearchTools
from research.ports.page import Passage
from research.ports.sessions import EarlierTask
from research.ports.tool_servers import ServerTool
from research.ports.work import Draft, FieldAnswer, Grade, Investigated, Plan, SubQuery
from research.result.citation_numbers import renamed
from research.task.task import SourcePolicy, Task

VERSION: Final = 1
"""Raise it when the same request, or the same answer, gives other results."""

TURNS: Final = 4
"""Requests at most for one row: an answer that was interrupted, cut off or malformed is requested again in another batch."""
CORRECTIONS: Final = 1
"""How often a malformed answer may be corrected."""
SEARCH_TOOL: Final = "web_search_20250305"
"""The service's web search without code execution, which models of every tier take."""
NOWHERE: Final = "p0"
"""The id of a passage that does not exist."""

_STRING: Final = {"type": "string"}


class RequestQueue(Protocol):
    """Gathers requests into batches, pays for them, and waits."""

    async def ask(self, name: str, params: Mapping[str, Any], max_usd: float | None) -> Message:
        """The answer to one request. A request whose name is in a batch already is not sent again.

        Raises:
            ModelUnavailable, RequestRejected, AccessDenied: there is no answer.
            BudgetExhausted: the budget cannot pay for it.
        """
        ...

    async def discard(self, names: Iterable[str]) -> None:
        """Drop these answers, so that the same requests are sent again."""
        ...


class Quote(BaseModel):
    """A quote of a page, in the model's words."""

    id: str
    url: str
    quote: str


class _Quotes(BaseModel):
    quotes: list[Quote]


@dataclass(frozen=True, slots=True)
class _Called:
    message: Message
    usage: Usage
    cost_usd: float | None


class BatchedClaude:
    """Claude in batches behind the `Model` port. Only tiers of one investigation; no grading, no verification.

    Args:
        inner: supplies settings, prompts and prices.
        client: the service's batches.
    """

    keyless = False

    def __init__(self, inner: ClaudeModel, client: BatchClient) -> None:
        self.client = client
        self._inner = inner
        text = files("research.models.claude").joinpath("prompt_texts/batch.md").read_text("utf-8")
        self._prompts = Prompts((*inner.prompts.texts, ("batch", text)))
        self._queue: RequestQueue | None = None
        self._untyped: set[OutputSpec] = set()

    @property
    def name(self) -> str:
        return self._inner.name

    @property
    def identity(self) -> str:
        parts = {"version": VERSION, "inner": self._inner.identity, "prompts": self._prompts.identity, "tool": SEARCH_TOOL}
        return f"claude-batch/{content_key('batched claude', **parts)[:16]}"

    def with_queue(self, queue: RequestQueue) -> BatchedClaude:
        """A copy of this model that sends its requests through a queue."""
        queued = copy.copy(self)
        queued._queue = queue
        return queued

    def continuing(self, task: Task, earlier: Sequence[EarlierTask]) -> tuple[BatchedClaude, None]:
        told = copy.copy(self)
        told._inner, _ = self._inner.continuing(task, earlier)
        return told, None

    def unpriced(self, processor: ProcessorName) -> tuple[str, ...]:
        return self._inner.unpriced(processor)

    def cost_usd(self, model: str, message: Message) -> float | None:
        """What an answer cost, in a batch."""
        return cost_usd(used(message.usage), self.price(model))

    def price(self, model: str) -> Price:
        """What a model costs in a batch."""
        table = self._inner.processors
        return table.batch.price(table.price(model))

    async def investigate(self, task: Task, subquery: SubQuery, tools: ResearchTools, ledger: UsageLedger) -> Draft:
        typed = task.output_schema not in self._untyped
        try:
            return await self._investigate(task, subquery, tools, ledger, typed)
        except RequestRejected as error:
            if not typed or not error.about_form:
                raise
        self._untyped.add(task.output_schema)
        return await self._investigate(task, subquery, tools, ledger, typed=False)

    async def plan(self, task: Task, max_subqueries: int, ledger: UsageLedger, server_tools: Sequence[ServerTool] = ()) -> Plan:
        raise RequestRejected("a batch is one request a row: nothing is planned")

    async def grade(
        self,
        task: Task,
        work: Sequence[Investigated],
        max_subqueries: int,
        ledger: UsageLedger,
        server_tools: Sequence[ServerTool] = (),
    ) -> Grade:
        raise RequestRejected("a batch is one request a row: nothing is graded")

    async def synthesize(self, task: Task, work: Sequence[Investigated], check: Checker, ledger: UsageLedger) -> Draft:
        raise RequestRejected("a batch is one request a row: nothing is put together")

    async def _investigate(self, task: Task, subquery: SubQuery, tools: ResearchTools, ledger: UsageLedger, typed: bool) -> Draft:
        if self._queue is None:
            raise RuntimeError("this model has no queue: use `with_queue`")
        answer_schema = AnswerSchema.of(task.output_schema, typed=typed)
        agent = next(iter(task.agent_profiles), None)  # an investigation has one at most
        system = self._prompts.system("batch", task.output_schema, answers=True, agent=agent)
        schema = {**answer_schema.schema, "properties": {"quotes": _QUOTES, **answer_schema.schema["properties"]}}
        schema["required"] = ["quotes", *answer_schema.schema["required"]]
        kind = ConversationKind("batch", system, schema, (_search_tool(task.source_policy, tools.tool_calls_left),))
        work = content_key("batched", model=self.identity, task=task.identity(), fields=list(subquery.fields), typed=typed)
        calls = _Calls(self, self._queue, work)
        conversation = Conversation(calls, self._inner.settings(task, "investigate"), kind, TURNS, _NoWarmup(), ledger)
        conversation.say(self._inner.task_message(task), messages.question_message(task, subquery, tools.tool_calls_left))
        try:
            draft, quotes = await _get_answer(conversation, answer_schema, subquery.fields)
        except (InvalidAnswer, ModelRefused, ContextOverflow):
            await self._queue.discard(calls.names)
            raise
        tools.found(_found_urls(conversation.messages))
        found, missing = await _find_quotes(quotes, tools)
        return _with_passages(draft, found, missing).changed(model=conversation.model)


class _Calls:
    """One row's calls, each sent through the queue under a name derived from the work."""

    def __init__(self, model: BatchedClaude, queue: RequestQueue, work: str) -> None:
        self._model = model
        self._queue = queue
        self._work = work
        self.names: list[str] = []

    async def create(self, params: Mapping[str, Any], *, purpose: str, budget: Budget) -> _Called:
        # The queue reserves from the same budget, when it creates a batch.
        name = content_key(purpose, work=self._work, turn=len(self.names))
        self.names.append(name)
        message = await self._queue.ask(name, params, max_usd(params, self._model.price(str(params["model"]))))
        return _Called(message, used(message.usage), self._model.cost_usd(params["model"], message))


class _NoWarmup(CacheWarmup):
    """Sends every call at once: in a batch none waits for another."""

    async def call(self, prefix: str, make: Callable[[], Any]) -> Any:
        return await make()


def _search_tool(policy: SourcePolicy | None, most: int) -> dict[str, Any]:
    """The service's web search. What it cannot express (`.gov`, a date) is in the prompt, and enforced when pages are read."""
    tool: dict[str, Any] = {"type": SEARCH_TOOL, "name": "web_search", "max_uses": max(1, most)}
    if policy is None:
        return tool
    if policy.include_domains:
        if not any(domain.startswith(".") for domain in policy.include_domains):
            tool["allowed_domains"] = list(policy.include_domains)
    elif blocked := [domain for domain in policy.exclude_domains if not domain.startswith(".")]:
        tool["blocked_domains"] = blocked
    return tool


def _object(parts: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(parts), "required": list(parts), "additionalProperties": False}


_QUOTES: Final = {"type": "array", "items": _object({"id": _STRING, "url": _STRING, "quote": _STRING})}


async def _get_answer(
    conversation: Conversation, answer_schema: AnswerSchema, fields: Sequence[str]
) -> tuple[Draft, list[Quote]]:
    corrections = CORRECTIONS
    while True:
        message = await conversation.turn()
        try:
            return _read(text_of(message), answer_schema, fields)
        except Unreadable as reason:
            if not corrections or conversation.steps_left <= 0:
                raise InvalidAnswer("the model's answer is not in the form that was asked for", reason.faults) from None
            corrections -= 1
            conversation.say(messages.faults_message(reason.faults))


def _read(text: str, answer_schema: AnswerSchema, fields: Sequence[str]) -> tuple[Draft, list[Quote]]:
    """An answer in the batch's form, as a draft and the quotes that it stands on.

    Raises:
        Unreadable: it is not in the form.
    """
    draft = answer_schema.draft(text, fields)
    try:
        quotes = _Quotes.model_validate(json_object(text)).quotes
    except ValidationError as error:
        raise Unreadable(tuple(validation_faults(error))) from None
    return draft, [Quote(id=quote.id.strip(" []").lower(), url=quote.url, quote=quote.quote) for quote in quotes]


def _found_urls(messages_: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """What the service's own search found. The model's words are not among it: an address that it makes up is not read."""
    for message in messages_:
        for block in message["content"] if message["role"] == "assistant" else ():
            results = block.get("content") if block["type"] == "web_search_tool_result" else None
            if isinstance(results, list):
                yield from (str(each["url"]) for each in results if each.get("url"))


async def _find_quotes(quotes: Sequence[Quote], tools: ResearchTools) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    """The passages that contain each quote, by the quote's id; and for each quote without any, the reason.

    Raises:
        FetchFailed: no page arrived at all, which is an outage and no fact about the row.
    """
    pages: dict[str, tuple[Passage, ...]] = {}
    unread: dict[str, str] = {}
    outage: FetchFailed | None = None
    found: dict[str, tuple[str, ...]] = {}
    missing: dict[str, str] = {}
    for quote in quotes:
        if quote.url not in pages and quote.url not in unread:
            try:
                pages[quote.url] = await tools.read(quote.url)
            except FetchFailed as error:
                outage, unread[quote.url] = error, str(error)
            except (FetchRefused, PageUnreadable, BudgetExhausted) as error:
                unread[quote.url] = str(error)
        ids = find_quote(quote.quote, pages.get(quote.url, ()))
        if ids:
            found[quote.id] = ids
        else:
            missing[quote.id] = unread.get(quote.url, f"{quote.url}: the quote does not stand there")
    if outage is not None and not pages:
        raise outage
    return found, missing


def _with_passages(draft: Draft, found: Mapping[str, tuple[str, ...]], missing: Mapping[str, str]) -> Draft:
    """The draft, with passages of the pages in place of its quotes."""

    def passages(ids: Iterable[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each for quote in ids for each in found.get(quote, ())))

    def one(answer: FieldAnswer) -> FieldAnswer:
        why = "; ".join(dict.fromkeys(missing[each] for each in answer.passages if each in missing))
        reasoning = f"{answer.reasoning} (A quote could not be found again. {why})".strip() if why else answer.reasoning
        return answer.changed(passages=passages(answer.passages), against=passages(answer.against), reasoning=reasoning)

    summary = renamed(draft.summary, lambda quote: ", ".join(found.get(quote, (NOWHERE,))))
    return draft.changed(answers=tuple(map(one, draft.answers)), summary=summary)
