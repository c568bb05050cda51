"""The options of `research serve` and `research worker`, declared once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

Count = Annotated[int, Parameter(validator=Number(gte=1))]
Usd = Annotated[float | None, Parameter(validator=Number(gt=0))]


@Parameter(name="*")
@dataclass(frozen=True)
class WorkOptions:
    """What a worker needs to know, whichever command it runs in."""

    folder: Path | None = None
    """Where keys and, by default, records are kept. Default: the user's data folder."""
    database: str | None = None
    """The records: `sqlite:///FILE` or `postgresql://USER@HOST/NAME`. Default: SQLite in the folder. A password belongs into the
    variable `RESEARCH_DATABASE` rather than here, where other users of the machine see it."""
    corpus: str | None = None
    """Documents to search, as for `research run`."""
    search: str | None = None
    """Search providers, with commas between."""
    model: str | None = None
    """Default: Claude if there is a key, else the keyless model."""
    concurrency: Count = 4
    """Tasks at once in one worker."""
    max_cost_per_task: Usd = None
    """The most that one task may cost, in US dollars. Default: no cap."""


@Parameter(name="*")
@dataclass(frozen=True)
class DoorOptions:
    """What only the service needs to know."""

    host: str = "127.0.0.1"
    """The address to listen at."""
    port: Annotated[int, Parameter(validator=Number(gte=0, lte=65_535))] = 8700
    """The port to listen at; 0 takes a free one."""
    workers: Annotated[int, Parameter(validator=Number(gte=0))] = 1
    """Worker processes to start beside it; 0 if all are elsewhere."""
    in_process: Annotated[bool, Parameter(show_default=False)] = False
    """Work on tasks in this very process, without Prefect: for trying it out."""
    max_cost: Usd = None
    """The most that all tasks together may cost, in US dollars, what was spent before included. Default: no cap."""
    max_open_tasks: Count = 20_000
    """Open tasks of one owner."""
    requests_per_minute: Count = 6_000
    """Requests of one owner."""
    max_body_mb: Annotated[float, Parameter(validator=Number(gt=0))] = 16
    """Megabytes of a request's body."""
