"""The dialect of search: an objective and queries → pages with excerpts copied from them, at once; and each search as a run.

`POST /v1/search` answers when the pages are there. The run that it made is found again under `/v1/search/runs`: listed, read,
followed and cancelled.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated, Any, Final
from uuid import uuid4

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response, StreamingResponse

from flows.serve.dialects.parallel_errors import also, errors
from flows.serve.dialects.parallel_shapes import progress_event
from flows.serve.dialects.retrieval_shapes import SearchAnswer, SearchBody, SearchRun, SearchRuns, waited_for
from flows.serve.errors import UnknownTask
from flows.serve.http.access import CurrentOwner
from flows.serve.http.routing import dialect_router
from flows.serve.http.streaming import DOCUMENTED, SentEvent, event_stream
from flows.serve.records.task_records import Owner, Submission, TaskRecord
from flows.serve.service.service import Service
from research.retrieval.retrieved import Retrieval
from research.task.task import Task

NAME: Final = "search"
AT_ROOT: Final = True
VERSIONS: Final = ("/v1", "/v1beta")
SearchId = Annotated[str, Path(max_length=256)]


def router(service: Service) -> APIRouter:
    """The routes of the dialect."""
    api = dialect_router(errors)
    searches = _Searches(service)
    no_search = also(s404="There is no such search of yours.")
    failed = also(s402="A limit of the key's is reached.", s502="The search failed.", s503="No search provider answers.")
    for version in VERSIONS:
        path, runs = f"{version}/search", f"{version}/search/runs"
        api.add_api_route(path, searches.create, methods=["POST"], response_model=SearchAnswer, responses=failed)
        api.add_api_route(runs, searches.list, response_model=SearchRuns, responses=also())
        run: dict[str, Any] = {"response_model": SearchRun, "responses": no_search}
        api.add_api_route(f"{runs}/{{search_id}}", searches.get, **run)
        api.add_api_route(
            f"{runs}/{{search_id}}/cancel", searches.cancel, methods=["POST"], response_model=SearchRun, responses=no_search
        )
        api.add_api_route(
            f"{runs}/{{search_id}}/events",
            searches.events,
            response_class=StreamingResponse,
            response_model=None,
            responses={200: DOCUMENTED, **no_search},
        )
    return api


class _Searches:
    """Searches of an owner."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def create(self, body: SearchBody, owner: CurrentOwner, request: Request) -> SearchAnswer:
        """Search, read what was found, and copy what fits the objective."""
        record = await self._service.submit(owner, _submission(body))
        return SearchAnswer.of(await waited_for(self._service, owner, record, request))

    async def list(
        self,
        owner: CurrentOwner,
        cursor: Annotated[str | None, Query(max_length=200)] = None,
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
    ) -> SearchRuns:
        """Searches, the latest first."""
        page = await self._service.page(owner, cursor=cursor, limit=limit, dialect=NAME)
        return SearchRuns(runs=[SearchRun.of(record) for record in page.tasks], next_cursor=page.next_cursor)

    async def get(self, search_id: SearchId, owner: CurrentOwner) -> SearchRun:
        """A search, with what it found."""
        return SearchRun.of(await self._own(owner, search_id))

    async def cancel(self, search_id: SearchId, owner: CurrentOwner) -> SearchRun:
        """Cancel a search. One that has ended stays as it is."""
        await self._own(owner, search_id)
        return SearchRun.of(await self._service.cancel(owner, search_id))

    async def events(self, search_id: SearchId, owner: CurrentOwner) -> Response:
        """What happens to a search, as server-sent events, until it has ended."""
        await self._own(owner, search_id)
        return event_stream(self._events(owner, search_id))

    async def _events(self, owner: Owner, id: str) -> AsyncGenerator[SentEvent]:
        async for event in self._service.events(owner, task_id=id):
            record = await self._service.get(owner, id)
            if event.type == "status" and record.is_final and event.data["status"] == record.status:
                yield SentEvent(data={"type": "search.state", "run": SearchRun.of(record).model_dump(mode="json")})
            else:
                yield SentEvent(data=progress_event(event) | {"type": "search.progress"})

    async def _own(self, owner: Owner, id: str) -> TaskRecord:
        record = await self._service.get(owner, id)
        if record.dialect != NAME:
            raise UnknownTask(f"there is no search {id!r}")
        return record


def _submission(body: SearchBody) -> Submission:
    """The retrieval that the body asks for.

    Raises:
        InvalidTask: the body asks for nothing, or its source policy is wrong.
    """
    queries = tuple(query for query in map(str.strip, body.search_queries or ()) if query)
    request: dict[str, Any] = {"processor": "base", "source_policy": body.policy()}
    objective = (body.objective or "").strip() or "; ".join(queries)
    return Submission(
        task=Task.model_validate({**request, "objective": objective}),
        retrieval=Retrieval(queries=queries, limit=body.limit(), shape=body.shape()),
        dialect=NAME,
        request={"session_id": body.session_id or f"session_{uuid4().hex}"},
        warnings=body.warnings(),
    )
