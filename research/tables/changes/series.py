"""A series: a run, the refresh of it, the refresh of that, …; each in its own run folder, which names the one before it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from research.errors import InvalidRun
from research.tables.run_folder.request import series_key
from research.tables.run_folder.run_document import RUN_FILE
from research.tables.run_folder.run_folder import RunFolder

EARLIER: Final = "earlier_run"
"""The setting of a refresh that says where the run before it lies."""
_NUMBER: Final = re.compile(r"\.(\d+)$")


def series_of(folder: RunFolder) -> str:
    """What all runs of a series have in common."""
    return series_key(folder.request, folder.key)


def number_of(folder: RunFolder) -> int:
    """A run's place in its series as its name says it; 1 for the first, and for one that was named otherwise."""
    found = _NUMBER.search(folder.path.resolve().name) if "refresh" in folder.request else None
    return int(found[1]) if found else 1


def numbered(folder: RunFolder, number: int) -> Path:
    """The folder of another run of the series: `missions-3f9a1c20.2` beside `missions-3f9a1c20`."""
    name = folder.path.resolve().name
    base = _NUMBER.sub("", name) if number_of(folder) > 1 else name
    return folder.path.with_name(f"{base}.{number}")


def newest(folder: RunFolder) -> RunFolder:
    """The newest finished run of a run's series, of those that lie beside it; itself, if there is none. Where the first run lies
    there twice (it was copied, or made again with another `--out`), each has the series that its own refreshes make.

    Raises:
        InvalidRun: none is finished.
    """
    series = series_of(folder)
    runs = [run for run in (folder, *_beside(folder)) if series_of(run) == series]
    if sum(run.key == series for run in runs) > 1:
        first = _first(folder)
        runs = [folder, *(run for run in runs[1:] if _first(run) == first)]
    finished = [run for run in runs if run.status == "finished"]
    if not finished:
        raise InvalidRun(
            f"{folder.path} is not finished ({folder.status}): run its command again, or research resume {folder.path}, and "
            "refresh it then."
        )
    return max(finished, key=lambda run: (run.created_at, number_of(run)))


def _first(folder: RunFolder) -> Path:
    """The folder of the first run that a refresh goes back to."""
    seen = {folder.key}
    while (before := earlier_run(folder)) is not None and before.key not in seen:
        seen.add(before.key)
        folder = before
    return folder.path.resolve()


def earlier_run(folder: RunFolder) -> RunFolder | None:
    """The run before this one in its series; None if it is the first, or the one before it is not there any more."""
    before = (folder.request.get("refresh") or {}).get("run")
    if before is None:
        return None
    place = Path(str(folder.settings.get(EARLIER, "")))
    for path in (folder.path.with_name(place.name), place, *(run.path for run in _beside(folder))):
        try:
            run = RunFolder.open(path)
        except (InvalidRun, OSError):
            continue
        if run.key == before:
            return run
    return None


def _beside(folder: RunFolder) -> Iterator[RunFolder]:
    here = folder.path if folder.path.name not in ("", "..") else folder.path.resolve()
    for file in sorted(here.parent.glob(f"*/{RUN_FILE}")):
        if file.parent.name != here.name:
            try:
                yield RunFolder.open(file.parent)
            except InvalidRun:
                continue
