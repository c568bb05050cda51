"""What the operating system says of a folder that cannot be written, as an error that says which folder and what to do."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from research.errors import SurroundingsFault

NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""A disk that is full, a quota or a limit on a file's size that is reached."""
_FORBIDDEN: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
"""A folder or a disk that this user may not write to, or a file that it may not read."""
_GONE: Final = frozenset({errno.ENOENT, errno.ESTALE})
_NO_FOLDER: Final = frozenset({errno.EEXIST, errno.ENOTDIR})


def surroundings_fault(error: OSError, place: Path, what: str = "", setting: str = "") -> SurroundingsFault:
    """The error to raise.

    Args:
        place: the folder or file that is written.
        what: what it is for, in a word or two: `the run folder`.
        setting: the option or variable that names another one.
    """
    if error.errno in NO_ROOM:
        advice = "Make room there"
    elif error.errno in _FORBIDDEN:
        advice = "Let it be written again"
    elif error.errno in _GONE:
        advice = "Put it back"
    elif error.errno in _NO_FOLDER:
        advice = "A file stands where a folder should: name another one"
    else:
        advice = "See what is wrong with that disk"
    chosen = f" (chosen with {setting})" if setting else ""
    reason = error.strerror or type(error).__name__
    name = f"{what} {place}" if what else str(place)
    return SurroundingsFault(f"{name}{chosen} cannot be written: {reason}. {advice}", place=str(place), setting=setting)


def system_fault(error: OSError) -> SurroundingsFault | None:
    """The error to raise where nobody knew what was written. None: neither a full disk nor the lack of a right is the cause."""
    named = Path(os.fsdecode(error.filename)) if isinstance(error.filename, (str, bytes)) else None
    if error.errno in NO_ROOM:
        return surroundings_fault(error, named or Path(tempfile.gettempdir()))
    if error.errno not in _FORBIDDEN or named is None:
        return None
    if error.errno == errno.EROFS or not os.path.lexists(named):  # it was to be made there
        return surroundings_fault(error, named if os.path.lexists(named) else named.parent)
    return SurroundingsFault(f"{named} cannot be used: {error.strerror}. Give this user the right to it", place=str(named))


@contextmanager
def writing(place: Path, what: str = "", setting: str = "") -> Iterator[None]:
    """In this block, an error of the operating system is one of the place that is written.

    Raises:
        SurroundingsFault: it cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise surroundings_fault(error, place, what, setting) from error
