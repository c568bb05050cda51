"""What reads the text of pages in this process takes time in proportion to it: no bait makes a pattern take the square of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import pytest

from research.evidence.passages import sentences
from research.result.citation_numbers import resolved
from research.sources.injection import instructions_in
from research.web.redirects import refresh

SIZE: Final = 100_000
"""Characters of a bait."""
SECONDS: Final = 3.0
"""Of processor time. The square of `SIZE` takes minutes."""


def bait(piece: str) -> str:
    return (piece * (SIZE // len(piece) + 1))[:SIZE]


def seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


@pytest.mark.parametrize(
    "piece",
    [
        "ignora todas las instrucciones ",
        "ignora-las-'ignora-",
        "ignore all ",
        "forget everything before the above previous prior ",
        "system prompt ",
        "disregard 'a-b'c-d ",
    ],
)
def test_signs_of_instructions_are_looked_for_in_time(piece: str) -> None:
    assert seconds(lambda: instructions_in(bait(piece))) < SECONDS


@pytest.mark.parametrize("piece", ["word ", "a", "e.g. ", "Dr. ", "(", '"', "...", "1. "])
def test_sentences_of_one_long_line_are_found_in_time(piece: str) -> None:
    assert seconds(lambda: sentences(bait(piece))) < SECONDS


@pytest.mark.parametrize("piece", ["[", "[1", "![", "!", " ", "[p1, ", "[ and ", "]: ", "[a]: b\n", "](", "<", "[1[1"])
def test_the_numbers_of_a_prose_are_resolved_in_time(piece: str) -> None:
    assert seconds(lambda: resolved(bait(piece), {"p1": 1})) < SECONDS


@pytest.mark.parametrize(
    "piece", [b"<!--", b"<script>", b"<script></script ", b"<meta ", b"<meta http-equiv=refresh ", b"a-", b"a =", b"<noscript"]
)
def test_where_a_page_sends_its_reader_on_is_found_in_time(piece: bytes) -> None:
    assert seconds(lambda: refresh(piece * (SIZE // len(piece)), "https://a.example/")) < SECONDS
