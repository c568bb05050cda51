"""Foreign text where it is shown: characters that a terminal, a log or a reader's eye would obey are written as escapes.

Cells, addresses, titles, and the words of models and servers are others' text. Everything that writes them for people goes
through here: the command's consoles, loggers, errors, names of runs, artifacts. Data tables keep them as they are.
"""

from __future__ import annotations

import logging
import re
from typing import Final

_SHOWN: Final = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but tab and line feed, DEL, C1: escape sequences, carriage returns
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # what turns the direction of writing
    "\u00ad\u180e\u200b\u2060-\u2064\ufeff\ufff9-\ufffb"  # what is not seen
    "\u2028\u2029"  # line breaks that some take for none
    "\ud800-\udfff"  # halves of characters, which no UTF-8 can hold
    "\U000e0000-\U000e007f"  # letters that only machines see
    "]"
    # Joiners belong to words of many scripts and to pictures; elsewhere they are not seen.
    "|(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])"
)
_IN_LINE: Final = re.compile(f"{_SHOWN.pattern}|[\t\n]")


def printable(text: str, *, one_line: bool = False) -> str:
    r"""A text that can be shown: `\x1b` for an escape, `\u202e` for what would turn the writing round.

    Args:
        one_line: whether tabs and line feeds are written as escapes, too.
    """
    return text if text.isprintable() else (_IN_LINE if one_line else _SHOWN).sub(_escaped, text)


def printable_json(text: str) -> str:
    """The same for JSON: the same value, with these characters as JSON's own escapes."""
    return text if text.isprintable() else _SHOWN.sub(_escaped_in_json, text)


def printable_logger(name: str) -> logging.Logger:
    """The logger of this name, whose records can be shown, tracebacks included."""
    logger = logging.getLogger(name)
    logger.addFilter(_FILTER)
    return logger


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape", "surrogatepass").decode("ascii")


def _escaped_in_json(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


class _PrintableRecords(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = printable(record.getMessage()), None
        if record.exc_info and record.exc_info[0] is not None:
            record.exc_text = printable(_FORMATTER.formatException(record.exc_info))
        return True


_FORMATTER: Final = logging.Formatter()
_FILTER: Final = _PrintableRecords()
