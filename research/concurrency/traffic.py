"""How each service that a world asks has answered so far: how often, how slowly, how often with nothing. For people who watch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["search", "host"]
Outcome = Literal["answered", "empty", "failed"]

MOST: Final = 5_000
"""Services that are counted. Whoever reads more hosts than these sees the first."""


@dataclass(slots=True)
class ServiceTraffic:
    """What came of the calls to one service."""

    kind: Kind
    name: str
    calls: int = 0
    empty: int = 0
    """Answers that held nothing."""
    failed: int = 0
    seconds: float = 0.0
    """Of all calls together."""
    slowest: float = 0.0

    @property
    def mean_seconds(self) -> float:
        return self.seconds / self.calls if self.calls else 0.0


class Traffic:
    """The services of one world. Belongs to one event loop."""

    def __init__(self) -> None:
        self.services: dict[tuple[Kind, str], ServiceTraffic] = {}

    def saw(self, kind: Kind, name: str, outcome: Outcome, seconds: float) -> None:
        """One call has ended."""
        service = self.services.get((kind, name))
        if service is None:
            if len(self.services) >= MOST:
                return
            service = self.services[kind, name] = ServiceTraffic(kind, name)
        service.calls += 1
        service.empty += outcome == "empty"
        service.failed += outcome == "failed"
        service.seconds += seconds
        service.slowest = max(service.slowest, seconds)


@dataclass(frozen=True, slots=True)
class SearchBringsNothing:
    """A search provider answers, and its answers hold nothing. Announced once, when there is no doubt left."""

    service: str
    queries: int
    """That it was asked lately, and that others answered, if there are others."""
    empty: int
    """To which it brought nothing."""
    passed_over: bool
    """Whether it is not asked any more while another provider answers, but for a probe now and then."""

    def __str__(self) -> str:
        said = f"{self.service} brings nothing: {self.empty} of its last {self.queries} answers were empty"
        if self.passed_over:
            return (
                f"{said}, to queries that others answered. It is passed over while another answers, and asked again now and then"
            )
        return f"{said}. It may be refusing without saying so: try another provider with --search"
