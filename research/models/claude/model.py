"""`ClaudeModel`: plans, investigates, grades, writes, judges and verifies with Claude, by the tier's own settings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any, Final, TypeVar

from pydantic import BaseModel

from research.errors import RequestRejected
from research.identity import content_key
from research.models.claude import messages, step_schemas
from research.models.claude.answer_schema import AnswerForm
from research.models.claude.cache_warmup import Warming
from research.models.claude.conversation import Calls, Conversation, Kind
from research.models.claude.loop import answered
from research.models.claude.prompts import Prompts, load_prompts
from research.models.claude.tools import TOOLS, ToolRunner
from research.money.processors import ModelSettings, ProcessorName, Processors, Role, load_processors
from research.money.usage import Usage
from research.money.usage_ledger import UsageLedger
from research.output_schema.field_paths import field_of
from research.output_schema.output_spec import OutputSpec
from research.ports.model import Checker, ResearchTools
from research.ports.work import Claim, Draft, Grade, Investigated, Judged, Plan, SubQuery, Verdict, Verified
from research.result.result import utc_now
from research.task.task import Task

VERSION: Final = 2
"""Raise it when the same settings and prompts give other answers."""

SINGLE_STEPS: Final = 8
"""Calls at most of a conversation without tools."""

_EACH_CALL: Final[Mapping[Role, Usage]] = {
    "plan": Usage(planner_calls=1),
    "grade": Usage(grader_calls=1),
    "synthesize": Usage(synth_calls=1),
}

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
        self._warming = Warming()
        self._untyped: set[OutputSpec] = set()
        """Specs whose own form the service did not accept."""

    @property
    def name(self) -> str:
        return self._model or "claude"

    @property
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

    async def plan(self, task: Task, max_subqueries: int, ledger: UsageLedger) -> Plan:
        talk = self._talk(task, "plan", ledger, step_schemas.plan_schema(task.output_schema.names))
        talk.say(messages.the_task(task, self.today()), f"At most {max_subqueries} sub-queries.")
        form = await _form(talk, step_schemas.PlanForm)
        subqueries = tuple(each.subquery(place) for place, each in enumerate(form.subqueries[:max_subqueries], start=1))
        return Plan(subqueries=subqueries)

    async def investigate(self, task: Task, subquery: SubQuery, tools: ResearchTools, ledger: UsageLedger) -> Draft:
        async def ask(form: AnswerForm) -> Draft:
            steps = self.processors[task.processor].steps(task.max_steps)
            talk = self._talk(task, "investigate", ledger, form.schema, steps=steps, tools=TOOLS)
            runner = ToolRunner(tools)
            given = await runner.given(f"{subquery.question} {', '.join(subquery.fields)}")
            talk.say(messages.the_task(task, self.today()), *([given] if given is not None else []))
            talk.say(messages.the_question(task, subquery, tools.tool_calls_left))
            draft = await answered(talk, partial(form.draft, asked=subquery.fields), tools.check, runner)
            if runner.outage is not None and not runner.read_any:
                raise runner.outage
            return _signed(draft, talk)

        return await self._in_form(task.output_schema, ask)

    async def grade(self, task: Task, work: Sequence[Investigated], max_subqueries: int, ledger: UsageLedger) -> Grade:
        names = task.output_schema.names
        talk = self._talk(task, "grade", ledger, step_schemas.grade_schema(names))
        talk.say(messages.the_task(task, self.today()), messages.the_work(work), f"At most {max_subqueries} more sub-queries.")
        form = await _form(talk, step_schemas.GradeForm)
        ask = tuple(each.subquery(place) for place, each in enumerate(form.ask[:max_subqueries], start=1))
        grades = {each.field: each.grade for each in form.fields if each.field in names}
        return Grade(fields=grades, ask=ask)

    async def synthesize(self, task: Task, work: Sequence[Investigated], check: Checker, ledger: UsageLedger) -> Draft:
        async def ask(form: AnswerForm) -> Draft:
            talk = self._talk(task, "synthesize", ledger, form.schema)
            talk.say(messages.the_task(task, self.today()), messages.the_work(work))
            return _signed(await answered(talk, partial(form.draft, asked=task.output_schema.names), check), talk)

        return await self._in_form(task.output_schema, ask, report=True)

    async def judge(self, task: Task, claims: Sequence[Claim], ledger: UsageLedger) -> Judged:
        talk = self._talk(task, "judge", ledger, step_schemas.judge_schema())
        talk.say(messages.the_task(task, self.today()), messages.the_claims(claims))
        form = await _form(talk, step_schemas.JudgeForm)
        borne = {each.claim: set(each.passages) for each in form.claims}
        verdicts = tuple(
            Verdict(field=claim.field, value=claim.value, passage=passage.id, supports=passage.id in borne[number])
            for number, claim in enumerate(claims, start=1)
            if number in borne
            for passage in claim.passages
        )
        return Judged(verdicts=verdicts)

    async def verify(self, task: Task, claims: Sequence[Claim], ledger: UsageLedger) -> Verified:
        talk = self._talk(task, "verify", ledger, step_schemas.verify_schema())
        talk.say(messages.the_task(task, self.today()), messages.the_claims(claims))
        form = await _form(talk, step_schemas.VerifyForm)
        doubts: dict[str, str] = {}
        for each in form.claims:
            if not each.stands and 1 <= each.claim <= len(claims):
                path = claims[each.claim - 1].field
                doubts.setdefault(field_of(path, task.output_schema.names) or path, each.reasoning)
        return Verified(doubts=doubts)

    def settings(self, task: Task, role: Role) -> ModelSettings:
        """How a role's model is asked for this task. How a tier's own model thinks says nothing about another one."""
        own = self.processors[task.processor].roles[role]
        named = task.model or self._model
        return own if named in (None, own.model) else own.changed(model=named, thinking=None, effort=None)

    def _talk(
        self,
        task: Task,
        role: Role,
        ledger: UsageLedger,
        schema: Mapping[str, Any],
        *,
        steps: int = SINGLE_STEPS,
        tools: tuple[Mapping[str, Any], ...] = (),
    ) -> Conversation:
        answers = role in ("investigate", "synthesize")
        system = self.prompts.system(role, task.output_schema, answers=answers)
        kind = Kind(role, system, schema, tools, _EACH_CALL.get(role, Usage()))
        return Conversation(self.calls, self.settings(task, role), kind, steps, self._warming, ledger)

    async def _in_form(self, spec: OutputSpec, ask: Callable[[AnswerForm], Awaitable[Draft]], *, report: bool = False) -> Draft:
        """Ask in the spec's own form; where the service does not accept that, and from then on, with values as JSON text."""
        typed = spec not in self._untyped
        try:
            return await ask(AnswerForm.of(spec, report=report, typed=typed))
        except RequestRejected as error:
            if not typed or not error.about_form:
                raise
        self._untyped.add(spec)
        return await ask(AnswerForm.of(spec, report=report, typed=False))


async def _form(talk: Conversation, form: type[F]) -> F:
    return await answered(talk, partial(step_schemas.read_form, form))


def _signed(draft: Draft, talk: Conversation) -> Draft:
    return draft.changed(model=talk.model)
