"""Tries the folders that a run will write to, before anything is spent."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from research.durable.surroundings import NO_ROOM
from research.errors import InvalidInput

RUN_FOLDER: Final = "the run folder"
CACHE: Final = "the folder for indexes and cached pages"
PREFECT_HOME: Final = "where Prefect keeps its database"
ROOM: Final = 1 << 20
"""Bytes that a folder must still take."""
ATTEMPTS: Final = 20
"""To make a folder that other processes, which try it at the same time, take away again."""


def prefect_home() -> Path:
    """Prefect's folder, as it finds it.

    Raises:
        InvalidInput: it would be in the home directory, and there is none.
    """
    named = os.environ.get("PREFECT_HOME")
    try:
        return Path(named or "~/.prefect").expanduser()
    except RuntimeError as error:
        raise InvalidInput("There is no home directory: set HOME, or PREFECT_HOME and RESEARCH_CACHE_DIR.") from error


def check_writable(folder: Path, what: str, setting: str) -> None:
    """Make the folder and write a megabyte to it, and leave nothing behind.

    Args:
        folder: need not exist.
        what: what it is for, in a word or two.
        setting: the option or variable that names another one.

    Raises:
        InvalidInput: nothing can be written there; says which folder, and which setting names another.
    """
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        _write_to(folder)
    except OSError as error:
        if error.errno in NO_ROOM:
            raise InvalidInput(
                f"there is no room left in {folder}, {what}: {error.strerror}. Make room there, or name another folder with "
                f"{setting}; then the same command goes on."
            ) from error
        raise InvalidInput(
            f"nothing can be written to {folder}, {what}: {error.strerror or type(error).__name__}. "
            f"Name another folder with {setting}."
        ) from error
    finally:
        for each in missing:
            with suppress(OSError):  # it was not made, or another process has put something there
                each.rmdir()


def _write_to(folder: Path) -> None:
    """Make the folder and write to it; again, if another process took it away in between.

    Raises:
        OSError: it cannot be made, or takes no file.
    """
    for left in reversed(range(ATTEMPTS)):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(bytes(ROOM))
                return
        except (FileExistsError, FileNotFoundError):
            if not left:
                raise
