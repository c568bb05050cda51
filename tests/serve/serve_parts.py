"""A service without HTTP, for tests of what all dialects share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from flows.serve.composition import Door, Records, in_process, open_door
from flows.serve.database.database import Database, default_url
from flows.serve.dialects.monitors_request import MonitorBody, QuerySettings, query_spec
from flows.serve.records.monitor_records import MonitorSpec
from flows.serve.records.task_records import Owner, Submission
from flows.serve.service.admission import Admission
from flows.serve.work.claims import LEASE_SECONDS
from flows.serve.work.worlds import Worlds
from research.ports.model import Model
from research.secrets import NONE, KnownSecrets
from research.task.task import Task
from research.web.settings import WebSettings
from research.world import Settings
from tests.serve.conftest import PAGES, WEBHOOK_SECRET

ALICE, BOB = Owner(id="alice"), Owner(id="bob")


def submission(task: str = "When was the Bell Rock Lighthouse first lit?", **fields: Any) -> Submission:
    """A submission whose fields are those of the task, but for those of the submission itself."""
    own = {name: fields.pop(name) for name in list(fields) if name in Submission.model_fields}
    return Submission(task=Task.model_validate({"task": task, **fields}), dialect="tasks", **own)


MONITOR: dict[str, Any] = {
    "type": "event_stream",
    "frequency": "1d",
    "settings": {
        "query": "When was the Bell Rock Lighthouse first lit, and how high is it?",
        "output_schema": {
            "type": "json",
            "json_schema": {
                "type": "object",
                "properties": {
                    "first_lit": {"type": "string", "format": "date", "description": "when it was first lit"},
                    "height": {"type": "number", "description": "height in metres"},
                },
            },
        },
    },
}
"""A monitor of a query as a client asks for it."""


def monitor_spec(**fields: Any) -> MonitorSpec:
    """What `MONITOR` asks for, with other fields."""
    body = MonitorBody.model_validate(MONITOR | fields)
    assert isinstance(body.settings, QuerySettings)
    return query_spec(body, body.settings)


@asynccontextmanager
async def door(
    folder: Path,
    *,
    model: Model | None = None,
    url: str | None = None,
    dispatcher: Any = None,
    secrets: KnownSecrets = NONE,
    pages: Mapping[str, str] = PAGES,
    web: WebSettings | None = None,
    works: bool = True,
    lease_seconds: float = LEASE_SECONDS,
    **options: Any,
) -> AsyncIterator[Door]:
    """A running service with two pages to search, and profiles of agents in its folder `agents`.

    Args:
        works: tasks are worked on; otherwise they wait for ever.
    """
    corpus = folder / "corpus"
    corpus.mkdir(exist_ok=True)
    for name, text in pages.items():
        (corpus / name).write_text(text, "utf-8")
    settings = Settings(cache_dir=folder / "cache", corpus=str(corpus), model=None if model is not None else "extractive")
    opened = open_door(
        Records.of(Database(url or default_url(folder)), lease_seconds),
        dispatcher or in_process(Worlds(settings, model, secrets), 4 if works else 0),
        Admission(web or WebSettings(), SecretStr(WEBHOOK_SECRET), secrets, folder / "agents"),
        **options,
    )
    async with opened.running():
        yield opened
