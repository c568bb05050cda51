"""Cursors of pages: where the next page of a list begins."""

from __future__ import annotations

import base64
import binascii

from research.errors import Fault, InvalidTask


class InvalidCursor(InvalidTask):
    """What a request's query calls a cursor is none."""


def cursor_of(number: int) -> str:
    """The cursor of the page behind a record."""
    return base64.urlsafe_b64encode(f"n{number}".encode()).decode().rstrip("=")


def number_of(cursor: str) -> int:
    """The number of the record behind which a page begins.

    Raises:
        InvalidCursor: it is none.
    """
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        if text.startswith("n") and (number := int(text[1:])) < 2**63:
            return number
    except (binascii.Error, ValueError):
        pass
    raise InvalidCursor("The page cannot be given:", [Fault("/cursor", "is no cursor of a page: leave it out to begin anew")])
