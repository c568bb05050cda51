"""`research run`: research one task, without Prefect."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from rich.console import Group
from rich.markdown import Markdown
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from flows.cli.options import as_command
from flows.cli.terminal import Exit, Output, described, money, note, out, page_at, print_json_text, shown
from flows.run.declaration import Option, values
from flows.run.options import ModelOptions, PatienceOptions, SourceOptions, TaskOptions
from research.display.figures import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from research.result.result import Result
    from research.task.decisions import Decision


@dataclass(frozen=True, kw_only=True)
class RunCommand(PatienceOptions, SourceOptions, ModelOptions, TaskOptions):
    """What the command takes: the options of one task."""

    group: ClassVar = "Task"

    objective: Annotated[str, Option("The question.")] = field(kw_only=False)
    approve: Annotated[bool, Option("Carry out the plan that the same command has shown before.")] = False
    answer: Annotated[
        list[str] | None, Option("The answer to a question that the same command has asked before: `s1q1=the probe`.", "ID=TEXT")
    ] = None


@as_command(RunCommand)
def run(command: RunCommand, output: Output) -> int:
    """Research one question. On a terminal it prints a card; piped, or with `--json`, the whole result as one line of JSON."""
    from flows.run.environment import read_environment
    from flows.run.mcp_servers import read_servers
    from flows.run.patience import patience_seconds
    from flows.run.writable import CACHE, check_writable
    from research.api import run as research
    from research.secrets import from_variables
    from research.web.proxies import prepare_proxies

    search = tuple(command.search or ())
    settings = read_environment().settings(
        model=command.model, corpus=command.corpus, search=search, patience=patience_seconds(command.patience)
    )
    prepare_proxies(os.environ)
    check_writable(settings.cache_dir, CACHE, "RESEARCH_CACHE_DIR")
    task = values(command, TaskOptions, but=["output_schema"]) | values(command, SourceOptions, but=["corpus", "search"])
    stated = {name: value for name, value in task.items() if value is not None}
    if "mcp_servers" in stated:
        stated["mcp_servers"] = read_servers(stated["mcp_servers"])
    waits = command.allow_questions or (command.mode == "plan" and not command.auto_execute_plan)
    decision = _decision(command.approve, command.answer, waits)
    try:
        result = asyncio.run(
            research(
                command.objective,
                schema=command.output_schema,
                settings=settings,
                known_secrets=from_variables(os.environ),
                listener=lambda notice: note(str(notice)),
                resume=settings.cache_dir / "waiting" if waits else None,
                decision=decision,
                **stated,
            )
        )
    except KeyboardInterrupt:
        note("stopped")
        return Exit.INTERRUPTED
    if output.json or not sys.stdout.isatty():
        print_json_text(result.model_dump_json())
    else:
        out().print(card(result))
    if result.status == "action_required":
        plan = result.action is not None and result.action.kind == "plan"
        note(f"it waits: the same command with {'--approve' if plan else '--answer ID=TEXT'} goes on")
        return Exit.WAITING
    if result.status != "completed":
        note(f"failed: {result.error}")
        return Exit.ROWS_FAILED
    return Exit.OK


def _decision(approve: bool, answers: Sequence[str] | None, waits: bool) -> Decision | None:
    """What the person decides.

    Raises:
        InvalidInput: both at once, an answer without a question, or beside a command that waits for nobody.
    """
    from research.errors import InvalidInput
    from research.task.decisions import Answers, PlanDecision

    if approve and answers:
        raise InvalidInput("--approve is for plans, --answer for questions: leave out one of the two.")
    if (approve or answers) and not waits:
        raise InvalidInput("--approve is beside --mode plan, --answer beside --allow-questions: repeat the command that waits.")
    if not answers:
        return PlanDecision() if approve else None
    pairs = [each.partition("=") for each in answers]
    if wrong := [text for text, (name, _, answer) in zip(answers, pairs, strict=True) if not (name.strip() and answer.strip())]:
        raise InvalidInput(f"--answer {wrong[0]!r:.80}: name the question and what you answer, as s1q1=the probe.")
    return Answers(answers={name.strip(): answer for name, _, answer in pairs})


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
    if result.action is not None:
        plan = [f"{place}. {each.question} ({', '.join(each.fields)})" for place, each in enumerate(result.action.plan, start=1)]
        asked = [f"{each.id}: {each.text} {' · '.join(each.choices)}".rstrip() for each in result.action.questions]
        parts = [Text("\n".join([*plan, *asked]))]
    if result.report:
        parts += [Text(), Markdown(result.report, hyperlinks=False), Text(), *references(result)]
    parts += [Text(f"warning: {warning}", style="yellow") for warning in result.warnings]
    pages = len({source.url for source in result.sources_detailed if source.read})
    used = f"{count(result.usage.search_queries, 'search')} · {count(pages, 'page')} · {money(result.cost_usd)}"
    parts.append(Text(f"\nanswered by: {described(result.model)} · {used}", style="dim"))
    return Panel(Group(*parts), title=Text(result.task), title_align="left")
