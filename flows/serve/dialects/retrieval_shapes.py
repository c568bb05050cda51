"""What search and extract are asked, and what they answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field

from flows.serve.dialects.parallel_shapes import ErrorObject, RunBasis, Warned, run_error
from flows.serve.errors import ServiceError
from flows.serve.records.task_records import Owner, TaskRecord
from flows.serve.service.service import Service
from research.result.result import ACTIVE, Status, UtcTime
from research.retrieval.retrieved import CHARACTERS, MOST_PAGES, Retrieved, RetrievedPage, Shape

MOST_URLS: Final = 20
MOST_QUERIES: Final = 10
PAGES: Final = 10
"""Of a search, where its caller names no number."""
FULL: Final = 1_000_000
"""Characters of a page's full text, where its caller names no number."""
LOOK_SECONDS: Final = 2.0
"""How often it is seen whether whoever waits for an answer is still there."""

Characters = Annotated[int | None, Field(ge=1, le=10_000_000)]


class RetrievalFailed(ServiceError):
    """There is no answer: the search failed, or was cancelled."""

    http_status = 502


class ExcerptSettings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    max_chars_per_result: Characters = None


class FetchPolicy(BaseModel):
    model_config = ConfigDict(extra="forbid")

    max_age_seconds: int | None = None
    timeout_seconds: Annotated[float | None, Field(gt=0, le=3_600)] = None
    disable_cache_fallback: bool | None = None


class AdvancedSettings(BaseModel):
    """Of a search or an extract, in today's API."""

    model_config = ConfigDict(extra="forbid")

    excerpt_settings: ExcerptSettings | None = None
    fetch_policy: FetchPolicy | None = None
    full_content: bool | ExcerptSettings | None = None
    location: str | None = None
    max_results: Annotated[int | None, Field(ge=1, le=MOST_PAGES)] = None
    source_policy: dict[str, Any] | None = None


class RetrievalBody(BaseModel):
    """What search and extract have in common: today's spelling, and that of the beta."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, populate_by_name=True)

    objective: Annotated[str | None, Field(max_length=20_000)] = None
    """What is wanted, in a sentence."""
    search_queries: Annotated[list[str] | None, Field(max_length=MOST_QUERIES)] = None
    """Key words, each query by itself."""
    max_chars_total: Characters = None
    """Of all excerpts together."""
    advanced_settings: AdvancedSettings | None = None
    excerpts: bool | ExcerptSettings | None = None
    fetch_policy: FetchPolicy | None = None
    session_id: Annotated[str | None, Field(max_length=256)] = None
    """Is echoed, and means nothing else here."""
    client_model: str | None = None
    """Means nothing here: a warning says so."""

    def shape(self) -> Shape:
        """How much of each page is wanted."""
        own = self.advanced_settings or AdvancedSettings()
        settings = self.excerpts if isinstance(self.excerpts, ExcerptSettings) else own.excerpt_settings
        fetching = self.fetch_policy or own.fetch_policy
        return Shape(
            excerpts=self.excerpts is not False,
            characters=(settings.max_chars_per_result if settings else None) or CHARACTERS,
            characters_total=self.max_chars_total,
            seconds=fetching.timeout_seconds if fetching else None,
        )

    def warnings(self) -> list[str]:
        """Fields that change nothing here."""
        fetching = self.fetch_policy or (self.advanced_settings and self.advanced_settings.fetch_policy) or FetchPolicy()
        named: Mapping[str, Any] = {
            "client_model": self.client_model,
            "advanced_settings.location": self.advanced_settings and self.advanced_settings.location,
            "fetch_policy.max_age_seconds": fetching.max_age_seconds,
            "fetch_policy.disable_cache_fallback": fetching.disable_cache_fallback or None,
        }
        return [f"{name} means nothing here, and changes nothing" for name, value in named.items() if value is not None]


class SearchBody(RetrievalBody):
    """What is searched for."""

    mode: str | None = None
    """Means nothing here: there is one way to search. A warning says so."""
    processor: str | None = None
    """As `mode`, in the beta."""
    max_results: Annotated[int | None, Field(ge=1, le=MOST_PAGES)] = None
    max_chars_per_result: Characters = None
    source_policy: dict[str, Any] | None = None

    def limit(self) -> int:
        return self.max_results or (self.advanced_settings and self.advanced_settings.max_results) or PAGES

    def policy(self) -> dict[str, Any] | None:
        return self.source_policy or (self.advanced_settings and self.advanced_settings.source_policy) or None

    def shape(self) -> Shape:
        shape = super().shape()
        return shape if self.max_chars_per_result is None else shape.changed(characters=self.max_chars_per_result)

    def warnings(self) -> list[str]:
        named = [name for name in ("mode", "processor") if getattr(self, name) is not None]
        return [*(f"{name} means nothing here: there is one way to search" for name in named), *super().warnings()]


class ExtractBody(RetrievalBody):
    """Which pages are read."""

    urls: Annotated[list[str], Field(min_length=1, max_length=MOST_URLS)]
    full_content: bool | ExcerptSettings | None = None
    """The page's text from its beginning; an object bounds its length."""
    schema_: Annotated[dict[str, Any] | None, Field(alias="schema")] = None
    """An output schema in any spelling: its fields are researched in these pages."""

    def shape(self) -> Shape:
        wanted = self.full_content
        if wanted is None and self.advanced_settings is not None:
            wanted = self.advanced_settings.full_content
        characters = wanted.max_chars_per_result if isinstance(wanted, ExcerptSettings) else None
        return super().shape().changed(full_text=None if not wanted else characters or FULL)

    @staticmethod
    def host(url: str) -> str | None:
        try:
            return urlsplit(url).hostname
        except ValueError:
            return None


