"""`research run`: research one task, without Prefect."""

from __future__ import annotations

import asyncio
import re
import sys
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Group
from rich.markdown import Markdown
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from flows.cli.enrich import MaxSteps, Processor, VerifyLoops
from flows.cli.sources import Sources
from flows.cli.terminal import Exit, Output, answered_by, money, note, out, page_at, shown

if TYPE_CHECKING:
    from research.result.result import Result


def run(
    objective: str,
    /,
    *,
    schema: str | None = None,
    processor: Processor = "core",
    model: str | None = None,
    max_subqueries: Annotated[int | None, Parameter(validator=Number(gte=1, lte=12))] = None,
    max_fetches: Annotated[int | None, Parameter(validator=Number(gte=1, lte=30))] = None,
    max_steps: MaxSteps = None,
    verify_loops: VerifyLoops = None,
    sources: Sources = Sources(),  # noqa: B008  # frozen, and how cyclopts gives defaults
    output: Output = Output(),  # noqa: B008  # frozen, and how cyclopts gives defaults
) -> int:
    """Research one question. On a terminal it prints a card; piped, or with `--json`, the whole result as one line of JSON.

    Args:
        objective: the question.
        schema: what to find out: an output schema file. Without it, one free answer.
        processor: how much may be spent on it.
        model: which model answers. Without it, the best that can be used.
        max_subqueries: most sub-queries.
        max_fetches: most pages read.
        max_steps: most model calls of one investigation. Without it, the processor's own.
        verify_loops: how often each value is checked against its evidence with fresh eyes, and what fails researched again.
    """
    from flows.run.environment import read_environment
    from research.api import run as research

    environment = read_environment()
    limits: dict[str, Any] = {
        "max_subqueries": max_subqueries,
        "max_fetches": max_fetches,
        "max_steps": max_steps,
        "verify_loops": verify_loops,
        **sources.asked,
    }
    try:
        result = asyncio.run(
            research(
                objective,
                schema=schema,
                settings=environment.settings(model=model, corpus=sources.corpus, search=tuple(sources.providers or ())),
                processor=processor,
                **{name: value for name, value in limits.items() if value is not None},
            )
        )
    except KeyboardInterrupt:
        note("stopped")
        return Exit.INTERRUPTED
    if output.json or not sys.stdout.isatty():
        sys.stdout.write(result.model_dump_json() + "\n")
    else:
        out().print(card(result))
    if result.status != "completed":
        note(f"failed: {result.error}")
        return Exit.ROWS_FAILED
    return Exit.OK


def references(result: Result) -> list[Text]:
    """The sources that the report names, by their numbers."""
    named = {int(number) for number in re.findall(r"\[(\d+)\]", result.report or "")}
    suspected = suspected_urls(result)
    return [
        Text(f"[{s.index}] {s.title} {page_at(s.url, suspected=s.url in suspected)}", style="dim")
        for s in result.sources_detailed
        if s.index in named
    ]


def suspected_urls(result: Result) -> set[str]:
    """The pages that look as if they try to instruct a model."""
    return {s.url for s in result.sources_detailed if s.quality is not None and s.quality.suspected_injection is not None}


def card(result: Result) -> Panel:
    """A result for a terminal: each field with how sure it is and where it stands."""
    basis = {part.field: part for part in result.basis}
    values = result.output if isinstance(result.output, dict) else {"answer": result.output}
    suspected = suspected_urls(result)
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for name, value in values.items():
        why = basis.get(name)
        cited = why.citations[0].url if why and why.citations else None
        source = page_at(cited, suspected=cited in suspected) if cited else (why.reasoning if why else "")
        sure = (why.confidence if why else None) or "–"
        table.add_row(Text(name, style="bold"), Text(shown(value)), Text(sure), Text(source, style="dim"))
    parts: list[Any] = [table] if result.status == "completed" else [Text(result.error or "failed", style="red")]
    if result.report:
        parts += [Text(), Markdown(result.report, hyperlinks=False), Text(), *references(result)]
    parts += [Text(f"warning: {warning}", style="yellow") for warning in result.warnings]
    used = f"{result.usage.search_queries} searches · {result.usage.pages_fetched} pages · {money(result.cost_usd)}"
    parts.append(Text(f"\n{answered_by(result.model)} · {used}", style="dim"))
    return Panel(Group(*parts), title=Text(result.task), title_align="left")
