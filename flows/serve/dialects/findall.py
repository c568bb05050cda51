"""The dialect of find-all: an objective with match conditions → candidates, each with what was found of every condition.

A run is a group of records, each of which goes on from the one before: what was asked for first, and every `extend` and `enrich`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Path, Query, Request
from fastapi.responses import Response, StreamingResponse

from flows.serve.dialects.entity_search import EntitySearchAnswer, EntitySearchBody
from flows.serve.dialects.findall_shapes import (
    TIERS,
    EnrichBody,
    ExtendBody,
    FindAllBody,
    FindAllResult,
    FindAllRun,
    FindAllRuns,
    FindAllSchema,
    IngestBody,
    candidate_of,
    candidates_of,
    changed_candidates,
    found_of,
    run_of,
    schema_of,
)
from flows.serve.dialects.parallel_errors import also, errors
from flows.serve.dialects.retrieval_shapes import waited_for
from flows.serve.errors import NotWaiting, UnknownGroup, UnknownTask
from flows.serve.http.access import CurrentOwner
from flows.serve.http.routing import dialect_router
from flows.serve.http.streaming import DOCUMENTED, SentEvent, event_stream
from flows.serve.records.task_records import Owner, Submission, TaskRecord
from flows.serve.service.outbox import Told
from flows.serve.service.service import Service
from research.errors import Fault, InvalidTask
from research.finding.find import FindRequest, FoundNames
from research.task.task import Task

NAME: Final = "findall"
AT_ROOT: Final = True
MOST_PARTS: Final = 500
"""Records of one run."""
LAST: Final = 1_000_000
"""The place of the status in which a record of a run ends, behind its candidates."""
FindAllId = Annotated[str, Path(max_length=256)]


def told(record: TaskRecord) -> Told:
    """What a webhook is told of a run that has ended: how it stands."""
    run = run_of(record.group_id or "", record, record, found_of(record))
    return Told(f"findall.run.{record.status}", run.model_dump(mode="json"))


def router(service: Service) -> APIRouter:
    """The routes of the dialect."""
    api = dialect_router(errors)
    finds = _Finds(service)
    unknown = also(s404="There is no such run of yours.")
    active = unknown | also(s409="It is active: wait until it has ended, or cancel it.")
    root = "/v1beta/findall"
    run, one = f"{root}/runs", f"{root}/runs/{{findall_id}}"
    api.add_api_route(f"{root}/ingest", finds.ingest, methods=["POST"], response_model=FindAllSchema, responses=also())
    failed = also(s402="A limit of the key's is reached.", s502="The search failed.", s503="No search provider answers.")
    api.add_api_route(
        f"{root}/entity-search", finds.entities, methods=["POST"], response_model=EntitySearchAnswer, responses=failed
    )
    api.add_api_route(run, finds.create, methods=["POST"], response_model=FindAllRun, responses=also())
    api.add_api_route(run, finds.page, response_model=FindAllRuns, responses=also())
    api.add_api_route(one, finds.get, response_model=FindAllRun, responses=unknown)
    api.add_api_route(f"{one}/result", finds.result, response_model=FindAllResult, responses=unknown)
    api.add_api_route(f"{one}/schema", finds.schema, response_model=FindAllSchema, responses=unknown)
    api.add_api_route(f"{one}/cancel", finds.cancel, methods=["POST"], response_model=FindAllRun, responses=unknown)
    api.add_api_route(f"{one}/extend", finds.extend, methods=["POST"], response_model=FindAllSchema, responses=active)
    api.add_api_route(f"{one}/enrich", finds.enrich, methods=["POST"], response_model=FindAllSchema, responses=active)
    stream: dict[str, Any] = {"response_class": StreamingResponse, "response_model": None}
    api.add_api_route(f"{one}/events", finds.events, responses={200: DOCUMENTED, **unknown}, **stream)
    return api


class _Finds:
    """Find-all runs of an owner."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def ingest(self, body: IngestBody, owner: CurrentOwner) -> FindAllSchema:
        """The match conditions that an objective makes. Code reads it: nothing is researched, and no model asked."""
        return FindAllSchema.ingested(body.objective.strip())

    async def entities(self, body: EntitySearchBody, owner: CurrentOwner, request: Request) -> EntitySearchAnswer:
        """Find people or companies, and answer with those that match. It is held open until they are found; a run tells of them
        one by one."""
        record = await self._service.submit(owner, body.submission())
        return EntitySearchAnswer.of(await waited_for(self._service, owner, record, request))

    async def create(self, body: FindAllBody, owner: CurrentOwner) -> FindAllRun:
        """Begin a run."""
        asked = body.asked()
        request = {"task": body.objective, "processor": TIERS[body.generator], "webhook": body.told()}
        task = Task.model_validate(request)
        group = await self._service.create_group(owner, {"dialect": NAME})
        echoed = {"generator": body.generator, "metadata": body.metadata, "names": body.names(asked)}
        record = await self._service.submit(
            owner,
            Submission(task=task, find=asked, dialect=NAME, request=echoed, group_id=group.id, webhook=_address(task)),
        )
        return run_of(group.id, record, record, FoundNames())

    async def page(
        self,
        owner: CurrentOwner,
        cursor: Annotated[str | None, Query(max_length=200)] = None,
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
    ) -> FindAllRuns:
        """Runs, the latest asked for first. One that was extended stands where it was extended last."""
        page = await self._service.page(owner, cursor=cursor, limit=limit, dialect=NAME)
        ids = dict.fromkeys(record.group_id for record in page.tasks if record.group_id is not None)
        return FindAllRuns(runs=[await self.get(id, owner) for id in ids], next_cursor=page.next_cursor)

    async def get(self, findall_id: FindAllId, owner: CurrentOwner) -> FindAllRun:
        """How a run stands."""
        parts = await self._parts(owner, findall_id)
        return run_of(findall_id, parts[0], parts[-1], _so_far(parts))

    async def result(self, findall_id: FindAllId, owner: CurrentOwner) -> FindAllResult:
        """A run's candidates, with what was found of each condition, as far as they are judged."""
        parts = await self._parts(owner, findall_id)
        found = _so_far(parts)
        return FindAllResult(
            run=run_of(findall_id, parts[0], parts[-1], found),
            candidates=list(candidates_of(parts[0], found)),
            last_event_id=_event_id(parts[-1], LAST) if parts[-1].is_final else None,
        )

    async def schema(self, findall_id: FindAllId, owner: CurrentOwner) -> FindAllSchema:
        """What a run looks for."""
        return schema_of((await self._parts(owner, findall_id))[-1])

    async def cancel(self, findall_id: FindAllId, owner: CurrentOwner) -> FindAllRun:
        """Cancel a run. One that has ended stays as it is."""
        last = (await self._parts(owner, findall_id))[-1]
        await self._service.cancel(owner, last.id)
        return await self.get(findall_id, owner)

    async def extend(self, findall_id: FindAllId, body: ExtendBody, owner: CurrentOwner) -> FindAllSchema:
        """Go on for more matches. What was judged is not judged again."""
        last, asked = await self._ended(owner, findall_id)
        limit = asked.limit + body.additional_match_limit
        if limit > 10_000:
            raise InvalidTask(
                "The run cannot be extended:", [Fault("/additional_match_limit", "more than 10,000 matches in all")]
            )
        more = asked.changed(limit=limit, candidates=max(asked.candidates, limit))
        return schema_of(await self._go_on(owner, findall_id, last, more))

    async def enrich(self, findall_id: FindAllId, body: EnrichBody, owner: CurrentOwner) -> FindAllSchema:
        """Research the candidates that match further, by an output schema."""
        last, asked = await self._ended(owner, findall_id)
        enriching = body.enriching()
        Task.model_validate({"task": "a candidate", "processor": enriching.processor or last.task.processor})
        return schema_of(await self._go_on(owner, findall_id, last, asked.changed(enrich=enriching)))

    async def events(
        self,
        findall_id: FindAllId,
        owner: CurrentOwner,
        last_event_id: Annotated[str | None, Query(max_length=100)] = None,
        resumed: Annotated[str | None, Header(alias="Last-Event-ID", max_length=100)] = None,
    ) -> Response:
        """What happens to a run, as server-sent events, until it has ended: its status, and each candidate that was judged."""
        parts = await self._parts(owner, findall_id)
        return event_stream(self._events(owner, findall_id, parts, _place(last_event_id or resumed)))

    async def _events(self, owner: Owner, id: str, parts: list[TaskRecord], after: tuple[int, int]) -> AsyncGenerator[SentEvent]:
        first, before = parts[0], FoundNames()
        for part in parts:
            async for event in self._service.events(owner, task_id=part.id):
                record = await self._service.get(owner, part.id)
                if event.type != "status":
                    continue
                is_last = record.is_final and event.data["status"] == record.status
                if is_last:
                    now = found_of(record)
                    for place, each in enumerate(changed_candidates(before, now), start=1):
                        if (part.number, place) > after:
                            data = candidate_of(first, each).model_dump(mode="json")
                            kind = f"findall.candidate.{each.status}"
                            yield _sent(kind, data, _event_id(part, place), record)
                    before = now if now.candidates else before
                shown = record.changed(status=event.data["status"])
                # The status of the end comes last, and its id says so: a stream that is resumed after it is empty.
                order = (part.number, LAST if is_last else 0)
                if order > after:
                    run = run_of(id, first, shown, before).model_dump(mode="json")
                    yield _sent("findall.status", run, _event_id(part, order[1]), record)

    async def _go_on(self, owner: Owner, id: str, last: TaskRecord, asked: FindRequest) -> TaskRecord:
        return await self._service.submit(
            owner,
            Submission(
                task=last.task.changed(task_id=None),
                find=asked.changed(earlier=last.id),
                dialect=NAME,
                request=last.request,
                group_id=id,
                webhook=_address(last.task),
            ),
        )

    async def _ended(self, owner: Owner, id: str) -> tuple[TaskRecord, FindRequest]:
        """The latest record of a run that can go on.

        Raises:
            NotWaiting: it is active, or came to nothing.
        """
        last = (await self._parts(owner, id))[-1]
        if last.status != "completed" or last.find is None:
            raise NotWaiting(f"the run {id} is {last.status}: it can go on once it is completed")
        return last, last.find

    async def _parts(self, owner: Owner, id: str) -> list[TaskRecord]:
        """The records of a run, the first one first.

        Raises:
            UnknownTask: this owner has no such run.
        """
        try:
            parts = await self._service.group_tasks(owner, id, limit=MOST_PARTS)
        except UnknownGroup:
            parts = []
        if not parts or parts[0].dialect != NAME:
            raise UnknownTask(f"there is no find-all run {id!r}")
        return parts


def _address(task: Task) -> str | None:
    return None if task.webhook is None else task.webhook.url


def _so_far(parts: list[TaskRecord]) -> FoundNames:
    """What the latest record that has come to something holds."""
    for part in reversed(parts):
        if (found := found_of(part)).candidates:
            return found
    return found_of(parts[-1])


def _sent(kind: str, data: dict[str, Any], id: str, record: TaskRecord) -> SentEvent:
    at = record.modified_at.isoformat()
    return SentEvent(data={"type": kind, "data": data, "event_id": id, "timestamp": at}, event=kind, id=id)


def _event_id(record: TaskRecord, place: int) -> str:
    return f"{record.number}-{place}"


def _place(event_id: str | None) -> tuple[int, int]:
    """After which event a stream begins.

    Raises:
        InvalidTask: there is no such event.
    """
    if event_id is None:
        return -1, -1
    number, _, place = event_id.partition("-")
    if not (number.isdigit() and place.isdigit()) or len(event_id) > 30:
        raise InvalidTask("The stream cannot be resumed:", [Fault("/last_event_id", "is no id of an event")])
    return int(number), int(place)
