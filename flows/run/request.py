"""A run's request: read and checked whole, and the content that its key is made of. Nothing is spent here."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from flows.run.declaration import values
from flows.run.mcp_servers import read_servers
from flows.run.options import EnrichOptions, SourceOptions, TaskOptions
from flows.run.row_agents import NO_AGENTS, RowAgents
from flows.run.row_ids import NO_IDS, RowIds, read_row_ids
from research.errors import InvalidTable
from research.finding.candidate import Candidate
from research.finding.candidate_search import judging_world
from research.money.processors import ProcessorName
from research.output_schema.output_spec import OutputSpec
from research.ports.sessions import Sessions
from research.ports.world import World
from research.result.escalation import part_of
from research.steps.keys import VERSIONS
from research.tables.inputs.objective import Objective
from research.tables.inputs.read import Table, open_table
from research.tables.inputs.start_page import StartPage
from research.tables.inputs.template import nearest_column
from research.task.agents import FOLDER, with_agents
from research.task.task import Task

_OF_AGENTS: Final = ("agent_profiles", "processor", "source_policy")
"""Fields of a task that its agents' profiles may fill in."""


@dataclass(frozen=True, slots=True)
class Request:
    """A table and what to find out about each of its rows."""

    table: Table
    spec: OutputSpec
    objective: Objective
    options: Mapping[str, Any]
    """Fields of every row's task, beside its objective, input and start page: processor, limits, source policy, files."""
    start: StartPage | None
    sample: Task
    """A task with everything that all rows have in common."""
    content: Mapping[str, Any]
    """JSON: everything that the answers depend on, except the world."""
    private: frozenset[str] = frozenset()
    """Columns that stay in the table: no task has them."""
    ids: RowIds = NO_IDS
    """Columns that hold ids of rows, sessions and end users."""
    agents: RowAgents = NO_AGENTS
    """The column that names each row's agents."""
    agents_dir: Path | None = None
    """The folder of agents' profiles. None: the default one."""
    candidates: Sequence[Candidate] = ()
    """Of a find, whose rows they are."""
    sessions: Sessions | None = None
    """Where the sessions are that rows go on from."""

    @classmethod
    def check(
        cls,
        *,
        table: str | Table,
        query: str | None,
        limit: int | None,
        sheet: str | None = None,
        encoding: str | None = None,
        output_schema: Any,
        objective: str | None,
        objective_column: str | None,
        start_url: str | None = None,
        private: Sequence[str] | None = None,
        ids: RowIds | None = None,
        agents: RowAgents | None = None,
        agents_dir: str | Path | None = None,
        **options: Any,
    ) -> Request:
        """Read and check everything that can be wrong before a row is researched.

        Raises:
            InvalidInput: of the table, the schema, the objective or an option; says which, and where.
        """
        spec = OutputSpec.parse(output_schema)
        opened = (
            table if isinstance(table, Table) else open_table(table, query=query, limit=limit, sheet=sheet, encoding=encoding)
        )
        question = Objective(template=objective, column=objective_column)
        question.check(opened.schema)
        start = StartPage(start_url) if start_url is not None else None
        if start is not None:
            start.check(opened.schema)
        ids = ids or NO_IDS
        ids.check(opened.schema.names, (*(question.columns or ()), *(start.columns if start is not None else ())))
        hidden = frozenset(private or ()) | ids.hidden
        agents = agents or NO_AGENTS
        agents.check(opened.schema.names, hidden, options.get("agent_ids"))
        refuse_private(hidden, opened.schema.names, question, start)
        stated = {name: value for name, value in options.items() if value is not None}
        if "mcp_servers" in stated:
            stated["mcp_servers"] = read_servers(stated["mcp_servers"])
        folder = None if agents_dir is None else Path(agents_dir)
        sample = with_agents(
            Task.model_validate({"task": "a row's objective", "output_schema": spec, **stated}),
            FOLDER if folder is None else folder,
        )
        for name in _OF_AGENTS if sample.agent_profiles else ():
            stated[name] = getattr(sample, name)
        stated |= {"files": sample.files} if sample.files else {}  # read once, not for every row
        stated |= {"mcp_servers": sample.mcp_servers} if sample.mcp_servers else {}
        content = {
            "table": opened.fingerprint,
            "query": query,
            "limit": limit,
            "objective": {"template": objective, "column": objective_column},
            "start_url": start_url,
            "task": {name: part for name, part in sample.identity().items() if name not in ("task", "input")},
            **({"private": sorted(hidden)} if hidden else {}),
            **ids.content,
            **agents.content,
        }
        return cls(
            table=opened,
            spec=spec,
            objective=question,
            options=stated,
            start=start,
            sample=sample,
            content=content,
            private=hidden,
            ids=ids,
            agents=agents,
            agents_dir=folder,
        )

    @classmethod
    def of(cls, options: EnrichOptions, *, table: Table | None = None, agent_profiles: Any = None) -> Request:
        """The request that an enrichment's options make.

        Args:
            table: the table, where it is known already.
            agent_profiles: the profiles of its agents, where they are known already.

        Raises:
            InvalidInput: as `check`.
        """
        request = cls.check(
            table=options.table if table is None else table,
            query=options.query,
            limit=options.limit,
            sheet=options.sheet,
            encoding=options.encoding,
            objective=options.objective,
            objective_column=options.objective_column,
            private=options.private,
            ids=RowIds(options.task_id_column, options.session_id_column, options.end_user_id_column),
            agents=RowAgents(options.agent_column),
            agent_profiles=agent_profiles,
            agents_dir=_agents_dir(options),
            **values(options, TaskOptions, but=("agents_dir",)),
            **values(options, SourceOptions, but=("corpus", "search")),
        )
        return request if not options.name else replace(request, table=replace(request.table, name=options.name))

    async def with_row_columns(
        self, sessions: Sessions, *, recorded: Mapping[str, Any] | None = None, before: Mapping[str, Any] | None = None
    ) -> Request:
        """The same request, once the columns that name sessions, ids and agents were read, as far as it names any.

        Args:
            sessions: where the sessions of its rows are.
            recorded: the request of the run, in a worker, which does not read the table.
            before: the request of the run that goes on, or is refreshed: its agents keep the profiles that they had.

        Raises:
            InvalidTable: an id stands for rows that differ, or an agent is not known.
            InvalidInput: the profile of an agent cannot be read.
        """
        if not self.ids.content and not self.agents.content:
            return self
        if recorded is not None:
            ids, agents = replace(self.ids, held=recorded.get("sessions") or {}), self.agents.recorded(recorded)
        else:
            ids = await read_row_ids(self.ids, self.table, self.private, sessions)
            agents = await asyncio.to_thread(self.agents.recorded(before or {}).read, self.table, self.agents_dir)
        return replace(self, ids=ids, agents=agents, sessions=sessions, content={**self.content, **ids.content, **agents.content})

    async def world_of(self, task: Task, row: int, world: World) -> World:
        """The world that a row is researched in: with the session that it goes on from, if it does, and with the page that names
        the candidate that it is.

        Raises:
            UnknownSession, InvalidTask: it cannot go on from it; names the row.
        """
        if self.candidates:
            return judging_world(world, self.candidates[row], {each.key for each in self.candidates})
        return world if self.sessions is None else await self.ids.world_of(task, row, world, self.sessions)

    def keeping(self, earlier: Mapping[str, Any]) -> Request:
        """The same request, with cells of an earlier run kept.

        Args:
            earlier: JSON that says which, and which cells.
        """
        return replace(self, content={**self.content, "reuse": dict(earlier)})

    def refreshing(self, earlier: Mapping[str, Any]) -> Request:
        """The same request, asked again of what an earlier run has found.

        Args:
            earlier: JSON that says which run, and which of its cells are stale.
        """
        return replace(self, content={**self.content, "refresh": dict(earlier)})

    @property
    def names_pages(self) -> bool:
        """Whether tasks name a start page or files."""
        return self.start is not None or bool(self.sample.files)

    def visible(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """A row's cells without those that are private."""
        return {name: value for name, value in values.items() if name not in self.private}

    def question(self, row: int, values: Mapping[str, Any]) -> str:
        """The objective of one row.

        Raises:
            InvalidTask: it cannot be made, or is empty; names row and column.
        """
        return self.objective.render(self.visible(values), self.spec, row)

    def task(self, row: int, values: Mapping[str, Any]) -> Task:
        """The task of one row.

        Args:
            row: its place in the input, from 0.
            values: its cells as JSON.

        Raises:
            InvalidTask: its objective cannot be made, or is empty; names row and column.
        """
        return self._task(row, values, self.spec, self.options)

    def part(self, row: int, values: Mapping[str, Any], fields: Sequence[str], processor: ProcessorName) -> Task:
        """The task of one row, for some of its fields, on another tier. It waits for nobody.

        Raises:
            InvalidTask: its objective cannot be made, or is empty; names row and column.
        """
        alone = {"auto_execute_plan": True} if self.sample.mode == "plan" else {}
        return self._task(
            row, values, part_of(self.spec, fields), {**self.options, "processor": processor, "allow_questions": False, **alone}
        )

    def _task(self, row: int, values: Mapping[str, Any], spec: OutputSpec, options: Mapping[str, Any]) -> Task:
        visible = self.visible(values)
        if of_agents := self.agents.fields(values):
            of_agents["processor"] = self.sample.processor  # all rows are of one tier, whatever the profiles say
        start = self.start.render(visible) if self.start is not None else None
        fields = {
            "task": self.objective.render(visible, spec, row),
            "input": visible,
            "output_schema": spec,
            "start_url": start,
            "search_columns": self.objective.columns,
            **self.ids.fields(values),
            **of_agents,
            **options,
        }
        task = Task.model_validate(fields, context={"row": row})
        return with_agents(task, FOLDER) if of_agents else task  # their profiles are in it

    def document(self, world: World) -> dict[str, Any]:
        """The request as the run folder stores it. Its hash is the run's key."""
        return {
            **self.content,
            "model": world.model.identity,
            "search": world.search.identity,
            "fetcher": world.fetcher.identity,
            "versions": dict(VERSIONS),
        }


def _agents_dir(options: EnrichOptions) -> Path | None:
    if not (options.agent_ids or options.agent_column):
        return None
    if options.agents_dir is not None:
        return Path(options.agents_dir)
    from flows.run.environment import read_environment  # it imports the engine, which a mistake in the request need not wait for

    return read_environment().agents_dir


def refuse_private(private: Collection[str], columns: Sequence[str], objective: Objective, start: StartPage | None) -> None:
    """See that private columns exist, and that nothing which is said to a model or a server is made from them.

    Raises:
        InvalidTable: says which column, and what names it.
    """
    for name in sorted(private):
        if name not in columns:
            raise InvalidTable(f"private column {name!r}: the table has no such column{nearest_column(name, columns)}")
        if name == objective.column or name in (objective.columns or ()):
            raise InvalidTable(f"the column {name!r} is private, and the objective names it: leave it out of one of the two")
        if start is not None and name in start.columns:
            raise InvalidTable(f"the column {name!r} is private, and start_url names it: leave it out of one of the two")
