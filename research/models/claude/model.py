"""`ClaudeModel`: plans, investigates, grades, writes, judges and verifies with Claude, by the tier's own settings."""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from datetime import date
from functools import cached_property, partial
from typing import Any, Final, TypeVar

from cachetools import LRUCache
from pydantic import BaseModel

from research.errors import RequestRejected
from research.identity import canonical_json, content_key
from research.models.anthropic.late_caller import LateCaller
from research.models.claude import conditions, messages, step_schemas
from research.models.claude.answer_schema import AnswerSchema
from research.models.claude.cache_warmup import CacheWarmup
from research.models.claude.conversation import Calls, Conversation, ConversationKind
from research.models.claude.earlier_tasks import earlier_tasks
from research.models.claude.loop import get_answer
from research.models.claude.prompts import Prompts, load_prompts
from research.models.claude.tools import ToolRunner, server_tool_definition, tool_definitions
from research.money.processors import ModelSettings, ProcessorName, Processors, Role, load_processors
from research.money.usage import Usage
from research.money.usage_ledger import UsageLedger
from research.output_schema.field_paths import field_of
from research.output_schema.output_spec import OutputSpec
from research.ports.conditions import FindPlan
from research.ports.model import Checker, ResearchTools
from research.ports.sessions import EarlierTask
from research.ports.tool_servers import ServerTool
from research.ports.work import Claim, Draft, Grade, Investigated, Judged, Plan, SubQuery, Verdict, Verified
from research.result.result import utc_now
from research.task.agent_profile import AgentProfile
from research.task.task import Task

VERSION: Final = 4
"""Raise it when the same settings and prompts give other answers."""

SINGLE_STEPS: Final = 8
"""Calls at most of a conversation without tools."""

KINDS_KEPT: Final = 64
"""A table has a handful of kinds of conversation; who asks with many output schemas has some for each."""

_EACH_CALL: Final[Mapping[Role, Usage]] = {
    "plan": Usage(planner_calls=1),
    "grade": Usage(grader_calls=1),
    "synthesize": Usage(synth_calls=1),
}

_OF_THE_AGENT: Final = ("plan", "investigate", "synthesize")
"""Roles that follow the instructions of a task's one agent. Who grades, judges and verifies looks with fresh eyes."""

F = TypeVar("F", bound=BaseModel)


