"""Which runner researches a run's rows, as its options say it."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, get_args

from flows.run.remote_folder import is_remote
from research.errors import Fault, InvalidInput
from research.world import open_stored_world, open_world

if TYPE_CHECKING:
    from flows.run.options import Options
    from flows.run.runtime import Runtime

RunnerKind = Literal["local", "processes", "dask"]
KINDS: Final[tuple[RunnerKind, ...]] = get_args(RunnerKind)
POOL: Final = "workers:"
"""What the name of a work pool follows."""
SCHEDULER: Final = "dask:"
"""What the address of a Dask scheduler follows."""


class RunnerChoice(NamedTuple):
    """A runner."""

    kind: RunnerKind | Literal["workers"]
    workers: int | None
    """Most workers at once. None: as many as there are cores, or workers in the pool or the cluster."""
    pool: str = ""
    """The work pool of `workers`."""
    scheduler: str = ""
    """The address of the scheduler of `dask`. "": a cluster is started for the run."""


def runner_of(options: Options) -> RunnerChoice:
    """The runner that the options name.

    Raises:
        InvalidInput: there is no such runner.
    """
    for kind in KINDS:
        if kind == options.runner:
            return RunnerChoice(kind, options.workers)
    if options.runner.startswith(POOL) and (pool := options.runner.removeprefix(POOL)):
        return RunnerChoice("workers", options.workers, pool)
    if options.runner.startswith(SCHEDULER) and (scheduler := options.runner.removeprefix(SCHEDULER)):
        return RunnerChoice("dask", options.workers, scheduler=scheduler)
    known = ", ".join((*KINDS, f"{SCHEDULER}ADDRESS", f"{POOL}POOL"))
    raise InvalidInput(
        "The runner is not one of those that there are:", [Fault("/runner", f"{options.runner!r}; there are {known}")]
    )


async def check_runner(options: Options, runtime: Runtime) -> None:
    """See that the runner can do what is asked.

    Raises:
        InvalidInput: there is no such runner, or it cannot do what is asked.
    """
    choice = runner_of(options)
    if choice.kind == "local":
        return
    if getattr(options, "batch", False):
        raise InvalidInput(
            f"--batch waits for the service, so other processes would be of no use to it: leave --runner {options.runner} out."
        )
    if options.out is not None and is_remote(options.out):
        raise InvalidInput(
            f"A run folder by URL is filled by one process: leave --runner {options.runner} out, or choose a folder of this "
            "machine with --out."
        )
    if not (_opens(open_world, runtime.opener) and _opens(open_stored_world, runtime.stored_opener)):
        raise InvalidInput(
            f"A model or a world that is a Python object cannot be handed to other processes: name the model, or leave runner "
            f"{options.runner!r} out."
        )
    if choice.kind == "dask":
        from flows.run.workers.dask_cluster import check_cluster, check_dask

        check_dask()
        if choice.scheduler:
            await check_cluster(choice.scheduler)


def _opens(opener: object, used: object) -> bool:
    """Whether this opener is used, and without an object of the caller's that would make another world."""
    if isinstance(used, partial):
        return used.func is opener and not used.args and used.keywords.keys() <= {"reading"}  # which only shows progress
    return used is opener


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
