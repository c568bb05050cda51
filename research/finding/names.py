"""Names in pages: what a page's title, headings, tables and lists call things, and which names mean one thing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from research.evidence.passages import lines, passages_of
from research.evidence.ranking import words
from research.ports.page import Page, Passage
from research.values.dates import dates

MOST_WORDS: Final = 7
MOST_CHARACTERS: Final = 80
_APART: Final = re.compile(r"\s+[|–—·•:»>-]+\s+|\s*[|•»]\s*|\s*::\s*")
"""What parts a page's title: the thing, and the site."""
_ENDS_A_NAME: Final = re.compile(r"\s*(?::\s|\s[–—-]\s|[,;(\[])")
_ITEM: Final = re.compile(r"(?:- |\d{1,3}[.)] )\s*")
_SMALL: Final = frozenset(("of", "the", "and", "de", "la", "du", "des", "von", "van", "der", "for", "in", "&"))
_NO_NAMES: Final = re.compile(
    r"^(?:list|lists|comparison|category|categories|see also|contents|references|notes|external links|sources|history|overview|"
    r"about|introduction|summary|privacy|home|index|search|total|average|further reading)\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Named:
    """A name, and where it stands."""

    name: str
    page: Page
    start: int
    end: int
    """Of the line that names it, in the page's text."""
    weight: float
    """How much the place says that it is one of many things of a kind: a table's row more than a heading."""


def name_key(name: str) -> str:
    """The same for spellings of one name: case, accents, punctuation, spaces and a remark in brackets do not count."""
    plain = re.sub(r"\s*\([^()]*\)$", "", name)
    folded = unicodedata.normalize("NFKD", plain or name).casefold()
    return "".join(letter for letter in folded if letter.isalnum())


def title_name(title: str) -> str:
    """What a page's title calls its thing: without the site's name."""
    return _APART.split(title.strip())[0].strip()


def names_in(page: Page) -> Iterator[Named]:
    """What a page names, in its order."""
    title = title_name(page.title)
    if _is_name(title) and page.text:
        start, end = next(iter(lines(page.text)), (0, 0))
        yield Named(title, page, start, end, 2.0)
    for passage in passages_of(page):
        if passage.kind == "data":
            break
        if passage.kind == "table":
            yield from _of_table(page, passage, passage.columns or passage.text.partition("\n")[0])
        elif passage.kind == "list":
            yield from _of_list(page, passage)
        elif passage.kind == "heading":
            name = passage.text.lstrip("# ").strip()
            if _is_name(name):
                yield Named(name, page, passage.start, passage.end, 0.5)


def _of_table(page: Page, passage: Passage, head: str) -> Iterator[Named]:
    rows = [(span, cells_of(passage.text[span[0] : span[1]])) for span in lines(passage.text)]
    body = [(span, cells) for span, cells in rows if passage.text[span[0] : span[1]] != head]
    width = max((len(cells) for _, cells in body), default=0)
    for column in range(width):
        cells = [row[column] for _, row in body if column < len(row)]
        named = [cell for cell in cells if _is_name(cell)]
        if len(named) < max(1, 0.8 * len(cells)) or len({name_key(cell) for cell in named}) < len(named):
            continue
        for (start, end), row in body:
            if column < len(row) and _is_name(row[column]):
                yield Named(row[column], page, passage.start + start, passage.start + end, 3.0)
        return  # the first column that names each row; further ones name what belongs to it


def _of_list(page: Page, passage: Passage) -> Iterator[Named]:
    for start, end in lines(passage.text):
        item = _ITEM.sub("", passage.text[start:end], count=1)
        name = _ENDS_A_NAME.split(item, maxsplit=1)[0].strip()
        if _is_name(name):
            yield Named(name, page, passage.start + start, passage.start + end, 1.0)


def cells_of(row: str) -> list[str]:
    """The cells of a table's line, without remarks in brackets."""
    return [re.sub(r"\s*\([^()]*\)$", "", cell.strip()) for cell in row.strip().strip("|").split("|")]


def _is_name(text: str) -> bool:
    """Whether a text reads like the name of one thing: a few words, each with a capital or a digit but for small ones."""
    tokens = text.split()
    if not 1 <= len(tokens) <= MOST_WORDS or len(text) > MOST_CHARACTERS or _NO_NAMES.match(text):
        return False
    if re.search(r"[!?:;\n|]|\.\s|https?:|@", text) or not re.search(r"[^\W\d_]", text):
        return False
    large = [token for token in tokens if token.casefold() not in _SMALL]
    if not large or any(token[:1].islower() and token == token.casefold() for token in large):
        return False
    stated = dates(text)
    return not (stated and stated[0].start == 0 and stated[-1].end >= len(text)) and bool(words(text))
