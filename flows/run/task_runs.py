"""Which pieces of a run are task runs. What is not one is still in the run folder, in the events and in the artifacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:  # the command's help needs none of the engine
    from flows.run.runner import Kind

TaskRuns = Literal["steps", "rows", "shards"]
"""`steps`: each shard, row, and step of a row that has several. `rows`: each shard and row. `shards`: each shard."""
AskedTaskRuns = Literal["auto", "steps", "rows", "shards"]

MOST_ROWS_WITH_STEPS: Final = 5_000
MOST_ROWS: Final = 50_000
"""Rows of a table up to which `auto` makes task runs of steps, and of rows. Nobody looks through more, and each costs the client
some 4 ms, and Prefect's server 10 ms and 20 kB of database."""

_OF_A_RUN: Final[tuple[Kind, ...]] = ("shard", "batch")
_OF_A_ROW: Final[tuple[Kind, ...]] = ("plan", "investigate", "grade", "synthesize", "verify", "judge")


def chosen_task_runs(asked: AskedTaskRuns, rows: int) -> TaskRuns:
    """What a table of so many rows makes task runs of."""
    if asked != "auto":
        return asked
    if rows <= MOST_ROWS_WITH_STEPS:
        return "steps"
    return "rows" if rows <= MOST_ROWS else "shards"


def shown_kinds(task_runs: TaskRuns) -> frozenset[Kind]:
    """The kinds of work that are task runs."""
    if task_runs == "shards":
        return frozenset(_OF_A_RUN)
    return frozenset((*_OF_A_RUN, "row", *(_OF_A_ROW if task_runs == "steps" else ())))
