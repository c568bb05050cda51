"""`PreparedRun`: what a plan shows and a flow carries out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flows.run.options import EnrichOptions, FindOptions, Options, RefreshOptions
from flows.run.recorded_options import record_of
from flows.run.refreshing import Refreshing
from flows.run.remote_folder import check_free
from flows.run.request import Request
from flows.run.reuse import Earlier, RemainingFields
from flows.run.row_work import FindWork, whole_rows
from flows.run.staleness import Staleness
from flows.run.task_runs import TaskRuns, chosen_task_runs
from flows.run.writable import RUN_FOLDER, check_writable
from research.ports.model import NeedsTime
from research.ports.page import Page
from research.ports.world import World
from research.result.escalation import Escalation
from research.tables.changes.row_matching import TableChanges
from research.tables.changes.series import EARLIER
from research.tables.layout.probabilities import SETTING as CALIBRATION
from research.tables.run_folder.mirror import RunMirror
from research.tables.run_folder.run_folder import RunFolder
from research.tables.run_folder.run_lock import refuse_locked
from research.world import Settings

if TYPE_CHECKING:
    from flows.run.finding import Finding
    from research.tables.audit.calibration import KeptCalibration

FLOW_NAMES: Final = {EnrichOptions: "enrich", RefreshOptions: "refresh", FindOptions: "find"}


@dataclass(frozen=True, slots=True)
class Refresh:
    """What makes an enrichment a refresh of the run before it."""

    enrichment: EnrichOptions
    """What it amounts to: the options of the run before it, with what was changed."""
    stale: Staleness
    table: TableChanges | None
    """How the table differs from what that run had of it; None: it was not compared."""


@dataclass(frozen=True, slots=True)
class PreparedRun:
    """A request that is sound, with its world open."""

    options: Options
    request: Request
    world: World
    document: Mapping[str, Any]
    """The request as its run folder keeps it."""
    path: Path
    """The run folder, which need not exist."""
    rows_done: int
    """Completed rows that the run folder has already."""
    settings: Settings
    """What the world was opened with."""
    earlier: Earlier | None = None
    """Whose cells are kept."""
    escalation: Escalation | None = None
    only_stored: bool = False
    """Whether rows may search and read only the pages that they read in the earlier run."""
    mirror: RunMirror | None = None
    """Of a run folder by URL: `path` is its working copy."""
    calibration: KeptCalibration | None = None
    """That of its kind of job, for a run that begins. One that goes on has its own, or none."""
    hint: str = ""
    """What would cost less, for a run that begins."""
    refresh: Refresh | None = None
    """Of a refresh; the run before it is `earlier`."""
    finding: Finding | None = None
    """Of a find, whose rows are candidates."""
    request_warnings: tuple[str, ...] = ()
    """What it asks for and does not get: tools of MCP servers that cannot be used, parts of agents' profiles."""

    @property
    def place(self) -> Path | str:
        """The run folder, or its URL."""
        return self.path if self.mirror is None else self.mirror.url

    async def get_ready(self) -> None:
        """Bring in what the first rows will need of the model, if rows are left."""
        if self.rows_done < self.request.table.row_count and isinstance(self.world.model, NeedsTime):
            await self.world.model.get_ready()

    def check_folder(self) -> None:
        """Find out what would keep a run from filling its folder, before Prefect is started for it. Leaves nothing there.

        Raises:
            InvalidInput: nothing can be written there.
            InvalidRun: another process is filling it.
        """
        if self.mirror is not None:
            check_free(self.mirror)
        check_writable(self.path, RUN_FOLDER, "--out")
        if (run := RunFolder.find(self.path, self.document)) is not None:
            refuse_locked(run.path, run.state)

    def folder(self) -> RunFolder:
        """The run folder: created, or found.

        Raises:
            InvalidRun: the folder holds another request, or something else.
        """
        return RunFolder.create(
            self.path,
            self.document,
            input_schema=self.request.table.schema,
            spec=self.request.spec,
            rows=self.request.table.row_count,
            settings=self._settings,
        )

    def warnings(self, folder: RunFolder) -> tuple[str, ...]:
        """What reading the table may have got wrong or has left out, and what a run that begins goes without."""
        lacking = self.calibration.warning if self.calibration is not None and folder.is_new else ""
        hint = self.hint if folder.is_new else ""
        return (*self.request.table.warnings, *self.request_warnings, *(each for each in (lacking, hint) if each))

    @property
    def _settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = {"shard_size": self.options.shard_size}
        if self.calibration is not None and self.calibration.calibration is not None:
            settings[CALIBRATION] = self.calibration.calibration.probabilities.to_json()
        if self.refresh is not None and self.earlier is not None:
            settings[EARLIER] = str(self.earlier.folder.path.resolve())
        return settings

    @property
    def record(self) -> dict[str, Any]:
        """What the run folder keeps of how it was started."""
        enrichment = None if self.refresh is None else self.refresh.enrichment
        return record_of(self.options, self.settings, self.request.table.row_count, enrichment)

    def work(self, world: World) -> tuple[FindWork, Callable[[str], Page]]:
        """What there is to do for each row, and what finds the pages that its evidence rests on.

        Args:
            world: the run's own, or one that wraps it.
        """
        if self.earlier is None:
            return whole_rows(self.request, world), world.fetcher.recall
        if self.refresh is not None:
            refreshing = Refreshing(self.request, world, self.earlier, self.refresh.stale, self.document)
            return refreshing.work, partial(self.earlier.recall, world.fetcher.recall)
        remaining = RemainingFields(self.request, world, self.earlier, only_stored=self.only_stored)
        return remaining.work, partial(self.earlier.recall, world.fetcher.recall)

    @property
    def flow_name(self) -> str:
        """The flow that carries it out."""
        return FLOW_NAMES.get(type(self.options), "resynthesize")

    @property
    def task_runs(self) -> TaskRuns:
        """Which pieces of it are task runs."""
        return chosen_task_runs(self.options.task_runs, self.request.table.row_count)

    @property
    def pilot(self) -> int | None:
        """Rows to research before the question whether to continue."""
        return self.options.pilot if isinstance(self.options, EnrichOptions) else None

    @property
    def in_batches(self) -> bool:
        """Whether rows are asked through Message Batches."""
        return isinstance(self.options, EnrichOptions) and self.options.batch
