"""What agents may have done: research a question, enrich a table, look at a run, prove it. Paths are inside one folder, every
call has a cap on its cost, and keys, guard and settings are those of this process."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from flows.mcp_server.owner_money import CallShare, OwnerMoney
from flows.mcp_server.root import Root
from flows.mcp_server.table_runs import Progress, enrich
from flows.run.environment import Environment
from flows.serve.records.task_records import Owner
from research.api import run as research
from research.errors import InvalidInput
from research.money.budget import Budget, Charge
from research.money.charge_file import ChargeFile
from research.money.limits import ProcessorName
from research.result.result import Result
from research.secrets import from_variables
from research.secrets.known import VARIABLE_PREFIX
from research.tables.audit.verify import verify
from research.tables.run_folder.reader import Run, open_run
from research.tables.run_folder.run_document import STATE

MOST_ROWS: Final = 200
"""Rows of a run that are shown at once."""
MOST_PROBLEMS: Final = 20


@dataclass(frozen=True, slots=True)
class Engine:
    """The engine for agents."""

    root: Root
    max_cost_usd: float
    """The most that one call may cost. A call may ask for less."""
    environment: Environment
    money: OwnerMoney | None = None
    """What callers with a key pay from. None: callers have none."""

    async def question(
        self,
        question: str,
        schema: Mapping[str, Any] | None,
        processor: ProcessorName,
        start_url: str | None,
        cap: float | None,
        owner: Owner | None = None,
    ) -> dict[str, Any]:
        """Research one question.

        Args:
            owner: whose key was shown; None: callers need none.
        """
        request = {"task": question, "processor": processor, "output_schema": dict(schema) if schema else None}
        async with self._share(owner, self._cap(cap)) as share:
            result = await research(
                {**request, "start_url": start_url, "ephemeral": True},
                settings=self.environment.settings(),
                known_secrets=from_variables(variables_of(owner)),
                budget=Budget(share.usd, record=share.charges.append),
            )
        return _shown(result)

    async def table(
        self,
        table: str,
        run: str,
        schema: Mapping[str, Any] | str,
        objective: str | None,
        processor: ProcessorName,
        limit: int | None,
        cap: float | None,
        progress: Progress,
        owner: Owner | None = None,
    ) -> dict[str, Any]:
        """Enrich a table into a run folder, or go on with it.

        Args:
            owner: whose key was shown; None: callers need none.
        """
        options = [str(self.root.inside(table)), f"--out={self.root.inside(run)}", f"--processor={processor}"]
        options += [f"--objective={objective}"] if objective else []
        options += [f"--limit={limit}"] if limit else []
        with tempfile.TemporaryDirectory(prefix="research-mcp-") as folder:
            if isinstance(schema, str):
                file = self.root.inside(schema)
            else:
                file = Path(folder) / "schema.json"
                file.write_text(json.dumps(dict(schema)), "utf-8")
            state = self.root.inside(run) / STATE
            before = ChargeFile(state).counted_usd
            async with self._share(owner, self._cap(cap)) as share:
                options += [f"--schema={file}", f"--max-cost={min(self._cap(cap), (before or 0.0) + share.usd)!r}"]
                try:
                    ended = await enrich(options, self.root.path, progress, variables_of(owner))
                finally:
                    share.charges.extend(_paid_since(before, ChargeFile(state).counted_usd))
        counts = {name: ended.get(name) for name in ("rows", "completed", "failed", "cost_usd", "spent_usd", "stopped")}
        return {"run": self.root.name(str(ended["run"])), **counts, "exit_code": ended["exit_code"]}

    async def run(self, run: str, limit: int) -> dict[str, Any]:
        """A run's state, and its first rows."""
        return await asyncio.to_thread(self._run, run, limit)

    async def cell(self, run: str, row: int, field: str) -> dict[str, Any]:
        """One value, and the excerpts that it rests on."""
        return await asyncio.to_thread(self._cell, run, row, field)

    async def proof(self, run: str) -> dict[str, Any]:
        """Whether every excerpt stands in its stored page."""
        found = await asyncio.to_thread(verify, self.root.inside(run))
        problems = [str(problem) for problem in found.problems[:MOST_PROBLEMS]]
        counts = {"rows": found.rows, "excerpts": found.excerpts, "pages": found.pages}
        return {"ok": found.ok, **counts, "problems": problems, "more_problems": max(0, len(found.problems) - MOST_PROBLEMS)}

    def _run(self, run: str, limit: int) -> dict[str, Any]:
        opened = self._open(run)
        shown = min(max(limit, 1), MOST_ROWS)
        rows = opened.table("results").slice(0, shown).to_pylist()
        return {
            "run": run,
            "status": opened.folder.status,
            "fields": list(opened.fields),
            "summary": json.loads(json.dumps(opened.summary, default=str)),
            "rows": json.loads(json.dumps(rows, default=str)),
        }

    def _cell(self, run: str, row: int, field: str) -> dict[str, Any]:
        opened = self._open(run)
        if field not in opened.fields:
            raise InvalidInput(f"the output has no field {field!r:.80}; it has {', '.join(opened.fields)}")
        try:
            cell = opened.cell(row, field)
        except KeyError as error:
            raise InvalidInput(f"{run} has no row {row}, or not yet; rows are counted from 0") from error
        shown: dict[str, Any] = json.loads(json.dumps(asdict(cell), default=str))
        return shown

    def _open(self, run: str) -> Run:
        return open_run(self.root.inside(run))

    @asynccontextmanager
    async def _share(self, owner: Owner | None, most_usd: float) -> AsyncIterator[CallShare]:
        """What a call may spend: of its owner's money, where it has one."""
        if owner is None or self.money is None:
            yield CallShare(most_usd)
            return
        async with self.money.share(owner, most_usd) as share:
            yield share

    def _cap(self, asked: float | None) -> float:
        """What a call may cost, in US dollars.

        Raises:
            InvalidInput: a call asks for nothing, or for more than the server allows.
        """
        if asked is None:
            return self.max_cost_usd
        if not 0 < asked <= self.max_cost_usd:
            raise InvalidInput(f"max_cost_usd: must be above 0 and at most {self.max_cost_usd:g}, the cap of this server")
        return asked


def variables_of(owner: Owner | None) -> dict[str, str]:
    """The variables of this process, without the secrets that an owner may not use."""
    if owner is None:
        return dict(os.environ)
    allowed = {VARIABLE_PREFIX + name for name in owner.secrets}
    return {name: value for name, value in os.environ.items() if not name.startswith(VARIABLE_PREFIX) or name in allowed}


def _paid_since(before: float | None, after: float | None) -> list[Charge]:
    """What a run has paid meanwhile, as one charge."""
    if before is None or after == before:
        return []
    usd = None if after is None else after - before
    return [Charge(usd, usd, "table")]


def _shown(result: Result) -> dict[str, Any]:
    """The parts of a result that an agent needs."""
    whole = result.model_dump(mode="json")
    parts = ("status", "output", "answer", "report", "error", "warnings", "cost_usd", "processor", "model")
    basis = [
        {
            "field": part["field"],
            "confidence": part["confidence"],
            "reasoning": part["reasoning"],
            "citations": [
                {"url": each["url"], "title": each["title"], "excerpts": [excerpt["text"] for excerpt in each["excerpts"]]}
                for each in part["citations"]
            ],
        }
        for part in whole["basis"]
    ]
    return {**{name: whole[name] for name in parts}, "basis": basis}
