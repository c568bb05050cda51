"""Which dialect a separated text is written in: the one under which its records are equally wide.

Every likely dialect is tried on the same beginning of the text. Where two fit equally well and cells would differ, the choice
comes with a doubt, which the reader of an input table must pass on.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import dropwhile
from typing import Final

from research.documents.tabular import undivided
from research.documents.tabular.separated import NO_DELIMITER, Dialect, MalformedRecord, Record, lines_of, records
from research.documents.tabular.undivided import names_values

SAMPLE: Final = 200_000
"""Characters that decide."""
FEW_COLUMNS: Final = 2
MOST: Final = 0.8
"""The share of records that must be equally wide for a text whose first line is one cell to be a table under a title."""
MAX_RECORDS: Final = 1_000
MAX_FAULTS: Final = 50
"""Malformed records, after which a dialect is given up."""

_COVERED: Final = 0.3
"""The share of records that a table must be for its evenness to mean anything: a single row is always even."""

_DELIMITERS: Final = ("\t", ";", "|", ",")
"""From the one that values hold least to the one that they hold most."""
_SELDOM: Final = (" ", ":", "^", "~", "#", "*", *"\x1f\x1e\x1d\x1c\x01\x02¦§¶þ·‖│，；、،؛")
"""No text is divided by them without a word."""
_IN_PROSE: Final = frozenset(" :#*")
"""Of those, what stands in prose: they divide only where cells are quoted."""
_SHOWN: Final = {"\t": "tab", " ": "space", "\x1f": "the unit separator", "\x01": "the control character 1"}
_DECIMAL_COMMA: Final = re.compile(r"\s*[-+]?\d+,\d+\s*%?")
_SEPARATING_COMMA: Final = re.compile(r"(?<!\d),|,(?![\d ])")
"""A comma that is neither inside a number nor followed by a space."""
_SINGLE_QUOTED: Final = re.compile(r"(?:^|[,;|\t ])'[^\r\n]*?'(?:[,;|\t ]|\r|$)", re.M)


@dataclass(frozen=True, slots=True)
class Choice:
    """A dialect, and how wide most records are in it."""

    dialect: Dialect
    width: int
    doubts: tuple[str, ...] = ()
    """Why another dialect may be meant: sentences for whoever owns the text."""


@dataclass(frozen=True, slots=True)
class _Reading:
    dialect: Dialect
    width: int
    """Of most records, from the first that has it."""
    share: float
    """Of those records as wide as that."""
    coverage: float
    """The share of all records that those are."""
    first: int
    """Cells of the first record that holds anything."""
    above: int
    """Records of several cells above the first that is as wide as most: the header, if its width differs."""
    has_gap: bool
    """Whether blank or empty records stand between the first record and the first that is as wide as most."""
    faults: int
    rows: int

    @property
    def is_even(self) -> bool:
        return self.width >= FEW_COLUMNS and self.share == 1.0 and not self.faults and self.coverage >= _COVERED

    @property
    def score(self) -> float:
        return round(self.share * self.coverage - self.faults / max(1, self.rows), 3)

    def is_outdone(self, others: Sequence[_Reading]) -> bool:
        """Whether the first line is one cell in it, and several in another that fits as many records."""
        return self.first == 1 and any(each.first > 1 and each.score >= self.score for each in others)


def shown(delimiter: str) -> str:
    """A delimiter as a message names it."""
    return _SHOWN.get(delimiter, repr(delimiter))


def split_note(text: str) -> tuple[str | None, str]:
    """Excel's own note of the delimiter in the first line (`sep=;`), and the text after it."""
    found = re.match(r'"?sep=(.)"?(?:\r\r\n|\r\n|\r|\n)', text, re.I)
    return (found.group(1), text[found.end() :]) if found else (None, text)


