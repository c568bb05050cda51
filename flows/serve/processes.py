"""Processes that the service needs beside it: started, started again when they end, ended with it, also by `kill -9`."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Final

from flows import server_watcher
from research.display.printable import printable_logger

AGAIN_SECONDS: Final = 1.0
"""Before a process is started again."""
LONGEST_SECONDS: Final = 30.0
"""The same for one that ends again and again."""
STEADY_SECONDS: Final = 60.0
"""A process that has lived so long is started again at once."""
END_SECONDS: Final = 10.0

_log: Final = printable_logger(__name__)


class KeptProcess:
    """A process that is kept running.

    Args:
        name: for messages.
        command: what is run.
        environment: variables beside those of this process.
    """

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.name = name
        self._command = command
        self._environment = environment
        self._watcher: subprocess.Popen[bytes] | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._keeper = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """End it, in order if it can."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        if self._watcher is not None:
            await asyncio.to_thread(_end, self._watcher)

    async def _keep(self) -> None:
        pause = AGAIN_SECONDS
        while True:
            began = time.monotonic()
            self._watcher = self._spawn()
            while self._watcher.poll() is None:  # noqa: ASYNC110 - a process has no event
                await asyncio.sleep(0.2)
            if time.monotonic() - began > STEADY_SECONDS:
                pause = AGAIN_SECONDS
            _log.warning("%s has ended (exit code %s), and is started again", self.name, self._watcher.returncode)
            await asyncio.sleep(pause)
            pause = min(LONGEST_SECONDS, 2 * pause)

    def _spawn(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - our own interpreter, and nothing from outside in its arguments
            [sys.executable, "-I", server_watcher.__file__, *self._command],
            env={**os.environ, **self._environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )


def _end(watcher: subprocess.Popen[bytes]) -> None:
    if watcher.stdin is not None:
        watcher.stdin.close()
    try:
        watcher.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        watcher.kill()
