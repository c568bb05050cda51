"""The options of a find that no other flow has: a part of the declarations in `flows/run/options.py`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from flows.run.declaration import Option
from research.money.limits import ProcessorName


@dataclass(frozen=True, kw_only=True)
class FindingOptions:
    """What is looked for, and how many."""

    group: ClassVar = "Find"

    objective: Annotated[
        str, Option("What is looked for, in words: `space probes that were launched before 1980 and reached an outer planet`.")
    ] = field(kw_only=False)
    conditions: Annotated[
        list[str] | None,
        Option(
            "What a row has to meet, in words (`launched before 1980`) or as `property: value or value`. Default: what the "
            "objective says.",
            "TEXT",
            flag="condition",
        ),
    ] = None
    limit: Annotated[int, Option("Stop when so many rows are found.", within=(1, 10_000))] = 20
    extend: Annotated[
        int | None,
        Option(
            "Go on with a find of the same objective that has ended, until it has so many rows more than it was asked for the "
            "last time. Instead of `limit`.",
            "N",
            within=(1, 10_000),
        ),
    ] = None
    candidates: Annotated[int, Option("Candidates that are judged at most.", within=(1, 10_000))] = 200
    confidence: Annotated[
        Literal["low", "medium", "high"], Option("How sure each condition of a row has to be at least.", "CONFIDENCE")
    ] = "medium"
    processor: Annotated[ProcessorName, Option("How much may be spent on judging a candidate: the tier.", "TIER")] = "core"
    enrich: Annotated[
        str | dict[str, Any] | None,
        Option(
            "An output schema, as a file or as JSON, by which the rows that are found are researched in a run of their own.",
            "FILE",
            path=True,
        ),
    ] = None