def choose(text: str, stated: str | None = None, *, is_whole: bool = True, text_quotes: bool = False) -> Choice:
    """The dialect of a text; one column, where no delimiter divides it.

    Args:
        text: its beginning. Of a text that goes on, an unfinished last record does not count.
        stated: the delimiter that the text says that it has.
        is_whole: whether the text ends here.
        text_quotes: whether quotes may be text even at the start of a cell. A quote left open looks the same.
    """
    lines = list(lines_of(io.StringIO(text, newline="")))
    if not is_whole and len(lines) > 1:
        lines.pop()
    single = _is_in_single_quotes(next((line for line in lines if line.strip()), ""))
    readings = [_read(lines, dialect, is_whole) for dialect in _candidates(text, stated, text_quotes)]

    def rank(reading: _Reading) -> tuple[float, ...]:
        dialect = reading.dialect
        return (
            reading.is_even and not reading.above,
            reading.is_even,
            reading.score,
            dialect.quote == ("'" if single else '"'),
            not dialect.backslash,
            dialect.quote is not None,
            -_DELIMITERS.index(dialect.delimiter) if dialect.delimiter in _DELIMITERS else 1,
            dialect.padded,
            reading.width,
        )

    divided = [each for each in readings if each.width >= FEW_COLUMNS]
    if _SEPARATING_COMMA.search(text) is None and any(each.is_even and each.dialect.delimiter != "," for each in divided):
        divided = [each for each in divided if each.dialect.delimiter != ","]  # they are decimal commas
    divided = [each for each in divided if not each.is_outdone(divided)]
    best = max(divided, key=rank, default=None)
    if best is None or _is_one_column(best, lines):
        if (broken := next(filter(_is_broken, readings), None)) is not None:
            return Choice(broken.dialect, broken.width)
        return _one_column(best, readings, rank, lines, is_whole)
    return Choice(best.dialect, best.width, tuple(_doubts(best, divided, stated)))


def _is_broken(reading: _Reading) -> bool:
    """Whether a dialect divides the first line, if that can be read, and a quote is opened or closed wrongly in it or below: no
    column of lines that hold the delimiter by chance."""
    is_divided = not reading.rows or reading.first > 1
    return bool(reading.faults) and is_divided and reading.dialect == Dialect(reading.dialect.delimiter)


def _is_in_single_quotes(line: str) -> bool:
    """Whether the whole first line is written in `'`. A stray apostrophe is far more common than such quotes."""
    line = line.strip()
    return line.startswith("'") and line.endswith("'") and line.count("'") % 2 == 0 and len(line) > 1


def _one_column(
    best: _Reading | None,
    readings: list[_Reading],
    rank: Callable[[_Reading], tuple[float, ...]],
    lines: list[str],
    is_whole: bool,
) -> Choice:
    column = max((each for each in readings if each.dialect.delimiter == NO_DELIMITER), key=rank)
    doubts: list[str] = []
    if (seldom := _seldom(lines, is_whole)) is not None:
        delimiter, text = seldom.dialect.delimiter, "".join(lines)
        is_certain = delimiter == ":" and ": " not in text and names_values(lines, delimiter)
        if delimiter not in _IN_PROSE or f'{delimiter}"' in text or is_certain:
            taken = f"{shown(delimiter)} divides every line into {seldom.width} cells; it was taken for the separator"
            return Choice(seldom.dialect, seldom.width, (taken,))
        doubts.append(
            f"was read as one column, but {shown(delimiter)} divides every line into {seldom.width} cells. If it separates "
            "columns, save the file with commas or tabs"
        )
    elif (why := undivided.doubt(lines, _DELIMITERS)) is not None:
        doubts.append(why)
    if best is not None and best.rows >= FEW_COLUMNS and best.share >= MOST and not _is_text_with(best.dialect, lines):
        doubts.append(
            f"was read as one column, because its first line has one cell; {shown(best.dialect.delimiter)} divides the lines "
            f"below it into {best.width} cells"
        )
    return Choice(column.dialect, 1, tuple(doubts))


def _doubts(best: _Reading, divided: list[_Reading], stated: str | None) -> Iterator[str]:
    taken = best.dialect.delimiter
    for each in divided:
        if best.is_even and each.is_even and each.first == each.width and each.dialect.delimiter != taken:
            yield (
                f"every line is divided evenly by {shown(taken)} ({best.width} columns) and by {shown(each.dialect.delimiter)} "
                f"({each.width} columns); {shown(taken)} was taken"
            )
            break
    if stated is not None and stated != taken:
        yield f"its name or its first line says that {shown(stated)} separates cells, but {shown(taken)} does"
    if best.dialect.padded:
        yield f"a space follows every {shown(taken)}; it was taken as a part of the separator"


