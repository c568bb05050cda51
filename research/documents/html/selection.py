"""Which blocks of a page matter: by its main text, by what it is about, and by where they stand.

An article is its main text, with the facts and tables in it. On every other page all of the content is kept: what is about a
thing (a product, a restaurant, a player) says it in short lines, which no search for prose finds. What says so is the page
itself: it declares a type, or it states several facts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final, Literal

from research.documents.blocks import Block

SHORT: Final = 30
"""Characters. A shorter text may well stand twice: `minutes`, `Yes`."""
MENU: Final = 4
"""Paragraphs of one link each that make a menu."""
THIN: Final = 250
"""Characters of main text. With less of it there is no article."""
FACTS: Final = 4
"""Lines of facts and rows of tables in the content of a page that does not call itself an article, from which on it is about a
thing. Of 91 articles three have as many, and those call themselves articles."""
MAX_LINKED: Final = 8
"""Lines of a list of links that may be values of what stands above it."""
MAX_LINKED_VALUE: Final = 40
"""Characters of each."""
PROSE: Final = 100
"""Characters of a paragraph that may be the first or the last of an article."""
LEAD: Final = 12
"""Blocks between a page's heading and its first paragraph, as far as they belong to the heading."""
SEE_ALSO: Final = 150
"""Characters of a line that is nothing but a link, in an article: it leads to another one."""

_SQUASH: Final = re.compile(r"[\W_]+")
_LABELLED: Final = re.compile(r"[^\W\d_][^\s:|;.]*(?: [^\s:|;.]+){0,3}: \S.{0,79}(?<![.!?…])")
"""A paragraph that is a short label with a short value, and no sentence."""
_COPYRIGHT: Final = re.compile(r"[©ⓒ]|\(c\) ?\d{4}|\bcopyright\b", re.I)


Declared = Literal["thing", "article", "perhaps an article", ""]
"""What a page says that it is."""


def chosen(every: list[Block], marked: Sequence[bool], declared: Declared) -> list[Block]:
    """The blocks that matter.

    Args:
        every: all blocks of a page, in its order.
        marked: for each, whether it is main text.
        declared: what the page's own data say that it is.
    """
    is_article = declared.endswith("article")
    whole = declared == "thing" or _is_whole(every, marked, declared)
    stays = _is_content if whole else _is_fact if declared == "article" else _states_fact
    kept = [mark or stays(block) for block, mark in zip(every, marked, strict=True)]
    if is_article and not whole:
        _keep_to_article(every, marked, kept, is_sure=declared == "article")
    elif not whole:
        _keep_lead(every, marked, kept)
    elif declared != "article":
        _keep_linked_values(every, kept)
    _drop_menus(every, marked, kept)
    _keep_headings(every, kept)
    if not is_article or whole:
        _keep_figures(every, kept)
    elif is_article:
        _keep_one_title(every, marked, kept)
    return _without_repeats([block for block, keep in zip(every, kept, strict=True) if keep])


def squash(text: str) -> str:
    """Letters and digits only, to compare what two readers made of one page."""
    folded = text.casefold() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()
    return _SQUASH.sub("", folded)


def _is_whole(every: Sequence[Block], marked: Sequence[bool], declared: Declared) -> bool:
    """All of the content matters: there is too little main text beside it, or too many facts."""
    outside = sum(len(block.text) for block, mark in zip(every, marked, strict=True) if not mark and _is_content(block))
    inside = sum(len(block.text) for block, mark in zip(every, marked, strict=True) if mark)
    if inside < THIN or inside < (0.1 if declared == "article" else 0.25) * outside:
        return True
    facts = sum(len(block.lines) for block in every if _states_fact(block) and not block.aside)
    return facts >= FACTS and declared != "article"


def _keep_to_article(every: Sequence[Block], marked: Sequence[bool], kept: list[bool], is_sure: bool) -> None:
    """Drop what leads away from an article: links to other ones in the middle of it, copyright and, where it surely is one,
    single facts behind it."""
    _, last = _prose(every, marked)
    for at, block in enumerate(every):
        if not marked[at]:
            is_remark = is_sure and at > last and (len(block.lines) < 2 or block.link_share > 0.3 or block.aside)
            kept[at] = kept[at] and not is_remark
        elif block.kind in ("list", "numbers"):
            kept[at] = block.link_share < 0.75
        elif block.kind == "paragraph":
            leads_away = block.link_share >= 0.9 and len(block.text) < SEE_ALSO
            kept[at] = not leads_away and not (at > last and _COPYRIGHT.search(block.text))


def _keep_linked_values(every: Sequence[Block], kept: list[bool]) -> None:
    """Keep short lists of links below a label or a heading of a page about a thing: its genres, its authors, its features. Lists
    above the page's title, and longer ones, are menus."""
    title = next((at for at, block in enumerate(every) if _is_title(block)), 0)
    for at in range(title + 1, len(every)):
        block, label = every[at], every[at - 1]
        if block.kind == "list" and not (block.chrome or block.aside) and len(block.lines) <= MAX_LINKED:
            is_label = label.kind == "heading" or (label.kind == "paragraph" and label.lines[0].endswith((":", "：")))
            kept[at] = kept[at] or (is_label and not label.chrome and max(map(len, block.lines)) <= MAX_LINKED_VALUE)


