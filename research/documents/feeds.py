"""RSS, Atom and JSON Feed -> blocks: the feed's title, then a heading for each entry with its facts and its text.

XML is read by feedparser, which drops document types and loads nothing; it is handed bytes in memory, never an address.
"""

from __future__ import annotations

import io
import re
from calendar import timegm
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from time import struct_time
from typing import Any, Final

from research.documents.blocks import Block, Document, clean, fact
from research.documents.html import content

MAX_BYTES: Final = 3_000_000
"""Of a feed. A longer one is cut between two entries."""
MAX_ENTRIES: Final = 5_000
MAX_FACT: Final = 500
"""Characters of an extension's value. What is longer is no fact."""

_ENTRY_ENDS: Final = re.compile(r"</(?:\w+:)?(?:item|entry)\s*>", re.I)
_ENTRY: Final = re.compile(r"<(?:\w+:)?(?:item|entry)[\s>]", re.I)
_LEVELS_BELOW: Final = 2
"""Headings in an entry's text stand below the entry's own."""
_HANDLED: Final = frozenset(
    (  # noqa: SIM905
        "title link links id guid guidislink published updated created expired author author_detail authors publisher summary "
        "content tags language rights comments href wfw_commentrss slash_comments subtitle info generator ttl docs cloud "
        "sy_updateperiod sy_updatefrequency xmlns media_thumbnail media_content media_keywords itunes_explicit itunes_block "
        "itunes_title itunes_episodetype itunes_type errorreportsto tagline description"
    ).split()
)

Json = Any


def read_xml(text: str, url: str) -> Document:
    """RSS 0.9x, 1.0 and 2.0, and Atom. A broken feed is read as far as it can be."""
    import feedparser  # Here, because few runs meet a feed, and it takes a tenth of a second.

    kept, left_out = _cut(text)
    headers = {"content-type": "application/xml; charset=utf-8", "content-location": url}
    parsed = feedparser.parse(
        io.BytesIO(kept.encode("utf-8", "replace")), response_headers=headers, sanitize_html=False, resolve_relative_uris=False
    )
    # Plain dicts: feedparser's own answers for keys that are not there, with a warning.
    feed, all_entries = dict(parsed.feed), [dict(entry) for entry in parsed.entries]
    title, date = clean(_plain(_line(feed.get("title")))), _date(feed, "updated") or _date(feed, "published")
    facts = {
        "Author": _author(feed),
        "Link": _line(feed.get("link")),
        "Language": _line(feed.get("language")),
        "Updated": date,
        "Rights": _line(feed.get("rights")),
        "Categories": _tags(feed),
    }
    blocks = _part(title, 1, facts, _line(feed.get("subtitle")))
    entries = all_entries[:MAX_ENTRIES]
    for entry in entries:
        written = max((*(_line(each.get("value")) for each in entry.get("content") or ()), _line(entry.get("summary"))), key=len)
        facts = {
            "Published": _date(entry, "published") or _date(entry, "created"),
            "Updated": _date(entry, "updated") if entry.get("updated") != entry.get("published") else "",
            "Author": _author(entry),
            "Link": _line(entry.get("link")),
            "Categories": _tags(entry),
            "Attachments": ", ".join(
                _line(link.get("href")) for link in entry.get("links") or () if link.get("rel") == "enclosure"
            ),
        }
        facts |= {key: text for key, text in _extensions(entry, parsed.namespaces).items() if not facts.get(key)}
        blocks += _part(clean(_plain(_line(entry.get("title")))), _LEVELS_BELOW, facts, written)
    left_out += len(all_entries) - len(entries)
    newest = max((_date(entry, "updated") or _date(entry, "published") for entry in entries), default="")
    return Document(title, blocks, date or newest, [f"entries_left_out: {left_out}"] if left_out else [])


def read_json(feed: Mapping[str, Json]) -> Document:
    """JSON Feed 1 and 1.1."""
    title = clean(_line(feed.get("title")))
    facts = {"Author": _people(feed), "Link": _line(feed.get("home_page_url")), "Language": _line(feed.get("language"))}
    blocks = _part(title, 1, facts, _line(feed.get("description")))
    items = [item for item in _list(feed.get("items")) if isinstance(item, dict)]
    dates = []
    for item in items[:MAX_ENTRIES]:
        dates.append(_line(item.get("date_modified")) or _line(item.get("date_published")))
        blocks += _part(
            clean(_plain(_line(item.get("title")))),
            _LEVELS_BELOW,
            {
                "Published": _line(item.get("date_published")),
                "Updated": _line(item.get("date_modified")),
                "Author": _people(item),
                "Link": _line(item.get("url")) or _line(item.get("external_url")),
                "Categories": ", ".join(_line(tag) for tag in _list(item.get("tags"))),
                "Attachments": ", ".join(
                    _line(each.get("url")) for each in _list(item.get("attachments")) if isinstance(each, dict)
                ),
            },
            _line(item.get("content_html")) or _html_of(_line(item.get("content_text")) or _line(item.get("summary"))),
        )
    left_out = len(items) - MAX_ENTRIES
    return Document(title, blocks, max(dates, default=""), [f"entries_left_out: {left_out}"] if left_out > 0 else [])


