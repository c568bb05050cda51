"""Run by a test in a process of its own: has a Prefect server, prints the address of its API, and waits to be killed."""

from __future__ import annotations

import asyncio
import signal

from prefect.settings import get_current_settings

from flows.server import prefect_server


async def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a run that ends in order: it outlives Ctrl-C for a while
    async with prefect_server():
        print(get_current_settings().api.url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
