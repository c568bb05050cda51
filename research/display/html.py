"""Small pieces of HTML for notebooks: foreign text in them is text, and cannot be more.

The styles stand in the pieces themselves, and take the notebook's own colours, so that they read on a light and on a dark page.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from research.display.printable import printable

_TINTS: Final = {"high": "46,160,90", "medium": "214,158,20", "low": "214,69,50"}
_MUTED: Final = "opacity:.65"
_CELL: Final = "text-align:left;vertical-align:top;padding:.15em .8em .15em 0"
LONGEST: Final = 400
"""Characters of a value that are shown."""


class Markup(str):
    """HTML that was made here."""

    __slots__ = ()


def text(value: Any, longest: int = LONGEST) -> Markup:
    """A value as text: nothing as a dash, what is no text as JSON, what is long shortened."""
    if isinstance(value, Markup):
        return value
    shown = "–" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    shown = shown if len(shown) <= longest else f"{shown[:longest].rstrip()}…"
    return Markup(html.escape(printable(shown)))


def muted(value: Any) -> Markup:
    """Text that stands back."""
    return Markup(f'<span style="{_MUTED}">{text(value)}</span>')


def strong(value: Any) -> Markup:
    return Markup(f"<b>{text(value)}</b>")


def confidence(name: str | None) -> Markup:
    """How sure a value is, by a word on its colour."""
    tint = _TINTS.get(name or "", "128,128,128")
    return Markup(f'<span style="background:rgba({tint},.22);border-radius:.3em;padding:0 .4em">{text(name or "–")}</span>')


def link(url: str, shown: str = "") -> Markup:
    """An address; one that a browser may open is a link."""
    if not url.startswith(("http://", "https://")):
        return text(shown or url)
    address = html.escape(printable(url), quote=True)
    return Markup(f'<a href="{address}" target="_blank" rel="noopener noreferrer">{text(shown or url)}</a>')


def excerpt(before: str, words: str, after: str) -> Markup:
    """Words of a page in their place."""
    mark = f'<mark style="background:rgba(255,214,70,.45);color:inherit">{text(words, 2_000)}</mark>'
    return Markup(
        f'<div style="white-space:pre-wrap;border-left:3px solid rgba(128,128,128,.4);padding:.1em .7em;margin:.3em 0">'
        f'<span style="{_MUTED}">…{text(before)}</span>{mark}<span style="{_MUTED}">{text(after)}…</span></div>'
    )


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Markup:
    """A small table."""
    head = "".join(f'<th style="{_CELL};{_MUTED}">{text(each)}</th>' for each in header)
    body = "".join("<tr>" + "".join(f'<td style="{_CELL}">{text(cell)}</td>' for cell in row) + "</tr>" for row in rows)
    return Markup(f'<table style="border-collapse:collapse"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>')


def card(title: Any, facts: Iterable[Any], *parts: Markup) -> str:
    """A heading, a line of facts, and what stands below."""
    line = " · ".join(text(fact) for fact in facts if fact not in (None, ""))
    return f'<div style="max-width:70em"><div>{strong(title)}</div><div style="{_MUTED}">{line}</div>{"".join(parts)}</div>'
