"""The dialect of task runs, as `parallel-web` and its relatives speak it: `/v1` and `/v1beta`, runs and groups of runs.

`parallel_request` reads what is sent, `parallel_shapes` has what is answered, `parallel_streams` the streams of events.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from flows.serve.dialects.parallel_errors import RunNotCompleted, StillActive, also, errors
from flows.serve.dialects.parallel_request import DIALECT, AddRunsBody, GroupBody, RunBody, submission_of, unknown_betas
from flows.serve.dialects.parallel_shapes import AddedRuns, GroupStatus, GroupView, Run, RunInputView, RunResult, output_of
from flows.serve.dialects.parallel_streams import for_seconds, group_events, group_runs, run_events
from flows.serve.errors import UnknownTask
from flows.serve.http.access import CurrentOwner
from flows.serve.http.http_tasks import IdempotencyKey
from flows.serve.http.routing import dialect_router
from flows.serve.http.streaming import DOCUMENTED, SentEvent, event_stream
from flows.serve.records.task_records import Owner, Submission, TaskRecord
from flows.serve.service.outbox import Told
from flows.serve.service.service import Service
from research.errors import Fault, InvalidInput, InvalidTask
from research.result.result import Status

NAME: Final = DIALECT
AT_ROOT: Final = True
VERSIONS: Final = ("/v1", "/v1beta")
"""Their SDK has moved from one to the other path by path; each path is known under both."""
STREAM: Final[dict[int | str, dict[str, Any]]] = {200: DOCUMENTED}
LOOK_SECONDS: Final = 5.0
"""How often it is seen whether whoever waits for a result is still there."""

Betas = Annotated[str | None, Header(alias="parallel-beta", description="Beta features, separated by commas.")]
RunId = Annotated[str, Path(max_length=256)]
GroupId = Annotated[str, Path(alias="taskgroup_id", max_length=256)]
LastEventId = Annotated[
    str | None, Query(description="The `event_id` of the last event that was seen: what comes after it is sent.")
]


def told(record: TaskRecord) -> Told:
    """What a webhook is told of a run that has ended: the run, as it is answered."""
    return Told("task_run.status", Run.of(record).model_dump(mode="json"))


def router(service: Service) -> APIRouter:
    """The routes of the dialect."""
    api = dialect_router(errors, tags=["Task runs"])
    runs, groups = _Runs(service), _Groups(service)
    no_run, no_group = also(s404="There is no such run of yours."), also(s404="There is no such group of yours.")
    no_result = also(s404="There is no such run of yours, or it has no result.", s408="The run is still active.")
    stream: dict[str, Any] = {"response_class": StreamingResponse, "response_model": None}
    for version in VERSIONS:
        run, group = f"{version}/tasks/runs", f"{version}/tasks/groups"
        api.add_api_route(run, runs.create, methods=["POST"], status_code=202, response_model=Run, responses=also())
        api.add_api_route(f"{run}/{{run_id}}", runs.get, response_model=Run, responses=no_run)
        api.add_api_route(f"{run}/{{run_id}}/input", runs.input, response_model=RunInputView, responses=no_run)
        api.add_api_route(f"{run}/{{run_id}}/result", runs.result, response_model=RunResult, responses=no_result)
        api.add_api_route(f"{run}/{{run_id}}/cancel", runs.cancel, methods=["POST"], response_model=Run, responses=no_run)
        api.add_api_route(f"{run}/{{run_id}}/events", runs.events, responses=STREAM | no_run, **stream)
        api.add_api_route(group, groups.create, methods=["POST"], status_code=202, response_model=GroupView, responses=also())
        api.add_api_route(f"{group}/{{taskgroup_id}}", groups.get, response_model=GroupView, responses=no_group)
        api.add_api_route(
            f"{group}/{{taskgroup_id}}/runs",
            groups.add,
            methods=["POST"],
            status_code=202,
            response_model=AddedRuns,
            responses=no_group,
        )
        api.add_api_route(f"{group}/{{taskgroup_id}}/runs", groups.runs, responses=STREAM | no_group, **stream)
        api.add_api_route(f"{group}/{{taskgroup_id}}/runs/{{run_id}}", groups.run, response_model=Run, responses=no_run)
        api.add_api_route(f"{group}/{{taskgroup_id}}/events", groups.events, responses=STREAM | no_group, **stream)
    return api


class _Runs:
    """One run."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def create(self, body: RunBody, owner: CurrentOwner, betas: Betas = None, key: IdempotencyKey = None) -> Run:
        """Create a run. It is queued."""
        submission = submission_of(body, idempotency_key=key, warned=unknown_betas(betas))
        return Run.of(await self._service.submit(owner, submission))

    async def get(self, run_id: RunId, owner: CurrentOwner) -> Run:
        """How a run stands."""
        return Run.of(await _own(self._service, owner, run_id))

    async def input(self, run_id: RunId, owner: CurrentOwner) -> dict[str, Any]:
        """A run as it was asked for, without secrets."""
        body: dict[str, Any] = (await _own(self._service, owner, run_id)).request["body"]
        return body

    async def result(
        self,
        run_id: RunId,
        owner: CurrentOwner,
        request: Request,
        timeout: Annotated[  # noqa: ASYNC109 - its name in the dialect
            float | None, Query(ge=0, le=86_400, description="Seconds to wait. Left out: until the run has ended.")
        ] = None,
    ) -> RunResult:
        """The result of a run. The answer is held back until the run has ended.

        Their SDK gives up at the third 408, so none comes early: without a timeout, none comes at all.
        """
        until = None if timeout is None else time.monotonic() + timeout
        record = await _own(self._service, owner, run_id)
        while not (record.is_final or record.status == "action_required"):
            left = LOOK_SECONDS if until is None else until - time.monotonic()
            if left <= 0:
                raise StillActive(
                    f"the run {run_id} is still {record.status}: ask again, or leave out `timeout` to wait until it has ended"
                )
            if await request.is_disconnected():
                raise StillActive(f"nobody waits for the result of {run_id} any more")
            record = await self._service.wait(owner, run_id, min(left, LOOK_SECONDS))
        output = output_of(record)
        if output is None:
            raise RunNotCompleted(_why_no_result(record))
        return RunResult(run=Run.of(record), output=output)

    async def cancel(self, run_id: RunId, owner: CurrentOwner) -> Run:
        """Cancel a run. One that has ended stays as it is. (Their SDK knows no such call.)"""
        await _own(self._service, owner, run_id)
        return Run.of(await self._service.cancel(owner, run_id))

    async def events(self, run_id: RunId, owner: CurrentOwner) -> Response:
        """What happens to a run, as server-sent events, until it has ended."""
        await _own(self._service, owner, run_id)
        return event_stream(run_events(self._service, owner, run_id))


