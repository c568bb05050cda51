"""The ports to a model, and what a model may use while it investigates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, NoReturn, Protocol, runtime_checkable

from research.errors import Fault
from research.money.processors import ProcessorName
from research.money.usage_ledger import UsageLedger
from research.ports.conditions import FindPlan
from research.ports.page import Hit, Link, Passage
from research.ports.sessions import EarlierTask
from research.ports.tool_servers import ServerTool
from research.ports.waiting import Resumed
from research.ports.work import Claim, Draft, Grade, Investigated, Judged, Plan, SubQuery, Verified
from research.task.decisions import Asked
from research.task.task import Task

PAGES_OF_A_SEARCH: Final = 3
"""In mode `chat`: how many of a search's first results can be read."""


class Ask(NamedTuple):
    """A question that a model wants to put to people."""

    text: str
    choices: tuple[str, ...] = ()
    """Answers that are proposed."""


class ResearchTools(Protocol):
    """What a model can do while it investigates. It enforces the tool budget, the fetch budget and the source policy, and lets no
    data of the row out by a query or by an address that the model makes up (docs/security.md)."""

    @property
    def tool_calls_left(self) -> int:
        """Calls of `search`, `read` and `call_tool` that are still allowed. At 0 the model must answer from what it has."""
        ...

    @property
    def search_only(self) -> bool:
        """Mode `chat`: the first results of a search can be read, each without a tool call, and nothing else."""
        ...

    @property
    def questions_left(self) -> int:
        """How many questions may still be put to people. 0: none, and none must be offered."""
        ...

    def ask(self, questions: Sequence[Ask], state: Mapping[str, Any]) -> NoReturn:
        """Put questions to people, and leave off until they have answered. Free.

        Args:
            state: JSON of the model's own, with which it goes on then.

        Raises:
            ActionRequired: always, for the caller. A model lets it through.
            BudgetExhausted: more than `questions_left`.
        """
        ...

    @property
    def asked(self) -> tuple[Asked, ...]:
        """What was asked before, with the answers; also where the model does not go on from there, but begins anew."""
        ...

    @property
    def resumed(self) -> Resumed | None:
        """What the model goes on from, if it has asked before; what it read and searched is at hand again. None: it begins."""
        ...

    def has(self, tool: str) -> bool:
        """Whether a tool, `search` or `read`, may be used. `search` finds nothing and `read` refuses where it may not."""
        ...

    async def search(self, query: str, limit: int = 10) -> tuple[Hit, ...]:
        """Search the world. One tool call.

        Raises:
            BudgetExhausted: no tool call is left.
            QueryRefused: it holds a cell that the objective does not name. Another query may do.
            SearchFailed: the provider did not answer.
        """
        ...

    def found(self, urls: Iterable[str]) -> None:
        """Say which pages the model's own service found, so that they can be read as if `search` had. Free."""
        ...

    async def read(self, url: str, about: str | None = None, limit: int | None = None) -> tuple[Passage, ...]:
        """Read a page and return its passages in page order; with `about`, only the `limit` that matter most for it. One tool
        call; a page this task has read already costs no fetch.

        Raises:
            BudgetExhausted: no tool call or no fetch is left.
            FetchRefused, PageUnreadable, FetchFailed: this page cannot be read. Another may be.
        """
        ...

    def links(self, url: str, about: str, limit: int) -> tuple[Link, ...]:
        """Links of a page that was read: at most `limit` of those that may be read, first those that share words with `about`.
        None of a page that was not read, of a corpus, and of one that is no HTML. Free."""
        ...

    async def server_tools(self) -> tuple[ServerTool, ...]:
        """The tools of the MCP servers that the task names. Servers are asked once. Free."""
        ...

    async def call_tool(
        self, name: str, arguments: Mapping[str, Any], about: str | None = None, limit: int | None = None
    ) -> tuple[str, tuple[Passage, ...]]:
        """Call a tool of a server by the name under which it is offered. One tool call.

        Returns:
            The address by which its answer is cited and can be read again, and its passages, as `read` returns them.

        Raises:
            BudgetExhausted: no tool call is left.
            ToolRefused: there is no such tool, or it may not be called so, or it failed. Another call may do.
            ToolFailed: its server did not answer.
            PageUnreadable: there is nothing to read in what it returned.
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
    """A researcher's judgement.

    Each method takes the ledger of its step: a call that costs money is paid from `ledger.budget`, which may refuse it, and what
    it used is added to the ledger. `research.models.scripted` is the smallest example.
    """

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

    def unpriced(self, processor: ProcessorName) -> tuple[str, ...]:
        """The models of a tier whose calls have no known price, by their ids: where there are any, no cap can be held. A model
        that costs money and does not pay from its ledgers names itself."""
        ...

    async def plan(self, task: Task, max_subqueries: int, ledger: UsageLedger, server_tools: Sequence[ServerTool] = ()) -> Plan:
        """Divide a task. At most `max_subqueries` sub-queries, which together name every field.

        Args:
            server_tools: those of MCP servers that an investigation will have.
        """
        ...

    async def investigate(self, task: Task, subquery: SubQuery, tools: ResearchTools, ledger: UsageLedger) -> Draft:
        """Answer the sub-query's fields with what the tools can find. May fail with any ResearchError."""
        ...

    async def grade(
        self,
        task: Task,
        work: Sequence[Investigated],
        max_subqueries: int,
        ledger: UsageLedger,
        server_tools: Sequence[ServerTool] = (),
    ) -> Grade:
        """Judge the work so far; ask at most `max_subqueries` more.

        Args:
            server_tools: those of MCP servers that a further investigation will have.
        """
        ...

    async def synthesize(self, task: Task, work: Sequence[Investigated], check: Checker, ledger: UsageLedger) -> Draft:
        """Write the output from the work of all sub-queries. Passage ids are unique over `work`."""
        ...


@runtime_checkable
class NeedsTime(Protocol):
    """A model that has to bring something in before it answers, and can do so while nothing else is to be done."""

    async def get_ready(self) -> None:
        """Bring it in. Once is enough; the first question would do it otherwise."""
        ...


@runtime_checkable
class Continues(Protocol):
    """A model that can take into account what a task goes on from. One that cannot is asked as if there were nothing before."""

    def continuing(self, task: Task, earlier: Sequence[EarlierTask]) -> tuple[Model, str | None]:
        """The same model for one task, told of the tasks before it, the oldest first. Their words are data, and no evidence. With
        it, what people should know of how it takes them; None: nothing."""
        ...


@runtime_checkable
class Asks(Protocol):
    """A model that says whether it can put questions to people. Of one that does not say, it is taken that it cannot."""

    @property
    def asks(self) -> bool: ...


@runtime_checkable
class Reviewer(Protocol):
    """What a model may also be able to do: look at evidence with fresh eyes. One that cannot is not asked."""

    async def judge(self, task: Task, claims: Sequence[Claim], ledger: UsageLedger) -> Judged:
        """Say which passages bear out values that do not stand in them letter for letter. A claim without a verdict stays as code
        judged it."""
        ...

    async def verify(self, task: Task, claims: Sequence[Claim], ledger: UsageLedger) -> Verified:
        """Check values against their passages, knowing nothing else of how they were found."""
        ...


@runtime_checkable
class ConditionWriter(Protocol):
    """What a model may also be able to do: say what an objective looks for. For one that cannot, code reads the objective."""

    async def conditions(self, objective: str, processor: ProcessorName, ledger: UsageLedger) -> FindPlan:
        """What a row is, and the conditions that it has to meet. Reads no page.

        Args:
            objective: in words.
            processor: the tier whose planner is asked.
        """
        ...
