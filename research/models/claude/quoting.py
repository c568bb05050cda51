"""Quotes what others wrote inside fences, so that it cannot pass for our own words, whatever it says.

Two things hold for any text: every line of it is indented, and ours never are; and the fence's tag ends in a digest of what is
inside, which a text cannot contain of itself. So no page can close its fence or pass for a passage of another id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

from research.ports.page import Hit, Link, Passage

INDENT: Final = "    "
SNIPPET: Final = 300
"""Characters of a search hit's snippet that are shown."""


def indented(text: str) -> str:
    """The text with every line indented. Every character that any reader takes for a line break counts as one."""
    return "\n".join(f"{INDENT}{line}" for line in text.splitlines()) or INDENT


def fenced(label: str, blocks: Iterable[tuple[str, str]], *, about: Sequence[str] = ()) -> str:
    """What others wrote, indented under lines of ours.

    Args:
        label: what it is: `page`, `results`.
        blocks: a line of ours (an id, a number), and what others wrote under it.
        about: what others wrote about the whole: a URL, a title.
    """
    inside = [indented(line) for line in about if line]
    for ours, theirs in blocks:
        inside += [ours, indented(theirs)]
    body = "\n".join(inside)
    tag = f"{label} {hashlib.sha256(body.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"
    return f"<{tag}>\n{body}\n</{tag}>"


def quote_page(url: str, title: str, passages: Iterable[Passage]) -> str:
    """Passages of one page."""
    return fenced(
        "page",
        ((p.id, _under(p)) for p in passages),
        about=(f"url: {one_line(url)}", f"title: {one_line(title)}" if title else ""),
    )


def _under(passage: Passage) -> str:
    """A passage's text, with the headings it stands under, and the names of the columns of a table that it goes on with."""
    if passage.kind == "heading":
        return passage.text
    under = f"(under: {one_line(passage.heading)})\n" if passage.heading else ""
    columns = f"(columns: {one_line(passage.columns)})\n" if passage.columns else ""
    return f"{under}{columns}{passage.text}"


def quote_hits(hits: Sequence[Hit]) -> str:
    """Search hits, best first."""
    blocks = []
    for place, hit in enumerate(hits, start=1):
        dated = f"published: {one_line(hit.published)}" if hit.published else ""
        parts = (f"url: {one_line(hit.url)}", f"title: {one_line(hit.title)}", dated, one_line(hit.snippet)[:SNIPPET])
        blocks.append((f"{place}.", "\n".join(part for part in parts if part)))
    return fenced("results", blocks)


def quote_links(links: Sequence[Link]) -> str:
    """Links of a page."""
    blocks = (
        (f"{place}.", "\n".join(part for part in (f"url: {one_line(link.url)}", one_line(link.text)) if part))
        for place, link in enumerate(links, start=1)
    )
    return fenced("links", blocks)


def shortened(text: str, room: int) -> str:
    """The beginning of a fenced text, whole lines of it, its fence closed."""
    head, _, close = text.rpartition("\n")
    kept = head[:room].rpartition("\n")[0] or head[:room]
    return f"{kept}\n[shortened to save room; what it showed can still be cited by id]\n{close}"


def one_line(text: str) -> str:
    return " ".join(text.split())
