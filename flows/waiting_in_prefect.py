"""Rows that wait for people, decided in Prefect: a deployment's flow run is suspended with a form, and its process ends. Once
somebody has answered, a new process goes on from the run folder."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateName, FlowRunFilterTags
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import FlowPauseTimeout, NotPausedError, PrefectException
from prefect.flow_runs import aresume_flow_run, asuspend_flow_run
from prefect.input import RunInput, keyset_from_paused_state
from prefect.logging import get_run_logger
from prefect.settings import get_current_settings
from prefect.states import Suspended
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, create_model

from flows.artifacts import plain, table
from flows.pilot_approval import WAITING
from flows.run.decision_files import labels
from flows.run.decisions import RowDecisions, fitting
from flows.run.row_numbers import as_ranges, row_numbers
from research.display.figures import count
from research.display.printable import printable
from research.errors import InvalidInput
from research.faults import shortened
from research.money.amounts import dollars
from research.tables.run_folder.open_questions import WaitingRow, waiting_rows
from research.tables.run_folder.run_folder import RunFolder
from research.task.decisions import Answers, Decision, PlanDecision

KEY: Final = "people-"
"""Before the number of a suspension. A flow run is suspended once under one name, and may wait several times."""
TAG: Final = "waits for people of "
"""Before the first digits of a request's key, the tag of the flow runs that have waited for decisions about its rows."""
FORM_ROWS: Final = 20
"""Rows whose plans or questions have fields of their own in the form. The others are decided by the file."""
LONGEST: Final = 400
_FIELD: Final = re.compile(r"row_(?P<row>\d+)(?:_(?P<question>s\d+q\d+))?")
_DECISIONS: Final[TypeAdapter[dict[int, Answers | PlanDecision]]] = TypeAdapter(dict[int, Answers | PlanDecision])


class Form(RunInput):
    """What every form has; the rows' own fields come with the run."""

    model_config = ConfigDict(extra="allow")

    plans: Literal["approve", "stop", "decide later"] = Field(
        default="approve",
        title="Plans",
        description="approve: carried out as they stand below. stop: these rows end as cancelled. decide later: they wait on.",
        json_schema_extra={"position": 0},
    )
    rows: str = Field(
        default="",
        title="Rows",
        description="Whose plans this is about: their places in the input, as 0-9,12. The others wait on.",
        json_schema_extra={"position": 1},
    )
    decisions: str = Field(
        default="",
        title="Decisions as JSON",
        description="What research approve and research answer send: by row. They go before the fields.",
        json_schema_extra={"position": 2},
    )


@dataclass(frozen=True, slots=True)
class Waits:
    """The suspensions of one flow run for people."""

    number: int
    """How many there have been."""
    form: Form | None
    """What was answered last."""

    def decisions(self, waiting: Sequence[WaitingRow]) -> RowDecisions:
        """What was answered about rows that still wait for it. What cannot be read decides nothing, and the log says so."""
        if self.form is None:
            return {}
        try:
            return fitting({**from_fields(self.form, waiting), **_sent(self.form)}, waiting)
        except InvalidInput as error:
            get_run_logger().warning("the form decides nothing: %s", error)
            return {}

    async def suspend(self, flow_run: FlowRun, folder: RunFolder) -> None:
        """Suspend the flow run with the form: this process ends by an exception that Prefect's engine awaits.

        Raises:
            RuntimeError: the server does not suspend it, for instance because it was cancelled.
        """
        waiting = list(waiting_rows(folder))
        async with get_client() as client:
            tags = {*(await client.read_flow_run(flow_run.id)).tags, _tag(folder.key)}
            await client.update_flow_run(flow_run.id, tags=sorted(tags))
        about = labels(folder, waiting)
        form = form_of(waiting, about).with_initial_data(
            description=describe(waiting, about), rows=as_ranges(each.row for each in waiting if each.action.kind == "plan")
        )
        await asuspend_flow_run(wait_for_input=form, key=f"{KEY}{self.number + 1}", timeout=None)


async def waits_in_prefect(flow_run: FlowRun) -> Waits | None:
    """The suspensions of a flow run for people; None of one that Prefect could not start again."""
    if flow_run.deployment_id is None or flow_run.parent_task_run_id is not None:
        return None
    number = sum(key.startswith(KEY) for key in flow_run.empirical_policy.pause_keys or ())
    if not number:
        return Waits(0, None)
    keys = keyset_from_paused_state(Suspended(pause_key=f"{KEY}{number}"))
    return Waits(number, await Form.aload(keys, flow_run.id))


def form_of(waiting: Sequence[WaitingRow], about: Mapping[int, str]) -> type[Form]:
    """A form with a field for each plan, a list of its sub-queries, and for each question of the first rows."""
    fields: dict[str, Any] = {}
    for row in waiting[:FORM_ROWS]:
        label = printable(about[row.row], one_line=True)
        if row.action.kind == "plan":
            plan = [printable(query.question, one_line=True) for query in row.action.plan]
            fields[f"row_{row.row}"] = Annotated[list[str], _field(label, "Its sub-queries.", len(fields))], plan
        for question in row.action.questions:
            choices = f" ({' · '.join(question.choices)})" if question.choices else ""
            text = printable(f"{question.text}{choices}", one_line=True)
            fields[f"row_{row.row}_{question.id}"] = Annotated[str, _field(label, text, len(fields))], ""
    return create_model("Form", __base__=Form, **fields)


