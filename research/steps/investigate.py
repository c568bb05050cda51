"""Investigate: answer one sub-query with what can be found, inside the tool budget."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NoReturn

from research.errors import BudgetExhausted, Fault, FetchRefused, PageUnreadable, ResearchError
from research.evidence.scratchpad import Scratchpad, prepare
from research.faults import shortened
from research.money.usage import Usage
from research.money.usage_ledger import UsageLedger
from research.ports.fetcher import AtHand, Fetcher, Guarded, Sends
from research.ports.model import PAGES_OF_A_SEARCH, Ask
from research.ports.page import Hit, Link, Page, Passage
from research.ports.tool_servers import ServerTool
from research.ports.waiting import QuestionsAsked, ReadAt, Resumed, Standing, Suspended, ToolsState
from research.ports.work import Draft, Investigated, SubQuery
from research.ports.world import World
from research.steps.agents import agent_of, as_agent_sees
from research.steps.asking import QUESTIONS, Asking, numbered
from research.steps.attached_documents import AttachedDocuments
from research.steps.draft_checks import faults_of
from research.steps.kept_work import kept_of
from research.steps.page_links import PageLinks
from research.steps.readable import NO, ReadableAddresses
from research.steps.reading_order import ReadingOrder
from research.steps.sayable_queries import SayableQueries
from research.steps.server_tools import ServerTools, is_answer, new_addresses
from research.task.decisions import Asked
from research.task.source_policy import SourcePolicy
from research.task.task import Task
from research.task.urls import is_web

_COUNTS: Final = (
    "tool_calls",
    "pages_fetched",
    "scratchpad_chunks_indexed",
    "scratchpad_chunks_used",
    "scratchpad_searches",
)
"""What tools count in `Usage`."""


class TaskTools:
    """The engine's `ResearchTools`: counts every call, keeps to the source policy, reads each page once, and lets no data of the
    row out by a query or an address."""

    def __init__(
        self,
        task: Task,
        subquery: SubQuery,
        world: World,
        ledger: UsageLedger,
        *,
        tool_calls: int,
        max_fetches: int,
        standing: Standing | None = None,
    ) -> None:
        self._task = task
        self._subquery = subquery
        self._world = world
        self._ledger = ledger
        self._tool_calls_allowed = tool_calls
        self._max_fetches = max_fetches
        self._hashes: dict[str, str] = {}
        self._fetching: dict[str, asyncio.Lock] = {}
        self._order = ReadingOrder()
        self._considered: dict[str, Hit] = {}
        self._given = AttachedDocuments(task, world)
        self._queries = SayableQueries(task, world)
        self._readable = ReadableAddresses(task)
        self._links = PageLinks(self._readable, task.source_policy, world.fetcher)
        self._server_tools = ServerTools(task, world)
        self._searched: set[str] = set()
        """In mode `chat`: what may be read."""
        self._answers = standing.answers if standing is not None else {}
        self.asked: tuple[Asked, ...] = ()
        """What was asked and answered."""
        self.resumed: Resumed | None = None
        self._counted_before = Usage()
        """What they had done when they were resumed."""
        self._refused_reads: list[str] = []
        self.scratchpad = Scratchpad()
        self.tool_calls = 0
        self.fetches = 0
        self.at_hand = 0
        """Of the fetches: pages that were stored before. They count against the budget, and are no fetches."""
        self.warnings: list[str] = []

    @property
    def tool_calls_left(self) -> int:
        return self._tool_calls_allowed - self.tool_calls

    @property
    def answers(self) -> Mapping[str, str]:
        """Of people, by the ids of the questions."""
        return self._answers

    @property
    def search_only(self) -> bool:
        return self._task.mode == "chat"

    @property
    def questions_left(self) -> int:
        return QUESTIONS - len(self.asked) if self._task.allow_questions else 0

    def ask(self, questions: Sequence[Ask], state: Mapping[str, Any]) -> NoReturn:
        if not 0 < len(questions) <= self.questions_left:
            raise BudgetExhausted(f"{self.questions_left} questions are left; what people do not know has to be decided here")
        raise Asking(numbered(questions, self._subquery, len(self.asked) + 1), state)

    def has(self, tool: str) -> bool:
        return all(agent.may(tool) for agent in self._task.agent_profiles)

    async def search(self, query: str, limit: int = 10) -> tuple[Hit, ...]:
        if not self.has("search"):
            self._warn(f"nothing was searched for: {self._agent} has no search")
            return ()
        self._spend_tool_call()
        policy = self._task.source_policy
        query = self._queries.sayable(query)
        if not query:
            return ()
        given = await self._given.search(query, limit)
        earlier: tuple[Hit, ...] = ()
        if self._world.earlier is not None:
            earlier = (await self._world.earlier.search(query, limit=limit, policy=policy, ledger=self._ledger)).hits
        found = await self._world.search.search(query, limit=limit, policy=policy, ledger=self._ledger)
        self._warn(*found.warnings)
        allowed = (hit for hit in found.hits if policy is None or policy.allows(hit.url, hit.published))
        hits = tuple({hit.url: hit for hit in (*given, *earlier, *allowed)}.values())[:limit]
        for hit in hits:
            self._considered.setdefault(hit.url, hit)
            self._queries.publish(f"{hit.title}\n{hit.snippet}")
        self.found(hit.url for hit in (hits[:PAGES_OF_A_SEARCH] if self.search_only else hits))
        return hits

    def found(self, urls: Iterable[str]) -> None:
        found = tuple(urls)
        self._readable.add_sites(found)
        if self.search_only:
            self._searched.update(found)

    async def read(self, url: str, about: str | None = None, limit: int | None = None) -> tuple[Passage, ...]:
        wanted = url
        if self.search_only:  # the search was the call
            if url not in self._searched:
                raise FetchRefused(f"{shortened(url, 120)}: in mode chat only the first results of a search are read")
        elif not self.has("read"):
            raise FetchRefused(f"{shortened(url, 120)}: {self._agent} reads no pages")
        else:
            self._spend_tool_call()
            if is_answer(url) and url not in self._hashes and self._earlier_with(url) is None:
                raise FetchRefused(f"{shortened(url, 120)}: no tool returned this here, and no address calls one")
            url = url if is_answer(url) else self._address(url)
        async with self._fetching.setdefault(url, asyncio.Lock()):
            if url not in self._hashes:
                try:
                    await self._fetch(url)
                except ResearchError as error:
                    if url == self.start:  # otherwise the page that the task names would be passed over in silence
                        self._warn(f"start_url could not be read: {error}")
                    raise
        self._links.read(wanted, self._hashes[url])
        return await self._handed_over(self._hashes[url], about, limit)

    async def _handed_over(self, page_hash: str, about: str | None, limit: int | None) -> tuple[Passage, ...]:
        if self.scratchpad.is_large(page_hash):
            return await asyncio.to_thread(self.scratchpad.hand_over, page_hash, about, limit)
        return self.scratchpad.hand_over(page_hash, about, limit)

    def links(self, url: str, about: str, limit: int) -> tuple[Link, ...]:
        return self._links.of(url, about, limit)

    async def server_tools(self) -> tuple[ServerTool, ...]:
        self._warn(*(offered := await self._server_tools.offered()).warnings)
        return offered.tools

    async def call_tool(
        self, name: str, arguments: Mapping[str, Any], about: str | None = None, limit: int | None = None
    ) -> tuple[str, tuple[Passage, ...]]:
        self._spend_tool_call()
        async with self._order.turn():
            page = await self._server_tools.call(name, arguments)
            await asyncio.to_thread(prepare, page)
        self.scratchpad.add(page, page.url)
        self._hashes[page.url] = page.page_hash
        self._readable.add_links(new_addresses(page.text, arguments))
        return page.url, await self._handed_over(page.page_hash, about, limit)

    @property
    def start(self) -> str | None:
        return self._task.start_url

    async def documents(self) -> tuple[Hit, ...]:
        documents = await self._given.hits()
        for hit in documents:
            self._considered.setdefault(hit.url, hit)
        self._warn(*self._given.warnings)
        return documents

    def check(self, draft: Draft) -> tuple[Fault, ...]:
        shown = self.scratchpad.passage
        return faults_of(draft, self._task.output_schema, {*self._subquery.fields}, lambda id_: shown(id_) is not None)

    def state(self) -> ToolsState:
        """Where they stand, so that they can go on from there."""
        order = {page.page_hash: place for place, page in enumerate(self.scratchpad.read)}
        first = {page.url: page.page_hash for page in self.scratchpad.read}
        read = sorted({**first, **self._hashes}.items(), key=lambda one: (order[one[1]], one[0] not in first))
        return ToolsState(
            read=tuple(ReadAt(*each) for each in read),
            shown=self.scratchpad.shown_ids,
            searches=self.scratchpad.searches,
            considered=self.considered(),
            guessed=self._readable.guessed,
            tool_calls=self.tool_calls,
            fetches=self.fetches,
            at_hand=self.at_hand,
            warnings=tuple(self.warnings),
            refused_reads=tuple(self._refused_reads),
            refused_columns=dict(self._queries.refused),
        )

    async def resume(self, suspended: Suspended) -> None:
        """Go on from where they stood. Where a page that was read is not stored any more, they begin anew, with the answers."""
        state = suspended.tools
        self.asked = suspended.with_answers(self._answers)
        pages = {each.page_hash: each for each in reversed(state.read)}
        try:
            recalled = {hash_: await asyncio.to_thread(self._world.fetcher.recall, hash_) for hash_ in pages}
        except PageUnreadable as lost:
            self._warn(f"it began anew with the answers, and did not go on from where it had asked: {lost}")
            return
        for hash_ in dict.fromkeys(each.page_hash for each in state.read):
            page = recalled[hash_]
            await asyncio.to_thread(prepare, page)
            self.scratchpad.add(page, pages[hash_].url)
            if not is_answer(page.url):
                self._readable.add_page(page)
                self._queries.publish(page.text)
            self._links.add(page)
        self._hashes = {each.url: each.page_hash for each in state.read}
        for url, page_hash in self._hashes.items():
            self._links.read(url, page_hash)
        self.scratchpad.show_again(state.shown, state.searches)
        for hit in state.considered:
            self._considered.setdefault(hit.url, hit)
            self._queries.publish(f"{hit.title}\n{hit.snippet}")
        self.found(hit.url for hit in state.considered)
        self._readable.guess_again(state.guessed)
        self.tool_calls, self.fetches, self.at_hand = state.tool_calls, state.fetches, state.at_hand
        self.warnings = list(state.warnings)
        self._refused_reads, self._queries.refused = list(state.refused_reads), state.refused_columns
        self._counted_before = self._counted()
        self.resumed = Resumed(suspended.model, suspended.questions, self._answers)

    def considered(self) -> tuple[Hit, ...]:
        return tuple(self._considered.values())

    def usage(self) -> Usage:
        """What the tools did themselves, since they were resumed; searches are in the ledger already."""
        now, before = self._counted(), self._counted_before
        return now.changed(**{name: getattr(now, name) - getattr(before, name) for name in _COUNTS})

    def _counted(self) -> Usage:
        return Usage(
            tool_calls=self.tool_calls,
            pages_fetched=self.fetches - self.at_hand,
            scratchpad_mode="bm25" if self.scratchpad.searches else None,
            scratchpad_chunks_indexed=len(self.scratchpad),
            scratchpad_chunks_used=self.scratchpad.shown,
            scratchpad_searches=self.scratchpad.searches,
        )

    def refusals(self) -> tuple[str, ...]:
        """What was refused so that nothing of the row leaves, for people."""
        warnings = []
        if self._refused_reads:
            first = shortened(self._refused_reads[0], 120)
            warnings.append(
                f"{len(self._refused_reads)} addresses were not read, because nobody but the model wrote them; the first: {first}"
            )
        warnings += self._queries.refusals()
        return tuple(warnings)

    def _address(self, url: str) -> str:
        """The address to ask for where a model asks for `url`.

        Raises:
            FetchRefused: nobody but the model wrote it, so that it could carry data of the row.
        """
        fetcher, policy = self._world.fetcher, self._task.source_policy
        if self._task.open_reading or url in self._given or self._earlier_with(url) is not None:
            return url
        if isinstance(fetcher, Sends) and not fetcher.sends(url):
            return url
        if policy is not None and not policy.allows(url, None):
            raise FetchRefused(f"{url}: outside the task's source policy")
        if isinstance(fetcher, Guarded) and (reason := fetcher.refusal(url)) is not None:
            raise FetchRefused(reason)
        known = self._readable.resolve(url)
        if known is None:
            self._refused_reads.append(url)
            raise FetchRefused(f"{shortened(url, 120)}: {NO}")
        return known

    def _earlier_with(self, url: str) -> Fetcher | None:
        """What reads a page of the tasks that this one goes on from, without asking anybody; None if it is none of theirs."""
        earlier = self._world.earlier
        return earlier if earlier is not None and earlier.holds(url) else None

    @property
    def _agent(self) -> str:
        return f"the agent {self._task.agent_profiles[0].id!r}"

    def _warn(self, *warnings: str) -> None:
        self.warnings += [warning for warning in warnings if warning not in self.warnings]

    def _spend_tool_call(self) -> None:
        if self.tool_calls_left <= 0:
            raise BudgetExhausted(f"all {self._tool_calls_allowed} tool calls of this sub-query are used")
        self.tool_calls += 1

    async def _fetch(self, url: str) -> None:
        given = url in self._given
        policy = None if given and not is_web(url) else self._task.source_policy
        if policy is not None and not policy.allows(url, None):
            raise FetchRefused(f"{url}: outside the task's source policy")
        if self.fetches >= self._max_fetches:
            raise BudgetExhausted(f"all {self._max_fetches} fetches of this sub-query are used")
        self.fetches += 1
        fetcher = self._given.fetcher if given else self._earlier_with(url) or self._world.fetcher
        self.at_hand += isinstance(fetcher, AtHand) and fetcher.at_hand
        async with self._order.turn():
            page = await self._prepared(fetcher, url, policy)
        self.scratchpad.add(page, url)
        self._readable.add_page(page)
        self._links.add(page)
        self._queries.publish(page.text)
        self._hashes[url] = page.page_hash

    async def _prepared(self, fetcher: Fetcher, url: str, policy: SourcePolicy | None) -> Page:
        """A page that may be used, ready to be added to the scratchpad."""
        page = await fetcher.fetch(url, policy=policy, keep_html=self._task.include_html_dump)
        if policy is not None and not policy.allows(page.final_url, page.published):
            raise FetchRefused(f"{url}: it leads to {page.final_url} ({page.published or 'no date'}), outside the source policy")
        if policy is not None and policy.after_date and not policy.knows_day(page.published):
            self._warn(
                f"{page.final_url}: its date is not known, so it was kept although only pages after {policy.after_date} count"
            )
        await asyncio.to_thread(prepare, page)  # a long page takes a while, and other rows wait for this loop
        return page


async def investigate(
    task: Task,
    subquery: SubQuery,
    world: World,
    max_fetches: int,
    ledger: UsageLedger,
    standing: Standing | None = None,
) -> Investigated:
    """Let the model answer one sub-query; keep of its draft what it could know.

    Answers for fields that the sub-query does not serve, and passage ids that the model was never shown, are dropped with a
    warning; values are judged later, where the output is put together.

    Args:
        standing: where it is stored if it asks people, and found again. None: what it has done until then is lost.

    Raises:
        QuestionsAsked: it waits for answers.
    """
    agent = agent_of(task, subquery)
    task = as_agent_sees(task, agent)
    allowed = world.processors[task.processor].tool_calls
    tools = TaskTools(task, subquery, world, ledger, tool_calls=allowed, max_fetches=max_fetches, standing=standing)
    before = await standing.load() if standing is not None else None
    if standing is not None and before is not None and not standing.is_counted:
        ledger.add(before.usage, before.cost_usd)
        standing.is_counted = True
    try:
        if before is not None:
            if open_ := [each for each in before.questions if each.id not in tools.answers]:
                raise QuestionsAsked(open_, before.with_answers(tools.answers))
            await tools.resume(before)
        draft = await world.model.investigate(task, subquery, tools, ledger)
    except Asking as asking:
        state = asking.suspended(subquery, tools.asked, tools.state(), ledger.usage + tools.usage(), ledger.cost_usd)
        if standing is not None:
            await standing.save(state)
        raise QuestionsAsked(state.questions, state.with_answers({})) from None
    finally:
        ledger.add(tools.usage())
    warnings = (*tools.warnings, *tools.refusals())
    work = kept_of(draft, subquery, task.output_schema.names, tools.scratchpad, warnings)
    return work.changed(considered=tools.considered(), asked=tools.asked, usage=ledger.usage, cost_usd=ledger.cost_usd)
