"""Bytes -> characters: which charset a page is written in."""

from __future__ import annotations

import codecs
import re
from typing import Final

from charset_normalizer import from_bytes

_BOMS: Final = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_DECLARED: Final = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([\w:.-]{2,30})""", re.I)
_SAMPLE: Final = 20_000


def decode(data: bytes, media_type: str | None = None) -> str:
    """The text of some bytes. A byte order mark wins; bytes that are valid UTF-8 are UTF-8, whatever is declared; then what is
    declared where it fits (by the server, then by the page); then a guess by charset-normalizer; then Windows-1252. Never
    fails."""
    for mark, name in _BOMS:
        if data.startswith(mark):
            return data[len(mark) if name == "utf-8" else 0 :].decode(name, "replace")
    declared = [name for name in (_named((media_type or "").encode()), _named(data[:4096])) if name]
    stateful = next((name for name in declared if name.startswith(("iso2022", "hz"))), None)
    if stateful:  # Escape sequences in plain ASCII: valid UTF-8, and not meant so.
        return data.decode(stateful, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start > len(data) - 4:  # Cut in the middle of the last character.
            return data.decode("utf-8", "replace")
    for name in declared:
        if name == "utf-8":
            return data.decode(name, "replace")
        try:
            return data.decode(name)
        except (UnicodeDecodeError, LookupError):
            continue
    guess = from_bytes(data[:_SAMPLE]).best()
    return data.decode(guess.encoding if guess else "cp1252", "replace")


def _named(text: bytes) -> str | None:
    match = _DECLARED.search(text)
    if match is None:
        return None
    try:
        name = codecs.lookup(match.group(1).decode("ascii")).name
    except LookupError:
        return None
    # Browsers read Latin-1 and ASCII as Windows-1252; only text codecs may be used (`rot13`, `zlib` are codecs too).
    if name in ("iso8859-1", "ascii"):
        return "cp1252"
    return name if codecs.lookup(name)._is_text_encoding else None
