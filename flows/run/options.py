"""The options of a run, declared once. The flows' parameters (and the UI's form), the command's options, the keywords of
`flows.enrich(...)` and the table in docs/cli.md are made from these classes: a new option is one field here, and what it does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from flows.run.declaration import Option
from research.money.limits import RANGES, ProcessorName


@dataclass(frozen=True, kw_only=True)
class TableOptions:
    """What is researched: the rows, and the question asked of each."""

    group: ClassVar = "Table"

    table: Annotated[str, Option("CSV, TSV, Parquet, JSON lines or Excel file, or `file.duckdb::table`.")] = field(kw_only=False)
    objective: Annotated[
        str | None,
        Option("What to ask of each row, with its columns in braces: `Who operates {mission}, launched {year}?`", value="TEXT"),
    ] = None
    objective_column: Annotated[
        str | None, Option("Or the column that holds it. Without either, the row and the schema make it.", value="COLUMN")
    ] = None
    query: Annotated[
        str | None,
        Option("One SELECT over the table, which it calls `input`; its rows are researched instead.", value="SQL"),
    ] = None
    limit: Annotated[int | None, Option("Research only the first rows, this many.", at_least=1)] = None
    reuse: Annotated[
        str | None,
        Option(
            "An earlier run folder: fields that it asked for in the same words keep its answers, only the others are researched.",
            value="RUN",
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class TaskOptions:
    """What to find out in each task, and how much it may use. A row of a table is one task."""

    group: ClassVar = "Task"

    output_schema: Annotated[
        str | dict[str, Any] | None,
        Option(
            "What to find out: an output schema, as a file or as JSON. Without it, one free answer.", flag="schema", value="FILE"
        ),
    ] = None
    processor: Annotated[ProcessorName, Option("How much may be spent on a task: the tier.", value="TIER")] = "core"
    max_subqueries: Annotated[int | None, Option("Most sub-queries of a task. Default: 8.", within=RANGES["max_subqueries"])] = (
        None
    )
    max_fetches: Annotated[int | None, Option("Most pages read for a task. Default: 18.", within=RANGES["max_fetches"])] = None
    max_steps: Annotated[
        int | None,
        Option("Most model calls of one investigation. Default: the processor's own.", within=RANGES["max_steps"]),
    ] = None
    verify_loops: Annotated[
        int | None,
        Option(
            "How often each value is checked against its evidence, and what fails is researched again. Default: 0.",
            within=RANGES["verify_loops"],
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """Which model answers."""

    group: ClassVar = "Task"

    model: Annotated[
        str | None,
        Option("Which model answers. Default: `RESEARCH_MODEL`, else the best that can be used.", value="MODEL"),
    ] = None


@dataclass(frozen=True, kw_only=True)
class SourcePolicyOptions:
    """The parts of a source policy."""

    group: ClassVar = "Sources"

    include_domains: Annotated[
        list[str] | None,
        Option(
            "Only pages of this domain (`example.com`, with its subdomains) or ending (`.gov`).",
            flag="include-domain",
            value="DOMAIN",
        ),
    ] = None
    exclude_domains: Annotated[
        list[str] | None,
        Option("No page of this domain or ending. What is included wins.", flag="exclude-domain", value="DOMAIN"),
    ] = None
    after_date: Annotated[
        str | None,
        Option(
            "Only pages published on this day or later, YYYY-MM-DD. Pages without a date are kept, with a warning.", value="DAY"
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class SourceOptions:
    """Where pages are looked for, and which may be used."""

    group: ClassVar = "Sources"

    corpus: Annotated[
        str | None,
        Option(
            "The documents to search: a folder, or a Parquet or JSON lines file of documents. Default: `RESEARCH_CORPUS`.",
            value="PATH",
        ),
    ] = None
    search: Annotated[
        list[str] | None,
        Option(
            "Which search providers are asked: `local`, `claude_web`, `brave`, `tavily`, `exa`, `searxng`, `ddgs`; several are "
            "merged. Default: `RESEARCH_SEARCH`, else the corpus if there is one, else the providers whose key is set.",
            commas=True,
            value="NAMES",
        ),
    ] = None
    source_policy: Annotated[dict[str, Any] | None, Option("Which pages may be used.", parts=SourcePolicyOptions)] = None
    start_url: Annotated[
        str | None,
        Option(
            "A page to read first; where it suffices, nothing is searched for. In a table's run, columns stand in braces: "
            "`{website}`; an empty cell names no page.",
            value="URL",
        ),
    ] = None
    files: Annotated[
        list[str] | None,
        Option("Documents for every task, by path or URL: searched, read and cited like any source.", flag="file", value="FILE"),
    ] = None
    include_html_dump: Annotated[bool, Option("Keep the HTML of the last page that each task read.")] = False


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How the run is done: nothing of it changes an answer."""

    group: ClassVar = "Run"

    out: Annotated[
        str | None, Option("The run folder. Default: `runs/<table>-<8 hex digits of the request's key>`.", value="RUN")
    ] = None
    concurrency: Annotated[int, Option("Rows in flight at once.", within=(1, 1_000))] = 16
    shard_size: Annotated[
        int, Option("Rows that are committed together. The first run of a run folder decides.", within=(1, 10_000))
    ] = 100


@dataclass(frozen=True, kw_only=True)
class BudgetOptions:
    """The cap."""

    group: ClassVar = "Money"

    max_cost: Annotated[
        float | None,
        Option(
            "Most US dollars that the whole run may cost, what it has cost before included. Default: no cap.",
            above=0,
            value="USD",
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class MoneyOptions(BudgetOptions):
    """What keeps the cost in hand."""

    pilot: Annotated[
        int | None,
        Option(
            "Research so many rows first, show what they cost and brought, and ask whether to go on. Where that cannot be asked, "
            "stop.",
            within=(1, 10_000),
        ),
    ] = None
    escalate: Annotated[
        str | None,
        Option(
            "In the end, research fields of this confidence or lower again on a dearer tier: `low:ultra`.",
            value="CONFIDENCE:TIER",
        ),
    ] = None
    batch: Annotated[
        bool,
        Option("Ask through Message Batches: tokens at half price, an answer within 24 hours. Only `base` and `core`."),
    ] = False


@dataclass(frozen=True, kw_only=True)
class EnrichOptions(MoneyOptions, RunOptions, SourceOptions, ModelOptions, TaskOptions, TableOptions):
    """What `enrich` takes. The parts stand in the order of a dataclass's bases, which is from the last to the first."""


@dataclass(frozen=True, kw_only=True)
class _StoredOptions:
    """What is asked of a run's stored pages."""

    group: ClassVar = "Task"

    run: Annotated[str, Option("The run folder that holds the pages.")] = field(kw_only=False)
    output_schema: Annotated[
        str | dict[str, Any] | None,
        Option(
            "What to find out: an output schema, as a file or as JSON. Fields that the run asked for in the same words keep its "
            "answers. Default: the run's own schema, with `all`.",
            flag="schema",
            value="FILE",
        ),
    ] = None
    objective: Annotated[
        str | None,
        Option("What to ask of each row. Default: what the run asked. Another question keeps no answer.", value="TEXT"),
    ] = None
    processor: Annotated[
        ProcessorName | None, Option("How much may be spent on a row: the tier. Default: the run's own.", value="TIER")
    ] = None
    all_fields: Annotated[bool, Option("Answer every field again.", flag="all")] = False


@dataclass(frozen=True, kw_only=True)
class ResynthesizeOptions(BudgetOptions, RunOptions, ModelOptions, _StoredOptions):
    """What `resynthesize` takes."""
