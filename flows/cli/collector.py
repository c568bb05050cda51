"""Keeps Python's garbage collector from walking, again and again, through what a run has imported.

A full collection visits every object that is alive. Of a run, most are the modules that it imported (5,000 of them): each
collection kept the event loop still for 0.2 to 0.4 s, several times in a thousand rows, and freed next to nothing.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from flows.run.events import Event, Listener, RowFinished, ShardCommitted

_IMPORTED_BY: Final = (RowFinished, ShardCommitted)
"""The first row has imported the model's SDK, the first commit what writes tables."""


@contextmanager
def imports_left_alone(listener: Listener) -> Iterator[Listener]:
    """A listener that passes events on, and sets aside what is alive at the first row's end and at the first commit: until the
    block ends, the collector does not look at it."""
    awaited: set[type[Event]] = set(_IMPORTED_BY)

    def listen(event: Event) -> None:
        if type(event) in awaited:
            awaited.remove(type(event))
            gc.freeze()
        listener(event)

    gc.freeze()
    try:
        yield listen
    finally:
        gc.unfreeze()
