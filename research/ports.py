"""The three things a step needs from the world, `Model`, `Search` and `Fetcher`, and the words they exchange.

An implementation of a port is a plain class; nothing registers, nothing inherits. Fakes are shipped implementations
(`research.models.scripted`, a corpus of three files), not patches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

from research.errors import Fault
from research.page import Hit, Page, Passage
from research.processors import Processors, load_processors
from research.result import Confidence, SourceKind, Usage
from research.task import SourcePolicy, Task


class _Word(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SubQuery(_Word):
    """A question that serves some of the output's fields."""

    index: int
    """Its place in the task, from 1; later rounds go on counting."""
    question: str
    fields: tuple[str, ...]
    """Names of top-level output fields."""
    label: str = ""
    """A few words for people: `launch date`."""


class FieldAnswer(_Word):
    """What a model says of one field. It names passages by id; it never writes an excerpt.

    `field` is a path. The answers for top-level fields (`key_people`) make the output. An answer for a nested path
    (`key_people.0.name`) adds passages to that part only, and its value is ignored.
    """

    field: str
    value: Any = None
    """A JSON value; None abstains."""
    passages: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    """Ids of passages that say otherwise: a disagreement is kept and shown."""
    reasoning: str = ""
    confidence: Confidence | None = None


class Draft(_Word):
    """What a model returns from an investigation or a synthesis."""

    answers: tuple[FieldAnswer, ...]
    summary: str = ""
    """One or a few sentences for people. May cite: `[p3]`, `[p3, p8]`."""
    report: str | None = None
    """Markdown. Cites in the same way."""
    model: str = ""
    """Which model answered, where that is more than the model's name says."""
    usage: Usage = Usage()
    """Tokens and model calls only: the desk counts searches and fetches."""
    cost_usd: float | None = 0.0


class Plan(_Word):
    """Sub-queries that together serve every field at least once."""

    subqueries: tuple[SubQuery, ...]
    usage: Usage = Usage()
    cost_usd: float | None = 0.0


FieldGrade = Literal["supported", "thin", "conflicting", "missing"]


class Grade(_Word):
    """How well each field stands, and what to ask next. No sub-query: done."""

    fields: dict[str, FieldGrade]
    ask: tuple[SubQuery, ...] = ()
    usage: Usage = Usage()
    cost_usd: float | None = 0.0


class Found(_Word):
    """What one search brought, and what it took."""

    hits: tuple[Hit, ...] = ()
    """Best first, no URL twice."""
    queries: int = 1
    """Queries that providers were asked. What a cache answered asked none."""
    warnings: tuple[str, ...] = ()
    """Providers that did not answer while another did, and the like."""
    cost_usd: float | None = 0.0
    """US dollars; None if a price is not known."""
    usage: Usage = Usage()
    """Tokens, where a model did the search."""


class ReadPage(_Word):
    """A page that was read: enough to name it as a source."""

    page_hash: str
    url: str
    """The URL by which it was read."""
    title: str
    fetched_at: datetime
    published: str | None = None
    """ISO 8601 date or date-time from the page's own metadata."""
    kind: SourceKind = "unknown"
    suspected_injection: str | None = None
    """Words of the page that look like an instruction to a model, shortened; None if there are none."""


class Investigated(_Word):
    """One finished sub-query: what was answered, on which passages, and what was read on the way.

    This is what is kept for resuming. It holds no page text beyond the passages its answers cite: pages are recalled from the
    store by their hash.
    """

    subquery: SubQuery
    answers: tuple[FieldAnswer, ...]
    """Their passage ids are all found in `passages`."""
    passages: tuple[Passage, ...]
    """The passages cited, with ids that are unique over the task: `s2p7`."""
    summary: str
    report: str | None = None
    model: str = ""
    considered: tuple[Hit, ...] = ()
    """Every search hit, best first, without repeats."""
    read: tuple[ReadPage, ...] = ()
    """The pages read, in order."""
    warnings: tuple[str, ...] = ()
    usage: Usage = Usage()
    cost_usd: float | None = 0.0


class Claim(_Word):
    """One value of an answer, and the passages that are said to bear it out."""

    field: str
    """The value's path in the answer: `operator`, `key_people.0.name`."""
    value: Any
    passages: tuple[Passage, ...]


class Verdict(_Word):
    """Whether one passage bears one value out."""

    field: str
    value: Any
    passage: str
    supports: bool


class Judged(_Word):
    """What a model says where code cannot tell."""

    verdicts: tuple[Verdict, ...]
    usage: Usage = Usage()
    cost_usd: float | None = 0.0


class Verified(_Word):
    """Which fields failed a second look, by top-level name, and why."""

    doubts: dict[str, str]
    usage: Usage = Usage()
    cost_usd: float | None = 0.0


