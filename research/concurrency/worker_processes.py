"""Worker processes whose time and memory are bounded, for work on what strangers wrote: it may take for ever, or end its process.

A regular expression or a parser written in C holds Python's lock while it works, so no thread and no timeout of the event loop
can stop it; ending its process can. Why none of the known pools does this: docs/design/reading-bounds.md.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, Final, NamedTuple

from research.concurrency.worker_loop import receive, send

CLOCK: Final = 4
"""Seconds of a clock for each second of processor time that work may take: a machine has other work as well."""
START_SECONDS: Final = 120.0
"""Until a new worker says that it is ready."""

_BOOT: Final = (
    "import json, sys; order = json.loads(sys.stdin.buffer.readline()); sys.path[:] = order['path']; "
    "from research.concurrency.worker_loop import main; main(order)"
)
_KEPT_VARIABLES: Final = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "TMPDIR",
    "TEMP",
    "TMP",
    "SYSTEMROOT",
    "LD_LIBRARY_PATH",
)
"""A worker gets no other variable: no key of ours is any business of a process that reads what strangers wrote."""


class WorkFailed(Exception):
    """Work was not done. Translated by the caller, who knows whose work it was."""


class OutOfTime(WorkFailed):
    """It took more time than it may."""


class OutOfMemory(WorkFailed):
    """It took more memory than it may."""


class WorkerDied(WorkFailed):
    """It ended its process, as C code does that gets no memory or has a fault."""


class WorkBroke(WorkFailed):
    """Its function raised; the message says what."""


class NoWorker(WorkFailed):
    """No worker could be started: a matter of this machine, not of the work."""


class _Gone(Exception):
    """An idle worker had ended before it was asked."""


class Bounds(NamedTuple):
    """What one piece of work may take."""

    seconds: float
    """Of processor time; `CLOCK` times as many of a clock."""
    memory: int
    """Bytes of address space of the process, with its program."""


class WorkerPool:
    """Workers for one kind of work, at most one for each processor. They start when they are needed, are used again, and end
    after half a minute without work, or with this process, however it ends. Any thread and any event loop may use it."""

    def __init__(self, bounds: Bounds, preload: tuple[str, ...] = (), *, size: int | None = None) -> None:
        """Nothing is started yet.

        Args:
            bounds: what one piece of work may take.
            preload: modules that a worker imports when it starts, which counts as no work's time.
            size: workers at once; None: as many as this process has processors.
        """
        self.bounds = bounds
        self.size = size or _processors()
        self._preload = preload
        self._idle: list[_Worker] = []
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(self.size)
        self._threads = ThreadPoolExecutor(self.size, thread_name_prefix="research-worker")
        self._ended = weakref.finalize(self, _end_all, self._idle)

    async def run(self, work: str, arguments: Mapping[str, Any], payload: bytes = b"") -> tuple[Any, bytes]:
        """As `call`, beside the event loop. Work that nobody waits for any more is ended."""
        job = _Job()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self.call, work, arguments, payload, job)
        except asyncio.CancelledError:
            job.cancel()
            raise

    def call(self, work: str, arguments: Mapping[str, Any], payload: bytes = b"", job: _Job | None = None) -> tuple[Any, bytes]:
        """Have a worker call `module:function` with a JSON object and bytes; the JSON value and the bytes that it returns.

        Raises:
            WorkFailed: it takes more time or memory than it may, ends its process, or raises; or no worker starts.
        """
        with self._places:
            while job is None or not job.is_cancelled:
                worker = self._taken() or _Worker(self.bounds, self._preload)
                is_new = worker.is_new
                try:
                    reply, made = worker.ask(work, arguments, payload, self.bounds.seconds, job)
                    is_full = reply["state"] == "memory"
                except _Gone:
                    continue
                except WorkerDied:
                    if is_new:
                        raise
                    is_full = True
                if is_full and not is_new:
                    continue  # what is left of earlier work in that worker is not this work's fault
                if is_full:
                    raise OutOfMemory
                if reply["state"] == "failed":
                    self._put_back(worker, reply)
                    raise WorkBroke(reply["error"])
                self._put_back(worker, reply)
                return reply["value"], made
        raise WorkFailed("nobody waits for it any more")

    def close(self) -> None:
        """End the idle workers."""
        with self._lock:
            _end_all(self._idle)

    def _taken(self) -> _Worker | None:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _put_back(self, worker: _Worker, reply: Mapping[str, Any]) -> None:
        if reply["last"]:
            worker.end()
            return
        with self._lock:
            self._idle.append(worker)


class _Job:
    """One piece of work that may be cancelled from another thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._worker: _Worker | None = None
        self.is_cancelled = False

    def begin(self, worker: _Worker) -> None:
        with self._lock:
            self._worker = worker
            if self.is_cancelled:
                worker.kill()

    def finish(self) -> None:
        with self._lock:
            self._worker = None

    def cancel(self) -> None:
        with self._lock:
            self.is_cancelled = True
            if self._worker is not None:
                self._worker.kill()


