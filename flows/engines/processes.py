"""Orders in worker processes of this machine, each of which outlives its orders and is replaced when it is lost.

Why it is not Prefect's `ProcessPoolTaskRunner`: docs/design/runners.md.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from base64 import b64encode
from contextlib import suppress
from typing import Final

import cloudpickle
from prefect.context import serialize_context
from prefect.settings import get_current_settings

from flows.engines.worker_process import END
from flows.run.workers.order import ShardOrder

END_SECONDS: Final = 10.0
"""How long a worker may take to end: it sends what Prefect's database lacks."""
_BOOT: Final = (
    "import gc, json, sys; gc.set_threshold(50_000); "  # as the command does: most of what a worker makes first are its imports
    "sys.path[:] = json.loads(sys.argv[1]); from flows.engines.worker_process import main; main()"
)


class ProcessesEngine:
    """At most `workers` processes, started when they are needed."""

    def __init__(self, workers: int) -> None:
        self._free: asyncio.Queue[_WorkerProcess | None] = asyncio.Queue()
        for _ in range(workers):
            self._free.put_nowait(None)
        self._started: set[_WorkerProcess] = set()

    async def __aenter__(self) -> ProcessesEngine:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await asyncio.gather(*(worker.end() for worker in self._started))

    async def run(self, order: ShardOrder) -> str | None:
        worker = await self._free.get()
        try:
            if worker is None:
                worker = await _WorkerProcess.start()
                self._started.add(worker)
            why = await worker.do(order)
        except BaseException:
            if worker is not None:
                worker.kill()
            raise
        finally:
            self._free.put_nowait(worker if worker is not None and worker.is_alive else None)
        return why


class _WorkerProcess:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._killed = False

    @classmethod
    async def start(cls) -> _WorkerProcess:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _BOOT, json.dumps(sys.path)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, **get_current_settings().to_environment_variables(exclude_unset=True)},
            start_new_session=True,  # Ctrl-C is answered by the coordinator
        )
        return cls(process)

    @property
    def is_alive(self) -> bool:
        return self._process.returncode is None and not self._killed

    async def do(self, order: ShardOrder) -> str | None:
        """Have it do an order. Returns why that failed, if it did."""
        document = {
            "label": order.label,
            "order": order.model_dump(mode="json"),
            "context": b64encode(cloudpickle.dumps(serialize_context())).decode(),
        }
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("a worker process has no pipes")
        with suppress(ConnectionError):  # it has ended, and the answer is missing
            stdin.write(json.dumps(document).encode() + b"\n")
            await stdin.drain()
        answer = await stdout.readline()
        if not answer.endswith(b"\n"):
            return f"its process ended with code {await self._process.wait()}"
        why: str | None = json.loads(answer)
        return why

    def kill(self) -> None:
        self._killed = True
        with suppress(ProcessLookupError):
            self._process.kill()

    async def end(self) -> None:
        if self.is_alive and self._process.stdin is not None:
            with suppress(ConnectionError):
                self._process.stdin.write(f"{END}\n".encode())
                await self._process.stdin.drain()
        try:
            await asyncio.wait_for(self._process.wait(), END_SECONDS)
        except TimeoutError:
            self.kill()
            await self._process.wait()
