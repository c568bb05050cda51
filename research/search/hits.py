"""Makes hits of what providers answer: text without markup, dates in one form, nothing outside the policy, no page twice."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple

from research.ports.page import Hit
from research.task.source_policy import SourcePolicy
from research.task.urls import canonical_url, is_web
from research.values.dates import dates

SNIPPET: Final = 1_000
TITLE: Final = 300
"""Characters of a hit's texts; more is cut."""

_TAG: Final = re.compile(r"</?(?:a|b|br|em|i|mark|p|span|strong|sub|sup|u|wbr)\b[^<>]{0,200}>", re.IGNORECASE)
"""What search engines mark words with. Other angle brackets belong to the text: `Vec<T>`."""
_ISO: Final = re.compile(r"\d{4}-\d\d-\d\d(?:[T ].*)?", re.DOTALL)


class Raw(NamedTuple):
    """A result as a provider gives it."""

    url: str
    title: str | None = None
    snippet: str | None = None
    published: str | None = None
    """In any form."""


def kept(raw: Iterable[Raw], limit: int, policy: SourcePolicy | None) -> tuple[Hit, ...]:
    """The hits, best first as they are given: at most `limit`, only pages of the web that the policy allows, no page twice."""
    hits: list[Hit] = []
    seen: set[str] = set()
    for each in raw:
        if len(hits) >= limit:
            break
        url = each.url.strip()
        published = day(each.published)
        if not is_web(url) or (policy is not None and not policy.allows(url, published)):
            continue
        if (page := canonical_url(url)) in seen:
            continue
        seen.add(page)
        hits.append(
            Hit(
                url=url,
                title=_text(each.title, TITLE),
                snippet=_text(each.snippet, SNIPPET),
                score=1 / len(seen),
                published=published,
            )
        )
    return tuple(hits)


def day(said: str | None) -> str | None:
    """A date or date-time in ISO 8601, from any form that names one day; None for `3 days ago`, a bare year and the like."""
    if not said or not (said := said.strip()):
        return None
    if _ISO.fullmatch(said):
        try:
            return datetime.fromisoformat(said).isoformat() if len(said) > 10 else datetime.fromisoformat(said).date().isoformat()
        except ValueError:
            pass  # the day may still be read from it
    stated = [each for each in dates(said[:100]) if each.day is not None and not each.swapped]
    return stated[0].iso() if len(stated) == 1 else None


def _text(said: str | None, most: int) -> str:
    if not said:
        return ""
    plain = html.unescape(_TAG.sub("", said[: 20 * most]))
    return " ".join(plain.encode("utf-8", "replace").decode().split())[:most]
