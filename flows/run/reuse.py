"""Keeps what an earlier run has found out: of each row only what is new, or asked in other words, is researched.

Rows are known again by what they hold, so rows may have been added, left out or moved. A row that is not completed there is
researched whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from cachetools import LRUCache

from flows.run.request import Request
from flows.run.row_work import RowWork
from research.errors import Fault, InvalidRun
from research.identity import canonical_json, content_key
from research.output_schema.output_spec import OutputSpec
from research.pages.row_pages import RowPages, Stored
from research.ports.page import Page
from research.ports.world import World
from research.result.result import Result
from research.result.reuse import still_good, unanswered, unchanged, wholly_kept, with_kept
from research.steps.keys import Keys
from research.tables.changes.row_matching import RowMatcher
from research.tables.run_folder.reading_back import CommittedRows
from research.tables.run_folder.request import differences, told_differences
from research.tables.run_folder.run_folder import RunFolder
from research.tables.run_folder.run_pages import RunPages

MAY_DIFFER: Final = frozenset(
    {
        "output_schema",
        "processor",
        "model",
        "max_subqueries",
        "max_fetches",
        "max_steps",
        "verify_loops",
        "mode",
        "allow_questions",
        "include_html_dump",
        "open_reading",
        "search_columns",
    }
)
"""Parts of a task that say how much is spent on an answer, or which answers are wanted, and not what is asked or where."""
_ASKED: Final = ("objective", "start_url", "search", "id_columns", "agent_column")
"""What beside its task two requests must have in common."""
SHARDS_OPEN: Final = 4
"""Shards of the earlier run whose tables are in memory."""


@dataclass(frozen=True, slots=True)
class EarlierRow:
    """A row of an earlier run."""

    result: Result
    keep: tuple[str, ...]
    """The fields that are kept."""
    place: int
    """The row's place there."""

    @property
    def digest(self) -> str:
        return content_key("kept", result=self.result.model_dump(mode="json"), fields=list(self.keep))

    @property
    def pages(self) -> tuple[Stored, ...]:
        """The pages that the row read."""
        sources = self.result.sources_detailed
        return tuple(Stored(source.url, source.page_hash) for source in sources if source.read and source.page_hash)


class Earlier:
    """An earlier run, whose cells another one keeps."""

    def __init__(
        self, folder: RunFolder, request: Request, *, nothing_kept: bool = False, matcher: RowMatcher | None = None
    ) -> None:
        """
        Args:
            folder: it may be unfinished; what is committed counts.
            request: what is asked now.
            nothing_kept: every field is researched again.
            matcher: knows its rows again otherwise than by holding the very same.

        Raises:
            InvalidRun: its request does not say what it asked for.
        """
        self.folder = folder
        self._spec = spec_of(folder)
        self.keep = () if nothing_kept else unchanged(self._spec, request.spec)
        """The fields that it has, and that are asked in the same words."""
        self.asked = tuple(name for name in request.spec.names if name not in self.keep)
        """The fields that have to be researched for every row."""
        self.name = folder.path.resolve().name
        self.pages = RunPages(folder)
        self.matcher = matcher
        self._ids, self._agents = request.ids, request.agents
        self._ids_then = replace(request.ids, held=folder.request.get("sessions") or {})
        """With what the sessions of its rows held."""
        self._agents_then = request.agents.recorded(folder.request)
        self._same_table = all(folder.request.get(name) == request.content.get(name) for name in ("table", "query"))
        self._shard_size = folder.shard_size
        self._committed = frozenset(folder.committed_shards())
        self._open: MutableMapping[int, CommittedRows] = LRUCache(SHARDS_OPEN)
        self._by_content: dict[int, int] | None = None
        self._turn = asyncio.Lock()

    @property
    def identity(self) -> dict[str, Any]:
        """What of it makes a run that keeps its cells another run."""
        return {"run": self.folder.key, "fields": list(self.keep)}

    def refuse_other(self, document: Mapping[str, Any]) -> None:
        """See that it asked the same, so that its cells can be kept.

        Args:
            document: the request of the run that wants its cells.

        Raises:
            InvalidRun: it asked something else, or elsewhere, so that its answers are not answers to this.
        """
        if faults := list(_differences(self.folder.request, document)):
            if all(fault.pointer == "/search" for fault in faults) and self.folder.status == "finished":
                path = self.folder.path
                raise InvalidRun(
                    f"{path} was answered from other pages, so its cells cannot be kept unseen. research refresh {path} looks at "
                    "them again, and researches what has changed; or leave --reuse out.",
                    faults,
                )
            raise InvalidRun(
                f"{self.folder.path} asked something else, so its cells cannot be kept. Ask the same, or leave --reuse out.",
                faults,
            )

    async def row(self, row: int, values: Mapping[str, Any]) -> EarlierRow | None:
        """What it has of a row; None if the row is not in it, or is not completed there."""
        async with self._turn:
            return await asyncio.to_thread(self._row, row, values)

    def has(self, row: int, values: Mapping[str, Any]) -> bool:
        """Whether it has a row, completed."""
        return self._same_circumstances(values) and self._find(row, values) is not None

    def recall(self, otherwise: Callable[[str], Page], page_hash: str) -> Page:
        """A page that it stored, or that this run did."""
        return self.pages.get(page_hash) if page_hash in self.pages else otherwise(page_hash)

    def _row(self, row: int, values: Mapping[str, Any]) -> EarlierRow | None:
        if not self._same_circumstances(values) or (place := self._find(row, values)) is None:
            return None
        result = self._rows(place).result(place)
        return EarlierRow(result, still_good(result, self.keep), place)

    def _same_circumstances(self, values: Mapping[str, Any]) -> bool:
        """Whether the session that a row goes on from holds what it held then, and its agents have the profiles they had."""
        same_session = self._ids_then.state_of(values) == self._ids.state_of(values)
        return same_session and self._agents_then.state_of(values) == self._agents.state_of(values)

    def _find(self, row: int, values: Mapping[str, Any]) -> int | None:
        """Its row that holds these values, and is completed: the one in the same place, if it does."""
        if self.matcher is not None:
            place = self.matcher.find(values)
            if place is None or self.matcher.edited(place, values) or not self._rows(place).is_completed(place):
                return None
            return place
        wanted = canonical_json(values)
        if row // self._shard_size in self._committed and self._is(row, wanted):
            return row
        if self._same_table:
            return None
        if self._by_content is None:
            self._by_content = {_digest(content): row for row, content in self._contents()}
        place = self._by_content.get(_digest(wanted))
        return place if place is not None and self._is(place, wanted) else None

    def _is(self, row: int, wanted: str) -> bool:
        rows = self._rows(row)
        return row in rows and rows.is_completed(row) and canonical_json(rows.values(row)) == wanted

    def _contents(self) -> Iterator[tuple[int, str]]:
        for shard in sorted(self._committed):
            rows = self._rows(shard * self._shard_size)
            yield from ((row, canonical_json(rows.values(row))) for row in rows.rows if rows.is_completed(row))

    def _rows(self, row: int) -> CommittedRows:
        """The rows of the shard that a row is in."""
        shard = row // self._shard_size
        if (rows := self._open.get(shard)) is None:
            rows = self._open[shard] = CommittedRows(self.folder, shard, self._spec)
        return rows


