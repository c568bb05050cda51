"""Listens for an error that every row would meet, so that the run stops at once instead of failing row after row."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import fields, replace
from functools import wraps
from typing import ParamSpec, TypeVar

from research.errors import ResearchError
from research.pipeline import Steps

P = ParamSpec("P")
T = TypeVar("T")

Stop = Callable[[ResearchError], None]


def stopping(steps: Steps, stop: Stop) -> Steps:
    """The same steps; an error of theirs whose `stops_run` is true is told to `stop`, and raised as ever."""
    return replace(steps, **{step.name: _listening(getattr(steps, step.name), stop) for step in fields(steps)})


def _listening(step: Callable[P, Awaitable[T]], stop: Stop) -> Callable[P, Awaitable[T]]:
    @wraps(step)
    async def done(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await step(*args, **kwargs)
        except ResearchError as error:
            if error.stops_run:
                stop(error)
            raise

    return done
