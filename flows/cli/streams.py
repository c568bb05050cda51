"""The streams of the console process: what they cannot show is escaped, a reader who has gone away is not written to any more."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from typing import Any, Final, TextIO

from research.errors import SurroundingsFault

ESCAPED: Final = "backslashreplace"


class Unwritable(SurroundingsFault):
    """stdout does not take what is written to it."""


class _Output(io.FileIO):
    """A stream that drops what nobody reads. Another fault is raised once; what follows is dropped, too."""

    def __init__(self, number: int, name: str) -> None:
        super().__init__(number, "w", closefd=False)
        self._shown_as = name
        self._is_lost = False

    def write(self, data: Any, /) -> int:
        size = memoryview(data).nbytes
        if self._is_lost:
            return size
        try:
            return super().write(data) or 0
        except BrokenPipeError:
            self._is_lost = True
            return size
        except OSError as error:
            self._is_lost = True
            if self._shown_as != "stdout":
                return size  # there is no other place to say it
            reason = error.strerror or type(error).__name__
            raise Unwritable(f"stdout cannot be written: {reason}. Send it to another file", place="stdout") from error


def arguments_as_text(arguments: Sequence[str]) -> list[str]:
    """What was typed, in UTF-8 where the locale knows ASCII only, and Python so has kept the bytes of other letters."""

    def text(argument: str) -> str:
        try:
            return os.fsencode(argument).decode("utf-8")
        except UnicodeError:
            return argument

    return [text(argument) for argument in arguments]


def prepare_streams() -> None:
    """Make stdout and stderr safe to write to: closed ones, pipes without a reader, encodings that lack a letter."""
    sys.stdout = _prepared(sys.stdout, 1, "stdout")
    sys.stderr = _prepared(sys.stderr, 2, "stderr")


def _prepared(stream: TextIO | None, number: int, name: str) -> TextIO:
    if stream is None:  # it was closed when the process began
        return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - for the rest of the process
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    try:
        is_own = stream.fileno() == number
    except OSError:
        return stream
    if not is_own or sys.platform == "win32":
        stream.reconfigure(errors=ESCAPED)
        return stream
    stream.flush()
    inner = io.BufferedWriter(_Output(number, name))
    return io.TextIOWrapper(inner, encoding=stream.encoding, errors=ESCAPED, line_buffering=stream.line_buffering)


def in_letters_of(stream: TextIO, json_text: str) -> str:
    """JSON whose letters a stream can show: others as JSON escapes them."""
    try:
        json_text.encode(stream.encoding or "utf-8")
    except UnicodeEncodeError:
        return "".join(letter if letter.isascii() else _escaped(letter) for letter in json_text)
    return json_text


def _escaped(letter: str) -> str:
    units = letter.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[place]:02x}{units[place + 1]:02x}" for place in range(0, len(units), 2))
