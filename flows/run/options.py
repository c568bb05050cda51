"""The options of a run, declared once. The flows' parameters (and the UI's form), the command's options, the keywords of
`flows.enrich(...)` and the table in docs/cli.md are made from these classes: a new option is one field here, and what it does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from flows.run.declaration import Declaration, Option
from flows.run.earlier_run_options import RefreshedRunOptions, StoredRunOptions
from flows.run.finding_options import FindingOptions
from flows.run.task_options import TaskOptions as TaskOptions
from flows.run.task_runs import AskedTaskRuns


@dataclass(frozen=True, kw_only=True)
class TableOptions:
    """What is researched: the rows, and the question for each."""

    group: ClassVar = "Table"

    table: Annotated[
        str, Option("CSV, TSV, Parquet, JSON lines or Excel file, or `file.duckdb::table`; on this disk or by URL.", path=True)
    ] = field(kw_only=False)
    sheet: Annotated[str | None, Option("The sheet of a workbook. Default: the first that is shown and holds cells.", "NAME")] = (
        None
    )
    encoding: Annotated[
        str | None,
        Option("What a text file is written in (`cp1252`, `utf-16-le`), if it is not UTF-8 and no mark says it.", "NAME"),
    ] = None
    objective: Annotated[
        str | None,
        Option("What to ask of each row, with its columns in braces: `Who operates {mission}, launched {year}?`", "TEXT"),
    ] = None
    objective_column: Annotated[
        str | None, Option("Or the column that holds it. Without either, the row and the schema make it.", "COLUMN")
    ] = None
    task_id_column: Annotated[str | None, Option("The column of the rows' own ids; rows of one id are one row.", "COLUMN")] = None
    session_id_column: Annotated[str | None, Option("The column of the sessions that rows go on from.", "COLUMN")] = None
    end_user_id_column: Annotated[str | None, Option("The column of those whose sessions they are.", "COLUMN")] = None
    agent_column: Annotated[
        str | None, Option("The column of the agents that research the rows; several in a cell with commas.", "COLUMN")
    ] = None
    query: Annotated[
        str | None, Option("One SELECT over the table, which it calls `input`; its rows are researched instead.", "SQL")
    ] = None
    limit: Annotated[int | None, Option("Research only the first rows, this many.", at_least=1)] = None
    private: Annotated[
        list[str] | None,
        Option(
            "A column that no model and no search provider learns. It stays in the output table, and is in no prompt, query, "
            "name or log.",
            "COLUMN",
        ),
    ] = None
    name: Annotated[str | None, Option("What the run and its folder are called. Default: the table's file name.", "NAME")] = None
    reuse: Annotated[
        str | None,
        Option(
            "An earlier run folder, or its URL: fields with the same schema keep its answers, only the others are researched. "
            "`latest`: the newest run of the same request over an earlier state of the table, if there is one.",
            "RUN",
            path=True,
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """Which model answers."""

    group: ClassVar = "Task"

    model: Annotated[
        str | None, Option("Which model answers. Default: `RESEARCH_MODEL`, else the best that can be used.", "MODEL")
    ] = None


@dataclass(frozen=True, kw_only=True)
class SourcePolicyOptions:
    """The parts of a source policy."""

    group: ClassVar = "Sources"

    include_domains: Annotated[
        list[str] | None,
        Option("Only pages of this domain (`a.com`, with its subdomains) or ending (`.gov`).", "DOMAIN", flag="include-domain"),
    ] = None
    exclude_domains: Annotated[
        list[str] | None,
        Option("No page of this domain or ending. What is included wins.", "DOMAIN", flag="exclude-domain"),
    ] = None
    after_date: Annotated[
        str | None,
        Option("Only pages published on this day or later, YYYY-MM-DD. Pages without a date stay, with a warning.", "DAY"),
    ] = None


@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """Where pages are looked for, and which may be used."""

    group: ClassVar = "Sources"

    corpus: Annotated[
        str | None,
        Option(
            "The documents to search: a folder, a Parquet or JSON lines file, or the URL of one. Default: `RESEARCH_CORPUS`.",
            "PATH",
            path=True,
        ),
    ] = None
    search: Annotated[
        list[str] | None,
        Option(
            "Which search providers are asked: `local`, `claude_web`, `brave`, `tavily`, `exa`, `searxng`, `ddgs`; several are "
            "merged. Default: `RESEARCH_SEARCH`, else the corpus if there is one, else the providers whose key is set.",
            "NAMES",
            commas=True,
        ),
    ] = None
    source_policy: Annotated[dict[str, Any] | None, Option("Which pages may be used.", parts=SourcePolicyOptions)] = None


@dataclass(frozen=True, kw_only=True)
class SourceOptions(SearchOptions):
    """Which pages a task names itself, and how pages are read."""

    group: ClassVar = "Sources"

    start_url: Annotated[
        str | None,
        Option(
            "A page to read first; where it suffices, nothing is searched for. In a table's run, columns stand in braces: "
            "`{website}`; an empty cell names no page.",
            "URL",
        ),
    ] = None
    files: Annotated[
        list[str] | None,
        Option(
            "Documents for every task, by path or URL: searched, read and cited like any source.", "FILE", flag="file", path=True
        ),
    ] = None
    open_reading: Annotated[
        bool,
        Option("Let a model read addresses that it makes up. They can carry what it knows of the row to whoever runs the host."),
    ] = False
    include_html_dump: Annotated[bool, Option("Keep the HTML of the last page that each task read.")] = False
    mcp_servers: Annotated[
        list[str] | list[dict[str, Any]] | None,
        Option(
            "MCP servers whose tools the model may use, told what a row says: a TOML or JSON file.",
            "FILE",
            flag="mcp-server",
            path=True,
        ),
    ] = None
    secrets: Annotated[
        list[str] | None,
        Option(
            "The name of a secret for search providers and MCP servers: `CRM_TOKEN` is the variable "
            "`RESEARCH_SECRET_CRM_TOKEN`. Only these tools get its value.",
            "NAME",
            flag="secret",
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class PatienceOptions(Declaration):
    """What is done while a service answers nobody."""

    group: ClassVar = "Run"

    patience: Annotated[
        str,
        Option(
            "How long an outage of a service (model, search, network) is waited out, before the run stops so that the same "
            "command goes on: `90s`, `30m`, `2h`; `0` stops at once.",
            "TIME",
        ),
    ] = "1h"


@dataclass(frozen=True, kw_only=True)
class RunOptions(PatienceOptions):
    """How the run is done: nothing of it changes an answer."""

    group: ClassVar = "Run"

    out: Annotated[
        str | None,
        Option(
            "The run folder, or its URL (`s3://…`). Default: `runs/<table>-<8 hex digits of the request's key>`.",
            "RUN",
            path=True,
        ),
    ] = None
    export: Annotated[
        str | None,
        Option(
            "A file to write when the run ends, with the rows that are finished then: an Excel workbook with the evidence "
            "(`.xlsx`), `.csv`, `.jsonl` or `.parquet`. One that is there is replaced.",
            "FILE",
            path=True,
        ),
    ] = None
    webhook: Annotated[
        str | None,
        Option(
            "An address to tell what the run came to, signed with the secret in `RESEARCH_WEBHOOK_SECRET`. Default: "
            "`RESEARCH_WEBHOOK`.",
            "URL",
        ),
    ] = None
    concurrency: Annotated[int, Option("Rows in flight at once.", within=(1, 1_000))] = 16
    shard_size: Annotated[
        int, Option("Rows that are committed together. The first run of a run folder decides.", within=(1, 10_000))
    ] = 100
    runner: Annotated[
        str,
        Option(
            "Where rows are researched: in this process (`local`), in several `processes` of this machine, by Dask workers "
            "(`dask` starts some here, `dask:tcp://host:8786` uses those of a scheduler), or by the workers of a Prefect work "
            "pool (`workers:POOL`).",
            "RUNNER",
        ),
    ] = "local"
    workers: Annotated[
        int | None,
        Option(
            "Workers at once, unless `local`. Default: one for each core of this machine, or all workers of the scheduler, or "
            "of the pool, that are online.",
            "N",
            within=(1, 1_000),
        ),
    ] = None
    task_runs: Annotated[
        AskedTaskRuns,
        Option(
            "Which pieces are Prefect task runs: each step of a row, each row, or each shard. Default: steps up to 5,000 rows, "
            "rows up to 50,000, shards above.",
            "PIECES",
        ),
    ] = "auto"
    grace: Annotated[
        int,
        Option(
            "When the run is stopped (Ctrl-C, SIGTERM, Cancel), no further row begins, and those under way have so many seconds "
            "to finish; one that does not is researched the next time. In a deployment 20 at most, because Prefect kills a flow "
            "run 30 seconds after it was told to end.",
            within=(0, 3_600),
        ),
    ] = 20
    fail_over: Annotated[
        str | None,
        Option(
            "The run fails if more rows than these have failed, a share or a number: `5%`, `20`. Default: only if no row could "
            "be researched. The tables are written all the same.",
            "SHARE",
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class BudgetOptions:
    """The cap on the cost."""

    group: ClassVar = "Money"

    max_cost: Annotated[
        float | None,
        Option("Most US dollars that the run may cost, earlier invocations included. Default: no cap.", "USD", above=0),
    ] = None


@dataclass(frozen=True, kw_only=True)
class MoneyOptions(BudgetOptions):
    """What limits the cost, and what lowers it."""

    pilot: Annotated[
        int | None,
        Option(
            "Research so many rows first, show their cost and confidence, and ask whether to go on; where that cannot be asked, "
            "stop.",
            within=(1, 10_000),
        ),
    ] = None
    escalate: Annotated[
        str | None,
        Option("In the end, research fields of this confidence or lower on a dearer tier: `low:ultra`.", "CONFIDENCE:TIER"),
    ] = None
    batch: Annotated[bool, Option("Use Message Batches: half price, an answer within 24 hours. Only `base` and `core`.")] = False


@dataclass(frozen=True, kw_only=True)
class EnrichOptions(RunOptions, MoneyOptions, SourceOptions, ModelOptions, TaskOptions, TableOptions):
    """What `enrich` takes. A dataclass's fields stand in the order of its bases from the last to the first."""


@dataclass(frozen=True, kw_only=True)
class ResynthesizeOptions(BudgetOptions, RunOptions, ModelOptions, StoredRunOptions):
    """What `resynthesize` takes."""


@dataclass(frozen=True, kw_only=True)
class RefreshOptions(BudgetOptions, RunOptions, ModelOptions, RefreshedRunOptions):
    """What `refresh` takes. The question, the schema and everything else are the run's own."""


@dataclass(frozen=True, kw_only=True)
class FindOptions(BudgetOptions, RunOptions, SearchOptions, ModelOptions, FindingOptions):
    """What `find` takes."""


Options = EnrichOptions | ResynthesizeOptions | RefreshOptions | FindOptions
"""Of any flow that takes a table through a run."""
