"""Acceptance of the service: tasks submitted at once, more that wait, and `kill -9` in the middle. Prints counts.

python tests/benchmarks/serve_killed.py --at-once 1000 --waiting 10000 --kill worker,service,prefect,all

Every accepted id must reach a final state, and no task may be finished twice. Runs `research serve` with a Prefect server of its
own and one worker, the keyless model and three pages, in a scratch folder. Kills only what it has started.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from flows.serve.http.keys import FILE, Keys

PAGE = "# Station {n}\n\nStation {n} was launched on {day} March 1998. It is {n} m long.\n"


class Service:
    """`research serve` in a folder, with what it starts."""

    def __init__(self, folder: Path, port: int, *, in_process: bool) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{port}"
        self._in_process = in_process
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "RESEARCH_"))},
            "PREFECT_HOME": str(self.folder / "prefect"),
            "RESEARCH_CACHE_DIR": str(self.folder / "cache"),
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        command = [sys.executable, "-m", "flows.cli", "serve", "--folder", str(self.folder), "--port", str(self._port)]
        command += ["--corpus", str(self.folder / "pages"), "--model", "extractive"]
        command += ["--in-process"] if self._in_process else []
        log = (self.folder / "serve.log").open("ab")
        self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        with httpx.Client(trust_env=False) as client:
            while True:
                with suppress(httpx.TransportError):
                    if client.get(f"{self.url}/health").status_code == 200:
                        return
                if self._process.poll() is not None:
                    raise SystemExit((self.folder / "serve.log").read_text())
                time.sleep(0.1)

    def kill(self, what: str) -> int:
        """`kill -9` of a part. Returns how many processes were killed."""
        assert self._process is not None
        parts = {pid: line for pid, line in descendants(self._process.pid).items() if "server_watcher" not in line}
        chosen = {
            "worker": [pid for pid, line in parts.items() if "flows.cli worker" in line],
            "prefect": [pid for pid, line in parts.items() if "prefect server" in line],
            "service": [self._process.pid],
            "all": [self._process.pid, *descendants(self._process.pid)],
        }[what]
        for pid in chosen:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if what in ("service", "all"):
            self._process.wait()
            time.sleep(2)
            self.start()
        return len(chosen)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(30)


def descendants(pid: int) -> dict[int, str]:
    """The processes that a process has started, and theirs, with their command lines."""
    lines = subprocess.run(["ps", "-e", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    parents: dict[int, list[tuple[int, str]]] = {}
    for line in lines.splitlines():
        child, parent, arguments = line.split(None, 2)
        parents.setdefault(int(parent), []).append((int(child), arguments))
    found: dict[int, str] = {}
    waiting = [pid]
    while waiting:
        for child, arguments in parents.get(waiting.pop(), []):
            found[child] = arguments
            waiting.append(child)
    return found


async def submit(service: Service, key: str, at_once: int, waiting: int) -> tuple[list[str], Counter[str]]:
    """Submit tasks side by side, and then more in groups. What is not answered is asked again under the same id."""
    refused: Counter[str] = Counter()
    headers = {"Authorization": f"Bearer {key}"}
    limits = httpx.Limits(max_connections=200)
    async with httpx.AsyncClient(base_url=service.url, headers=headers, timeout=120, limits=limits, trust_env=False) as client:

        async def one(number: int) -> str:
            body = {"task": f"When was station {number % 3} launched? ({number})", "output_schema": {"launched": "date"}}
            body["task_id"] = f"t{number}"
            while True:
                with suppress(httpx.TransportError):
                    answer = await client.post("/v1/tasks", json=body)
                    if answer.is_success:
                        return str(answer.json()["task_id"])
                    refused[str(answer.status_code)] += 1
                await asyncio.sleep(0.2)

        ids = list(await asyncio.gather(*(one(number) for number in range(at_once))))
        if waiting:
            group = (await client.post("/v1beta/tasks/groups", json={})).raise_for_status().json()["taskgroup_id"]
        for first in range(0, waiting, 1000):
            numbers = range(first, min(waiting, first + 1000))
            runs = [{"input": f"When was station {n % 3} launched? ({n} of many)", "processor": "core"} for n in numbers]
            answer = await client.post(f"/v1beta/tasks/groups/{group}/runs", json={"inputs": runs})
            ids += answer.raise_for_status().json()["run_ids"]
    return ids, refused


def counts(folder: Path) -> dict[str, Any]:
    """What the records say."""
    with sqlite3.connect(folder / "serve.sqlite", timeout=60) as records:
        statuses = dict(records.execute("select status, count(*) from tasks group by status").fetchall())
        ends = "select count(*) from events where type='status' and data like '%completed%' or data like '%failed%'"
        twice = (
            "select count(*) from (select task_number from events where type='status' and "
            "(data like '%completed%' or data like '%failed%' or data like '%cancelled%') group by task_number having count(*)>1)"
        )
        gaps = "select count(*) from (select task_number from events group by task_number having max(sequence) != count(*))"
        return {
            "statuses": statuses,
            "ends": records.execute(ends).fetchone()[0],
            "ended twice": records.execute(twice).fetchone()[0],
            "claimed more than once": records.execute("select count(*) from tasks where attempts > 1").fetchone()[0],
            "event gaps": records.execute(gaps).fetchone()[0],
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--at-once", type=int, default=1000)
    parser.add_argument("--waiting", type=int, default=10_000)
    parser.add_argument("--kill", default="worker,service,prefect,all")
    parser.add_argument("--every", type=float, default=10.0, help="seconds between two kills")
    parser.add_argument("--port", type=int, default=18_791)
    parser.add_argument("--in-process", action="store_true")
    parser.add_argument("--seconds", type=float, default=3600, help="how long to wait for the last task")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="serve-killed-") as name:
        folder = Path(name)
        (folder / "pages").mkdir()
        for number in range(3):
            (folder / "pages" / f"{number}.md").write_text(PAGE.format(n=number, day=number + 1))
        _, key = Keys(folder / FILE).add("benchmark", max_open_tasks=1_000_000, requests_per_minute=1_000_000)
        service = Service(folder, options.port, in_process=options.in_process)
        service.start()
        try:
            began = time.monotonic()
            ids, refused = asyncio.run(submit(service, key, options.at_once, options.waiting))
            print(
                f"accepted {len(ids)} ({len(set(ids))} ids) in {time.monotonic() - began:.1f} s; refused {dict(refused)}",
                flush=True,
            )
            for what in [each for each in options.kill.split(",") if each]:
                time.sleep(options.every)
                print(f"before kill -9 of {what}: {counts(folder)['statuses']}", flush=True)
                print(f"killed {service.kill(what)} processes ({what})", flush=True)
            until = time.monotonic() + options.seconds
            while (now := counts(folder))["statuses"].keys() - {"completed", "failed", "cancelled"} and time.monotonic() < until:
                time.sleep(1)
            final = sum(now["statuses"].values())
            print(f"after {time.monotonic() - began:.0f} s: {now}", flush=True)
            print(f"accepted {len(ids)}, in the records {final}, lost {len(ids) - final}")
            right = now["statuses"] == {"completed": len(ids)} and not now["ended twice"] and not now["event gaps"]
            print("every accepted id is final, and nothing was ended twice" if right else "NOT RIGHT")
            return 0 if right else 1
        finally:
            service.stop()
            if (folder / "serve.log").exists():
                print("\n".join((folder / "serve.log").read_text().splitlines()[-15:]))


if __name__ == "__main__":
    sys.exit(main())
