"""Which sources may be used: domains in, domains out, and how old."""

from __future__ import annotations

import re
from datetime import date, datetime
from functools import cached_property
from typing import Annotated, Final

from pydantic import AfterValidator, Field, model_validator

from research.records import PublishedRecord
from research.task.urls import ascii_host, host_of, is_public_suffix

MAX_DOMAINS: Final = 200
_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_DOMAIN: Final = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})+|(?:\.{_LABEL})+)")


def _domain(entry: str) -> str:
    if "://" in entry:
        raise ValueError(f'"{entry}" has a scheme: write the domain only, such as example.com')
    if "/" in entry:
        raise ValueError(f'"{entry}" has a path: write the domain only, such as example.com')
    try:
        domain = ascii_host(entry)
    except UnicodeError:
        domain = ""
    if not _DOMAIN.fullmatch(domain) or len(domain) > 253:
        hint = f"; a whole ending is written .{domain}" if domain.isalnum() else ""
        raise ValueError(f'"{entry}" is not a domain: write example.com, docs.example.com, .gov or .co.uk{hint}')
    if is_public_suffix(domain) and not domain.startswith("."):
        raise ValueError(f'"{entry}" is an ending that many domains share, and no domain: a whole ending is written .{domain}')
    return domain


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat() if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else _no_day(text)
    except ValueError:
        return _no_day(text)


def _no_day(text: str) -> str:
    raise ValueError(f'"{text}" is not a date: write YYYY-MM-DD')


Domain = Annotated[str, AfterValidator(_domain)]
"""`example.com` (and its subdomains), `.gov` or `.co.uk` (all that ends so); kept as DNS writes it."""


class SourcePolicy(PublishedRecord):
    """Which sources may be used."""

    include_domains: tuple[Domain, ...] = ()
    """If there are any, only these. They win over `exclude_domains`."""
    exclude_domains: tuple[Domain, ...] = ()
    """None of these. At most 200 domains in both lists together."""
    after_date: Annotated[str, AfterValidator(_day)] | None = Field(default=None, json_schema_extra={"format": "date"})
    """YYYY-MM-DD: nothing published before this day. What has no date is kept."""

    @model_validator(mode="after")
    def _not_too_many(self) -> SourcePolicy:
        if (count := len(self.include_domains) + len(self.exclude_domains)) > MAX_DOMAINS:
            raise ValueError(f"has {count} domains; include_domains and exclude_domains have at most {MAX_DOMAINS} together")
        return self

    @cached_property
    def _sets(self) -> tuple[frozenset[str], frozenset[str]]:
        return frozenset(self.include_domains), frozenset(self.exclude_domains)

    def allows(self, url: str, published: str | None = None) -> bool:
        """Whether a page may be used. `published` is an ISO 8601 date or date-time as the page says it; the day is taken as it is
        written, whatever its time zone. A URL without a host is in no domain.
        """
        include, exclude = self._sets
        endings = _endings(url)
        if include and not include & endings:
            return False
        if not include and exclude & endings:
            return False
        day = _published_day(published) if self.after_date and published else None
        return day is None or day >= date.fromisoformat(self.after_date or "")

    @staticmethod
    def knows_day(published: str | None) -> bool:
        """Whether a page says when it was published, in a form that `after_date` can be held against."""
        return published is not None and _published_day(published) is not None


def _endings(url: str) -> set[str]:
    """Every domain entry that a URL's host falls under: for `a.b.gov` these are `a.b.gov`, `.b.gov`, `b.gov`, `.gov`, `gov`."""
    host = host_of(url)
    if not host:
        return set()
    labels = host.split(".")
    tails = [".".join(labels[i:]) for i in range(len(labels))]
    return {*tails, *(f".{tail}" for tail in tails[1:])}


def _published_day(published: str) -> date | None:
    try:
        return datetime.fromisoformat(published).date()
    except ValueError:
        return None