class Desk(Protocol):
    """What a model can do while it investigates. It enforces the tool budget, the fetch budget and the source policy."""

    @property
    def tool_calls_left(self) -> int:
        """Calls of `search` and `read` that are still allowed. At 0 the model must answer from what it has."""
        ...

    async def search(self, query: str, limit: int = 10) -> tuple[Hit, ...]:
        """Search the world. One tool call.

        Raises:
            BudgetExhausted: no tool call is left.
            SearchFailed: the provider did not answer.
        """
        ...

    async def read(self, url: str, about: str | None = None, limit: int | None = None) -> tuple[Passage, ...]:
        """Read a page and return its passages in page order; with `about`, only the `limit` that matter most for it. One tool
        call; a page this task has read already costs no fetch.

        Raises:
            BudgetExhausted: no tool call or no fetch is left.
            FetchRefused, PageUnreadable, FetchFailed: this page is not to be had. Another may be.
        """
        ...

    @property
    def start(self) -> str | None:
        """A page to read before anything else: a model that finds there what it needs does not search. None: there is none."""
        ...

    async def documents(self) -> tuple[Hit, ...]:
        """Documents that were given with the task, with what each is called and how it begins. `search` finds them, too. Free."""
        ...

    def check(self, draft: Draft) -> tuple[Fault, ...]:
        """What is wrong with a draft: passage ids that do not exist, values that break the schema. A model mends its draft
        once; what is still wrong after that is dropped with a warning. Free."""
        ...


class Checker(Protocol):
    def __call__(self, draft: Draft, /) -> tuple[Fault, ...]: ...


class Model(Protocol):
    """A researcher's judgement."""

    @property
    def name(self) -> str:
        """Shown to people and written to the `model` column: `extractive`, or a model's own id."""
        ...

    @property
    def identity(self) -> str:
        """Changes whenever its answers may change (version, prompts, settings). In every key of paid work; holds no secret."""
        ...

    @property
    def keyless(self) -> bool:
        """True if asking it costs nothing. A keyless model plans and grades on every tier."""
        ...

    async def plan(self, task: Task, max_subqueries: int) -> Plan:
        """Divide a task. At most `max_subqueries` sub-queries, which together name every field."""
        ...

    async def investigate(self, task: Task, subquery: SubQuery, desk: Desk) -> Draft:
        """Answer the sub-query's fields with what the desk can find. May fail with any ResearchError."""
        ...

    async def grade(self, task: Task, work: Sequence[Investigated], max_subqueries: int) -> Grade:
        """Judge the work so far; ask at most `max_subqueries` more."""
        ...

    async def synthesize(self, task: Task, work: Sequence[Investigated], check: Checker) -> Draft:
        """Write the output from the work of all sub-queries. Passage ids are unique over `work`."""
        ...


@runtime_checkable
class Reviewer(Protocol):
    """What a model may also be able to do: look at evidence with fresh eyes. One that cannot is not asked."""

    async def judge(self, task: Task, claims: Sequence[Claim]) -> Judged:
        """Say which passages bear out values that do not stand in them letter for letter. A claim without a verdict stays as code
        judged it."""
        ...

    async def verify(self, task: Task, claims: Sequence[Claim]) -> Verified:
        """Check values against their passages, knowing nothing else of how they were found."""
        ...


class Search(Protocol):
    """One way to find pages."""

    @property
    def name(self) -> str: ...

    @property
    def identity(self) -> str:
        """Changes whenever its answers may change: for a corpus, a fingerprint of its documents."""
        ...

    async def search(self, query: str, *, limit: int, policy: SourcePolicy | None = None) -> Found:
        """At most `limit` hits, best first, no URL twice. A provider is asked for what the policy allows, as far as it has words
        for it, and what it answers is held to the policy all the same.

        Raises:
            SearchFailed: the provider did not answer.
            BudgetExhausted: the run's purse cannot pay for it.
        """
        ...


class Fetcher(Protocol):
    """One way to read pages."""

    @property
    def identity(self) -> str:
        """Changes whenever the text made from the same bytes may change."""
        ...

    async def fetch(self, url: str, *, policy: SourcePolicy | None = None, keep_html: bool = False) -> Page:
        """Read a page.

        Args:
            url: its address.
            policy: no address outside it is asked for anything, on the way there either.
            keep_html: an HTML page's own HTML is wanted as well, in `Page.html`.

        Raises:
            FetchRefused: this page may not be read.
            PageUnreadable: there is nothing to read in it.
            FetchFailed: it did not arrive.
        """
        ...

    def recall(self, page_hash: str) -> Page:
        """A page that was fetched before, by the hash of its text, even in an earlier process. Reads this machine's disk only, so
        it is not async; a shard's commit calls it from another thread.

        Raises:
            PageUnreadable: no such page is stored.
        """
        ...


@runtime_checkable
class AtHand(Protocol):
    """A fetcher whose pages were fetched before, for an earlier run: reading one is no fetch."""

    @property
    def at_hand(self) -> bool: ...


@runtime_checkable
class Guarded(Protocol):
    """A fetcher that can say what it would refuse before it is asked for it."""

    def refusal(self, url: str) -> str | None:
        """Why a URL may not be read, as far as the URL itself tells; None if it may. Nothing is looked up."""
        ...


@dataclass(frozen=True, slots=True)
class World:
    """What one task is researched with."""

    model: Model
    search: Search
    fetcher: Fetcher
    """Reads what a model asks for."""
    processors: Processors = field(default_factory=load_processors)
    given: Fetcher | None = None
    """Reads what the task itself names, its `start_url` and `files`, and which no model chose. None: `fetcher` does."""

    @property
    def identity(self) -> str:
        """Changes whenever any answer may."""
        return f"{self.model.identity}|{self.search.identity}|{self.fetcher.identity}|{self.processors.identity}"