class UsageItem(BaseModel):
    name: str
    count: int


class FoundPage(BaseModel):
    url: str
    title: str | None
    publish_date: str | None
    excerpts: list[str]

    @classmethod
    def fields_of(cls, page: RetrievedPage) -> dict[str, Any]:
        return {
            "url": page.url,
            "title": page.title or None,
            "publish_date": page.published[:10] if page.published else None,
            "excerpts": [excerpt.text for excerpt in page.excerpts],
        }


class SearchAnswer(BaseModel):
    """What a search found, best first."""

    search_id: str
    session_id: str
    results: list[FoundPage]
    warnings: list[Warned] | None
    usage: list[UsageItem]

    @classmethod
    def of(cls, record: TaskRecord) -> SearchAnswer:
        found = _retrieved(record)
        return cls(
            search_id=record.id,
            session_id=record.request["session_id"],
            results=[FoundPage(**FoundPage.fields_of(page)) for page in found.pages],
            warnings=_warnings(record),
            usage=_usage(record),
        )


class SearchRun(BaseModel):
    """A search, and how it stands."""

    search_id: str
    status: Status
    is_active: bool
    objective: str
    search_queries: list[str]
    created_at: UtcTime
    completed_at: UtcTime | None
    error: ErrorObject | None
    result: SearchAnswer | None

    @classmethod
    def of(cls, record: TaskRecord) -> SearchRun:
        return cls(
            search_id=record.id,
            status=record.status,
            is_active=record.status in ACTIVE,
            objective=record.task.task,
            search_queries=list(record.retrieval.queries) if record.retrieval else [],
            created_at=record.created_at,
            completed_at=record.completed_at,
            error=run_error(record),
            result=SearchAnswer.of(record) if record.status == "completed" else None,
        )


class SearchRuns(BaseModel):
    runs: list[SearchRun]
    next_cursor: str | None


class ReadPage(FoundPage):
    full_content: str | None


class ExtractError(BaseModel):
    url: str
    error_type: str
    http_status_code: int | None = None
    content: str | None


class ExtractAnswer(BaseModel):
    """What was read, in the order that was asked for; and what could not be."""

    extract_id: str
    session_id: str
    results: list[ReadPage]
    errors: list[ExtractError]
    warnings: list[Warned] | None
    usage: list[UsageItem]
    output: dict[str, Any] | None = None
    """Of a `schema`: its fields."""
    basis: list[RunBasis] | None = None
    """Of a `schema`: what each field rests on."""

    @classmethod
    def of(cls, record: TaskRecord) -> ExtractAnswer:
        result = record.result
        found = _retrieved(record) if record.retrieval is not None else Retrieved()
        fields = result if record.retrieval is None else None
        return cls(
            extract_id=record.id,
            session_id=record.request["session_id"],
            results=[ReadPage(**FoundPage.fields_of(page), full_content=page.full_text) for page in found.pages],
            errors=[ExtractError(url=page.url, error_type=page.kind, content=page.message) for page in found.unread],
            warnings=_warnings(record),
            usage=_usage(record),
            output=fields.output if fields is not None and isinstance(fields.output, dict) else None,
            basis=[RunBasis.of(each) for each in fields.basis] if fields is not None else None,
        )


async def waited_for(service: Service, owner: Owner, record: TaskRecord, request: Request) -> TaskRecord:
    """The record once it is completed. It is cancelled if its caller goes away.

    Raises:
        RetrievalFailed: it has no answer.
    """
    while not (record.is_final or record.status == "action_required"):
        if await request.is_disconnected():
            await service.cancel(owner, record.id)
            raise RetrievalFailed("nobody waits for the answer any more")
        record = await service.wait(owner, record.id, LOOK_SECONDS)
    if record.status != "completed":
        raise RetrievalFailed(record.error.message if record.error is not None else f"{record.id} is {record.status}")
    return record


def _retrieved(record: TaskRecord) -> Retrieved:
    return Retrieved() if record.result is None else Retrieved.model_validate(record.result.output)


def _warnings(record: TaskRecord) -> list[Warned]:
    return [Warned(message=message) for message in dict.fromkeys(record.all_warnings)]


def _usage(record: TaskRecord) -> list[UsageItem]:
    if record.result is None:
        return []
    usage = record.result.usage
    counted = {"search_queries": usage.search_queries, "pages_fetched": usage.pages_fetched}
    return [UsageItem(name=name, count=count) for name, count in counted.items() if count]