class _Worker:
    """One process, ready for work."""

    def __init__(self, bounds: Bounds, preload: tuple[str, ...]) -> None:
        self.is_new = True
        self._is_late = False
        lifeline, self._lifeline = os.pipe()
        posix = os.name == "posix"
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-I", "-X", "utf8", "-c", _BOOT],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ},
                pass_fds=(lifeline,) if posix else (),
                process_group=0 if posix else None,  # Ctrl-C in a terminal is for the parent
            )
        except OSError as exc:
            os.close(self._lifeline)
            raise NoWorker(f"a process to read it in cannot be started ({exc.strerror or exc})") from exc
        finally:
            os.close(lifeline)
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        assert self._process.stdout is not None  # noqa: S101
        self._requests, self._replies = self._process.stdin, self._process.stdout
        order = {
            "path": [os.path.abspath(folder) for folder in sys.path],  # noqa: PTH100 - "" is the current folder
            "lifeline": lifeline if posix else None,
            "memory": bounds.memory,
            "preload": preload,
        }
        with _Watch(self, START_SECONDS):
            try:
                self._requests.write(json.dumps(order).encode() + b"\n")
                self._requests.flush()
                ready = receive(self._replies)
            except OSError:
                ready = None
        if ready is None or ready[0]["state"] != "ready":
            self.kill()
            code = self.end()
            why = ready[0]["error"] if ready else f"it ended with {_named(code)}"
            raise NoWorker(f"the process to read it in does not start: {why}")

    def ask(
        self, work: str, arguments: Mapping[str, Any], payload: bytes, seconds: float, job: _Job | None
    ) -> tuple[Mapping[str, Any], bytes]:
        if job is not None:
            job.begin(self)
        try:
            with _Watch(self, CLOCK * seconds):
                try:
                    send(self._requests, {"work": work, "arguments": arguments, "seconds": seconds}, payload)
                    answer = receive(self._replies)
                except OSError:
                    answer = None
        finally:
            if job is not None:
                job.finish()
        if answer is None or self._is_late:
            code = self.end()
            if self._is_late or code == -getattr(signal, "SIGXCPU", 0):
                raise OutOfTime
            if code == 0 and not self.is_new:
                raise _Gone
            raise WorkerDied(_named(code))
        self.is_new = False
        return answer

    def late(self) -> None:
        self._is_late = True
        self.kill()

    def kill(self) -> None:
        self._process.kill()

    def end(self) -> int:
        """Let it end; the exit code."""
        for each in (self._requests, self._replies):
            try:
                each.close()
            except OSError:  # it has ended, and what was to be written to it is lost
                continue
        code = self._process.wait()
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1
        return code


class _Watch:
    """Kills a worker that takes longer than so many seconds."""

    def __init__(self, worker: _Worker, seconds: float) -> None:
        self._timer = threading.Timer(seconds, worker.late)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._timer.join()  # one that has just gone off must not end what the worker does next


def _end_all(idle: list[_Worker]) -> None:
    while idle:
        worker = idle.pop()
        worker.kill()
        worker.end()


def _named(code: int) -> str:
    try:
        return signal.Signals(-code).name if code < 0 else f"the exit code {code}"
    except ValueError:
        return f"the signal {-code}"


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_POOLS: Final = threading.Lock()


def shared_pool(bounds: Bounds, preload: tuple[str, ...] = ()) -> WorkerPool:
    """The pool of this process for such work. All worlds of a process share its workers."""
    with _POOLS:
        return _pool(os.getpid(), bounds, preload)


@cache
def _pool(pid: int, bounds: Bounds, preload: tuple[str, ...]) -> WorkerPool:
    """By process: a fork has no workers of its parent's."""
    return WorkerPool(bounds, preload)
