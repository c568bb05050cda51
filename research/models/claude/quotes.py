"""Finds a quote in a page's passages, character for character: only runs of white space may differ."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from research.ports.page import Passage

LONGEST: Final = 4_000
"""Characters of a quote that are looked for; a longer one is no quote."""


def find_quote(quote: str, passages: Sequence[Passage]) -> tuple[str, ...]:
    """The ids of the passages in which a quote stands, where it stands first; none if it stands nowhere.

    Args:
        quote: what a model says that the page says.
        passages: all passages of the page, in page order.
    """
    words = quote.split()
    if not words or len(quote) > LONGEST:
        return ()
    text = "\n".join(passage.text for passage in passages)
    found = re.search(r"\s+".join(map(re.escape, words)), text)
    if found is None:
        return ()
    ids, at = [], 0
    for passage in passages:
        if at < found.end() and found.start() < at + len(passage.text):
            ids.append(passage.id)
        at += len(passage.text) + 1
    return tuple(ids)
