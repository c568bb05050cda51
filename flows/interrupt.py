"""Signals: who is told of Ctrl-C and SIGTERM while a run goes on."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import copy_context


@contextmanager
def answer_signals(numbers: Iterable[signal.Signals], answer: Callable[[signal.Signals], None]) -> Iterator[None]:
    """In this block of a coroutine, these signals call a function on the event loop; after it, whoever had them has them again.

    Signals that the process ignores stay ignored. Outside of the main thread there are none.
    """
    loop, context = asyncio.get_running_loop(), copy_context()

    def handle(number: int, _frame: object) -> None:
        loop.call_soon_threadsafe(answer, signal.Signals(number), context=context)  # not that of whatever is interrupted

    earlier = {}
    if threading.current_thread() is threading.main_thread():
        for number in numbers:
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                earlier[number] = signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


async def repeat_signal(number: signal.Signals) -> None:
    """Hand a signal that was answered to whoever has it now. If that cancels the calling coroutine, as an event loop does on
    Ctrl-C, the cancellation is raised here."""
    signal.raise_signal(number)
    await asyncio.sleep(0)


@contextmanager
def orderly_end() -> Iterator[None]:
    """In this block of a coroutine, SIGTERM cancels it; then the process is asked to exit with 143, as a terminated one does.

    Only where nothing else answers the signal. A run that is under way answers it itself (`flows.flow_run`).
    """
    task = asyncio.current_task()
    terminated = False

    def end(_number: signal.Signals) -> None:
        nonlocal terminated
        terminated = True
        if task is not None:
            task.cancel("terminated")

    mine = [signal.SIGTERM] if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL else []
    with answer_signals(mine, end):
        try:
            yield
        except asyncio.CancelledError:
            if terminated:
                raise SystemExit(128 + signal.SIGTERM) from None
            raise
