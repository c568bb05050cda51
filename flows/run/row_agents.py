"""The agents of a table's rows: the column that names them, and their profiles.

The column is read once before anything is spent. A name that has no profile is refused then, and no row fails for it later: the
profiles are part of what makes the run, so a row could not be asked again in the same run once its profile is there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from research.errors import InvalidInput, InvalidTable
from research.faults import nearest
from research.identity import content_key
from research.tables.inputs.read import Table
from research.tables.inputs.template import as_text, nearest_column
from research.task.agent_profile import MOST_AGENTS, NAME, AgentProfile
from research.task.agents import FOLDER, known_agents, profile_in

FAULTS_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class RowAgents:
    """Which column names the agents of a row, and the profiles of all that it names."""

    column: str | None = None
    profiles: Mapping[str, AgentProfile] = field(default_factory=dict)
    """By their names. Empty until the column is read."""

    @property
    def content(self) -> dict[str, Any]:
        """JSON: what of it the answers depend on. Empty where no column is named."""
        if self.column is None:
            return {}
        profiles = {name: profile.model_dump(mode="json") for name, profile in sorted(self.profiles.items())}
        return {"agent_column": self.column, "agents": profiles}

    @property
    def warnings(self) -> tuple[str, ...]:
        """Parts of the profiles that count for nothing in this run."""
        tiers = sorted(name for name, profile in self.profiles.items() if profile.processor is not None)
        if not tiers:
            return ()
        return (f"--agent-column: all rows of a table are of one tier, so the processor of {', '.join(tiers)} does not count",)

    def check(self, columns: Sequence[str], private: frozenset[str], agent_ids: Sequence[str] | None) -> None:
        """See that the column exists, and that nothing else names the agents.

        Raises:
            InvalidInput: it does not, or something does; says what to do.
        """
        if self.column is None:
            return
        if self.column not in columns:
            raise InvalidTable(
                f"--agent-column {self.column!r}: the table has no such column{nearest_column(self.column, columns)}"
            )
        if self.column in private:
            raise InvalidTable(
                f"--agent-column {self.column!r} is private, and a model would be told what the agent's profile says"
            )
        if agent_ids:
            raise InvalidInput("--agent names the agent of every row, and --agent-column that of each: leave one of the two out")

    def fields(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """A row's fields of its task. An empty cell names nobody."""
        names = self._names(values)
        return {"agent_ids": names, "agent_profiles": tuple(self.profiles[name] for name in names)} if names else {}

    def state_of(self, values: Mapping[str, Any]) -> str:
        """A digest of the profiles of a row's agents; "" of none."""
        names = self._names(values)
        profiles = [(each.model_dump(mode="json") if (each := self.profiles.get(name)) else None) for name in names]
        return content_key("agents of a row", names=names, profiles=profiles) if names else ""

    def recorded(self, request: Mapping[str, Any]) -> RowAgents:
        """The same column, with the profiles that a run's request has of it."""
        profiles = request.get("agents") or {}
        return replace(self, profiles={name: AgentProfile.model_validate(each) for name, each in profiles.items()})

    def read(self, table: Table, folder: Path | None) -> RowAgents:
        """The same column, with the profile of each agent that it names. Those that are here already are not read again.

        Args:
            folder: that of the profiles.

        Raises:
            InvalidTable: a cell names no agent, or one that is not known; names the rows.
            InvalidInput: a profile cannot be read.
        """
        if self.column is None:
            return self
        folder = FOLDER if folder is None else folder
        profiles: dict[str, AgentProfile | None] = {}
        faults: list[str] = []
        for row, values in table.rows():
            names = self._names(values)
            if len(names) > MOST_AGENTS:
                faults.append(f"row {row} names {len(names)} agents, and a row has {MOST_AGENTS} at most")
            for name in names:
                if name not in profiles:
                    held = self.profiles.get(name)
                    profiles[name] = held or (profile_in(folder, name) if NAME.fullmatch(name) else None)
                    if profiles[name] is None:
                        faults.append(f"row {row} names {name!r:.80}{nearest(name, known_agents(folder))}")
            if len(faults) > FAULTS_SHOWN:
                break
        if faults:
            known = ", ".join(known_agents(folder)) or f"none: a profile is a file in {folder}, such as NAME.toml"
            listed = "".join(f"\n  {fault}" for fault in [*faults[:FAULTS_SHOWN], *(["…"] if len(faults) > FAULTS_SHOWN else [])])
            raise InvalidTable(f"--agent-column {self.column!r} names agents that are not known (there are: {known}):{listed}")
        return replace(self, profiles={name: profile for name, profile in profiles.items() if profile is not None})

    def _names(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        cell = values.get(self.column) if self.column is not None else None
        parts = map(as_text, cell) if isinstance(cell, list) else as_text(cell).split(",")
        return tuple(dict.fromkeys(name for part in parts if (name := part.strip())))


NO_AGENTS: Final = RowAgents()
"""No column is named."""