class RemainingFields:
    """Of every row, what an earlier run has not.

    Args:
        only_stored: a row may search and read only the pages that it read in the earlier run.
    """

    def __init__(self, request: Request, world: World, earlier: Earlier, *, only_stored: bool = False) -> None:
        self._request = request
        self._world = world
        self._identity = world.identity
        self._earlier = earlier
        self._only_stored = only_stored

    async def work(self, row: int, values: Mapping[str, Any]) -> RowWork:
        task = self._request.task(row, values)
        before = await self._earlier.row(row, values)
        if before is None:
            if self._only_stored:
                raise InvalidRun(
                    f"row {row} is not completed in {self._earlier.name}, so none of its pages is stored. Run the command of "
                    "that run again, and then this one"
                )
            return RowWork.of(task, await self._request.world_of(task, row, self._world))
        world = await self._request.world_of(task, row, self._world)
        identity = self._identity if world is self._world else world.identity
        if self._only_stored:
            pages = RowPages(before.pages, self._earlier.pages.get)
            world = replace(world, search=pages, fetcher=pages)
            identity = world.identity
        if not before.keep and not self._only_stored:
            return RowWork.of(task, world, identity)
        spec, run = self._request.spec, self._earlier.name
        key = Keys.of(task, identity).row(before.digest)
        rest = [name for name in spec.names if name not in before.keep]
        part = self._request.part(row, values, rest, task.processor) if rest and before.keep else task
        work = RowWork(part, world, Keys.of(part, identity), key)
        if not rest:
            return replace(work, known=wholly_kept(before.result, spec, task.task, _task_id(key), run))
        if self._only_stored and not before.pages:
            why = f"The row read no page in {run}, so there is nothing to find it in."
            return replace(work, known=unanswered(before.result, spec, before.keep, task.task, _task_id(key), run, why))
        if not before.keep:
            return work
        return replace(work, complete=partial(with_kept, kept=before.result, spec=spec, names=before.keep, run=run))


def spec_of(folder: RunFolder) -> OutputSpec:
    """What a run asked for.

    Raises:
        InvalidRun: its request does not say.
    """
    try:
        return OutputSpec.parse(folder.request["task"]["output_schema"])
    except (KeyError, TypeError) as exc:
        raise InvalidRun(f"{folder.path}: its request holds no output schema, so nothing of it can be kept.") from exc


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Fault]:
    yield from told_differences(*({name: request.get(name) for name in _ASKED} for request in (old, new)))
    before, now = ({name: part for name, part in request["task"].items() if name not in MAY_DIFFER} for request in (old, new))
    yield from differences(before, now, "/task")


def _digest(content: str) -> int:
    return int(content_key("row", values=content)[:16], 16)


def _task_id(key: str) -> str:
    return key.removeprefix("row-")[:32]
