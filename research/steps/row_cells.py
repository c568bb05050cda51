"""The cells of a row that the objective does not name: their words stay out of search queries and of addresses.

A column is named if the objective's template has it in braces; where there is no template, if its name or its value stands in the
objective or the start page. An objective that names no column at all is asked of the whole row, and names all of them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from research.ports.search import Search, Sends
from research.ports.work import SubQuery
from research.task.task import Task

SHORTEST: Final = 5
"""Letters and digits of a cell that is looked for; a shorter one stands in too many texts."""
LONGEST: Final = 8
"""Words of a cell that is looked for as a whole; of a longer one, every run of `RUN` words is."""
RUN: Final = 5
MOST_WORDS: Final = 2_000
"""Of one cell that are looked for."""
ORDINARY: Final = frozenset({"false", "unknown", "other", "active", "inactive", "default", "not available", "pending"})
"""Values that say nothing of anybody."""

_WORD: Final = re.compile(r"[^\W_]+")
_THOUSANDS: Final = re.compile(r"(?<=\d)[,.'’\u00a0\u2009\u202f ](?=\d{3}(?!\d))")
"""What stands between the digits of a number, and in other places of another spelling of it."""
_UNSPACED: Final = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
"""Letters of scripts that put no space between words."""

Words = tuple[str, ...]


class UnnamedCells:
    """The cells of one task's row that its objective does not name."""

    def __init__(self, task: Task) -> None:
        columns = {name: [text for text in _texts(value) if text.strip()] for name, value in task.input.items()}
        objective = _Text(f"{task.task}\n{task.start_url or ''}")
        stated = task.search_columns
        named = frozenset(stated) if stated is not None else _named(columns, objective)
        self._parts: dict[str, tuple[Words, ...]] = {}
        if columns and (stated is not None or named):
            self._parts = {name: tuple(_parts(texts)) for name, texts in columns.items() if name not in named}
        self._sayable = [objective]
        """What stands in one of these may be said."""
        self._published = [f"{field.name} {field.description}" for field in task.output_schema.fields]
        self._published += [text for name in named & columns.keys() for text in columns[name]]
        """The same, not yet cut into words, which takes a while for a page and is seldom needed."""

    def publish(self, text: str) -> None:
        """From now on, what stands in this text may be said: a page, a hit."""
        if self._parts:
            self._published.append(text)

    def found_in(self, text: str) -> str | None:
        """The column of a cell whose words stand in a text; None if there is none."""
        return next((name for name, _ in self._found(text)), None)

    def without(self, text: str) -> str:
        """A text without the words of these cells."""
        for _, part in self._found(text):
            text = re.sub(r"[\W_]*".join(map(re.escape, part)), " ", text, flags=re.I)
        return " ".join(text.split())

    def _found(self, text: str) -> list[tuple[str, Words]]:
        said = _Text(text)
        return [
            (name, part) for name, parts in self._parts.items() for part in parts if part in said and not self._may_be_said(part)
        ]

    def _may_be_said(self, part: Words) -> bool:
        self._sayable += map(_Text, self._published)
        self._published.clear()
        return any(part in text for text in self._sayable)


def withheld_cells(task: Task, search: Search) -> UnnamedCells | None:
    """The cells that stay out of the queries of a search; None if it sends no query anywhere."""
    return None if isinstance(search, Sends) and not search.sends_queries else UnnamedCells(task)


def without_withheld(subqueries: Sequence[SubQuery], task: Task, search: Search) -> list[SubQuery]:
    """Sub-queries whose words may be searched for: cells that the objective does not name are taken out of them."""
    withheld = withheld_cells(task, search)
    if withheld is None:
        return list(subqueries)
    return [
        each.changed(question=withheld.without(each.question), label=withheld.without(each.label))
        if withheld.found_in(f"{each.question}\n{each.label}") is not None
        else each
        for each in subqueries
    ]


def _named(columns: Mapping[str, list[str]], objective: _Text) -> frozenset[str]:
    """The columns that the objective's own words name."""
    return frozenset(
        name
        for name, texts in columns.items()
        if tuple(_words(name)) in objective or any(tuple(_words(text)) in objective for text in texts)
    )


class _Text:
    """A text in which runs of words can be looked for."""

    def __init__(self, text: str) -> None:
        self._spaced = f" {' '.join(_words(text))} "
        self._unspaced = self._spaced.replace(" ", "") if _UNSPACED.search(self._spaced) else ""

    def __contains__(self, part: Words) -> bool:
        if not part:
            return False
        if self._unspaced and _UNSPACED.search(joined := "".join(part)):
            return joined in self._unspaced
        return f" {' '.join(part)} " in self._spaced


def _words(text: str) -> list[str]:
    return _WORD.findall(_THOUSANDS.sub("", unicodedata.normalize("NFKC", text).casefold()))


def _parts(texts: Iterable[str]) -> Iterator[Words]:
    """What is looked for of a cell: all of it if it is short, else its runs of words; and numbers and addresses in it."""
    for text in texts:
        words = _words(text)[:MOST_WORDS]
        run = len(words) if len(words) <= LONGEST else RUN
        wanted = [tuple(words[at : at + run]) for at in range(len(words) - run + 1)]
        wanted += [tuple(_words(token)) for token in text.split() if "@" in token or sum(map(str.isdigit, token)) >= SHORTEST]
        for part in dict.fromkeys(wanted):
            if sum(map(len, part)) >= SHORTEST and " ".join(part) not in ORDINARY:
                yield part


def _texts(value: Any) -> Iterator[str]:
    """Every text and number in a JSON value, as text."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, float) and value.is_integer():
        yield str(int(value))
    elif isinstance(value, (str, int, float)) and not isinstance(value, bool):
        yield str(value)
