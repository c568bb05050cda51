"""A worker process of this machine: reads orders from its standard input, does each as a task run of the run's flow run, and
answers each with a line.

It ends with its parent, however that ends: its standard input ends then, too. An order that nobody waits for is not finished.
"""

from __future__ import annotations

import asyncio
import json
import os
import queue
import signal
import sys
import threading
from base64 import b64decode
from typing import Any, BinaryIO, Final

import cloudpickle
from prefect.context import hydrated_context

from flows.engines.shard_task import shards_task

END: Final = "end"
"""The line after which a worker ends in order."""


def main() -> None:
    """Do orders until the end is asked for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the coordinator says what is to happen
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what is printed must not be taken for an answer
    orders: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(sys.stdin.buffer, orders), daemon=True).start()
    while (line := orders.get()) != END:
        answers.write(json.dumps(_do(line)).encode() + b"\n")


def _read(stream: BinaryIO, orders: queue.SimpleQueue[str]) -> None:
    for line in stream:
        orders.put(line.decode().strip())
        if line.decode().strip() == END:
            return
    os._exit(1)


def _do(line: str) -> str | None:
    """Do an order. Returns why it failed, if it did."""
    document: dict[str, Any] = json.loads(line)
    try:
        with hydrated_context(cloudpickle.loads(b64decode(document["context"]))):
            asyncio.run(shards_task(document["label"], document["order"]))
    except Exception as error:  # noqa: BLE001 - whatever it is, the coordinator goes on without it
        return f"{type(error).__name__}: {error}"
    return None
