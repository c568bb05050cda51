"""Labels that stand in a block of their own above their value, by the colon at their end."""

from __future__ import annotations

from typing import Final

from research.documents.blocks import Block, fact

MAX_LABEL: Final = 40
"""Characters, with the colon."""
MAX_LABEL_WORDS: Final = 5
MAX_VALUE: Final = 120
"""Characters. What is longer is a section, and the label its heading."""


def with_labels(blocks: list[Block]) -> list[Block]:
    """Blocks in which a label (`Director:`) and the short block below it are one fact. Two labels in a row are none, and so is
    one above several short blocks: that is a heading."""
    found: list[Block] = []
    at = 0
    while at < len(blocks):
        label, below = blocks[at], blocks[at + 1] if at + 1 < len(blocks) else None
        if below is not None and _is_label(label) and _is_value(below, label) and not _goes_on(blocks, at + 2, label):
            line = fact(label.lines[0], below.lines[0])
            found.append(Block("facts", [line], 0, below.link_share, label.chrome or below.chrome, label.aside or below.aside))
            at += 2
        else:
            found.append(label)
            at += 1
    return found


def _is_label(block: Block) -> bool:
    if block.kind not in ("paragraph", "heading") or (block.kind == "heading" and block.level < 3):
        return False
    text = block.lines[0]
    if not text.endswith((":", "：")) or len(text) > MAX_LABEL or len(text.split()) > MAX_LABEL_WORDS:
        return False
    return text[0].isalpha() and not any(mark in text[:-1] for mark in ":|.")


def _is_value(block: Block, label: Block) -> bool:
    same_place = (block.chrome, block.aside) == (label.chrome, label.aside)
    return (
        same_place and block.kind == "paragraph" and len(block.lines[0]) <= MAX_VALUE and not block.lines[0].endswith((":", "："))
    )


def _goes_on(blocks: list[Block], at: int, label: Block) -> bool:
    """More of the same section follows: the label was its heading."""
    if label.kind == "paragraph" or at >= len(blocks):
        return False
    return (
        blocks[at].link_share < 0.9 and blocks[at].kind in ("paragraph", "list", "numbers", "lines") and not _is_label(blocks[at])
    )
