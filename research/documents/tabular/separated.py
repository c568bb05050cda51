"""Separated text -> records: a strict reader, which knows the line of every record and never guesses where a quote is closed.

Records end at CR LF, LF, CR or CR CR LF, also where a file mixes them. A quote means quoting at the start of a cell only;
elsewhere it is text. An unquoted empty cell is None, a quoted one is empty text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TextIO

MAX_RECORD: Final = 16 << 20
"""Characters of one record."""

NO_DELIMITER: Final = "\udfff"
"""Of a text of one column: a character that no decoded text holds."""

_LINE_END: Final = "\r\n"
_MARK: Final = "\ufeff"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How cells are written."""

    delimiter: str
    quote: str | None = '"'
    """None: quotes are text."""
    backslash: bool = False
    """A quote in a quoted cell is written with a backslash before it, instead of twice."""
    padded: bool = False
    """A space after each delimiter belongs to it."""


class Record(NamedTuple):
    """One row of cells."""

    cells: list[str | None]
    line: int
    """Where it begins, from 1. A quoted cell may hold more lines."""
    is_quoted: bool = False
    """Most cells that hold anything are in quotes."""
    has_stray_quote: bool = False
    """A cell that is not in quotes holds one that belongs to no other."""


class MalformedRecord(Exception):
    """A record that cannot be read for certain."""

    def __init__(self, line: int, reason: str, text: str, *, is_open: bool = False) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line, self.reason, self.text = line, reason, text
        self.is_open = is_open
        """The text ended inside a quoted cell."""


def lines_of(stream: TextIO) -> Iterator[str]:
    """The lines of a text with their ends as they are written.

    A byte order mark at the beginning of a line, where files were joined, is no part of it.

    Args:
        stream: opened with `newline=""`.

    Raises:
        MalformedRecord: a line is longer than a record may be.
    """
    number = 0
    held: str | None = None
    """A line that ends in a lone CR: a CR LF after it still belongs to its end."""
    while line := stream.readline(MAX_RECORD):
        line = line.removeprefix(_MARK)
        if not line:
            break
        if held is not None:
            if line == "\r\n":
                number += 1
                yield held + line
                held = None
                continue
            number += 1
            yield held
            held = None
        if line[-1] == "\r":
            held = line
            continue
        number += 1
        if len(line) == MAX_RECORD and line[-1] != "\n":
            raise too_long(number, line)
        yield line
    if held is not None:
        yield held


def too_long(line: int, text: str) -> MalformedRecord:
    return MalformedRecord(line, f"is longer than {MAX_RECORD >> 20} MB", text[:100])


def records(lines: Iterable[str], dialect: Dialect, *, lenient: bool = False) -> Iterator[Record]:
    """The records of a text. Blank lines, and lines of spaces, are records without cells.

    Args:
        lines: with their ends.
        lenient: a record that cannot be read for certain is divided at every delimiter of its first line, its quotes are text,
            and reading goes on with the next line.

    Raises:
        MalformedRecord: a quote is not closed, text follows a closing quote, a record is too long.
    """
    reader = _Reader(lines, dialect)
    delimiter, quote, padded = dialect.delimiter, dialect.quote, dialect.padded
    while (line := reader.next_line()) is not None:
        body = line.rstrip(_LINE_END)
        number = reader.number
        if not body or (body.isspace() and delimiter not in body):
            yield Record([], number)
            continue
        if quote is None or quote not in body:
            parts = body.split(delimiter)
            if padded:
                parts[1:] = [part[1:] if part[:1] == " " else _unpadded(part, number, lenient) for part in parts[1:]]
            yield Record([part or None for part in parts], number)
            continue
        try:
            yield reader.quoted(line, quote)
        except MalformedRecord as fault:
            if not lenient:
                raise
            if fault.is_open:  # nothing after it closes one either; each would be looked for to the end of the text
                quote = None
            reader.go_back()
            yield Record([part.strip(" " if padded else "") or None for part in body.split(delimiter)], number)


def _unpadded(part: str, line: int, lenient: bool) -> str:
    if part and not lenient:
        raise MalformedRecord(line, "a separator is not followed by a space, as others are", part)
    return part


