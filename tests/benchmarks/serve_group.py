"""A group of runs through the front door, by its own client: `python -m tests.benchmarks.serve_group [RUNS]`.

Prints what a run costs the service, with the keyless model on a corpus of two pages, from the first POST to the last event.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from parallel import Parallel

from flows.serve.dialects import parallel as dialect
from tests.serve.conftest import serve


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for served in serve(Path(folder), dialects=[dialect]):
            client = Parallel(base_url=served.url, api_key=served.keys["alice"])
            group = client.task_group.create()
            began, used = time.perf_counter(), time.process_time()
            ids: list[str] = []
            for start in range(0, count, 1_000):
                rows: list[Any] = [
                    {"input": {"lighthouse": "Bell Rock Lighthouse", "row": row}, "processor": "base"}
                    for row in range(start, min(start + 1_000, count))
                ]
                ids += client.task_group.add_runs(group.task_group_id, inputs=rows).run_ids
            accepted = time.perf_counter() - began
            ended = [e.run for e in client.task_group.events(group.task_group_id) if e.type == "task_run.state"]
            assert sorted(run.run_id for run in ended) == sorted(ids), "each run ends once"
            runs = list(client.task_group.get_runs(group.task_group_id, include_output=True))
            assert [e.run.run_id for e in runs if e.type == "task_run.state" and e.output] == ids, "each run has an output"
            seconds, cpu = time.perf_counter() - began, time.process_time() - used
            print(f"{count} runs accepted in {accepted:.1f} s, ended and read in {seconds:.1f} s")
            print(f"{1_000 * cpu / count:.1f} ms of CPU a run, client and service together")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000)
