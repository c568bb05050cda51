"""Which run folder a person means: by its path, its table, how its path or name begins, or a pattern. And those of a folder."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from research.errors import InvalidRun
from research.storage.location import local_path
from research.tables.run_folder.request import series_key
from research.tables.run_folder.run_document import RUN_FILE, read_document

RUNS: Final = Path("runs")
"""Where runs without `--out` go."""
_SHOWN: Final = 5
_DEPTH: Final = 2
"""Folders below the one that is searched: `runs/missions-3f9a1c20`, `runs/weekly/missions-3f9a1c20`."""


def find_run(named: str | os.PathLike[str]) -> Path:
    """The run folder that is meant: the one at this path; else the only one whose table is called so; else the only one whose
    path begins so (or, in `runs/`, whose name does), or that a pattern (`runs/missions-*`) matches. Of a series the newest is
    meant.

    Raises:
        InvalidRun: there is none, or there are several, which are named.
    """
    path = local_path(named)
    if (path / RUN_FILE).exists():
        return path
    text = os.fspath(path)
    found = _matching(text)
    found = [each for each in found if _is_of_table(each, path.name)] or found
    if len(found) == 1:
        return found[0]
    if found:
        if (newest := _newest_of_one_series(found)) is not None:
            return newest
        raise InvalidRun(several(text, [str(each) for each in found]))
    begins = "" if path.exists() or glob.has_magic(text) else ", and no run folder's name begins so"
    raise InvalidRun(f"{text} is not a run folder: it holds no {RUN_FILE}{begins}. research runs lists the run folders.")


def several(named: str, runs: list[str]) -> str:
    """What to say of a name that stands for several run folders."""
    more = f" and {len(runs) - _SHOWN} more" if len(runs) > _SHOWN else ""
    return f"{named} names {len(runs)} run folders: {', '.join(runs[:_SHOWN])}{more}. Name one; research runs tells them apart."


def run_folders(folder: Path) -> Iterator[Path]:
    """The run folders in a folder and in its folders, in order of their paths; of one that is a run folder, itself.

    Raises:
        InvalidRun: there is no such folder.
    """
    if not folder.is_dir():
        raise InvalidRun(f"{folder}: there is no such folder. Run folders are made in {RUNS}/, or where --out says.")
    yield from _below(folder, _DEPTH)


def _below(folder: Path, depth: int) -> Iterator[Path]:
    if (folder / RUN_FILE).exists():
        yield folder
    elif depth:
        try:
            with os.scandir(folder) as entries:
                names = sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
        except OSError:  # somebody else's, or gone since
            return
        for name in names:
            yield from _below(folder / name, depth - 1)


def _matching(text: str) -> list[Path]:
    if glob.has_magic(text):
        found = [Path(each) for each in sorted(glob.glob(text))]  # noqa: PTH207 - of a pattern with any root
    else:
        path = Path(text)
        places = [path.parent] if path.parent != Path() or text.startswith(".") else [Path(), RUNS]
        found = [each for place in places for each in _beginning(place, path.name)]
    return [each for each in found if (each / RUN_FILE).exists()]


def _is_of_table(folder: Path, name: str) -> bool:
    """Whether a run folder is called as a run of the table `name` is: see `default_run_path`."""
    return re.fullmatch(re.escape(name) + r"-[0-9a-f]{8}(\.\d+)?", folder.name) is not None


def _newest_of_one_series(folders: Sequence[Path]) -> Path | None:
    """Of a run and its refreshes the newest; None if they are not that, or one of them is there twice."""
    try:
        runs = {folder: read_document(folder) for folder in folders}
    except InvalidRun:
        return None
    keys = [run["key"] for run in runs.values()]
    if len({series_key(run["request"], run["key"]) for run in runs.values()}) > 1 or len(set(keys)) < len(keys):
        return None
    # Of two that began in one second the later one has the higher number: `.9`, `.10`.
    return max(folders, key=lambda folder: (str(runs[folder]["created_at"]), len(folder.name), folder.name))


def _beginning(place: Path, name: str) -> list[Path]:
    if not name or not place.is_dir():
        return []
    return [place / entry for entry in sorted(os.listdir(place)) if entry.startswith(name)]  # noqa: PTH208 - names are wanted
