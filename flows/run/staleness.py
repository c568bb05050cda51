"""Which cells of an earlier run are stale: looked at again, or researched again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from flows.run.patience import age_seconds
from research.errors import InvalidInput
from research.evidence.confirmation import checked_at
from research.result.combining import basis_of, value_of
from research.result.result import Result, lowest

KINDS: Final = ("all", "low", "empty", "rejected", "failed")


class StaleFields(NamedTuple):
    """Fields of one row, by what is to be done."""

    to_look_at: tuple[str, ...]
    """Their pages are read again first; they are researched only where these do not say the same any more."""
    to_research: tuple[str, ...]
    """Their pages were never the doubt."""


@dataclass(frozen=True, slots=True)
class Staleness:
    """What counts as stale. Rows that are new, edited or failed are researched in any case: there is nothing to take over."""

    kinds: frozenset[str]
    before: datetime | None
    """Cells that were last checked before this moment."""

    @classmethod
    def parse(cls, kinds: Sequence[str] | None, older_than: str | None, now: datetime | None = None) -> Staleness:
        """What counts as stale, as the options say it.

        Args:
            kinds: of `KINDS`. None, without an age: every cell.
            older_than: an age, as `30d`.
            now: from when ages count; None: the present.

        Raises:
            InvalidInput: there is no such kind, or the age is none.
        """
        for kind in kinds or ():
            if kind not in KINDS:
                raise InvalidInput(f"--stale {kind!r}: it is one of {', '.join(KINDS)}; an age is --older-than")
        before = None
        if older_than is not None:
            try:
                before = (now or datetime.now(UTC)) - timedelta(seconds=age_seconds(older_than))
            except OverflowError as error:
                raise InvalidInput(f"--older-than {older_than!r} is before the first year") from error
        return cls(frozenset(kinds or (() if older_than is not None else ("all",))), before)

    def of(self, result: Result, names: Collection[str], rejected: Collection[str] = ()) -> StaleFields:
        """What is stale of a row.

        Args:
            names: its fields that could be taken over.
            rejected: those that a person has rejected.
        """
        look, research = [], []
        for name in names:
            basis = basis_of(result, name)
            is_empty = value_of(result, name) is None
            is_low = not is_empty and lowest([part.confidence for part in basis]) in ("low", None)
            if (
                (name in rejected and self.kinds & {"rejected", "all"})
                or (is_low and "low" in self.kinds)
                or (is_empty and "empty" in self.kinds)
            ):
                research.append(name)
            elif "all" in self.kinds or (self.before is not None and checked_at(result, basis) < self.before):
                look.append(name)
        return StaleFields(tuple(look), tuple(research))