def _keep_figures(every: Sequence[Block], kept: list[bool]) -> None:
    """Keep headings that head nothing and state a figure: `4 servings, 20 minutes`."""
    for at, block in enumerate(every):
        if block.kind == "heading" and not kept[at] and not block.chrome and not block.aside and block.link_share < 0.5:
            kept[at] = any(map(str.isdigit, block.lines[0]))


def _keep_lead(every: Sequence[Block], marked: Sequence[bool], kept: list[bool]) -> None:
    """Keep what stands between the page's heading and its text: who, when, where."""
    first, _ = _prose(every, marked)
    title = next((at for at in range(first, -1, -1) if at < len(every) and _is_title(every[at])), None)
    if title is not None and first - title <= LEAD:
        for at in range(title, first):
            kept[at] = kept[at] or (_is_content(every[at]) and not every[at].aside and every[at].link_share < 0.9)


def _keep_one_title(every: Sequence[Block], marked: Sequence[bool], kept: list[bool]) -> None:
    """Of the headings above an article, keep its title; below it, those that head something that is kept."""
    first, last = _prose(every, marked)
    above = [at for at, block in enumerate(every[:first]) if kept[at] and block.kind == "heading"]
    titles = [at for at in above if every[at].level == 1] or above
    for at, block in enumerate(every):
        if not kept[at] or block.kind != "heading":
            continue
        if at < first:
            kept[at] = at == titles[-1]
        elif at > last and not marked[at]:
            kept[at] = at + 1 < len(every) and kept[at + 1] and every[at + 1].kind != "heading"


def _prose(every: Sequence[Block], marked: Sequence[bool]) -> tuple[int, int]:
    """The places of the first and of the last paragraph of the main text; of the whole page if it has none."""
    places = [
        at
        for at, block in enumerate(every)
        if marked[at] and block.kind == "paragraph" and len(block.text) >= PROSE and block.link_share < 0.5
    ]
    return (places[0], places[-1]) if places else (0, len(every))


def _is_title(block: Block) -> bool:
    return block.kind == "heading" and block.level == 1 and not block.chrome


def _is_content(block: Block) -> bool:
    if block.chrome:
        return False
    match block.kind:
        case "paragraph" | "heading":
            return block.link_share < 0.9 or len(block.text) < 60
        case "facts":
            return True
        case _:
            return block.link_share < 0.7 or len(block.lines) < 3


def _is_fact(block: Block) -> bool:
    if block.kind not in ("facts", "table") or block.chrome:
        return False
    # Beside the content stand both: boxes of facts, and lists of other pages.
    return block.link_share < 0.7 if not block.aside else block.link_share < 0.1 and len(block.lines) > 1


def _states_fact(block: Block) -> bool:
    """It is a fact, or a paragraph that reads like one. In an article that may be the credit of a photograph."""
    if _is_fact(block):
        return True
    is_content = block.kind == "paragraph" and not (block.chrome or block.aside) and block.link_share < 0.7
    return is_content and _LABELLED.fullmatch(block.lines[0]) is not None


def _drop_menus(every: Sequence[Block], marked: Sequence[bool], kept: list[bool]) -> None:
    """Drop runs of paragraphs that are nothing but links: menus that are not written as lists."""
    run: list[int] = []
    for at, block in enumerate([*every, Block("heading", [])]):
        if block.kind == "paragraph" and block.link_share >= 0.9 and not marked[at]:
            run.append(at)
            continue
        if len(run) >= MENU:
            for place in run:
                kept[place] = False
        run = []


def _keep_headings(every: list[Block], kept: list[bool]) -> None:
    """Keep each heading under which something is kept, and the page's own; drop headings that head nothing."""
    needed = False
    below = 7
    for at in range(len(every) - 1, -1, -1):
        block = every[at]
        if block.kind != "heading":
            if kept[at]:
                needed, below = True, 7
        else:
            kept[at] = (needed and block.level < below and not block.chrome) or (block.level == 1 and not block.chrome)
            if needed:
                below = min(below, block.level)
                needed = below > 1


def _without_repeats(kept: list[Block]) -> list[Block]:
    """Each fact once: pages repeat whole blocks for small screens, and a line of facts as a line of a list."""
    seen: set[str] = set()
    for block in kept:
        if block.kind == "heading":
            continue
        if block.kind in ("paragraph", "table", "lines"):
            if len(block.text) < SHORT:
                continue
            key = squash(block.text)
            if key in seen:
                block.lines = []
            seen.add(key)
            continue
        fresh = [line for line in block.lines if squash(line) not in seen]
        if block.kind == "facts" or not fresh:
            block.lines = fresh
        seen.update(squash(line) for line in block.lines)
    result: list[Block] = []
    for block in kept:
        if not block.lines:
            continue
        last = result[-1] if result else None
        if last and block.kind == last.kind == "heading" and last.level >= block.level and last.lines == block.lines:
            continue
        result.append(block)
    return result
