"""CSV and TSV as input tables: every record as wide as the header, every value as it was written, or a refusal with the line.

What may be read in another way as well (a title above the header, a delimiter that fits as another does) is a warning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Final, NamedTuple, TextIO

from research.documents.sniffing import looks_like_html
from research.documents.tabular.dialect import SAMPLE, Choice, choose, split_note
from research.documents.tabular.header import NoTable, find_header
from research.documents.tabular.separated import Dialect, MalformedRecord, Record, lines_of, records
from research.documents.tabular.table_rows import Body
from research.errors import InvalidTable
from research.tables.inputs.column_types import ColumnTypes, text_batches, typed_batches
from research.tables.inputs.copies import Scratch, Spool

HEAD: Final = 200
"""Records among which the header is looked for."""

_TAB_SUFFIXES: Final = frozenset({".tsv", ".tab"})
_HEAD_BYTES: Final = 4_096
_ENOUGH_LINES: Final = 50
_MAX_SAMPLE: Final = 4_000_000
"""Characters of a sample of few long lines."""
_NOT_TEXT: Final = 0.02
"""The share of control characters above which a file is no text."""
_SOME: Final = 20
"""Control characters that a text may hold in any case."""
_RULE: Final = re.compile(rb"\|?(?:\s*:?-+:?\s*[|+])+(?:\s*:?-+:?)?")
"""Below the head of a table in Markdown, or of one that a database's program draws."""
_BOX: Final = re.compile(rb"\+(?:[-=]+\+)+")
_LINE: Final = re.compile(rb"[-=_]{5,}")
_MARKUP: Final = re.compile(
    rb"<(?:\?xml\b|!--|!doctype\b|([a-z][\w:-]*)\b[^<>]*>.*</\1>|[a-z][\w:-]*\s+[\w:-]+=[\"'])", re.I | re.S
)
_LIST: Final = re.compile(rb"\[\s*[\[{]")
_CONTROL: Final = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1e]")
_END_OF_FILE: Final = "\x1a"
"""Control and Z, with which DOS programs end a file."""


class FileTable(NamedTuple):
    """The rows of a file, the names in its header as they stand there, and what the reading may have got wrong."""

    rows: Spool
    names: list[str]
    warnings: list[str]


def read_csv(path: Path, scratch: Scratch, name: str, suffix: str) -> FileTable:
    """Read a UTF-8 file.

    An unquoted empty cell is null, a quoted one is empty text; in a typed column both are null.

    Args:
        path: plain UTF-8 text.
        name: the file's name for messages.
        suffix: `.tsv` and `.tab` say that tabs separate cells.

    Raises:
        InvalidTable: the file is empty or no text, a row has too many or too few cells, a quote is left open, the first row names
            no columns.
    """
    _refuse_other_formats(path, name)
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            sample, is_whole = _sample(stream)
        _refuse_binary(sample, name)
        note, text = split_note(sample)
        choice = choose(text, note or ("\t" if suffix in _TAB_SUFFIXES else None), is_whole=is_whole)
        try:
            return _read(path, scratch, choice, has_note=note is not None)
        except MalformedRecord:
            if not choice.dialect.padded:
                raise
            # Where one separator is not followed by a space, such spaces belong to the values.
            plain = Choice(replace(choice.dialect, padded=False), choice.width)
            return _read(path, scratch, plain, has_note=note is not None)
    except MalformedRecord as fault:
        raise InvalidTable(f"{name}, line {fault.line}: {fault.reason}: {fault.text!r}. Correct that line") from fault
    except NoTable as fault:
        raise InvalidTable(f"{name}: {fault}") from fault


def _read(path: Path, scratch: Scratch, choice: Choice, *, has_note: bool) -> FileTable:
    with path.open(encoding="utf-8", newline="") as stream:
        found = _records(stream, choice.dialect, has_note)
        head = list(islice(found, HEAD))
        header = find_header(head, choice.width)
        width = len(header.names)
        body = Body(header, chain(head[header.used :], found), delimiter=choice.dialect.delimiter)
        types = ColumnTypes(width)
        text = Spool.write(scratch.new("text.arrow"), types.as_text, text_batches(body.rows(), types))
    warnings = [*choice.doubts, *body.warnings]
    if types.schema == types.as_text:
        return FileTable(text, header.names, warnings)
    rows = Spool.write(scratch.new("rows.arrow"), types.schema, typed_batches(text.read(), types.schema))
    text.path.unlink()
    return FileTable(rows, header.names, warnings)


def _records(stream: TextIO, dialect: Dialect, has_note: bool) -> Iterator[Record]:
    found = records(lines_of(stream), dialect)
    if has_note:
        next(found, None)
    return (record for record in found if record.cells != [_END_OF_FILE])


def _sample(stream: TextIO) -> tuple[str, bool]:
    """The beginning of a text, by which its dialect is told, and whether that is all of it. Of long lines it holds a few."""
    sample = stream.read(SAMPLE)
    while len(sample) < _MAX_SAMPLE and sample.count("\n") + sample.count("\r") < _ENOUGH_LINES:
        more = stream.read(SAMPLE)
        if not more:
            return sample, True
        sample += more
    return sample, not stream.read(1)


def _refuse_other_formats(path: Path, name: str) -> None:
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    if looks_like_html(head) or _MARKUP.match(head.lstrip()):
        raise InvalidTable(f"{name}: is HTML or XML. Save the table as CSV")
    first, *below = head.lstrip().splitlines()[:2] or [b""]
    first = first.strip()
    is_listed = bool(below) and _LINE.fullmatch(first) is not None and below[0].lstrip()[:1] == b"|"
    if is_listed or _BOX.fullmatch(first) or (b"|" in first and below and _RULE.fullmatch(below[0].strip())):
        raise InvalidTable(
            f"{name}: is a Markdown table, or one that a program drew. Save it as CSV: without lines of dashes, and with commas "
            "for strokes"
        )
    if _LIST.match(head.lstrip()) or (first[:1] == b"{" and first[-1:] in (b"}", b"{", b",") and b'"' in first + head):
        raise InvalidTable(f"{name}: is JSON. Call it .jsonl (an object on every line) or .json (an array of objects)")


def _refuse_binary(sample: str, name: str) -> None:
    control = len(_CONTROL.findall(sample))
    if control > max(_SOME, _NOT_TEXT * len(sample)):
        raise InvalidTable(
            f"{name}: is no text: {control:,} of its first {len(sample):,} characters are control characters. "
            "If it is UTF-16 without a byte order mark, say --encoding utf-16-le"
        )
