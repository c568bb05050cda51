"""What is asked: `Task`, one objective with its output schema and limits."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from research.output_spec import OutputSpec
from research.processors import ProcessorName


class SourcePolicy(BaseModel):
    """Which sources may be used."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    include_domains: tuple[str, ...] = ()
    exclude_domains: tuple[str, ...] = ()
    after_date: str | None = None


class Task(BaseModel):
    """One research task: one row of a table."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    task: str
    input: dict[str, Any] = {}
    output_schema: OutputSpec
    processor: ProcessorName = "core"
    max_subqueries: int = 8
    max_fetches: int = 18
    metadata: dict[str, str] = {}
    source_policy: SourcePolicy | None = None
    model: str | None = None
    task_id: str | None = None
