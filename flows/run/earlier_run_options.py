"""The options that name an earlier run, and say what of it is asked again: a part of the options in `flows/run/options.py`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from flows.run.declaration import Option
from research.money.limits import ProcessorName


@dataclass(frozen=True, kw_only=True)
class StoredRunOptions:
    """What to find out from a run's stored pages."""

    group: ClassVar = "Task"

    run: Annotated[str, Option("The run folder that holds the pages, or its URL.", path=True)] = field(kw_only=False)
    output_schema: Annotated[
        str | dict[str, Any] | None,
        Option(
            "What to find out: an output schema, as a file or as JSON. Fields that the run has with the same schema keep its "
            "answers. Default: the run's own schema, with `all`.",
            "FILE",
            flag="schema",
            path=True,
        ),
    ] = None
    objective: Annotated[
        str | None, Option("What to ask of each row. Default: the run's own question. Another one keeps no answer.", "TEXT")
    ] = None
    processor: Annotated[
        ProcessorName | None, Option("How much may be spent on a row: the tier. Default: the run's own.", "TIER")
    ] = None
    all_fields: Annotated[bool, Option("Answer every field again.", flag="all")] = False


@dataclass(frozen=True, kw_only=True)
class RefreshedRunOptions:
    """What to look at again, and where the table is now."""

    group: ClassVar = "Refresh"

    run: Annotated[str, Option("The run folder. Of a series, any run: the newest finished one is refreshed.", path=True)] = field(
        kw_only=False
    )
    stale: Annotated[
        list[str] | None,
        Option(
            "Which cells are stale: `all`, `low` (of low confidence), `empty`, `rejected` (in a review); with `failed` alone, "
            "none. Rows that are new, edited or failed are researched in any case. Default: `all`.",
            "KINDS",
            commas=True,
        ),
    ] = None
    older_than: Annotated[
        str | None,
        Option("Cells that were last checked longer ago are stale: `12h`, `30d`, `4w`. Without `--stale`, only these.", "AGE"),
    ] = None
    key: Annotated[
        list[str] | None,
        Option(
            "A column that names a row, so that an edited row is known again. Default: that of the run's last refresh, else rows "
            "are known by all that they hold.",
            "COLUMN",
        ),
    ] = None
    table: Annotated[str | None, Option("The table, if it lies elsewhere now. Default: the run's own.", "TABLE", path=True)] = (
        None
    )
    corpus: Annotated[
        str | None, Option("The documents, if they lie elsewhere now. Default: the run's own.", "PATH", path=True)
    ] = None
