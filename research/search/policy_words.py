"""Says a source policy in a provider's words: `site:` operators in the query, and spans of time."""

from __future__ import annotations

from datetime import date
from typing import Final, Literal, NamedTuple

from research.task.source_policy import SourcePolicy

OPERATORS: Final = 20
"""Domains that are named in one query at most: engines ignore, or refuse, queries with more."""

Span = Literal["day", "week", "month", "year"]


class Worded(NamedTuple):
    """A query that says what it can of a policy."""

    query: str
    warnings: tuple[str, ...] = ()


def worded(
    query: str, policy: SourcePolicy | None, *, provider: str, characters: int = 400, words: int = 50, native: bool = False
) -> Worded:
    """The query, with `site:` operators for the policy's domains, in a provider's limits of characters and words.

    Of many domains to include, as many as there is room for are named, with a warning: the others would find nothing. Domains
    that are left out of an exclusion cost hits only, which are held to the policy afterwards.

    Args:
        query: white space in it makes no difference.
        policy: its domains.
        provider: for the warning.
        characters: of the whole query.
        words: of the whole query.
        native: the provider has parameters for domains: nothing is added, and only the limits hold.
    """
    asked = query.split()
    short = _fitting(asked, characters, words)
    warnings = (
        [] if len(short) == len(asked) else [f"{provider} takes {words} words and {characters} characters: a query was cut"]
    )
    if policy is None or native:
        return Worded(" ".join(short), tuple(warnings))
    domains = policy.include_domains or policy.exclude_domains
    operator, between = ("site:", ["OR"]) if policy.include_domains else ("-site:", [])
    named = 0
    for domain in domains[:OPERATORS]:
        longer = [*short, *(between if named else []), f"{operator}{domain.removeprefix('.')}"]
        if len(longer) > words or len(" ".join(longer)) > characters:
            break
        short, named = longer, named + 1
    if policy.include_domains and named < len(domains):
        warnings.append(f"{provider} was asked for {named} of the {len(domains)} domains to include: a query holds no more")
    return Worded(" ".join(short), tuple(warnings))


def span_since(day: str, today: date) -> Span | None:
    """The shortest span of time, back from today, that holds everything since a day; None if none does."""
    age = (today - date.fromisoformat(day)).days
    spans: tuple[tuple[int, Span], ...] = ((0, "day"), (6, "week"), (28, "month"), (364, "year"))
    return next((span for days, span in spans if age <= days), None)


def _fitting(words: list[str], characters: int, most: int) -> list[str]:
    kept: list[str] = []
    for word in words[:most]:
        if len(" ".join([*kept, word])) > characters:
            return kept or [word[:characters]]
        kept.append(word)
    return kept
