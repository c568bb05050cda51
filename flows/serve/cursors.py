"""Pages of lists: what is on one, and its cursor, which says where the next one begins."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Protocol, TypeVar

from research.errors import Fault, InvalidTask


class Numbered(Protocol):
    """A record in a list."""

    @property
    def number(self) -> int: ...


R = TypeVar("R", bound=Numbered)


class InvalidCursor(InvalidTask):
    """What a request's query calls a cursor is none."""


def first_page(found: Sequence[R], limit: int) -> tuple[list[R], str | None]:
    """The first `limit` of some records, and the cursor of the page behind them; None: there is none.

    Args:
        found: one more than `limit`, if there are so many.
    """
    shown = list(found[:limit])
    return shown, base64.urlsafe_b64encode(f"n{shown[-1].number}".encode()).decode().rstrip("=") if len(found) > limit else None


def number_of(cursor: str | None) -> int | None:
    """The number of the record behind which a page begins. None: it is the first page.

    Raises:
        InvalidCursor: it is none.
    """
    if cursor is None:
        return None
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        if text.startswith("n") and (number := int(text[1:])) < 2**63:
            return number
    except (binascii.Error, ValueError):
        pass
    raise InvalidCursor("The page cannot be given:", [Fault("/cursor", "is no cursor of a page: leave it out to begin anew")])
