"""What was read: pages, and the passages they are cut into.

A page's text is plain text in a small, fixed form, so that passages can be cut from the text alone (years later, offline):

- blocks are separated by one blank line;
- `# Heading` … `###### Heading` is a block of one line;
- `- item` lines are a list; `1. item` lines are a numbered list;
- `Key: value` lines are facts (a definition list, a two-column table, an infobox), one fact a line;
- `| a | b |` lines are a table, header first; a `|` inside a cell is written `¦`. A unit that the table states once, in its
  caption or in a head, stands in the cells too: `| Revenue | 12,500 thousand euros |`;
- other blocks of several lines are lines that their author laid out (code, an address); below the first they may be indented;
- after the line `## Page data` (`PAGE_DATA_HEADING`), which stands at most once and last, come the facts that the page carries
  for machines: JSON-LD, microdata, Open Graph, `<meta>`, as `path.to.key: value` lines;
- anything else is a paragraph, on one line.

Inside a line, `^` stands before what is raised behind a number (`10^24`), `_` before what is lowered behind one, and `~~` around
what is struck out, as a former price: `~~€120~~ €90`. In brackets behind a link's words stands its address, if the words are
only a label: `Write to us (info@acme.example)`.

Offsets are in Unicode code points.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Final, Literal

from research.records import Record

PAGE_DATA_HEADING: Final = "## Page data"

PassageKind = Literal["heading", "paragraph", "list", "facts", "table", "data"]


def page_hash(text: str) -> str:
    """The identity of a page's text: lower-case hex SHA-256 of its UTF-8 bytes."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class Link(Record):
    """A link of a page."""

    url: str
    """Whole, http or https, without a fragment."""
    text: str
    """Its words. As untrusted as the page, and never evidence."""


class Page(Record):
    """One page as it was read: where from, when, and its text. Evidence points into `text`."""

    page_hash: str
    url: str
    """The URL that was asked for. Pages of a local corpus have `corpus://<corpus>/<path>` URLs."""
    final_url: str
    """The URL that answered, after redirects."""
    title: str
    media_type: str
    """As served or as detected: `text/html`, `application/pdf`, …"""
    fetched_at: datetime
    published: str | None
    """ISO 8601 date or date-time from the page's own metadata; None if it says nothing."""
    text: str
    extraction_version: str
    """The version of the code that made `text` from the bytes. A new version gives new text, so new hashes."""
    raw_hash: str | None = None
    """Lower-case hex SHA-256 of the bytes that the text was made from, after any content encoding; None if they are not known."""
    html: str | None = None
    """The page's own HTML, if it is an HTML page and `keep_html` asked for it."""
    links: tuple[Link, ...] = ()
    """Where it leads, if it was read from the web: at most 200, those of its content before those of its menus."""


class Passage(Record):
    """A piece of a page that can be cited: `page.text[start:end] == text`."""

    id: str
    """`p1`, `p2`, …: unique within what one model call sees."""
    page_hash: str
    start: int
    end: int
    text: str
    kind: PassageKind
    heading: str = ""
    """The headings above it, outermost first, joined by ` > `. Context; not part of the text."""
    columns: str = ""
    """Of a passage that goes on with a table which began in another one: the table's first row, which names its columns. Context;
    not part of the text."""


class Hit(Record):
    """One search result."""

    url: str
    title: str
    snippet: str
    """What the provider says of the page. Untrusted, and never evidence."""
    score: float
    """Higher is better; comparable only within one answer of one provider."""
    published: str | None = None