def is_json_feed(value: Json) -> bool:
    """It says that it is a JSON Feed."""
    return isinstance(value, dict) and "jsonfeed.org/version" in str(value.get("version"))


def _html_of(text: str) -> str:
    """Plain text as HTML with the same lines."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;")
    return "".join(f"<p>{part}</p>" for part in escaped.split("\n") if part.strip())


def _cut(text: str) -> tuple[str, int]:
    """A feed cut after an entry, and closed again; how many entries are gone."""
    if len(text) <= MAX_BYTES:
        return text, 0
    ends = [match.end() for match in _ENTRY_ENDS.finditer(text, 0, MAX_BYTES)]
    at = ends[-1] if ends else MAX_BYTES
    start = text[:4096].lower()
    closing = "</feed>" if "<feed" in start else "</rdf:RDF>" if "<rdf:rdf" in start else "</channel></rss>"
    return text[:at] + closing, sum(1 for _ in _ENTRY.finditer(text, at))


def _part(title: str, level: int, facts: Mapping[str, str], written: str) -> list[Block]:
    """A heading, if there is a title; the facts that have a value; what is written."""
    lines = [fact(key, text) for key, value in facts.items() if (text := clean(value))]
    blocks = [Block("heading", [title], level)] if title else []
    return [*blocks, *([Block("facts", lines)] if lines else []), *_text(written)]


def _text(written: str) -> list[Block]:
    """The blocks of what is HTML more often than not."""
    if not written.strip():
        return []
    blocks = content.all_blocks(written)
    for block in blocks:
        block.level = min(block.level + _LEVELS_BELOW, 6) if block.kind == "heading" else 0
    return blocks


def _plain(text: str) -> str:
    """A title may hold markup, as text."""
    if "<" not in text and "&" not in text:
        return text
    return " ".join(block.text for block in content.all_blocks(f"<p>{text}</p>")) or text


def _extensions(entry: Mapping[str, Json], prefixes: Iterable[str]) -> dict[str, str]:
    """What modules add to an entry, without the prefixes of their names where these tell nothing
    apart: a price, a place, a duration."""
    bare = {key: key for key in entry} | {
        key: key.removeprefix(f"{prefix}_") for prefix in filter(None, prefixes) for key in entry if key.startswith(f"{prefix}_")
    }
    uses = Counter(bare.values())
    named = {key: name if uses[name] == 1 else key for key, name in bare.items()}
    return {
        clean(named[key].replace("_", " ").replace(":", " ")).capitalize(): text
        for key, value in sorted(entry.items())
        if isinstance(value, str)
        and key.lower() not in _HANDLED
        and not key.endswith(("_parsed", "_detail"))
        and 0 < len(text := clean(_plain(value))) <= MAX_FACT
    }


def _author(thing: Mapping[str, Json]) -> str:
    names = [_line(each.get("name")) or _line(each.get("email")) for each in thing.get("authors") or () if each]
    return ", ".join(dict.fromkeys(name for name in names if name)) or _line(thing.get("author")) or _line(thing.get("publisher"))


def _people(thing: Mapping[str, Json]) -> str:
    people = _list(thing.get("authors")) or [thing.get("author")]
    return ", ".join(_line(each.get("name")) for each in people if isinstance(each, dict) and each.get("name"))


def _tags(thing: Mapping[str, Json]) -> str:
    return ", ".join(dict.fromkeys(name for tag in thing.get("tags") or () if (name := _line(tag.get("term")))))


def _date(thing: Mapping[str, Json], name: str) -> str:
    """ISO 8601, in UTC where the feed gives a time that feedparser understands."""
    parsed = thing.get(f"{name}_parsed")
    if not isinstance(parsed, struct_time):
        return ""
    try:
        moment = datetime.fromtimestamp(timegm(parsed), UTC)
    except (ValueError, OverflowError, OSError):
        return ""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _line(value: Json) -> str:
    return value if isinstance(value, str) else ""
