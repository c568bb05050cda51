"""The `research` command: what a person types. `docs/cli.md` lists every command and option."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from typing import Final, NoReturn

__all__ = ["console", "main"]

_OBJECTS: Final = 50_000
"""New objects until Python's garbage collector looks through them. With its own 700, it takes a sixth of the time in which a
command imports its 5,000 modules, all of which stay."""


def console() -> NoReturn:
    """The `research` command as a process."""
    gc.set_threshold(_OBJECTS)
    from flows.cli.ending import ProcessEnd

    end = ProcessEnd()
    from flows.cli.streams import arguments_as_text, prepare_streams

    prepare_streams()
    end(main(arguments_as_text(sys.argv[1:])))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns its exit code; never raises.

    Args:
        arguments: without the program's name; None takes the process's own.
    """
    try:
        from flows.cli.app import main as run_command  # takes a moment, in which Ctrl-C may come
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        return 130
    return run_command(arguments)
