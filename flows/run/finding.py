"""Prepares a find: its conditions are derived, its candidates collected, once; then they are a table whose rows are judged.

What was derived and collected lies in the run folder's state, so that the same call goes on where an earlier one was killed, and
pays for nothing twice. The candidates are judged as the rows of any run are, until enough of them are found.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from pydantic import ValidationError

from flows.run.options import FindOptions
from flows.run.outcome import Enrichment, Found
from flows.run.patience import patience_seconds
from flows.run.prepare import PagesFolder, calibration_of, check, find_run
from flows.run.prepared_run import PreparedRun
from flows.run.remote_folder import is_remote
from flows.run.request import Request
from flows.run.runtime import Runtime
from flows.run.workers.charges import take_over_charges
from flows.run.workers.choice import runner_of
from flows.run.writable import CACHE, RUN_FOLDER, check_writable
from research.errors import Fault, InvalidInput, InvalidRun
from research.finding.candidate import Candidate
from research.finding.collecting import collect
from research.finding.discovery import discover
from research.finding.found_tables import FOLDER, FOUND, judged, judgement_of, read_summary, write_found
from research.finding.wording import read_objective, unstated
from research.money.budget import Budget
from research.money.usage_ledger import UsageLedger
from research.pipeline import Steps
from research.ports.conditions import FindPlan
from research.ports.model import ConditionWriter
from research.ports.world import World
from research.records import Record
from research.result.result import Result
from research.steps.keys import Keys
from research.stored_results.steps import resuming_steps
from research.stored_results.store import ResultStore
from research.tables.inputs.read import Table, open_table
from research.tables.layout.durable import write_json
from research.tables.run_folder.request import default_run_path, refuse_another, request_key
from research.tables.run_folder.run_document import STATE
from research.tables.run_folder.run_folder import RunFolder
from research.tables.run_folder.run_lock import locked
from research.task.source_policy import SourcePolicy
from research.task.task import Task
from research.world import bind_budget

FILE: Final = "find.json"
DISCOVERY: Final = "discovery"
"""In the state: finished steps of the search for candidates."""
VERSION: Final = 3
"""Raise it where the same request collects other candidates, or asks otherwise of them."""
NOT_COMPARED: Final = "read as no number, date or name, so that a row has to say yes to it in its own words"
NOT_CHECKED: Final = "not checked, as --condition states what is"
IN_OTHER_WORDS: Final = "What can be compared is, for example: employees more than 100, founded since 1960, headquarters: Leipzig"
ENOUGH: Final = "the limit of {} rows is reached; --extend N goes on for more"
_COLUMNS: Final = pa.schema([(name, pa.string()) for name in ("name", "url", "title", "mention")])
_PRIVATE: Final = ("url", "title", "mention")
"""Columns of the candidates that no task has: what a page says of a candidate is no question about it."""


class Collected(Record):
    """What a find has come to before it judges."""

    request: dict[str, Any]
    """JSON: what was asked."""
    limit: int
    """Rows that were asked for the last time."""
    plan: FindPlan
    candidates: tuple[Candidate, ...] | None = None
    """None: not all are collected."""
    beyond: int = 0
    """Candidates that were named beyond those that are judged at most."""
    warnings: tuple[str, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """The keys of the candidates' names."""
        return frozenset(candidate.key for candidate in self.candidates or ())


@dataclass(slots=True)
class Finding:
    """What makes a run over candidates a find."""

    collected: Collected
    least: Any
    """The confidence that a row needs."""
    is_keyless: bool
    """The model that judges compares words alone."""
    summary: Mapping[str, Any] = field(default_factory=dict)
    """What `found/find.json` says; {} before the run has ended."""
    _found: set[int] = field(default_factory=set)
    _stop: Callable[[str], None] | None = None

    def begin(self, folder: RunFolder, stop: Callable[[str], None]) -> None:
        """Count what the folder has already. `stop` is called with the reason once there are enough rows."""
        self._stop = stop
        self._found = {
            each.row_index
            for each in judged(folder, self.collected.plan, self.least, self.collected.names)
            if each.judgement.is_admitted
        }
        self._look()

    def row_finished(self, row: int, result: Result) -> None:
        """A candidate was judged."""
        name = (self.collected.candidates or ())[row].name
        if judgement_of(self.collected.plan, result, self.least, name, self.collected.names).is_admitted:
            self._found.add(row)
            self._look()

    def write(self, folder: RunFolder) -> None:
        """Write the tables of what was found, with what there is."""
        self.summary = write_found(
            folder,
            self.collected.plan,
            objective=str(self.collected.request["objective"]),
            least=self.least,
            limit=self.collected.limit,
            names=self.collected.names,
            own_words=own_words(self.collected.plan) if self.is_keyless else (),
            beyond=self.collected.beyond,
        )

    def _look(self) -> None:
        if len(self._found) >= self.collected.limit and self._stop is not None:
            self._stop(ENOUGH.format(self.collected.limit))


