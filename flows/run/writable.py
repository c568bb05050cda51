"""Tries the folders that a run will write to, before anything is spent."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from research.errors import InvalidInput

RUN_FOLDER: Final = "the run folder"
CACHE: Final = "the folder for indexes and cached pages"


def check_writable(folder: Path, what: str, setting: str) -> None:
    """Make the folder and write to it, and leave nothing behind.

    Args:
        folder: need not exist.
        what: what it is for, in a word or two.
        setting: the option or variable that names another one.

    Raises:
        InvalidInput: nothing can be written there; says which folder, and which setting names another.
    """
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InvalidInput(
            f"nothing can be written to {folder}, {what}: {error.strerror or type(error).__name__}. "
            f"Name another folder with {setting}."
        ) from error
    finally:
        for each in missing:
            with suppress(OSError):  # it was not made, or another process has put something there
                each.rmdir()
