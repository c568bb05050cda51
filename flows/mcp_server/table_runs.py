"""A table's run for an agent: the command `research enrich` in a process of its own, which outlives no call that is cancelled."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from research.errors import ResearchError

GRACE: Final = 40.0
"""Seconds that a run has to end in order after it was told to."""
LONGEST_LINE: Final = 16_000_000
"""Bytes of one event."""
_SHOWN: Final = 2_000

Progress = Callable[[int, int], Awaitable[None]]
"""Is told how many rows are finished, and of how many."""


class RunEnded(ResearchError):
    """A run that came to nothing. Its message is the command's own."""


async def enrich(options: Sequence[str], folder: Path, progress: Progress, variables: Mapping[str, str]) -> Mapping[str, Any]:
    """Run a table. The same options go on where an earlier call stopped.

    Args:
        options: of the command, its paths absolute.
        folder: in which it runs.
        progress: is called for each row.
        variables: its environment.

    Returns:
        The event `run_finished`, and the exit code.

    Raises:
        RunEnded: there is no run to speak of.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "flows.cli", "enrich", *options, "--json"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=folder,
        env=dict(variables),
        limit=LONGEST_LINE,
    )
    errors = asyncio.create_task(_last(process.stderr))
    rows = done = 0
    last: dict[str, Any] = {}
    try:
        assert process.stdout is not None  # noqa: S101 - it was asked for
        async for line in process.stdout:
            event = _event(line)
            match event.get("event"):
                case "run_started":
                    rows, done = event["rows"], event["kept"]
                    await progress(done, rows)
                case "row_finished":
                    done += 1
                    await progress(min(done, rows), rows)
                case "run_finished" | "error":
                    last = event
        code, said = await process.wait(), await errors
    finally:
        await _end(process)
        errors.cancel()
    if last.get("event") != "run_finished":
        raise RunEnded(str(last.get("message") or said or f"the run ended with {code}")[:_SHOWN])
    return {**last, "exit_code": code}


def _event(line: bytes) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


async def _last(stream: asyncio.StreamReader | None) -> str:
    """The end of what the process says for people. It is read all the time, or the process would wait."""
    kept = b""
    while stream is not None and (piece := await stream.read(4_096)):
        kept = (kept + piece)[-_SHOWN:]
    return kept.decode("utf-8", "replace").strip()


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the process, if it has not ended: in order first."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(GRACE):
            await asyncio.shield(process.wait())
    except TimeoutError:
        process.kill()
        await process.wait()
