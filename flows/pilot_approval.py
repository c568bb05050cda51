"""The decision after a pilot, made in Prefect: the flow run of a deployment is suspended with a form, its process ends, and once
somebody has answered, a new process goes on from the run folder."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal, TypeVar
from uuid import UUID

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateName, FlowRunFilterTags
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import FlowPauseTimeout, NotPausedError, ObjectNotFound
from prefect.flow_runs import aresume_flow_run, asuspend_flow_run
from prefect.input import RunInput, keyset_from_paused_state
from prefect.settings import get_current_settings
from prefect.states import Suspended
from pydantic import Field

from flows.artifacts import table
from flows.run.events import PilotFinished
from flows.run.options import EnrichOptions, FindOptions, RefreshOptions, ResynthesizeOptions
from flows.run.runtime import NotApproved, Runtime
from research.display.figures import count, duration, share
from research.display.printable import printable
from research.errors import InvalidInput
from research.money.amounts import dollars

WAITING: Final = "Suspended"
"""The state of a flow run that waits for an answer, as Prefect names it."""
Options = TypeVar("Options", EnrichOptions, ResynthesizeOptions, RefreshOptions, FindOptions)

KEY: Final = "pilot"
"""Prefect's name for this suspension. A flow run is suspended once under one name."""
TAG: Final = "pilot of "
"""Before the first digits of a request's key, the tag of the flow runs that have waited for a decision about its run folder."""
WAITS: Final = NotApproved("the pilot waits to be approved, in Prefect's UI (Resume) or by research approve RUN", is_waiting=True)
DECLINED: Final = NotApproved("it was decided to stop after the pilot; a run with the same parameters, without a pilot, goes on")


class PilotDecision(RunInput):
    """Whether a run goes on after its pilot."""

    decision: Literal["go on", "stop"] = Field(
        default="go on",
        title="Go on?",
        description="go on: the rows that are left are researched. stop: the run ends, and the rows of the pilot stay.",
        json_schema_extra={"position": 0},
    )
    max_cost: float | None = Field(
        default=None,
        gt=0,
        title="New cap (US dollars)",
        description="Most that the run may cost, with what it has cost so far. Empty: the cap stays as it is.",
        json_schema_extra={"position": 1},
    )


@dataclass(slots=True)
class PilotInPrefect:
    """The question after the pilot of one flow run."""

    decision: PilotDecision | None
    """What was answered, if the flow run was suspended for it before."""
    pilot: PilotFinished | None = None
    """What is asked about."""

    async def approve(self, pilot: PilotFinished) -> bool:
        """Whether the run goes on, as far as that is decided."""
        self.pilot = pilot
        return self.decision is not None and self.decision.decision == "go on"

    @property
    def is_open(self) -> bool:
        """Whether the question was put and nobody has answered it."""
        return self.pilot is not None and self.decision is None

    def applied(self, options: Options) -> Options:
        """The options, with the cap that was answered."""
        if self.decision is None or self.decision.max_cost is None:
            return options
        return replace(options, max_cost=self.decision.max_cost)

    def of(self, runtime: Runtime) -> Runtime:
        """A runtime that asks here."""
        return replace(runtime, approve=self.approve, not_approved=WAITS if self.decision is None else DECLINED)

    async def suspend(self, flow_run: FlowRun, run_key: str, spent_usd: float | None, max_cost: float | None) -> None:
        """Suspend the flow run with the form: this process ends by an exception that Prefect's engine awaits.

        Raises:
            RuntimeError: the server does not suspend it, for instance because it was cancelled.
        """
        if self.pilot is None:
            raise RuntimeError("there was no pilot")
        async with get_client() as client:
            tags = {*(await client.read_flow_run(flow_run.id)).tags, _tag(run_key)}
            await client.update_flow_run(flow_run.id, tags=sorted(tags))
        form = PilotDecision.with_initial_data(description=describe(self.pilot, spent_usd, max_cost))
        await asuspend_flow_run(wait_for_input=form, key=KEY)


