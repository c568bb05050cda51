"""A service that accepts tasks and works on them until it is killed: `python -m tests.serve.killed_service FOLDER COUNT`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.serve.serve_parts import ALICE, door, submission


async def main(folder: Path, count: int) -> None:
    async with door(folder, lease_seconds=1) as opened:
        await opened.service.submit_many(ALICE, [submission(f"What is {n}?", task_id=f"t{n}") for n in range(count)])
        first = await opened.service.wait(ALICE, "t0", 60)
        print(first.status, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
