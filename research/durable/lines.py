"""Lines of JSON that begin with their own digest, so that half a line and a flipped bit are noticed.

    {"digest":"0f3c…","usd":0.0031,"purpose":"plan"}

The digest covers everything after it. A line is plain JSON, for any tool that reads JSON lines.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

DIGITS: Final = 32
"""Hexadecimal digits of a digest."""
_BEGIN: Final = b'{"digest":"'
_REST: Final = len(_BEGIN) + DIGITS + 2
"""Where what the digest covers begins."""


def digest_of(data: bytes) -> str:
    """BLAKE2b of 128 bits, as lower-case hex: against damage, not against forgers."""
    return hashlib.blake2b(data, digest_size=DIGITS // 2).hexdigest()


def line_of(members: bytes) -> bytes:
    """A line, with its newline.

    Args:
        members: the members of a JSON object on one line, without its brackets; at least one.
    """
    rest = members + b"}"
    return _BEGIN + digest_of(rest).encode() + b'",' + rest + b"\n"


def json_line(document: Mapping[str, Any]) -> bytes:
    """A line of a JSON object."""
    return line_of(json.dumps(document, ensure_ascii=False, allow_nan=False)[1:-1].encode("utf-8", "surrogatepass"))


def is_whole(line: bytes) -> bool:
    """Whether a line, without its newline, is as it was written."""
    rest = line[_REST:]
    return line.startswith(_BEGIN) and line[len(_BEGIN) : _REST - 2] == digest_of(rest).encode()


def append(path: Path, lines: bytes) -> int:
    """Append lines whole or not at all. Returns where they begin.

    Raises:
        OSError: they cannot be written; the file is as it was.
    """
    try:
        stream = path.open("ab", buffering=0)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = path.open("ab", buffering=0)
    with stream:
        offset = stream.tell()
        try:
            written = stream.write(lines)
            while written < len(lines):
                written += stream.write(lines[written:])
        except OSError:
            stream.truncate(offset)
            raise
    return offset


def read_json_line(line: bytes) -> dict[str, Any] | None:
    """The JSON object of a line, without its digest; None if it is damaged. Lines from before there were digests have none, and
    are read as they are."""
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    return None if document.pop("digest", None) is not None and not is_whole(line) else document