@asynccontextmanager
async def prepare_find(options: FindOptions, runtime: Runtime) -> AsyncIterator[PreparedRun]:
    """Derive conditions and collect candidates, unless that is done, and open the run that judges them.

    Raises:
        InvalidInput: something is wrong with the request. Nothing was spent.
        NothingDiscovered: the model found no candidate.
    """
    await check_find(options, runtime)
    settings = runtime.environment.settings(
        model=options.model,
        corpus=options.corpus,
        search=tuple(options.search or ()),
        names_pages=False,
        patience=patience_seconds(options.patience),
    )
    await asyncio.to_thread(check_writable, settings.cache_dir, CACHE, "RESEARCH_CACHE_DIR")
    pages = PagesFolder()
    async with runtime.opener(settings, pages) as world:
        asked = _request(options, world)
        path = find_path(options, asked)
        pages.path = path / STATE / "pages"
        collected = await _collected(options, asked, path, world)
        table = _table(options, collected)
        request = await asyncio.to_thread(_judging, options, collected, table, world.model.keyless)
        request = replace(request, candidates=collected.candidates or ())
        document = {**request.document(world), "find": asked}
        judging = replace(options, out=str(path))
        path, done = await find_run(judging, request, document, None)
        yield PreparedRun(
            options,
            request,
            world,
            document,
            path,
            done,
            settings,
            calibration=await asyncio.to_thread(calibration_of, runtime, document),
            finding=Finding(collected, options.confidence, world.model.keyless),
        )


async def check_find(options: FindOptions, runtime: Runtime) -> None:
    """See that a find can be carried out with these options.

    Raises:
        InvalidInput: an option cannot be used.
    """
    if runner_of(options).kind != "local":
        fault = Fault(
            "/runner", f"{options.runner!r}: a find stops at its limit, and judges its candidates in this process (local)"
        )
        raise InvalidInput("The runner cannot be used here:", [fault])
    if options.out is not None and is_remote(options.out):
        raise InvalidInput(f"--out {options.out}: a find needs a run folder on this disk")
    read_objective(options.objective, options.conditions or ())
    _policy(options)
    await check(options, runtime)


def own_words(plan: FindPlan) -> tuple[str, ...]:
    """The conditions that nothing is looked up for: each is a yes or no in its own words."""
    return tuple(condition.description for condition in plan.conditions if condition.kind == "yes")


def found_of(done: Enrichment) -> Found:
    """What a find came to, of what its run says and of the tables beside it."""
    summary = read_summary(done.run) or {}
    found, judged_, limit = (int(summary.get(name, 0)) for name in ("found", "judged", "limit"))
    return Found(
        **done.model_dump(),
        found=found,
        judged=judged_,
        table=done.run / FOLDER / FOUND if summary else None,
        is_enough=done.stopped == ENOUGH.format(limit),
    )


def find_path(options: FindOptions, asked: Mapping[str, Any]) -> Path:
    """The run folder of a find."""
    return Path(options.out) if options.out is not None else default_run_path(_name(options.objective), request_key(asked))


def _request(options: FindOptions, world: World) -> dict[str, Any]:
    return {
        "version": VERSION,
        "objective": options.objective.strip(),
        "conditions": options.conditions,
        "candidates": options.candidates,
        "processor": options.processor,
        "source_policy": None if (policy := _policy(options)) is None else policy.model_dump(mode="json"),
        "model": world.model.identity,
        "search": world.search.identity,
        "fetcher": world.fetcher.identity,
    }


def _policy(options: FindOptions) -> SourcePolicy | None:
    stated = {} if options.source_policy is None else {"source_policy": options.source_policy}
    return Task.model_validate({"task": "a candidate", "processor": options.processor, **stated}).source_policy