def from_fields(form: Form, waiting: Sequence[WaitingRow]) -> dict[int, Decision]:
    """The decisions that a form's fields hold.

    Raises:
        InvalidInput: they cannot be read.
    """
    stated = {name: value for name, value in (form.model_extra or {}).items() if _FIELD.fullmatch(name)}
    plans = [each for each in waiting if each.action.kind == "plan"]
    chosen = set(row_numbers(form.rows)) if form.rows.strip() else set()
    found: dict[int, Decision] = {}
    try:
        for row in plans if form.plans != "decide later" else ():
            if row.row in chosen:
                found[row.row] = _plan_decision(row, form, stated.get(f"row_{row.row}"))
        for row in waiting:
            texts = {each.id: str(stated.get(f"row_{row.row}_{each.id}") or "").strip() for each in row.action.questions}
            if answers := {name: text for name, text in texts.items() if text}:
                found[row.row] = Answers(answers=answers)
    except ValidationError as error:
        raise InvalidInput(f"a field of the form cannot be taken: {error.errors()[0]['msg']}") from None
    return found


def _plan_decision(row: WaitingRow, form: Form, edited: object) -> PlanDecision:
    if form.plans == "stop":
        return PlanDecision(decision="stop")
    texts = [text for each in edited if (text := str(each).strip())] if isinstance(edited, list) else []
    as_shown = {printable(query.question, one_line=True): query.question for query in row.action.plan}
    questions = [as_shown.get(text, text) for text in texts]
    same = not questions or questions == [query.question for query in row.action.plan]
    return PlanDecision(subqueries=None if same else tuple(questions))


def _sent(form: Form) -> dict[int, Decision]:
    if not form.decisions.strip():
        return {}
    try:
        return dict(_DECISIONS.validate_json(form.decisions))
    except ValidationError as error:
        raise InvalidInput(f"the decisions as JSON cannot be read: {error.errors()[0]['msg']}") from None


def _field(title: str, description: str, place: int) -> Any:
    return Field(title=_words(title), description=_words(description), json_schema_extra={"position": 10 + place})


def _words(text: str) -> str:
    """What others wrote, as a field shows it. The UI may take it for Markdown, so no link of theirs is one."""
    return shortened(text, LONGEST).replace("](", "] (")


def describe(waiting: Sequence[WaitingRow], about: Mapping[int, str]) -> str:
    """What waits, as Markdown above the form. What models wrote is escaped."""
    plans = [each for each in waiting if each.action.kind == "plan"]
    asking = [each for each in waiting if each.action.kind == "questions"]
    costs = [each.cost_usd for each in waiting]
    known = [cost for cost in costs if cost is not None]
    paid = dollars(sum(known)) if len(known) == len(costs) else "not known"
    parts = []
    if plans:
        parts.append(f"**{count(len(plans), 'plan')} to approve.**")
    if asking:
        parts.append(f"**{count(len(asking), 'row')} with questions to answer.** What stays empty waits on.")
    parts.append(f"What these rows have cost so far: {paid}.")
    if len(waiting) > FORM_ROWS:
        parts.append(
            f"The form has fields for the first {FORM_ROWS} of {len(waiting):,} rows; research approve RUN --edits FILE and "
            "research answer RUN FILE take all of them."
        )
    shown = [(about[each.row], len(each.action.plan) or "–", len(each.action.questions) or "–") for each in waiting[:FORM_ROWS]]
    parts.append(table(("row", "sub-queries", "questions"), [(plain(row), *rest) for row, *rest in shown]))
    return "\n\n".join(parts)


async def send(key: str, decisions: RowDecisions) -> FlowRun | None:
    """Answer the flow run that waits for decisions about the rows of a run. Returns it; None: none waits.

    Args:
        key: of the run folder's request.

    Raises:
        InvalidInput: Prefect does not take the answer; says why.
    """
    if not get_current_settings().api.url:
        return None
    document = {row: decision.model_dump(mode="json", exclude_none=True) for row, decision in decisions.items()}
    answer = {"plans": "decide later", "decisions": json.dumps(document, ensure_ascii=False)}
    try:
        async with get_client() as client:
            waiting = await client.read_flow_runs(
                flow_run_filter=FlowRunFilter(
                    tags=FlowRunFilterTags(all_=[_tag(key)]),
                    state=FlowRunFilterState(name=FlowRunFilterStateName(any_=[WAITING])),
                )
            )
        if not waiting:
            return None
        await aresume_flow_run(waiting[0].id, run_input=answer)
    except (NotPausedError, FlowPauseTimeout, RuntimeError, PrefectException) as error:
        raise InvalidInput(f"Prefect does not take the decisions: {printable(str(error), one_line=True)}") from error
    except httpx.HTTPError:  # a server that does not answer holds nothing that waits; the run will say so
        return None
    return waiting[0]


def _tag(key: str) -> str:
    return f"{TAG}{key[:16]}"