def _enclosed(bare: Sequence[str], quote: str) -> str | None:
    """What stands between a quote inside an unquoted cell and one at the end of another: as if a separator before it was lost."""
    opening = None
    for cell in bare:
        if cell.count(quote) % 2:
            if opening is not None and cell.endswith(quote):
                return f"{opening} … {cell}"[:100]
            place = cell.find(quote)
            if place > 0 and place + 1 < len(cell) and not cell[place + 1].isspace():
                opening = cell
    return None


class _Reader:
    """Lines one by one, some of which may be read again."""

    def __init__(self, lines: Iterable[str], dialect: Dialect) -> None:
        self._lines = iter(lines)
        self._dialect = dialect
        self._again: list[str] = []
        self._used: list[str] = []
        """Lines of the record under way after its first."""
        self.number = 0

    def next_line(self) -> str | None:
        self._used.clear()
        return self._more()

    def _more(self) -> str | None:
        line = self._again.pop() if self._again else next(self._lines, None)
        self.number += line is not None
        return line

    def go_back(self) -> None:
        """To the line after the first one of the record under way."""
        self._again += reversed(self._used)
        self.number -= len(self._used)
        self._used.clear()

    def quoted(self, line: str, quote: str) -> Record:
        """A record that holds a quote."""
        delimiter, padded = self._dialect.delimiter, self._dialect.padded
        first = self.number
        cells: list[str | None] = []
        bare: list[str] = []
        """Cells that are not quoted."""
        at = 0
        while True:
            start = at
            if padded and cells and line.startswith(" ", at):
                start = at + 1
            elif padded and cells and not line.startswith((delimiter, "\r", "\n"), at) and at < len(line):
                raise MalformedRecord(self.number, "a separator is not followed by a space, as others are", line[at : at + 60])
            if line.startswith(quote, start):
                cell, line, at = self._quoted_cell(line, start, quote, first)
                cells.append(cell)
                while line.startswith(" ", at) and delimiter != " ":
                    at += 1
                if line.startswith(delimiter, at):
                    at += len(delimiter)
                    continue
                if line[at:].strip(_LINE_END):
                    raise MalformedRecord(
                        self.number, f"text follows a closing {quote}", line[max(0, at - 40) : at + 20].strip(_LINE_END)
                    )
                break
            end = line.find(delimiter, start)
            if end < 0:
                bare.append(line[start:].rstrip(_LINE_END))
                cells.append(bare[-1] or None)
                break
            bare.append(line[start:end])
            cells.append(bare[-1] or None)
            at = end + len(delimiter)
        if (between := _enclosed(bare, quote)) is not None:
            raise MalformedRecord(first, f"a {quote} opens inside a cell and closes in another", between)
        odd = [cell for cell in bare if cell.count(quote) % 2]
        if unopened := next((cell for cell in odd if 2 * quote in cell and cell.endswith(quote)), None):  # `12"" disk"`
            raise MalformedRecord(first, f"a {quote} closes a cell that none opens", unopened[:100])
        is_quoted = len(cells) - len(bare) > sum(map(bool, bare))
        return Record(cells, first, is_quoted, bool(odd))

    def _quoted_cell(self, line: str, start: int, quote: str, first: int) -> tuple[str, str, int]:
        """A cell that opens at `start`; the line in which it closes, and the place after its closing quote."""
        backslash = self._dialect.backslash
        opened, shown = self.number, line[start : start + 60].rstrip(_LINE_END)
        parts: list[str] = []
        size = 0
        at = start + 1
        while True:
            end = line.find(quote, at)
            if backslash:
                slash = line.find("\\", at)
                if 0 <= slash < (end if end >= 0 else len(line)):
                    escaped = line[slash + 1 : slash + 2]
                    is_escape = escaped in (quote, "\\") and escaped
                    parts.append(line[at:slash] + (escaped if is_escape else "\\"))
                    at = slash + (2 if is_escape else 1)
                    continue
            if end < 0:
                parts.append(line[at:])
                size += len(line)
                following = self._more()
                if following is None:
                    raise MalformedRecord(opened, f"a {quote} is opened and not closed", shown, is_open=True)
                if size + len(following) > MAX_RECORD:
                    raise too_long(first, shown)
                self._used.append(following)
                line, at = following, 0
                continue
            parts.append(line[at:end])
            if not backslash and line.startswith(quote, end + 1):
                parts.append(quote)
                at = end + 2
                continue
            return "".join(parts), line, end + 1