async def _collected(options: FindOptions, asked: dict[str, Any], path: Path, world: World) -> Collected:
    """What was collected before, or what is now. Each part is on disk before the next one is begun."""
    await asyncio.to_thread(check_writable, path, RUN_FOLDER, "--out")
    before = _read(path, asked)
    limit = options.limit if options.extend is None else (before.limit if before else options.limit) + options.extend
    if before is None and options.extend is not None:
        raise InvalidInput(f"--extend: there is no find of this objective in {path} yet. Leave it out, and set --limit.")
    if before is not None and before.candidates is not None:
        collected = before.changed(limit=limit)
        if collected != before:
            await asyncio.to_thread(_write, path, collected)
        return collected
    with locked(path, path / STATE):
        charges = await asyncio.to_thread(take_over_charges, path / STATE)
        paying = replace(world, budget=Budget())
        bind_budget(paying, charges, options.max_cost, [options.processor])
        ledger = UsageLedger(paying.budget)
        collected = before or Collected(request=asked, limit=limit, plan=await _plan(options, paying, ledger))
        await asyncio.to_thread(_write, path, collected)
        named, warnings = await _named(options, collected.plan, paying, ledger, path)
        candidates, beyond = tuple(named[: options.candidates]), max(0, len(named) - options.candidates)
        if options.conditions and (left := unstated(options.objective, collected.plan)):
            warnings.append(f"{NOT_CHECKED}: {'; '.join(left)}. Add each that a row has to meet")
        collected = collected.changed(limit=limit, candidates=candidates, beyond=beyond, warnings=tuple(warnings))
        await asyncio.to_thread(_write, path, collected)
        charges.write_rest()
    return collected


async def _plan(options: FindOptions, world: World, ledger: UsageLedger) -> FindPlan:
    if options.conditions or not isinstance(world.model, ConditionWriter):
        return read_objective(options.objective, options.conditions or ())
    return await world.model.conditions(options.objective, options.processor, ledger)


async def _named(
    options: FindOptions, plan: FindPlan, world: World, ledger: UsageLedger, path: Path
) -> tuple[list[Candidate], list[str]]:
    policy = _policy(options)
    if world.model.keyless:
        found = await collect(options.objective, plan, world, ledger=ledger, policy=policy)
        unchecked = (
            f"that a row is of the kind looked for ({plan.kind}) is not checked: the keyless model compares properties only"
        )
        warnings = [unchecked] if plan.kind else []
        if words := own_words(plan):
            warnings.append(f"{NOT_COMPARED}: {'; '.join(words)}. {IN_OTHER_WORDS}")
        return found, warnings
    task = {"processor": options.processor, **({} if policy is None else {"source_policy": policy})}
    store = ResultStore(path / STATE / DISCOVERY)

    def steps_of(asked: Task) -> Steps:
        return resuming_steps(store, Keys.of(asked, world.identity))

    return await discover(options.objective, plan, world, most=options.candidates, steps_of=steps_of, options=task)


def _judging(options: FindOptions, collected: Collected, table: Table, is_keyless: bool) -> Request:
    kind = collected.plan.kind
    of_kind = f" ({_braced(kind)})" if kind else ""
    about = f"Find out of {{name}}{of_kind} whether it is what is looked for: {_braced(options.objective)}"
    return Request.check(
        table=table,
        query=None,
        limit=None,
        output_schema=collected.plan.output_schema(),
        objective="{name}" if is_keyless else about,
        objective_column=None,
        private=_PRIVATE,
        processor=options.processor,
        source_policy=options.source_policy,
    )


def _braced(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _table(options: FindOptions, collected: Collected) -> Table:
    rows = [candidate.model_dump() for candidate in collected.candidates or ()]
    opened = open_table(pa.Table.from_pylist(rows, _COLUMNS))
    return replace(opened, name=_name(options.objective), warnings=(*opened.warnings, *collected.warnings))


def _name(objective: str) -> str:
    return re.sub(r"[^\w]+", "-", objective.casefold()).strip("-")[:40].strip("-") or "find"


def _read(path: Path, asked: Mapping[str, Any]) -> Collected | None:
    """What a folder has collected.

    Raises:
        InvalidRun: it holds another find; each difference is named.
    """
    file = path / STATE / FILE
    if not file.exists():
        return None
    try:
        collected = Collected.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise InvalidRun(f"{file} is damaged, or a newer version wrote it: choose another folder with --out.") from error
    refuse_another(path, collected.request, asked)
    return collected


def _write(path: Path, collected: Collected) -> None:
    (path / STATE).mkdir(parents=True, exist_ok=True)
    write_json(path / STATE / FILE, collected.model_dump(mode="json"))