class _Groups:
    """Runs that belong together."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def create(self, owner: CurrentOwner, body: GroupBody | None = None) -> GroupView:
        """Create a group, to which runs are added."""
        return GroupView.of(await self._service.create_group(owner, (body.metadata if body else None) or {}))

    async def get(self, group_id: GroupId, owner: CurrentOwner) -> GroupView:
        """How a group stands."""
        return GroupView.of(await self._service.get_group(owner, group_id))

    async def add(
        self,
        group_id: GroupId,
        body: AddRunsBody,
        owner: CurrentOwner,
        betas: Betas = None,
        key: IdempotencyKey = None,
        refresh_status: bool = True,
    ) -> AddedRuns:
        """Add runs to a group: all of them or, if one is wrong, none."""
        group = await self._service.get_group(owner, group_id)
        warned = unknown_betas(betas)
        faults: list[Fault] = []
        submissions: list[Submission] = []
        for place, run in enumerate(body.inputs):
            try:
                submissions.append(
                    submission_of(
                        run,
                        at=f"/inputs/{place}",
                        default_spec=body.default_task_spec,
                        group_id=group_id,
                        idempotency_key=None if key is None else f"{key}:{place}",
                        warned=warned,
                    )
                )
            except InvalidInput as error:
                faults += error.faults
        if faults:
            raise InvalidTask("The runs cannot be accepted, and none was:", faults)
        try:
            records = await self._service.submit_many(owner, submissions)
        except InvalidTask as error:
            raise InvalidTask("The runs cannot be accepted, and none was:", _placed(error.faults, "/inputs")) from error
        had_runs = any(group.counts.values())
        return AddedRuns(
            run_ids=[record.id for record in records],
            status=GroupStatus.of(await self._service.get_group(owner, group_id)),
            run_cursor=str(records[0].number - 1) if had_runs else None,
            event_cursor=await self._cursor_before(owner, records[0]) if had_runs else None,
        )

    async def _cursor_before(self, owner: Owner, record: TaskRecord) -> str | None:
        async for event in self._service.events(owner, task_id=record.id, follow=False):
            return str(event.id - 1)
        return None

    async def run(self, group_id: GroupId, run_id: RunId, owner: CurrentOwner) -> Run:
        """How a run of the group stands."""
        record = await _own(self._service, owner, run_id)
        if record.group_id != group_id:
            raise UnknownTask(f"there is no run {run_id!r} in the group {group_id!r}")
        return Run.of(record)

    async def runs(
        self,
        group_id: GroupId,
        owner: CurrentOwner,
        last_event_id: LastEventId = None,
        status: Status | None = None,
        include_input: bool = False,
        include_output: bool = False,
    ) -> Response:
        """The runs of the group as they stand, as server-sent events, in the order in which they were added."""
        after = _cursor(last_event_id)
        await self._service.get_group(owner, group_id)
        return event_stream(
            group_runs(self._service, owner, group_id, after, status=status, with_input=include_input, with_output=include_output)
        )

    async def events(
        self,
        group_id: GroupId,
        owner: CurrentOwner,
        last_event_id: LastEventId = None,
        timeout: Annotated[float | None, Query(ge=0, le=86_400)] = None,  # noqa: ASYNC109 - its name in the dialect
    ) -> Response:
        """What happens to the runs of the group, as server-sent events, until none is active."""
        after = _cursor(last_event_id)
        await self._service.get_group(owner, group_id)
        events: AsyncGenerator[SentEvent] = group_events(self._service, owner, group_id, after)
        return event_stream(events if timeout is None else for_seconds(events, timeout))


async def _own(service: Service, owner: Owner, id: str) -> TaskRecord:
    """A run that this dialect made.

    Raises:
        UnknownTask: there is none.
    """
    record = await service.get(owner, id)
    if record.dialect != DIALECT:
        raise UnknownTask(f"there is no run {id!r}")
    return record


def _placed(faults: Sequence[Fault], at: str) -> list[Fault]:
    """Faults of a list's items (`/17/webhook`) by their places in the request."""
    return [Fault(f"{at}{fault.pointer}", fault.message) if fault.pointer[1:2].isdigit() else fault for fault in faults]


def _cursor(event_id: str | None) -> int:
    if not event_id:
        return 0
    if event_id.isascii() and event_id.isdigit() and len(event_id) < 19:
        return int(event_id)
    raise InvalidTask("The stream cannot go on:", [Fault("/last_event_id", "is no event_id of an event of this stream")])


def _why_no_result(record: TaskRecord) -> str:
    if record.status == "action_required":
        return (
            f"the run {record.id} waits for a person: POST /api/v1/tasks/{record.id}/approve its plan, or /answer its questions"
        )
    why = f": {record.error.message}" if record.error is not None else ""
    return f"the run {record.id} {'failed' if record.status == 'failed' else 'was cancelled'}, and has no result{why}"
