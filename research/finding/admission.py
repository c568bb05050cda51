"""Admission: which candidates are rows of what was found. Right, or silent: none without an excerpt for each condition."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

from research.finding.names import cells_of, name_key
from research.finding.verdicts import Verdict, is_of_kind, verdict
from research.ports.conditions import Condition, FindPlan
from research.records import Record
from research.result.result import CONFIDENCE_ORDER, Confidence

_SUPPORTS: Final = ("stated", "inferred")
_COMPARED: Final = {"yes": "yes or no", "date": "date", "number": "number", "text": "name"}
"""What a condition compares, for people."""


class Evidence(Record):
    """One passage that a value rests on."""

    url: str
    title: str
    excerpt: str
    page_hash: str
    start: int
    end: int


class Match(Record):
    """What was found of one condition for one candidate."""

    condition: str
    """The condition's name."""
    verdict: Verdict
    value: Any = None
    """What was found, as JSON."""
    confidence: Confidence | None = None
    evidence: tuple[Evidence, ...] = ()
    """Best first."""
    reasoning: str = ""


class Lack(NamedTuple):
    """Why a match does not admit."""

    general: str
    of_candidate: str = ""
    """What is this candidate's alone."""
    is_confidence: bool = False

    @property
    def said(self) -> str:
        return f"{self.general}{self.of_candidate}"


class Judgement(Record):
    """What a candidate came to."""

    matches: tuple[Match, ...]
    """One a condition, in their order."""
    is_admitted: bool
    reason: str = ""
    """Why it is not admitted; "" if it is."""
    lacks: tuple[str, ...] = ()
    """The same without what is this candidate's alone, so that it can be counted: `founded before 1960: no`."""
    is_unsure: bool = False
    """It lacks nothing but confidence: with a lower least confidence it is admitted."""


def judge(
    plan: FindPlan,
    values: Mapping[str, Any],
    basis: Sequence[Mapping[str, Any]],
    least: Confidence,
    error: str | None = None,
    *,
    name: str = "",
    names: Collection[str] = (),
) -> Judgement:
    """Judge one candidate.

    Args:
        values: what was found, by the conditions' names.
        basis: its rows of the table `basis`.
        least: the confidence that every value must have at least.
        error: why the candidate could not be researched.
        name: the candidate's.
        names: the keys of all candidates' names: a table's line that names another one first is about that one.
    """
    basis = [row for row in basis if not _is_about_another(str(row["excerpt"] or ""), name_key(name), names)]
    matches = tuple(_match(condition, values.get(condition.name), basis) for condition in plan.conditions)
    if error is not None:
        why = "it could not be researched"
        return Judgement(matches=matches, is_admitted=False, reason=f"{why}: {error}", lacks=(why,))
    judged = (_lacking(condition, match, least) for condition, match in zip(plan.conditions, matches, strict=True))
    lacking = [lack for lack in judged if lack is not None]
    reason, lacks = "; ".join(lack.said for lack in lacking), tuple(lack.general for lack in lacking)
    is_unsure = bool(lacking) and all(lack.is_confidence for lack in lacking)
    return Judgement(matches=matches, is_admitted=not lacking, reason=reason, lacks=lacks, is_unsure=is_unsure)


def _is_about_another(excerpt: str, own: str, names: Collection[str]) -> bool:
    if not excerpt.startswith("|"):
        return False
    cells = [name_key(cell) for cell in cells_of(excerpt)]
    before = cells[: cells.index(own)] if own in cells else cells
    return any(cell in names for cell in before)


def _match(condition: Condition, value: Any, basis: Sequence[Mapping[str, Any]]) -> Match:
    rows = [row for row in basis if row["field"] == condition.name]
    if value is not None and not is_of_kind(condition, value):
        why = f"What was found, {value}, is no {_COMPARED[condition.kind]}."
        return Match(condition=condition.name, verdict="unknown", reasoning=why)
    evidence = tuple(
        Evidence(
            url=row["url"],
            title=row["title"] or "",
            excerpt=row["excerpt"],
            page_hash=row["page_hash"],
            start=row["start"],
            end=row["end"],
        )
        for row in rows
        if row["support"] in _SUPPORTS and row["excerpt"]
    )
    first = rows[0] if rows else {}
    return Match(
        condition=condition.name,
        verdict=verdict(condition, value),
        value=value,
        confidence=first.get("confidence"),
        evidence=evidence,
        reasoning=first.get("reasoning") or "",
    )


def _lacking(condition: Condition, match: Match, least: Confidence) -> Lack | None:
    """Why a match does not admit; None if it does."""
    about = condition.description
    if match.verdict == "not met":
        return Lack(f"{about}: no", f" ({match.value})")
    if match.value is None:
        return Lack(f"{about}: nothing was found")
    if match.verdict == "unknown":
        why = ", as only some of its days meet it" if condition.kind == "date" else ""
        return Lack(f"{about}: left open", f" by {match.value}{why}")
    if not match.evidence or match.confidence is None:
        return Lack(f"{about}: no passage supports it")
    if CONFIDENCE_ORDER.index(match.confidence) < CONFIDENCE_ORDER.index(least):
        return Lack(f"{about}: only of {match.confidence} confidence", is_confidence=True)
    return None
