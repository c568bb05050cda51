"""How good a source is, as far as the page itself tells: whose it is, what kind it is, how old it was when it was read.

`kind_of` looks at these in order, and the first that says something decides:

1. the table of well-known hosts (`known_sources.toml`);
2. endings that only public bodies get: governments, armed forces, universities and schools (`.gov`, `.gouv.fr`, `.ac.uk`, …) and
   bodies founded by treaty (`.int`). They are `official`; a person's own corner there (`/~name/`) is not;
3. the page's own data (`## Page data`): its schema.org types, and the software that made it;
4. the shape of its address (`/forum/`, `/questions/17/`, `/wiki/`).

Anything else is `unknown`, which is no blame. An organisation's own page is `official` if the page's data name the organisation
with an address on this very domain and the page is nothing else: nearly every blog names itself so on every article, shop page
and recipe, and these are not official about what they speak of.

What a page says of itself (3) it may say falsely: a kind is a hint for judging, never evidence. No network, no clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from research.ports.page import PAGE_DATA_HEADING, Page
from research.records import read_table
from research.result.result import SourceKind
from research.task.urls import host_of, is_public_suffix, is_web, registrable_domain

_PERSONAL: Final = re.compile(r"/(?:~|%7e)", re.I)

_DATA_LINE: Final = re.compile(r"([A-Za-z][\w-]{0,60})(?:#\d+)?\.([^:\n]{1,200}): ([^\n]*)")
_MAX_DATA: Final = 60_000
"""Characters of a page's data that are looked at; `research.web` writes fewer."""

_FORUM_SOFTWARE: Final = re.compile(
    r"\b(?:discourse|phpbb|vbulletin|xenforo|mybb|simple machines|smf|flarum|nodebb|vanilla forums|invision community|ip\.board"
    r"|fluxbb|punbb|bbpress|question2answer|lemmy|discuz)",
    re.I,
)
_WIKI_SOFTWARE: Final = re.compile(r"\bmediawiki\b", re.I)

_FORUM_HOST: Final = re.compile(r"(?:forums?|boards?|bbs|discuss|discourse)\.")
_FORUM_PATH: Final = re.compile(
    r"/(?:forums?|threads?|bbs|viewtopic\.php|viewforum\.php|viewthread\.php|showthread\.php|discussions)(?:[/.?]|$)"
    r"|/(?:questions?|topics?|discussion)/\d|/t/[^/]{1,200}/\d",
    re.I,
)
_WIKI_PATH: Final = re.compile(r"/(?:wiki/.|w/index\.php)")


def kind_of(page: Page) -> SourceKind:
    """What kind of source a page is, from its own data and its address: the one that answered, if that is of the web."""
    url = page.final_url if is_web(page.final_url) else page.url
    return kind_of_host(url) or _kind_by_data(page.text, url) or _kind_by_shape(url) or "unknown"


def kind_of_host(url: str) -> SourceKind | None:
    """What kind of source a host is by its name alone; None if that says nothing."""
    if not is_web(url):
        return None
    host = host_of(url)
    known = _known()
    labels = host.split(".")
    for place in range(len(labels) - 1):
        if (kind := known.get(".".join(labels[place:]))) is not None:
            return kind
    if _has_official_ending(host) and not _PERSONAL.match(_path(url)):
        return "official"
    return None


def domain_of(url: str) -> str:
    """The registered domain of a page's address: `bbc.co.uk`. "" for a document that is not of the web."""
    return registrable_domain(host_of(url)) if is_web(url) else ""


def age_days(published: str | None, fetched: datetime) -> int | None:
    """Whole days between a page's own date and the moment it was read; None if it has no date that can be read, or one that lies
    more than a day ahead. A date without a time zone is taken as UTC."""
    if published is None:
        return None
    try:
        dated = datetime.fromisoformat(published)
    except ValueError:
        return None
    dated = dated if dated.tzinfo is not None else dated.replace(tzinfo=UTC)
    days = (fetched.astimezone(UTC).date() - dated.astimezone(UTC).date()).days
    return max(days, 0) if days >= -1 else None


@lru_cache(maxsize=1)
def _known() -> Mapping[str, SourceKind]:
    table = read_table("research.sources", "known_sources.toml")
    kinds: tuple[SourceKind, ...] = ("official", "reference", "news", "forum")
    return {host: kind for kind in kinds for host in table[kind]["hosts"]}


@lru_cache(maxsize=1)
def _signs() -> Mapping[str, frozenset[str]]:
    table = read_table("research.sources", "source_signs.toml")
    return {name: frozenset(words) for name, words in table.items()}


def _has_official_ending(host: str) -> bool:
    labels = host.split(".")
    if labels[-1] in _signs()["official_tops"] and len(labels) > 1:
        return True
    pair = ".".join(labels[-2:])
    return pair in _signs()["official_pairs"] or (
        len(labels[-1]) == 2 and pair.partition(".")[0] in _signs()["official_seconds"] and is_public_suffix(pair)
    )


def _path(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _kind_by_data(text: str, url: str) -> SourceKind | None:
    domain, signs = domain_of(url), _signs()
    things: set[str] = set()
    own = False
    for thing, key, value in _data(text):
        name, key = thing.lower(), key.lower()
        if (name, key) == ("meta", "generator"):
            if _FORUM_SOFTWARE.search(value):
                return "forum"
            if _WIKI_SOFTWARE.search(value):
                return "reference"
        if (name, key) == ("og", "type"):
            things |= {"article"} if value.lower() not in signs["site_page_types"] else set()
        elif name == "meta" and key in signs["paper_meta"]:
            things.add("scholarlyarticle")
        elif thing == "article":
            things |= {"article"} if key.partition(".")[0] in signs["article_meta"] else set()
        else:
            things.add(name)
        if key.startswith("@type") or (key.startswith("publisher.@type") and "newsmediaorganization" in value.lower()):
            things.add(re.split(r"[/#]", value.rstrip("/#"))[-1].lower())
        own = own or (key == "url" and name in signs["organizations"] and domain != "" and domain_of(value) == domain)
    if things & signs["forum_types"]:
        return "forum"
    if things & signs["news_types"] and not things & signs["wares"]:
        return "news"
    if things & signs["reference_types"]:
        return "reference"
    return "official" if own and not things - signs["organizations"] - signs["companions"] else None


def _data(text: str) -> Iterator[tuple[str, str, str]]:
    """The lines of a page's data: the thing, the rest of the path, the value."""
    _, found, data = text.rpartition(f"\n{PAGE_DATA_HEADING}\n") if not text.startswith(PAGE_DATA_HEADING) else ("", "y", text)
    if not found:
        return
    for line in data[:_MAX_DATA].splitlines():
        if (match := _DATA_LINE.fullmatch(line)) is not None:
            yield match[1], match[2], match[3]


def _kind_by_shape(url: str) -> SourceKind | None:
    path = _path(url)
    if (is_web(url) and _FORUM_HOST.match(host_of(url).removeprefix("www."))) or _FORUM_PATH.search(path):
        return "forum"
    return "reference" if is_web(url) and _WIKI_PATH.match(path) else None
