"""Reads every hostile document with the limits that users have: `python -m tests.benchmarks.hostile_bench [SECONDS] [MB]`.

Prints for each what became of it, how long it took, and how long the event loop stood still meanwhile, in seconds of processor
time. A few minutes; on a machine with other work, a document takes longer by the clock than its limit of processor time.
"""

from __future__ import annotations

import asyncio
import sys
import time

from research.documents.readers import Readers, ReadingLimits
from research.errors import PageUnreadable
from tests.documents.hostile_documents import HOSTILE
from tests.documents.loop_probe import probed_loop


async def main(limits: ReadingLimits) -> None:
    readers = Readers(limits)
    print(f"{limits.seconds:g} s and {limits.memory_mb} MB a page\n{'seconds':>8} {'still':>6}  {'bytes':>11}  document")
    slowest = longest = 0.0
    for name, make in HOSTILE.items():
        document = make()
        start = time.monotonic()
        async with probed_loop() as probe:
            try:
                read = await readers.read(document.data, url=document.url, media_type=document.media_type)
                end = f"a page of {len(read.says.text):,} characters"
            except PageUnreadable as error:
                end = f"{type(error).__name__}: {str(error).removeprefix(document.url)[:90]}"
        took = time.monotonic() - start
        slowest, longest = max(slowest, took), max(longest, probe.longest)
        print(f"{took:8.2f} {probe.longest:6.2f}  {len(document.data):11,}  {name}: {end}")
    print(f"{len(HOSTILE)} documents; the slowest took {slowest:.1f} s; the loop stood still for {longest:.2f} s at most")


if __name__ == "__main__":
    chosen = dict(zip(("seconds", "memory_mb"), map(float, sys.argv[1:]), strict=False))
    asyncio.run(main(ReadingLimits.model_validate(chosen)))