async def pilot_in_prefect(
    flow_run: FlowRun, options: EnrichOptions | ResynthesizeOptions | RefreshOptions | FindOptions, runtime: Runtime
) -> PilotInPrefect | None:
    """The question that the pilot of a flow run will put to the people at Prefect.

    None: it has no pilot, somebody else is asked, or it is of no deployment, so that Prefect could not start it again.
    """
    if not isinstance(options, EnrichOptions) or options.pilot is None or runtime.approve is not None:
        return None
    if flow_run.deployment_id is None or flow_run.parent_task_run_id is not None:
        return None
    asked_before = KEY in (flow_run.empirical_policy.pause_keys or ())
    keys = keyset_from_paused_state(Suspended(pause_key=KEY))
    return PilotInPrefect(await PilotDecision.aload(keys, flow_run.id) if asked_before else None)


def describe(pilot: PilotFinished, spent_usd: float | None, max_cost: float | None) -> str:
    """What a pilot came to, as Markdown above the form. Names of fields are escaped."""
    cells = pilot.completed * len(pilot.fields)
    lines = [
        ("cost of a row", _two(_money(pilot.cost_usd_p50), _money(pilot.cost_usd_p90))),
        ("time of a row", _two(duration(pilot.seconds_p50), duration(pilot.seconds_p90))),
        ("cells with a value", f"{share(pilot.all_fields.found, cells)}: {pilot.all_fields}"),
        ("paid so far", _money(spent_usd)),
        ("cap", "none" if max_cost is None else dollars(max_cost)),
        (
            f"the {count(pilot.rows_left)} rows that are left",
            f"about {_money(pilot.projected_usd)} ({_money(pilot.projected_usd_p90)} if all cost p90), "
            f"about {duration(pilot.projected_seconds)}",
        ),
    ]
    fields = [(name, share(field.found, pilot.completed), field) for name, field in pilot.fields.items()]
    failed = f", {count(pilot.rows - pilot.completed)} failed" if pilot.completed < pilot.rows else ""
    return "\n\n".join(
        [
            f"**Pilot: {count(pilot.completed, 'row')} completed{failed}.** Shall the run go on?",
            table(("", ""), lines),
            table(("field", "found", "confidence"), fields),
        ]
    )


async def answer(run: str, key: str | None, decision: PilotDecision) -> FlowRun:
    """Answer the flow run that waits for a decision about a pilot. Returns it.

    Args:
        run: the run folder as it was named, or the id of a flow run.
        key: the key of the run folder's request; None: `run` is an id.

    Raises:
        InvalidInput: none waits, or more than one does, or Prefect does not take the answer; says why.
    """
    url = get_current_settings().api.url
    if not url:
        raise InvalidInput("a flow run waits at a Prefect server: set PREFECT_API_URL to its address.")
    async with get_client() as client:
        waiting = await (_by_id(client, UUID(run)) if key is None else _by_tag(client, _tag(key)))
    if not waiting:
        raise InvalidInput(
            f"no flow run at {url} waits for a decision about {run}. A run that was started on a terminal goes on with "
            f"research resume {run} --yes."
        )
    if len(waiting) > 1:
        ids = ", ".join(str(each.id) for each in waiting)
        raise InvalidInput(f"{len(waiting)} flow runs wait for a decision about {run}; name one of them instead: {ids}")
    try:
        await aresume_flow_run(waiting[0].id, run_input=decision.model_dump(exclude_none=True))
    except (NotPausedError, FlowPauseTimeout, RuntimeError) as error:
        raise InvalidInput(f"Prefect does not take the decision about {run}: {printable(str(error), one_line=True)}") from error
    return waiting[0]


async def _by_id(client: PrefectClient, flow_run: UUID) -> list[FlowRun]:
    try:
        found = await client.read_flow_run(flow_run)
    except ObjectNotFound:
        return []
    return [found] if found.state is not None and found.state.name == WAITING else []


async def _by_tag(client: PrefectClient, tag: str) -> list[FlowRun]:
    return await client.read_flow_runs(
        flow_run_filter=FlowRunFilter(
            tags=FlowRunFilterTags(all_=[tag]),
            state=FlowRunFilterState(name=FlowRunFilterStateName(any_=[WAITING])),
        )
    )


def _tag(key: str) -> str:
    return f"{TAG}{key[:16]}"


def _two(half: str, most: str) -> str:
    return f"{half} (p50), {most} (p90)"


def _money(usd: float | None) -> str:
    return "not known" if usd is None else dollars(usd)
