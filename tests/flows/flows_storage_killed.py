"""Run by the test of a run folder by URL, as the machine that is lost: enriches a table, puts often, dies of `kill -9`.

python flows_storage_killed.py TABLE URL LOG DIE_AFTER
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

from flows_doubles import OBJECTIVE, SCHEMA, reader, runtime

from flows.enrichment import enrich
from flows.run import remote_folder
from flows.run.runtime import use_runtime
from research.ports.work import SubQuery


def main(table: str, run: str, log: str, die_after: int) -> None:
    done = 0

    def hook(name: str, subquery: SubQuery) -> None:
        nonlocal done
        with Path(log).open("a") as lines:
            lines.write(f"{name}/{subquery.index}\n")
        done += 1
        time.sleep(0.1)
        if done == die_after:
            os.kill(os.getpid(), signal.SIGKILL)

    remote_folder.PUT_SECONDS = 0.2
    with use_runtime(runtime(reader(hook))):
        asyncio.run(enrich(table, output_schema=SCHEMA, objective=OBJECTIVE, out=run, shard_size=3, concurrency=2))


if __name__ == "__main__":
    main(*sys.argv[1:4], int(sys.argv[4]))
