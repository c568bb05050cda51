"""`Webhook`: an address that is told what becomes of a task, and the events there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core.core_schema import CoreSchema

from research.faults import nearest
from research.records import PublishedRecord
from research.task.urls import is_web

STATUS_EVENTS: Final[Mapping[str, str]] = {
    status: f"research.task.{status}" for status in ("completed", "failed", "cancelled", "action_required")
}
"""The event of a task that has come to a status."""
ARTIFACT: Final = "research.task.artifact"
"""The event that hands a task's completion artifact over."""
EVENT_TYPES: Final = (*STATUS_EVENTS.values(), ARTIFACT)
ANY_STATUS: Final = "task_run.status"
"""What one dialect calls all events of a status."""


def _address(url: str) -> str:
    url = url.strip()
    if not is_web(url):
        raise ValueError("must be an address that begins with http:// or https://")
    return url


def _known(name: str) -> str:
    if name not in (*EVENT_TYPES, ANY_STATUS):
        raise ValueError(f'"{name[:100]}" is no event{nearest(name, EVENT_TYPES)}; there are: {", ".join(EVENT_TYPES)}')
    return name


class Webhook(PublishedRecord):
    """Who is told. Written as a URL, or as an object with the URL and the events that are wanted."""

    url: Annotated[str, AfterValidator(_address)]
    event_types: tuple[Annotated[str, AfterValidator(_known)], ...] = ()
    """None named: how a task ended (`completed`, `failed`, `cancelled`), and its artifact, where that is handed over so."""

    def wants(self, event: str) -> bool:
        """Whether an event of `EVENT_TYPES` is told."""
        if not self.event_types:
            return event != STATUS_EVENTS["action_required"]
        return event in self.event_types or (ANY_STATUS in self.event_types and event in STATUS_EVENTS.values())

    @model_validator(mode="before")
    @classmethod
    def _written_short(cls, written: Any) -> Any:
        return {"url": _address(written)} if isinstance(written, str) else written

    @model_validator(mode="after")
    def _each_event_once(self) -> Self:
        if len(set(self.event_types)) < len(self.event_types):
            raise ValueError("names an event twice")
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        written = {"type": "string", "format": "uri", "description": "An http(s) URL."}
        return {"anyOf": [written, handler.resolve_ref_schema(handler(core_schema))]}
