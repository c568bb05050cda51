"""Markdown -> blocks, by way of the HTML it stands for; and its front matter."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

from research.documents import laid_out, plain
from research.documents.blocks import Block, clean
from research.documents.html.content import all_blocks

MAX_CHARACTERS: Final = 500_000
"""A longer text is read as plain text: brackets that are never closed cost the parser the square of their number."""

_FRONT: Final = re.compile(r"\A\ufeff?---[^\S\n]*\n(.*?)\n(?:---|\.\.\.)[^\S\n]*(?:\n|\Z)", re.S)
_TOML: Final = re.compile(r"\A\ufeff?\+\+\+[^\S\n]*\n(.*?)\n\+\+\+[^\S\n]*(?:\n|\Z)", re.S)
_PAIR: Final = re.compile(r"([A-Za-z][\w .-]{0,60}?)\s*:(?:\s+(.*))?")
_FACT: Final = re.compile(r"(?:\*\*|__)?[^\s:|#][^:\n]{0,59}:(?:\*\*|__)? \S.*")
_QUOTED: Final = re.compile(r"""\A(["'])(.*)\1\Z""", re.S)


def split_front_matter(text: str) -> tuple[dict[str, str], str]:
    """(front matter, the rest). Front matter is the lines `key: value` between two lines `---` at the very start, or TOML between
    two lines `+++`; a list under a key is joined by commas, and the name of a TOML table stands before its keys. Deeper structure
    is not read."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if (match := _TOML.match(text)) is not None:
        try:
            return dict(_of_toml(tomllib.loads(match.group(1)))), text[match.end() :]
        except (ValueError, RecursionError):  # no TOML, or numbers of thousands of digits, or lists as deep
            return {}, text
    match = _FRONT.match(text)
    if match is None:
        return {}, text
    values: dict[str, str] = {}
    key = ""
    for line in match.group(1).split("\n"):
        if item := re.match(r"\s*-\s+(.*)", line):
            if key and (entry := _scalar(item.group(1))):
                values[key] = f"{values[key]}, {entry}" if values.get(key) else entry
        elif pair := _PAIR.fullmatch(line.rstrip()):
            key = clean(pair.group(1))
            values[key] = _scalar(pair.group(2) or "")
    return {name: value for name, value in values.items() if value}, text[match.end() :]


def _of_toml(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _of_toml(value, f"{above}{key} ")
        entries = [str(entry) for entry in (value if isinstance(value, list) else [value]) if not isinstance(entry, dict | list)]
        if written := clean(", ".join(entries)):
            yield clean(f"{above}{key}"), written


def blocks(text: str) -> list[Block]:
    """The blocks of a Markdown text (CommonMark and tables; HTML in it is read as HTML)."""
    if len(text) > MAX_CHARACTERS:
        return plain.blocks(text)
    reader = MarkdownIt("commonmark", {"html": True, "maxNesting": 40}).enable("table")
    tokens = reader.parse(text)
    _keep_lines(tokens)
    rendered = reader.renderer.render(tokens, reader.options, {})
    return all_blocks(rendered)


def _keep_lines(tokens: list[Token]) -> None:
    """Keep the line ends of a paragraph whose every line is `Key: value`: it was not wrapped, it is a list of facts. One whose
    lines stand in columns is read as if it were fenced."""
    for token in tokens:
        if token.type != "inline" or "\n" not in token.content:
            continue
        lines = token.content.split("\n")
        if all(map(_FACT.fullmatch, lines)):
            for part in token.children or ():
                if part.type == "softbreak":
                    part.type = "hardbreak"
        elif laid_out.table(lines) is not None:
            token.type, token.children = "html_block", None
            token.content = f"<pre>{escape(token.content)}</pre>"


def _scalar(text: str) -> str:
    text = text.strip()
    if text.startswith("[") and text.endswith("]"):
        return ", ".join(entry for part in text[1:-1].split(",") if (entry := _scalar(part)))
    quoted = _QUOTED.match(text)
    return clean(quoted.group(2) if quoted else text)
