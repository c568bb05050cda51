"""Plain text -> blocks: paragraphs, lists and facts as people type them."""

from __future__ import annotations

import re
from typing import Final

from research.documents import laid_out
from research.documents.blocks import Block, clean

_BREAK: Final = re.compile(r"\n[^\S\n]*\n\s*")
ITEM: Final = re.compile(r"\s*(?:[-*•‣▪·–]|\(?\d{1,3}[.)])\s+(?=\S)")
"""How an item of a list begins."""
FACT: Final = re.compile(r"[^\s:|#][^:\n]{0,59}: \S")
"""How a line `Key: value` begins."""
WRAPPED: Final = 100
"""Characters. Lines that are longer on average were not wrapped by hand: each is a paragraph."""
MAX_SEPARATE: Final = 1_000
"""Characters of a line of several facts."""
_RULE: Final = re.compile(r"([=~^\"'`#+-])\1{2,}")
_FIELD: Final = re.compile(r":([^\s:][^:]{0,59}):\s+(?=\S)")
"""How a field of reStructuredText begins."""
_ENDED: Final = re.compile(r"[.!?:;。][\"”’')\]]*$")
_BETWEEN: Final = re.compile(r"; | [|•·¦/] ")
_COUNT: Final = re.compile(r"([^\W\d_a-z][^\W\d_]+) (\d[\d.,]*(?: [^\W\d_]+)?)")
"""`Serves 4`, among facts."""
_SHORT_FACT: Final = re.compile(
    r"(?:[^\W\d_a-z][^\s:|;]*(?: [^\s:|;]+){0,3}|[^\W\d_][^\s:|;]*(?: [^\s:|;]+)?): (?:[^:;]|(?<=\d):(?=\d\d)|:(?=//)){1,120}"
)


def blocks(text: str) -> list[Block]:
    """The blocks of a plain text. Blank lines part them; lines that were wrapped are put together again."""
    found: list[Block] = []
    for part in _BREAK.split(text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n\n")):
        raw = [line for line in part.split("\n") if line.strip()]
        lines = [cleaned for line in raw if (cleaned := clean(line))]
        if not lines:
            continue
        if heading := _heading(lines):
            found.append(heading)
        elif len(lines) > 1 and all(ITEM.match(line) for line in raw):
            found.append(Block("list", [item for line in raw if (item := clean(ITEM.sub("", line, count=1)))]))
        elif len(lines) > 1 and all(map(_FIELD.match, lines)):
            found.append(Block("facts", [_FIELD.sub(r"\1: ", line) for line in lines]))
        elif all(FACT.match(line) for line in lines) and (len(lines) > 1 or len(lines[0]) < WRAPPED):
            found.append(Block("facts", [fact for line in lines for fact in separate(line) or [line]]))
        elif drawn := laid_out.table(raw, found[-1].text if found and found[-1].kind == "paragraph" else ""):
            found.append(drawn)
        elif sum(map(len, lines)) / len(lines) > WRAPPED:
            found.extend(Block("paragraph", [line]) for line in _rejoined(lines))
        elif not laid_out.is_wrapped(raw):
            found.append(laid_out.lines(raw))
        else:
            text = clean(" ".join(lines))
            facts = separate(text)
            found.append(Block("facts", facts) if facts else Block("paragraph", [text]))
    return found


def _heading(lines: list[str]) -> Block | None:
    """A line that is ruled off below, or above and below. A sum, a fact and the last item of a list may be, too."""
    ruled = lines[1:] if len(lines) == 3 and lines[0] == lines[2] else lines
    if len(ruled) != 2 or len(ruled[0]) > WRAPPED or _RULE.fullmatch(ruled[0]) or not _RULE.fullmatch(ruled[1]):
        return None
    if FACT.match(ruled[0]) or ITEM.match(ruled[0]) or (len(lines) < 3 and ruled[0][-1].isdigit()):
        return None
    return Block("heading", ruled[:1], 1 if ruled[1].startswith("=") else 2) if len(ruled[1]) >= len(ruled[0]) / 2 else None


def _rejoined(lines: list[str]) -> list[str]:
    """Long lines as paragraphs. One whose sentence goes on was wrapped at a great width, as contracts are."""
    found: list[str] = []
    open_line = False
    for line in lines:
        if open_line:
            found[-1] += f" {line}"
        else:
            found.append(line)
        open_line = len(line) >= WRAPPED * 0.6 and not _ENDED.search(line)
    return found


def separate(line: str) -> list[str]:
    """The facts that one line states with marks between them (`Height: 3 m; Crew: none`), each on a line of its own. Below a key
    of their own, each bears it too: `Contact Phone: 1`. [] if they are not two or more, or anything else stands there."""
    if line.count(": ") < 2 or len(line) > MAX_SEPARATE or not (mark := _BETWEEN.search(line)):
        return []
    parts = [part.strip() for part in line.split(mark.group()) if part.strip()]
    if len(parts) < 2:
        return []
    above = ""
    key, _, rest = parts[0].partition(": ")
    if _SHORT_FACT.fullmatch(rest) and len(key) <= 30:
        above, parts[0] = f"{key} ", rest
    parts = [_COUNT.sub(r"\1: \2", part) if _COUNT.fullmatch(part) else part for part in parts]
    if not all(map(_SHORT_FACT.fullmatch, parts)):
        return []
    parts[-1] = parts[-1].removesuffix(".") if len(parts[-1].split()) > 2 else parts[-1]
    return [above + part for part in parts]


def title(found: list[Block]) -> str:
    """The first line, if it can be a title."""
    first = found[0].lines[0] if found and found[0].kind in ("paragraph", "heading") else ""
    return first if len(first) <= 150 else ""
