"""`ShardOrder`: what a worker process is told. `OrderReport`: what it says when it has ended. Both are JSON, without a secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from flows.run.task_runs import TaskRuns
from research.records import Record


class OrderedShard(Record):
    """A shard that a worker is to commit."""

    index: int
    row_start: int
    """The place of its first row in the input."""
    unfinished: tuple[int, ...] | None = None
    """Of a shard that is committed already: the rows that failed. None: it is not committed."""


class ShardOrder(Record):
    """Some shards of a run, for one worker process. With the run folder and the process's environment, it is all that the worker
    needs."""

    run: str
    """The run folder's absolute path."""
    name: str
    """Of this order, in the run folder; no other order has it."""
    coordinator: str
    """The invocation of the run that gave it. Another invocation's workers stop."""
    shards: tuple[OrderedShard, ...]
    concurrency: int
    """Rows in flight at once in this worker."""
    workers: int = 1
    """Those of the run, which share the limits of the model's service and of search providers."""
    task_runs: TaskRuns = "steps"
    """Which pieces of its work are task runs."""
    max_usd: float | None = None
    """The lease: what the worker may spend. None: there is no cap."""

    @property
    def label(self) -> str:
        """What a person calls it."""
        first, last = self.shards[0].index, self.shards[-1].index
        return f"shard {first}" if first == last else f"shards {first}-{last}"


class WhyStopped(Record):
    """An error that every row would meet."""

    kind: str
    reason: str
    faulty: bool = False
    """Whether the request or the service's answer is at fault, and rows that are not started count as failed. False: something
    around the work failed, and such rows stay out of the tables."""


StopRequest = Literal["wind_down", "cut_off"]
"""`wind_down`: no row is started any more. `cut_off`: those under way are ended as well. What is finished is committed."""


class CoordinatorState(Record):
    """What a coordinator tells all of its workers."""

    coordinator: str
    """The invocation of the run that coordinates. Workers of another one end."""
    beat: int = 0
    """Changes while it is alive."""
    stop: StopRequest | None = None
    reason: str = ""
    """Why it is to stop."""
    runs: Mapping[str, int] = {}
    """How many runs use each account of a service, this one included."""


class WorkerState(Record):
    """What a worker tells of itself."""

    beat: int
    """Changes while it is alive."""
    pid: int
    host: str
    rows_under_way: int = 0


class OrderReport(Record):
    """How an order ended. A worker that is lost leaves none."""

    committed: tuple[int, ...] = ()
    """Shards whose rows stand in the run folder."""
    returned: tuple[int, ...] = ()
    """Shards with rows that were not researched: the lease ran out, or the worker was told to stop. What is finished of them is
    among the stored results."""
    completed: int = 0
    """Rows that were completed and not found."""
    task_runs: int = 0
    """Task runs that Prefect's database is to have for it."""
    stopped: WhyStopped | None = None
