"""Which agent answers a sub-query, and what its profile makes of the task there.

Where several agents divide a task, the planner assigns each sub-query to one. One that it left to nobody, or that no planner made
(a keyless model's, a second look), goes to the agent whose name and description share most words with the question and its
fields; of equals, to the one that the task names first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from research.errors import Fault, InvalidTask
from research.ports.work import SubQuery
from research.task.agent_profile import AgentProfile
from research.task.task import Task

_WORD: Final = re.compile(r"[^\W_]{3,}")


def agent_of(task: Task, subquery: SubQuery) -> AgentProfile | None:
    """The agent that answers a sub-query; None: the task names none."""
    if len(task.agent_profiles) <= 1:
        return next(iter(task.agent_profiles), None)
    return next((agent for agent in task.agent_profiles if agent.id == subquery.agent), None)


def assigned(subquery: SubQuery, task: Task) -> SubQuery:
    """The sub-query with the agent that answers it, where several divide the task."""
    if len(task.agent_profiles) <= 1:
        return subquery if not subquery.agent else subquery.changed(agent="")
    if agent_of(task, subquery) is not None:
        return subquery
    asked = _words([subquery.question, subquery.label, *subquery.fields])
    nearest = max(task.agent_profiles, key=lambda agent: len(asked & _words([agent.id, agent.description])))
    return subquery.changed(agent=nearest.id)


def as_agent_sees(task: Task, agent: AgentProfile | None) -> Task:
    """The task as one agent works on it: with its profile alone, and with its source policy where the task has none."""
    if agent is None or (task.agent_profiles == (agent,) and task.source_policy is not None):
        return task
    return task.model_copy(
        update={"agent_profiles": (agent,), "source_policy": task.source_policy or agent.source_policy}  # both were checked
    )


def agents_of(task: Task, subqueries: Iterable[SubQuery]) -> list[str]:
    """The names of the agents that answered sub-queries of a task, each once."""
    agents = (agent_of(task, subquery) for subquery in subqueries)
    return list(dict.fromkeys(agent.id for agent in agents if agent is not None))


def refuse_unread(task: Task) -> None:
    """Refuse a task whose agents are only named.

    Raises:
        InvalidTask: the task names agents whose profiles nobody read.
    """
    held = {agent.id for agent in task.agent_profiles}
    if unread := [name for name in task.agent_names if name not in held]:
        field = "agent_id" if task.agent_id is not None else "agent_ids"
        raise InvalidTask("The task cannot be run:", [Fault(f"/{field}", f"the profile of {', '.join(unread)} was not read")])


def agent_warnings(task: Task, *, keyless: bool) -> list[str]:
    """Parts of the profiles that count for nothing in this task."""
    told = [agent.id for agent in task.agent_profiles if agent.instructions.strip()]
    tiers = [agent.id for agent in task.agent_profiles if agent.processor is not None]
    warnings = []
    if keyless and told:
        warnings.append(f"agent_id: the keyless model reads no instructions, so those of {', '.join(told)} were not followed")
    if len(task.agent_profiles) > 1 and tiers:
        warnings.append(f"agent_ids: where several agents divide a task, the processor of {', '.join(tiers)} does not count")
    return warnings


def _words(texts: Iterable[str]) -> set[str]:
    return {word.casefold() for text in texts for word in _WORD.findall(text)}