def _candidates(text: str, stated: str | None, text_quotes: bool) -> list[Dialect]:
    delimiters = [each for each in _DELIMITERS if each in text]
    if stated is not None:
        delimiters = [stated] if stated in text else delimiters
    delimiters.append(NO_DELIMITER)
    quotes = ['"', "'"] if _SINGLE_QUOTED.search(text) else ['"']
    found = [Dialect(delimiter, quote) for delimiter in delimiters for quote in quotes]
    found += [replace(each, backslash=True) for each in found if f"\\{each.quote}" in text]
    found += [
        replace(each, padded=True)
        for each in found
        if each.delimiter not in (" ", "\t", NO_DELIMITER) and f"{each.delimiter} " in text
    ]
    if text_quotes and '"' in text:
        found += [Dialect(delimiter, None) for delimiter in delimiters]
    return found


def _read(lines: list[str], dialect: Dialect, is_whole: bool) -> _Reading:
    found, faults = _records(lines, dialect, is_whole)
    sized = _without_comments([record for record in found if any(record.cells)])
    widths = Counter(len(record.cells) for record in sized)
    wide = {width: count for width, count in widths.items() if width > 1} or widths
    width = max(wide, key=lambda each: (wide[each], each), default=0)
    core = list(dropwhile(lambda record: len(record.cells) != width, sized))
    # One cell below the table is a note on it.
    while len(core) > FEW_COLUMNS and len(core[-1].cells) == 1 < width:
        core.pop()
    return _Reading(
        dialect,
        width,
        sum(len(record.cells) == width for record in core) / len(core) if core else 0.0,
        len(core) / len(sized) if sized else 0.0,
        len(sized[0].cells) if sized else 0,
        sum(len(record.cells) > 1 for record in sized[: sized.index(core[0])]) if core else 0,
        _has_gap(found, sized, core),
        faults,
        len(core),
    )


def _without_comments(sized: list[Record]) -> list[Record]:
    """Records without lines of one cell that begin with `#` above them."""
    rest = list(dropwhile(lambda record: len(record.cells) == 1 and (record.cells[0] or "").startswith("#"), sized))
    return rest or sized


def _has_gap(found: Sequence[Record], sized: Sequence[Record], core: Sequence[Record]) -> bool:
    if not core or core[0] is sized[0]:
        return False
    return any(not any(record.cells) for record in found if sized[0].line < record.line < core[0].line)


def _records(lines: list[str], dialect: Dialect, is_whole: bool) -> tuple[list[Record], int]:
    """Records of a sample, and how many are malformed. After one of those, reading goes on with the next line."""
    found: list[Record] = []
    start = faults = 0
    while True:
        try:
            for record in records(lines[start:], dialect):
                found.append(record._replace(line=record.line + start))
                if len(found) >= MAX_RECORDS:
                    return found, faults
            return found, faults
        except MalformedRecord as fault:
            if fault.is_open and not is_whole:
                return found, faults
            faults += 1
            if faults > MAX_FAULTS:
                return found, len(lines)
            start += fault.line


def _is_one_column(best: _Reading, lines: list[str]) -> bool:
    """Whether a text whose first line is not divided is one column, and not a table under a title."""
    if best.first > 1:
        return False
    if best.share < MOST or best.rows < FEW_COLUMNS or _is_text_with(best.dialect, lines):
        return True
    return not best.has_gap and (best.width == FEW_COLUMNS or best.rows == FEW_COLUMNS or best.share < 1.0)


def _is_text_with(dialect: Dialect, lines: list[str]) -> bool:
    """Whether commas below the first line are those of prose, or of decimal numbers."""
    below = [line for line in lines if line.strip()][1:]
    if dialect.delimiter != ",":
        return False
    return all(_DECIMAL_COMMA.fullmatch(line.strip()) for line in below) or all(
        line.count(", ") == line.count(",") for line in below
    )


def _seldom(lines: list[str], is_whole: bool) -> _Reading | None:
    """A text of one column, evenly divided by something that seldom divides."""
    head = next((line for line in lines if line.strip()), "")
    for delimiter in _SELDOM:
        if delimiter not in head:
            continue
        reading = _read(lines, Dialect(delimiter), is_whole)
        if reading.is_even and reading.width > FEW_COLUMNS and reading.first == reading.width and reading.rows > FEW_COLUMNS:
            return reading
    return None
