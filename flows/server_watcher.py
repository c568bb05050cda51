"""Runs a server for as long as another process lives: `python server_watcher.py COMMAND…`, with a pipe as stdin.

The pipe's other end belongs to the process that wants the server. When that process ends, also by `kill -9`, the system closes
the pipe, and the server is ended here. The server has a process group of its own, so nothing that it started is left either.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

LOOK_SECONDS: Final = 0.1
TERMINATE_SECONDS: Final = 5.0
"""How long the server may take to end in order, before it is killed."""


def watch(command: Sequence[str]) -> int:
    """Run the command until stdin is closed or the command ends. Returns its exit code, 137 after `kill -9`."""
    closed = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: closed.set())
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603 - our caller's own command
    threading.Thread(target=_wait_for_end_of_stdin, args=(closed,), daemon=True).start()
    while server.poll() is None and not closed.wait(LOOK_SECONDS):
        pass
    _end(server)
    return server.returncode if server.returncode >= 0 else 128 - server.returncode


def _wait_for_end_of_stdin(closed: threading.Event) -> None:
    while os.read(0, 1024):
        pass
    closed.set()


def _end(server: subprocess.Popen[bytes]) -> None:
    """End the server and all that it started: in order, and by force what is left after that."""
    _signal_group(server, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        server.wait(TERMINATE_SECONDS)
    if sys.platform == "win32":
        server.kill()
    else:
        _signal_group(server, signal.SIGKILL)
    server.wait()


def _signal_group(server: subprocess.Popen[bytes], number: signal.Signals) -> None:
    if sys.platform == "win32":
        server.terminate()
        return
    with suppress(ProcessLookupError):  # all of it has ended
        os.killpg(server.pid, number)


if __name__ == "__main__":
    sys.exit(watch(sys.argv[1:]))
