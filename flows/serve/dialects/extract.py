"""The dialect of extract: addresses → excerpts that fit an objective, full text, or an object by a schema with its evidence."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import uuid4

from fastapi import APIRouter, Query, Request

from flows.serve.dialects.parallel_errors import also, errors
from flows.serve.dialects.retrieval_shapes import MOST_URLS, ExtractAnswer, ExtractBody, waited_for
from flows.serve.http import http_tasks
from flows.serve.http.access import CurrentOwner
from flows.serve.http.routing import dialect_router
from flows.serve.records.task_records import Submission
from flows.serve.service.service import Service
from research.errors import Fault, InvalidTask
from research.retrieval.retrieved import Retrieval
from research.task.task import Task
from research.task.urls import is_web

NAME: Final = "extract"
AT_ROOT: Final = True
VERSIONS: Final = ("/v1", "/v1beta")
CORPUS: Final = "corpus://"
UNASKED: Final = "What the page says"
"""The objective of whoever names none."""


def router(service: Service) -> APIRouter:
    """The routes of the dialect."""
    api = dialect_router(errors)
    extract = _Extract(service)
    failed = also(s402="A limit of the key's is reached.", s502="The research of the schema's fields failed.")
    for version in VERSIONS:
        path = f"{version}/extract"
        api.add_api_route(path, extract.post, methods=["POST"], response_model=ExtractAnswer, responses=failed)
        api.add_api_route(path, extract.get, response_model=ExtractAnswer, responses=failed)
    return api


class _Extract:
    """Reads pages that are named."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def post(self, body: ExtractBody, owner: CurrentOwner, request: Request) -> ExtractAnswer:
        """Read pages, and copy what fits the objective. With `schema`, the pages are researched for its fields."""
        submission = _pages(body) if body.schema_ is None else _fields(body)
        record = await self._service.submit(owner, submission)
        return ExtractAnswer.of(await waited_for(self._service, owner, record, request))

    async def get(
        self,
        owner: CurrentOwner,
        request: Request,
        url: Annotated[str, Query(max_length=2_000)],
        objective: Annotated[str | None, Query(max_length=1_000)] = None,
        full_content: bool = True,
    ) -> ExtractAnswer:
        """Read one page."""
        return await self.post(ExtractBody(urls=[url], objective=objective, full_content=full_content), owner, request)


def _pages(body: ExtractBody) -> Submission:
    faults = [
        Fault(f"/urls/{place}", "must be an http(s) address, or one of the corpus as a search names it")
        for place, url in enumerate(body.urls)
        if not (is_web(url) or url.startswith(CORPUS))
    ]
    if faults:
        raise InvalidTask("The pages cannot be read:", faults)
    return Submission(
        task=Task(task=(body.objective or "").strip() or UNASKED, processor="base"),
        retrieval=Retrieval(
            urls=tuple(body.urls),
            queries=tuple(query for query in map(str.strip, body.search_queries or ()) if query),
            shape=body.shape(),
        ),
        dialect=NAME,
        request={"session_id": body.session_id or f"session_{uuid4().hex}"},
        warnings=body.warnings(),
    )


def _fields(body: ExtractBody) -> Submission:
    """The fields of a schema, researched in these pages: they are the task's own, and no page of another site is read."""
    if faults := [
        Fault(f"/urls/{place}", "must be an http(s) address") for place, url in enumerate(body.urls) if not is_web(url)
    ]:
        raise InvalidTask("The pages cannot be read:", faults)
    request = {
        "task": (body.objective or "").strip() or UNASKED,
        "output_schema": body.schema_,
        "start_url": body.urls[0],
        "files": body.urls[1:],
        "source_policy": {"include_domains": sorted({str(host) for host in map(body.host, body.urls) if host})},
        "processor": "core",
        "max_fetches": max(1, min(30, len(body.urls))),
    }
    return http_tasks.submission_of(
        request,
        dialect=NAME,
        echo={"session_id": body.session_id or f"session_{uuid4().hex}", "urls": body.urls[:MOST_URLS]},
        warnings=body.warnings(),
    )
