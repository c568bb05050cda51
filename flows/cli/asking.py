"""Asks the person at the terminal whether a run goes on after its pilot."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from flows.cli.terminal import err

if TYPE_CHECKING:
    from flows.events import Approver, PilotFinished


def approver(yes: bool, as_json: bool) -> Approver | None:
    """Who decides after a pilot: nobody (`--yes` decided already), the person at the terminal, or, where there is none, None."""
    if yes:
        return _said_yes
    return None if as_json or not (sys.stdin.isatty() and sys.stderr.isatty()) else _ask


async def _said_yes(_pilot: PilotFinished) -> bool:
    return True


async def _ask(pilot: PilotFinished) -> bool:
    err().print(f"Go on with {pilot.rows_left} rows? [y/N] ", end="", markup=False)
    return (await _line()).strip().lower() in ("y", "yes")


async def _line() -> str:
    """A line of stdin, waited for on the event loop: a thread that waits for it could not be ended by Ctrl-C."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    try:
        loop.add_reader(sys.stdin, ready.set)
    except NotImplementedError:  # Windows
        return await asyncio.to_thread(sys.stdin.readline)
    try:
        await ready.wait()
        return sys.stdin.readline()
    finally:
        loop.remove_reader(sys.stdin)
