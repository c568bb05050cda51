"""What was spent on work that then failed: noted on its error, so that the row that fails still tells its cost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple, Protocol

from research.errors import ResearchError
from research.money.amounts import total
from research.money.usage import Usage

_NOTE: Final = "_spent"


class Spent(NamedTuple):
    usage: Usage
    cost_usd: float | None


class Meter(Protocol):
    """Counts while work goes on."""

    @property
    def usage(self) -> Usage: ...
    @property
    def cost_usd(self) -> float | None: ...


def spent(error: BaseException) -> Spent:
    """What is noted on an error; nothing, if nothing is."""
    noted: Spent = error.__dict__.get(_NOTE, Spent(Usage(), 0.0))
    return noted


def taken(error: BaseException) -> Spent:
    """What is noted on an error, and from now on no more: whoever takes it counts it."""
    noted = spent(error)
    error.__dict__.pop(_NOTE, None)
    return noted


def note(error: ResearchError, usage: Usage, cost_usd: float | None) -> None:
    """Add to what is noted on an error."""
    before = spent(error)
    error.__dict__[_NOTE] = Spent(before.usage + usage, total((before.cost_usd, cost_usd)))


@contextmanager
def noted(meter: Meter) -> Iterator[None]:
    """An error that leaves this block carries what the meter shows then."""
    try:
        yield
    except ResearchError as error:
        note(error, meter.usage, meter.cost_usd)
        raise
