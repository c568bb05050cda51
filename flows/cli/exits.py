"""How a command ends, for shells and schedulers."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes. 3, 4 and 130 can be gone on with: the same command again does only what is left."""

    OK = 0
    """All rows are completed."""
    BROKEN = 1
    """A bug in this program; or, of `verify`: something in the run is not as it was written."""
    BAD_INPUT = 2
    """What was asked is wrong, or no row can be researched as things are (a key, a model's id). Nothing was done or spent."""
    ROWS_FAILED = 3
    """The run is finished, and some rows failed."""
    LIMIT = 4
    """A limit stopped the run, or an error that every row would have met."""
    INTERRUPTED = 130
    """Ctrl-C stopped the run."""
