"""Blocks: the pieces that a page's text is made of, and the one place that writes them down (see `research.ports.page`)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from research.ports.page import PAGE_DATA_HEADING
from research.values.ligatures import unfolded

BlockKind = Literal["heading", "paragraph", "list", "numbers", "facts", "table", "lines"]

# Soft hyphens, zero-width spaces, word joiners, byte order marks and direction marks: they are invisible and break every
# comparison. Joiners (U+200C, U+200D) stay: Persian and emoji need them. Lone surrogates cannot be written as UTF-8.
_INVISIBLE: Final = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff]")
_CONTROL: Final = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
_SPACE: Final = re.compile(r"\s+")
_BINDS_BEFORE: Final = tuple(",;:–—-(/[“")
_BINDS_AFTER: Final = re.compile(r"[a-z(),.;:)\]–—-]")
_PROGRAMS_TITLE: Final = re.compile(
    r"(?i)(?:powerpoint presentation|slide 1|untitled.*|\(?anonymous\)?|about:blank|document\d*"
    r"|microsoft (?:word|excel|powerpoint) - .*|\S*\.(?:docx?|pptx?|xlsx?|od[tsp]|rtf|pdf|html?|tex|dvi|indd|qxd|pub)"
    r"|.*\.(?:docx?|pptx?|xlsx?|odt))"
)
_HASHES: Final = re.compile(r"^(#{1,6})\s+")


@dataclass(slots=True)
class Block:
    """One block. `lines` is one line for a heading or a paragraph, a line an item for a list, `Key: value` lines for facts, cells
    joined by ` | ` for a table, what the author wrote on a line for `lines` (which alone are indented). All lines are clean."""

    kind: BlockKind
    lines: list[str]
    level: int = 0
    """Of a heading: 1 to 6."""
    link_share: float = 0.0
    """The share of its characters that stand in links."""
    chrome: bool = False
    """It stands in navigation, a page footer, a dialogue or reader comments."""
    aside: bool = False
    """It stands in an `<aside>`, or what calls itself a side bar or related matter."""
    words: frozenset[str] = field(default_factory=frozenset)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@dataclass(slots=True)
class Document:
    """What a reader of one format makes of the bytes."""

    title: str
    """What the document calls itself; "" if it does not say."""
    blocks: list[Block]
    published: str = ""
    """As the document has it."""
    lines: list[str] = field(default_factory=list)
    """What it says to machines: `path.to.key: value`."""


def clean(text: str) -> str:
    """One clean line: NFC, single spaces, ligatures unfolded, no control or invisible characters, no lone surrogates."""
    if text.isascii() and "\x00" not in text:
        return _SPACE.sub(" ", _CONTROL.sub("", text)).strip()
    text = _INVISIBLE.sub("", _CONTROL.sub("", text))
    return _SPACE.sub(" ", unicodedata.normalize("NFC", unfolded(text))).strip()


def given_title(title: str) -> str:
    """A document's title if a person gave it; "" if a program did, which often gives its file's name."""
    return "" if _PROGRAMS_TITLE.fullmatch(title) else title


def joined(found: Sequence[str], between: str = "; ") -> str:
    """Lines on one line. Where one visibly continues the other, a space stands between them."""
    text = found[0] if found else ""
    for line in found[1:]:
        text += (" " if goes_on(text, line) else between) + line
    return text


def goes_on(before: str, line: str) -> bool:
    """A line visibly continues the one before it."""
    return before.endswith(_BINDS_BEFORE) or _BINDS_AFTER.match(line) is not None


def one_line(text: str) -> str:
    """A cell of a table, its lines joined."""
    return joined([line for part in text.splitlines() if (line := clean(part))]) if "\n" in text or "\r" in text else clean(text)


def fact(key: str, value: str) -> str:
    """`Key: value`. A colon that the key already ends with is not repeated."""
    return f"{key.rstrip(' :：')}: {value}"


def row(cells: Sequence[str]) -> str:
    """One line of a table."""
    return "| " + " | ".join(cell.replace("|", "¦") for cell in cells) + " |"


def write(blocks: Iterable[Block], data: Sequence[str] = ()) -> str:
    """The text of a page. `data` are the lines under `## Page data`."""
    parts = [written for block in blocks if (written := _written(block))]
    if data:
        parts.append(PAGE_DATA_HEADING)
        parts.append("\n".join(data))
    return "\n\n".join(parts)


def _written(block: Block) -> str:
    lines = [line for line in block.lines if line]
    if not lines:
        return ""
    match block.kind:
        case "heading":
            heading = f"{'#' * min(max(block.level, 1), 6)} {lines[0]}"
            # The heading of the page data stands at most once, and only this project writes it.
            return f"#{heading}" if heading == PAGE_DATA_HEADING else heading
        case "list":
            return "\n".join(f"- {line}" for line in lines)
        case "numbers":
            return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1))
        case "table":
            return "\n".join(lines)
        case "facts":
            return "\n".join(_plain(line) for line in lines)
        case "lines":
            return "\n".join(_plain(line) for line in lines).lstrip()
        case "paragraph":
            return _plain(lines[0])


def _plain(line: str) -> str:
    """A line that cannot be taken for a heading or a table row."""
    line = _HASHES.sub(r"\1", line)
    return "¦" + line[1:] if line.startswith("|") else line
