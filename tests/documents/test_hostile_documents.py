"""Whatever a document is made of, it ends in a page or in a typed error: within its limits, and with the event loop running on.

Every twentieth of the list, and those that froze the process once; `tests/benchmarks/hostile_bench.py` reads them all."""

from __future__ import annotations

import asyncio
import time

import pytest

from research.documents.readers import PageRead, Readers, ReadingLimits
from research.errors import PageUnreadable, ReadingLimitReached
from tests.documents.hostile_documents import HOSTILE, Hostile
from tests.documents.loop_probe import probed_loop

FROZE = (
    "blank lines in JSON-LD",
    "500 kB of [ in Markdown",
    "a tag with 300,000 attributes",
    "spans of a thousand columns",
    "a docx of 1.2 million paragraphs",
    "cells in far corners",
)
CHOSEN = dict.fromkeys((*FROZE, *list(HOSTILE)[::20]))
LIMITS = ReadingLimits(seconds=0.5)
STILL = 0.5
"""Seconds of processor time for which the loop may stand still at most. It should be 0.2; documents are made meanwhile, too."""


async def ended(readers: Readers, document: Hostile) -> PageRead | PageUnreadable:
    try:
        return await readers.read(document.data, url=document.url, media_type=document.media_type)
    except PageUnreadable as error:
        return error


async def test_every_hostile_document_ends_within_its_limits_while_the_loop_runs_on() -> None:
    readers = Readers(LIMITS)
    took: dict[str, float] = {}
    urls: dict[str, str] = {}
    places = asyncio.Semaphore(readers.at_once)

    async def read(name: str) -> PageRead | PageUnreadable:
        async with places:
            document = await asyncio.to_thread(HOSTILE[name])
            urls[name] = document.url
            start = time.monotonic()
            found = await ended(readers, document)
            took[name] = time.monotonic() - start
            return found

    async with probed_loop() as probe:
        found = dict(zip(CHOSEN, await asyncio.gather(*map(read, CHOSEN)), strict=True))
    for name in sorted(took, key=lambda name: -took[name])[:8]:
        end = found[name]
        print(f"{took[name]:5.1f} s  {name}: {'a page' if isinstance(end, PageRead) else type(end).__name__}")
    print(f"the loop stood still for {probe.longest:.2f} s at most ({probe.clock:.2f} by the clock)")
    assert len(found) >= 11
    for name, end in found.items():
        assert isinstance(end, PageRead) or urls[name] in str(end), name
    assert probe.longest < STILL, probe.where


async def test_a_page_that_reached_a_limit_is_not_tried_again_and_says_which_setting_to_raise() -> None:
    readers = Readers(ReadingLimits(seconds=0.2))
    document = HOSTILE["a docx of 1.2 million paragraphs"]()
    with pytest.raises(ReadingLimitReached, match=r"0\.2 seconds of processor time.*RESEARCH_READING_SECONDS") as caught:
        await readers.read(document.data, url=document.url)
    assert document.url in str(caught.value)
    start = time.process_time()
    with pytest.raises(ReadingLimitReached, match=r"https://elsewhere\.example/a\.docx: reading this page takes more than"):
        await readers.read(document.data, url="https://elsewhere.example/a.docx")
    assert time.process_time() - start < 0.1


async def test_a_page_that_takes_too_much_memory_says_so() -> None:
    document = HOSTILE["cells in far corners"]()
    with pytest.raises(ReadingLimitReached, match=r"300 MB of memory.*RESEARCH_READING_MEMORY_MB"):
        await Readers(ReadingLimits(memory_mb=300)).read(document.data, url=document.url)