class ClaudeModel:
    """Claude behind the `Model` port. Belongs to one event loop.

    Args:
        calls: makes the calls: `research.models.anthropic.caller.Caller`.
        processors: which model does what, on which tier.
        prompts: other prompts than those that ship.
        model: a model id that stands in for every tier's own.
        server: where it is asked, if that is not Anthropic's own service; another server may answer otherwise.
        today: the day, as the model is told it.
    """

    keyless = False
    asks = True

    def __init__(
        self,
        calls: Calls,
        processors: Processors | None = None,
        prompts: Prompts | None = None,
        *,
        model: str | None = None,
        server: str | None = None,
        today: Callable[[], date] = lambda: utc_now().date(),
    ) -> None:
        self.calls = calls
        self.processors = processors or load_processors()
        self.prompts = prompts or load_prompts()
        self._model = model
        self._server = server
        self.today = today
        self._earlier: tuple[EarlierTask, ...] = ()
        self._warmup = CacheWarmup()
        self._kinds: MutableMapping[tuple[Any, ...], ConversationKind] = LRUCache(KINDS_KEPT)
        self._untyped_specs: set[OutputSpec] = set()
        """Output schemas whose own answer schema the service did not accept."""

    @property
    def name(self) -> str:
        return self._model or "claude"

    @cached_property
    def identity(self) -> str:
        parts = {
            "version": VERSION,
            "processors": self.processors.identity,
            "prompts": self.prompts.identity,
            "model": self._model,
            "server": self._server,
        }
        return f"claude/{content_key('claude', **parts)[:16]}"

    def unpriced(self, processor: ProcessorName) -> tuple[str, ...]:
        roles = self.processors[processor].roles.values()
        prices = {name: self.processors.price(name) for name in (self._model or settings.model for settings in roles)}
        return tuple(name for name, price in prices.items() if None in (price.input, price.output))

    def continuing(self, _task: Task, earlier: Sequence[EarlierTask]) -> tuple[ClaudeModel, None]:
        told = copy.copy(self)
        told._earlier = tuple(earlier)
        return told, None

    def task_message(self, task: Task) -> str:
        """What a conversation begins with: the tasks before this one, if there are any, and the task."""
        message = messages.task_message(task, self.today())
        return f"{earlier_tasks(self._earlier)}\n\n{message}" if self._earlier else message

    async def get_ready(self) -> None:
        """Open what makes the calls, where that is left until a call: the SDK takes more than a second to import."""
        if isinstance(self.calls, LateCaller):
            await self.calls.opened()

    async def plan(self, task: Task, max_subqueries: int, ledger: UsageLedger, server_tools: Sequence[ServerTool] = ()) -> Plan:
        agents = _dividing(task)
        schema = step_schemas.plan_schema(task.output_schema.names, [agent.id for agent in agents])
        conversation = self._conversation(task, "plan", ledger, schema)
        limit = f"At most {max_subqueries} sub-queries."
        conversation.say(self.task_message(task), *_told(agents, server_tools), limit)
        reply = await _reply(conversation, step_schemas.PlanReply)
        subqueries = tuple(each.subquery(place) for place, each in enumerate(reply.subqueries[:max_subqueries], start=1))
        return Plan(subqueries=subqueries)

    async def investigate(self, task: Task, subquery: SubQuery, tools: ResearchTools, ledger: UsageLedger) -> Draft:
        resumed = tools.resumed

        async def ask(schema: AnswerSchema) -> Draft:
            steps = self.processors[task.processor].steps(task.max_steps)
            looked_for = f"{subquery.question} {', '.join(subquery.fields)}"
            tool_runner = ToolRunner(tools, await tools.server_tools(), looked_for)
            definitions = tool_definitions(tool_runner.names, search_only=tools.search_only, questions=task.allow_questions)
            definitions = (*definitions, *map(server_tool_definition, tool_runner.server_tools))
            conversation = self._conversation(task, "investigate", ledger, schema, steps=steps, tools=definitions)
            if resumed is None:
                sources = await tool_runner.task_sources(looked_for)
                conversation.say(self.task_message(task), *([sources] if sources is not None else []))
                if tool_runner.server_tools:
                    conversation.say(messages.server_tools_message(tool_runner.server_tools))
                conversation.say(messages.question_message(task, subquery, tool_runner.calls_left))
                if tools.asked:
                    conversation.say(messages.answered_message(tools.asked))
            else:
                conversation.go_on(resumed.state["conversation"])
                conversation.say(*tool_runner.answered(resumed))
            draft = await get_answer(conversation, partial(schema.draft, fields=subquery.fields), tools.check, tool_runner)
            if tool_runner.outage is not None and not tool_runner.read_any:
                raise tool_runner.outage
            return _with_model_name(draft, conversation)

        return await self._with_answer_schema(task.output_schema, ask)

    async def grade(
        self,
        task: Task,
        work: Sequence[Investigated],
        max_subqueries: int,
        ledger: UsageLedger,
        server_tools: Sequence[ServerTool] = (),
    ) -> Grade:
        names, agents = task.output_schema.names, _dividing(task)
        schema = step_schemas.grade_schema(names, [agent.id for agent in agents])
        conversation = self._conversation(task, "grade", ledger, schema)
        limit = f"At most {max_subqueries} more sub-queries."
        conversation.say(self.task_message(task), messages.work_message(work), *_told(agents, server_tools), limit)
        reply = await _reply(conversation, step_schemas.GradeReply)
        ask = tuple(each.subquery(place) for place, each in enumerate(reply.ask[:max_subqueries], start=1))
        grades = {each.field: each.grade for each in reply.fields if each.field in names}
        return Grade(fields=grades, ask=ask)

    async def synthesize(self, task: Task, work: Sequence[Investigated], check: Checker, ledger: UsageLedger) -> Draft:
        async def ask(schema: AnswerSchema) -> Draft:
            conversation = self._conversation(task, "synthesize", ledger, schema)
            conversation.say(self.task_message(task), messages.work_message(work))
            return _with_model_name(
                await get_answer(conversation, partial(schema.draft, fields=task.output_schema.names), check), conversation
            )

        return await self._with_answer_schema(task.output_schema, ask, report=True)

    async def judge(self, task: Task, claims: Sequence[Claim], ledger: UsageLedger) -> Judged:
        conversation = self._conversation(task, "judge", ledger, step_schemas.judge_schema())
        conversation.say(self.task_message(task), messages.claims_message(claims))
        reply = await _reply(conversation, step_schemas.JudgeReply)
        supporting = {each.claim: set(each.passages) for each in reply.claims}
        verdicts = tuple(
            Verdict(field=claim.field, value=claim.value, passage=passage.id, supports=passage.id in supporting[number])
            for number, claim in enumerate(claims, start=1)
            if number in supporting
            for passage in claim.passages
        )
        return Judged(verdicts=verdicts)

    async def verify(self, task: Task, claims: Sequence[Claim], ledger: UsageLedger) -> Verified:
        conversation = self._conversation(task, "verify", ledger, step_schemas.verify_schema())
        conversation.say(self.task_message(task), messages.claims_message(claims))
        reply = await _reply(conversation, step_schemas.VerifyReply)
        doubts: dict[str, str] = {}
        for each in reply.claims:
            if not each.stands and 1 <= each.claim <= len(claims):
                path = claims[each.claim - 1].field
                doubts.setdefault(field_of(path, task.output_schema.names) or path, each.reasoning)
        return Verified(doubts=doubts)

    async def conditions(self, objective: str, processor: ProcessorName, ledger: UsageLedger) -> FindPlan:
        await self.get_ready()
        kind = ConversationKind("conditions", conditions.instructions(), conditions.SCHEMA, (), _EACH_CALL["plan"])
        task = Task(task=objective, processor=processor)
        conversation = Conversation(self.calls, self.settings(task, "plan"), kind, SINGLE_STEPS, self._warmup, ledger)
        conversation.say(messages.task_message(task, self.today()))
        return await get_answer(conversation, conditions.read_conditions)

    def settings(self, task: Task, role: Role) -> ModelSettings:
        """How a role's model is asked for this task. How a tier's own model thinks says nothing about another one."""
        own = self.processors[task.processor].roles[role]
        named = task.model or self._model
        return own if named in (None, own.model) else own.changed(model=named, thinking=None, effort=None)

    def _conversation(
        self,
        task: Task,
        role: Role,
        ledger: UsageLedger,
        schema: AnswerSchema | Mapping[str, Any],
        *,
        steps: int = SINGLE_STEPS,
        tools: tuple[Mapping[str, Any], ...] = (),
    ) -> Conversation:
        answers = isinstance(schema, AnswerSchema)
        investigates = role == "investigate"
        asks, searches = investigates and task.allow_questions, investigates and task.mode == "chat"
        agent = task.agent_profiles[0] if len(task.agent_profiles) == 1 and role in _OF_THE_AGENT else None
        typed = schema.typed if isinstance(schema, AnswerSchema) else True
        key = role, task.output_schema, typed, asks, searches, task.agent_profiles, "".join(map(canonical_json, tools))
        if (kind := self._kinds.get(key)) is None:
            text = "investigate_chat" if searches else role
            system = self.prompts.system(text, task.output_schema, answers=answers, questions=asks, agent=agent)
            wire = schema.schema if isinstance(schema, AnswerSchema) else schema
            kind = self._kinds[key] = ConversationKind(role, system, wire, tools, _EACH_CALL.get(role, Usage()))
        return Conversation(self.calls, self.settings(task, role), kind, steps, self._warmup, ledger)

    async def _with_answer_schema(
        self, spec: OutputSpec, ask: Callable[[AnswerSchema], Awaitable[Draft]], *, report: bool = False
    ) -> Draft:
        """Ask in the output schema's own answer schema; once the service refuses that, with values as JSON text."""
        await self.get_ready()  # an answer schema is made with the SDK
        typed = spec not in self._untyped_specs
        try:
            return await ask(AnswerSchema.of(spec, report=report, typed=typed))
        except RequestRejected as error:
            if not typed or not error.about_form:
                raise
        self._untyped_specs.add(spec)
        return await ask(AnswerSchema.of(spec, report=report, typed=False))


def _dividing(task: Task) -> tuple[AgentProfile, ...]:
    """The agents between which sub-queries are divided."""
    return task.agent_profiles if len(task.agent_profiles) > 1 else ()


def _told(agents: Sequence[AgentProfile], server_tools: Sequence[ServerTool]) -> list[str]:
    """What whoever divides work knows of those who will do it."""
    told = [messages.agents_message(agents)] if agents else []
    return [*told, messages.plannable_tools_message(server_tools)] if server_tools else told


async def _reply(conversation: Conversation, kind: type[F]) -> F:
    return await get_answer(conversation, partial(step_schemas.read_reply, kind))


def _with_model_name(draft: Draft, conversation: Conversation) -> Draft:
    return draft.changed(model=conversation.model)
