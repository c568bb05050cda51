"""Rows that wait for people, decided in Prefect: a deployment's flow run is suspended with a form, and its process ends. Once
somebody has answered, a new process goes on from the run folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateName, FlowRunFilterTags
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import FlowPauseTimeout, NotPausedError, PrefectException
from prefect.flow_runs import aresume_flow_run, asuspend_flow_run
from prefect.input import keyset_from_paused_state
from prefect.input.actions import aread_flow_run_input
from prefect.logging import get_run_logger
from prefect.settings import get_current_settings
from prefect.states import Suspended

from flows.pilot_approval import WAITING
from flows.run.decision_files import labels
from flows.run.decisions import RowDecisions
from flows.waiting_form import DECISIONS, NOTHING, Answer, describe, form_of, read_answer, rows_to_approve, waiting_for
from research.display.printable import printable
from research.errors import InvalidInput
from research.tables.run_folder.open_questions import WaitingRow, waiting_rows
from research.tables.run_folder.run_folder import RunFolder

KEY: Final = "people-"
"""Before the number of a suspension. A flow run is suspended once under one name, and may wait several times."""
TAG: Final = "decisions of "
"""Before the first digits of a request's key, the tag of the flow runs that have waited for decisions about its rows."""


@dataclass(slots=True)
class Waits:
    """The suspensions of one flow run for people."""

    number: int
    """How many there have been."""
    answer: Answer
    """What was filled in last."""
    asked: Sequence[int] = ()
    """The rows with plans that the last form was about."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Why something of the answer decides nothing, by the form's field."""

    def decisions(self, waiting: Sequence[WaitingRow]) -> RowDecisions:
        """What was answered about rows that still wait for it. What cannot be taken decides nothing: the log and the next form
        say so."""
        if not self.number:
            return {}
        reading = read_answer(self.answer, waiting, self.asked)
        self.refused = reading.refused
        for why in reading.refused.values():
            get_run_logger().warning("Not taken from the form: %s", why)
        return reading.decisions

    async def suspend(self, flow_run: FlowRun, folder: RunFolder, run: str) -> None:
        """Suspend the flow run with the form: this process ends by an exception that Prefect's engine awaits.

        Args:
            run: the run folder as people name it.

        Raises:
            RuntimeError: the server does not suspend it, for instance because it was cancelled.
        """
        waiting = list(waiting_rows(folder))
        async with get_client() as client:
            tags = {*(await client.read_flow_run(flow_run.id)).tags, _tag(folder.key)}
            await client.update_flow_run(flow_run.id, tags=sorted(tags))
        about = labels(folder, waiting)
        form = form_of(waiting, about, self.answer, self.refused)
        commands = {"plan": f"research approve {run}", "questions": f"research answer {run} FILE"}
        kinds = sorted({each.action.kind for each in waiting})
        get_run_logger().info(
            "%s: choose Resume on this page, or %s", waiting_for(waiting), ", or ".join(commands[kind] for kind in kinds)
        )
        described = form.with_initial_data(description=describe(waiting, self.refused))
        await asuspend_flow_run(wait_for_input=described, key=f"{KEY}{self.number + 1}", timeout=None)


async def waits_in_prefect(flow_run: FlowRun) -> Waits | None:
    """The suspensions of a flow run for people; None of one that Prefect could not start again."""
    if flow_run.deployment_id is None or flow_run.parent_task_run_id is not None:
        return None
    number = sum(key.startswith(KEY) for key in flow_run.empirical_policy.pause_keys or ())
    if not number:
        return Waits(0, NOTHING)
    keys = keyset_from_paused_state(Suspended(pause_key=f"{KEY}{number}"))
    form = await aread_flow_run_input(keys["schema"], flow_run.id)
    return Waits(number, await Answer.aload(keys, flow_run.id), rows_to_approve(form or {}))


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
    answer = {DECISIONS: json.dumps(document, ensure_ascii=False)}
    try:
        async with get_client() as client:
            waiting = await client.read_flow_runs(
                flow_run_filter=FlowRunFilter(
                    tags=FlowRunFilterTags(all_=[_tag(key)]),
                    state=FlowRunFilterState(name=FlowRunFilterStateName(any_=[WAITING])),
                )
            )
    except httpx.HTTPError:  # a server that does not answer holds nothing that waits; the run will say so
        return None
    if not waiting:
        return None
    try:
        await aresume_flow_run(waiting[0].id, run_input=answer)
    except (NotPausedError, FlowPauseTimeout, RuntimeError, PrefectException, httpx.HTTPError) as error:
        why = printable(str(error), one_line=True)
        raise InvalidInput(
            f"{waiting[0].name} waits for the decisions, and Prefect does not take them: {why}. Try again."
        ) from error
    return waiting[0]


def _tag(key: str) -> str:
    return f"{TAG}{key[:16]}"
