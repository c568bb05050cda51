"""Turns SIGTERM into the orderly end that Ctrl-C has: no new row starts, what is committed stays, the same call goes on later."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def orderly_end() -> Iterator[None]:
    """In this block of a coroutine, SIGTERM cancels it; then the process is asked to exit with 143, as a terminated one does.

    Only where nothing else answers the signal (Prefect's workers do), and where it can be answered: in the main thread, on Unix.
    """
    task = asyncio.current_task()
    mine = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    loop = asyncio.get_running_loop()
    terminated = False

    def end() -> None:
        nonlocal terminated
        terminated = True
        if task is not None:
            task.cancel("terminated")

    if mine:
        try:
            loop.add_signal_handler(signal.SIGTERM, end)
        except NotImplementedError:  # Windows
            mine = False
    try:
        yield
    except asyncio.CancelledError:
        if terminated:
            raise SystemExit(128 + signal.SIGTERM) from None
        raise
    finally:
        if mine:
            loop.remove_signal_handler(signal.SIGTERM)
