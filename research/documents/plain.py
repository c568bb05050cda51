"""Plain text -> blocks: paragraphs, lists and facts as people type them."""

from __future__ import annotations

import re
from typing import Final

from research.documents.blocks import Block, clean

_BREAK: Final = re.compile(r"\n[^\S\n]*\n\s*")
ITEM: Final = re.compile(r"\s*(?:[-*•‣▪·–]|\(?\d{1,3}[.)])\s+(?=\S)")
"""How an item of a list begins."""
FACT: Final = re.compile(r"[^\s:|#][^:\n]{0,59}: \S")
"""How a line `Key: value` begins."""
WRAPPED: Final = 100
"""Characters. Lines that are longer on average were not wrapped by hand: each is a paragraph."""


def blocks(text: str) -> list[Block]:
    """The blocks of a plain text. Blank lines part them; lines that were wrapped are put together again."""
    found: list[Block] = []
    for part in _BREAK.split(text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n\n")):
        raw = [line for line in part.split("\n") if line.strip()]
        lines = [cleaned for line in raw if (cleaned := clean(line))]
        if not lines:
            continue
        if len(lines) > 1 and all(ITEM.match(line) for line in raw):
            found.append(Block("list", [item for line in raw if (item := clean(ITEM.sub("", line, count=1)))]))
        elif all(FACT.match(line) for line in lines) and (len(lines) > 1 or len(lines[0]) < WRAPPED):
            found.append(Block("facts", lines))
        elif sum(map(len, lines)) / len(lines) > WRAPPED:
            found.extend(Block("paragraph", [line]) for line in lines)
        else:
            found.append(Block("paragraph", [clean(" ".join(lines))]))
    return found


def title(found: list[Block]) -> str:
    """The first line, if it can be a title."""
    first = found[0].lines[0] if found and found[0].kind in ("paragraph", "heading") else ""
    return first if len(first) <= 150 else ""
