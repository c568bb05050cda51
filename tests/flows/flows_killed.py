"""Run by the kill test in a process of its own: enriches a table, writes down every sub-query it does, dies of `kill -9`:
at the last of so many, or at the first after them that finds a shard committed.

python flows_killed.py TABLE RUN LOG SHARD_SIZE DIE_AFTER
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from flows_doubles import OBJECTIVE, SCHEMA, reader, runtime

from flows.enrichment import enrich
from flows.run.runtime import use_runtime
from research.ports.work import SubQuery


def main(table: str, run: str, log: str, shard_size: int, die_after: int) -> None:
    done = 0

    def hook(name: str, subquery: SubQuery) -> None:
        nonlocal done
        with Path(log).open("a") as lines:
            lines.write(f"{name}/{subquery.index}\n")
        done += 1
        if done >= die_after and any((Path(run) / "commits").glob("*.json")):
            os.kill(os.getpid(), signal.SIGKILL)

    with use_runtime(runtime(reader(hook))):
        asyncio.run(enrich(table, output_schema=SCHEMA, objective=OBJECTIVE, out=run, shard_size=shard_size, concurrency=4))


if __name__ == "__main__":
    main(*sys.argv[1:4], int(sys.argv[4]), int(sys.argv[5]))
