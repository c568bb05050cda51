"""The life of one worker process: it says that it is ready, calls functions until nobody asks for more, and is never in the way.

Started by `worker_processes.py`. A request and a reply are each a JSON value and some bytes. Nothing is pickled: a worker reads
what strangers wrote, so what it replies is data, whatever became of it.
"""

from __future__ import annotations

import json
import os
import select
import signal
import struct
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import IO, Any, Final

Json = Any
Work = Callable[[Mapping[str, Json], bytes], tuple[Json, bytes]]
"""What a worker can be asked to do: a function of a module, of a JSON object and bytes, to a JSON value and bytes."""

IDLE_SECONDS: Final = 30.0
"""A worker without work ends after so long."""
WORN: Final = 0.5
"""The share of its memory limit that a worker may have needed and still take more work: what it has left must be enough."""
HELD: Final = 400_000_000
"""Bytes that a worker may have needed, whatever its limit, and still wait for more work: it might hold them as long."""

_HEAD: Final = struct.Struct(">IQ")


def send(file: IO[bytes], value: Json, payload: bytes) -> None:
    """Write one message."""
    written = json.dumps(value).encode()
    file.write(_HEAD.pack(len(written), len(payload)))
    file.write(written)
    file.write(payload)
    file.flush()


def receive(file: IO[bytes]) -> tuple[Json, bytes] | None:
    """Read one message; None where the other side has ended."""
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    length, size = _HEAD.unpack(head)
    written, payload = file.read(length), file.read(size)
    return (json.loads(written), payload) if len(written) == length and len(payload) == size else None


def main(order: Mapping[str, Json]) -> None:
    """Work until the other side closes the pipe, or asks for nothing for `IDLE_SECONDS`.

    Args:
        order: `lifeline`, a descriptor that is closed when the parent ends (None: there is none); `memory`, bytes; `preload`,
            modules to import before the first request.
    """
    requests = sys.stdin.buffer
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not speak in the middle of a reply
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)  # meant for the parent, which may still want what is being read
    _end_with_parent(order["lifeline"])
    _bound_memory(order["memory"])
    try:
        for name in order["preload"]:
            import_module(name)
    except Exception as error:  # noqa: BLE001 - told to the parent, whatever it is
        send(replies, {"state": "broken", "error": _shown(error)}, b"")
        return
    send(replies, {"state": "ready"}, b"")
    while _has_request(requests) and (request := receive(requests)) is not None:
        reply, payload = _answer(*request)
        worn = _most_memory() > min(WORN * order["memory"], HELD) or reply["state"] == "memory"
        send(replies, reply | {"last": worn}, payload)
        if worn:
            return


def _answer(request: Json, payload: bytes) -> tuple[dict[str, Json], bytes]:
    _bound_time(request["seconds"])
    module, _, name = request["work"].partition(":")
    work: Work = getattr(import_module(module), name)
    try:
        value, made = work(request["arguments"], payload)
    except MemoryError:
        return {"state": "memory"}, b""
    except BaseException as error:  # noqa: BLE001 - libraries meet bytes that they were not made for; Rust panics are no Exception
        return {"state": "failed", "error": _shown(error)}, b""
    return {"state": "done", "value": value}, made


def _shown(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:500]


def _has_request(requests: IO[bytes]) -> bool:
    if os.name != "posix":
        return True
    return bool(select.select([requests], [], [], IDLE_SECONDS)[0])


def _end_with_parent(lifeline: int | None) -> None:
    """Have the kernel end this process when the other end of a pipe is closed, whatever this process is doing: C code that holds
    Python's lock would never look at a pipe. Linux; elsewhere the limit of processor time ends it."""
    if lifeline is None or sys.platform != "linux":
        return
    import fcntl

    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    watch = select.poll()  # `select` knows no descriptor above 1,023, and a busy parent has more
    watch.register(lifeline)
    if watch.poll(0):  # the parent ended before the kernel was told to watch
        os._exit(0)


def _bound_memory(most: int) -> None:
    try:
        import resource
    except ImportError:  # Windows: there a worker is bounded by its time only
        return
    for kind, limit in ((resource.RLIMIT_AS, most), (resource.RLIMIT_CORE, 0)):
        _limit(kind, limit)


def _bound_time(seconds: float) -> None:
    """Have the kernel end this process once it has used so much more processor time, rounded up to whole seconds."""
    try:
        import resource
    except ImportError:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    _limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime + seconds) + 1)


def _limit(kind: int, most: int) -> None:
    import resource

    hard = resource.getrlimit(kind)[1]
    resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _most_memory() -> int:
    """Bytes that this process has needed at most."""
    try:
        with open("/proc/self/status", "rb") as status:  # noqa: PTH123 - pathlib is no import that a worker needs
            return next(1024 * int(line.split()[1]) for line in status if line.startswith(b"VmHWM:"))
    except (OSError, StopIteration):  # no Linux
        pass
    try:
        import resource
    except ImportError:
        return 0
    # Not on Linux: there a new process begins with what its parent has needed.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
