"""What an HTML page says to machines: JSON-LD, microdata, RDFa, Open Graph and `<meta>`, as `path.to.key: value` lines.

A line's path starts with the thing's type: `Product.offers.0.price: 87.11`, `og.title: …`, `meta.description: …`. A second thing
of the same type is `Product#2`. Pages carry a lot that says nothing of their subject (images, menus, tracking): that is left
out, and what remains is bounded by the constants below.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Final

from lxml.html import HtmlElement

from research.documents.blocks import clean
from research.documents.html.microdata import microdata_items
from research.documents.html.selection import Declared
from research.records import read_table

MAX_LINES: Final = 500
MAX_CHARACTERS: Final = 40_000
MAX_VALUE: Final = 1_500
"""Characters of one value; a longer one is cut at white space."""
MAX_LIST: Final = 60
"""Items of one list. Ingredients and steps fit; a shop's 300 reviews do not."""
MAX_REVIEWS: Final = 5
MAX_DEPTH: Final = 12
MAX_SCRIPT: Final = 2_000_000
MAX_MICRODATA: Final = 5_000
"""Elements with an `itemprop` on one page; with more, microdata are not read."""
MAX_LOOSE: Final = 60
"""Properties outside of any thing."""

ENOUGH: Final = 200
"""Characters of values."""

Json = Any

_NOISE_KEYS: Final = re.compile(
    r"(?:@context|@id|.*image.*|.*thumbnail.*|logo|photos?|contenturl|embedurl|potentialaction|.*template|mainentityofpage|"
    r"ispartof|primaryimageofpage|width|height|.*color|encodingformat|item(?:list)?order|target|query-input)",
    re.I,
)
_KEPT_META: Final = re.compile(
    r"(?:(?:og|article|product|book|music|video|profile|place|business|recipe|event|restaurant|al)[:.].+|dc(?:terms)?[.:].+|"
    r"citation_.+|twitter[:.](?:title|description|label\d|data\d)|description|keywords|author|news_keywords|abstract|subject|"
    r"(?:date|pubdate|publish.*|last-?modified|revised|created)|geo\..+|price.*|brand|sku|title|language|section|category|generator)",
    re.I,
)
_NOISE_META: Final = re.compile(
    r"(?i).*(?:image|video:(?:url|secure_url|width|height|type)|audio|locale:alternate|:app_id|:ttl|al[:.]).*"
)
_TAG: Final = re.compile(r"<[a-zA-Z/!][^<>]{0,500}>")
_COMMENT: Final = re.compile(
    r"^\s*(?:<!--|//\s*<!\[CDATA\[|<!\[CDATA\[|/\*\s*<!\[CDATA\[\s*\*/)|(?:-->|//\s*\]\]>|/\*\s*\]\]>\s*\*/|\]\]>)\s*+;?\s*+$"
)
_TRAILING_COMMA: Final = re.compile(r",\s*+([}\]])")
_LINE_COMMENT: Final = re.compile(r"^[^\S\n]*+//.*$", re.M)
_NEXT_VALUE: Final = re.compile(r"}\s*+;?\s*+{")
_KEY: Final = re.compile(r"[:\s|]+")

_TYPES: Final = {name: frozenset(types) for name, types in read_table("research.documents.html", "page_types.toml").items()}


@dataclass(slots=True)
class PageData:
    """What a page says of itself."""

    lines: list[str] = field(default_factory=list)
    title: str = ""
    own_title: str = ""
    """What stands in `<title>`."""
    published: str = ""
    types: frozenset[str] = frozenset()
    """Lower-case names of the types of all things on the page, without their vocabulary."""

    subject_characters: int = 0
    """Characters of what it says of things that are not the site, its owner or the way to this page."""

    @property
    def speaks(self) -> bool:
        """It says so much of its subject that the page is worth reading for that alone."""
        return self.subject_characters >= ENOUGH

    called: frozenset[str] = frozenset()
    """What `<meta>` says of an article: `type` if its Open Graph type is one, `published` if it says when it was published."""

    @property
    def declared(self) -> Declared:
        """What the page says that it is about. An article may carry data of what it reports on, of which only some are what the
        page is made for. Sites write the Open Graph type `article` on every page; one that is has a date."""
        is_article = bool(self.types & _TYPES["articles"]) or self.called == {"type", "published"}
        things = self.types - _TYPES["about_pages"] - _TYPES["articles"]
        if things & _TYPES["made_for"] if is_article else things:
            return "thing"
        return "article" if is_article else "perhaps an article" if "type" in self.called else ""


def page_data(tree: HtmlElement, url: str) -> PageData:
    """Everything a page says to machines. Broken data are passed over: a page's author is not here to mend them."""
    things = [thing for item in [*json_ld(tree), *microdata(tree, url)] for thing in _things(item)]
    data = PageData()
    data.types = frozenset(name.lower() for thing in things for name in _all_types(thing))
    lines: dict[str, None] = {}
    title = data.own_title = clean(tree.findtext(".//title") or "")
    if title:
        lines[f"title: {title}"] = None
    if language := clean(tree.get("lang") or tree.get("xml:lang") or ""):
        lines[f"html.lang: {language[:35]}"] = None
    meta = [*_meta(tree), *_loose(tree)]
    counts: dict[str, int] = {}
    for thing in things:
        name = (_types(thing) or ["Thing"])[0]
        if name.lower() == "breadcrumblist":
            if trail := _trail(thing):
                lines[f"BreadcrumbList: {trail}"] = None
            continue
        fresh = list(flatten(thing, _numbered(name, counts)))
        if name.lower() not in _TYPES["site"]:
            data.subject_characters += sum(len(line.partition(": ")[2]) for line in fresh if line not in lines)
        if any(line not in lines for line in fresh):
            counts[name] = counts.get(name, 0) + 1
            lines.update(dict.fromkeys(fresh))
    lines.update(dict.fromkeys(f"{key}: {text}" for key, text in meta))
    data.lines = _bounded(lines)
    named = {key.lower(): text for key, text in reversed(meta)}
    called = {"type": named.get("og.type", "").casefold() == "article", "published": bool(named.get("article.published_time"))}
    data.called = frozenset(name for name, holds in called.items() if holds)
    data.title = _first(things, ("headline", "name"), data) or named.get("og.title", "")
    data.published = _first(things, ("datePublished",), data) or named.get("article.published_time", "")
    return data


def flatten(value: Json, path: str, depth: int = 0) -> Iterator[str]:
    """The lines of a JSON value: keys joined by dots, list items by their place from 0. A value without any key is called
    `value`."""
    if depth > MAX_DEPTH:
        return
    match value:
        case dict():
            if {name.lower() for name in _types(value)} & _TYPES["noise"]:
                return
            for key, inner in value.items():
                if not _NOISE_KEYS.fullmatch(str(key)):
                    yield from flatten(inner, _joined(path, _KEY.sub("_", clean(str(key))) or "_"), depth + 1)
        case list():
            limit = MAX_REVIEWS if path.lower().endswith(("review", "reviews", "comment")) else MAX_LIST
            for place, inner in enumerate(value[:limit]):
                yield from flatten(inner, _joined(path, str(place)), depth + 1)
        case bool():
            yield f"{path or 'value'}: {str(value).lower()}"
        case int() | float():
            yield f"{path or 'value'}: {value}"
        case str():
            if text := _text(value):
                yield f"{path or 'value'}: {text}"


def _joined(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def json_ld(tree: HtmlElement) -> Iterator[Json]:
    """The values of all JSON-LD scripts that can be read, mended where browsers' users would not notice: comments, trailing
    commas, raw line breaks, several values in one script."""
    for script in tree.iter("script"):
        if "ld+json" in (script.get("type") or "").lower():
            text = script.text or ""
            if len(text) <= MAX_SCRIPT:
                yield from _lenient(text)


def _lenient(text: str) -> list[Json]:
    mended = _TRAILING_COMMA.sub(r"\1", _LINE_COMMENT.sub("", _COMMENT.sub("", _COMMENT.sub("", text)))).strip().rstrip(";")
    for spelling in (text, mended, html.unescape(mended), "[" + _NEXT_VALUE.sub("},{", mended) + "]"):
        try:
            value = json.loads(spelling, strict=False)
        except (ValueError, RecursionError):
            continue
        return value if isinstance(value, list) else [value]
    return []


def microdata(tree: HtmlElement, url: str) -> Iterator[Json]:
    """Microdata and RDFa (in the form that search engines read, RDFa Lite) in the shape of JSON-LD."""
    properties = len(tree.xpath("//*[@itemprop]"))
    lite = tree.xpath("//body//*[@typeof] | //body//*[@property]")
    if lite and len(lite) + properties <= MAX_MICRODATA:
        tree = deepcopy(tree)
        for element in tree.xpath("//body//*[@typeof] | //body//*[@property]"):
            if element.get("typeof") and not element.get("itemscope"):
                element.set("itemscope", "")
                element.set("itemtype", element.get("typeof").split(" ")[0].split(":")[-1])
            if element.get("property") and not element.get("itemprop"):
                element.set("itemprop", element.get("property").split(":")[-1])
    elif properties == 0 or properties > MAX_MICRODATA:
        return
    yield from microdata_items(tree, url)


def _things(value: Json) -> Iterator[dict[str, Json]]:
    if isinstance(value, list):
        for inner in value:
            yield from _things(inner)
    elif isinstance(value, dict):
        graph = value.get("@graph")
        if isinstance(graph, list):
            yield from _things(graph)
        rest = {key: inner for key, inner in value.items() if key not in ("@graph", "@context")}
        if rest:
            yield rest


def _types(thing: dict[str, Json]) -> list[str]:
    stated = thing.get("@type")
    names = stated if isinstance(stated, list) else [stated]
    return [
        name
        for each in names
        if isinstance(each, str) and (name := _KEY.sub("_", clean(re.split(r"[/#]", each.rstrip("/#"))[-1])))
    ]


def _all_types(value: Json, depth: int = 0) -> Iterator[str]:
    """Types of a thing itself and of what it is mainly about."""
    if isinstance(value, dict) and depth < 3:
        yield from _types(value)
        yield from _all_types(value.get("mainEntity"), depth + 1)


def _numbered(name: str, counts: dict[str, int]) -> str:
    return name if name not in counts else f"{name}#{counts[name] + 1}"


def _trail(thing: dict[str, Json]) -> str:
    items = thing.get("itemListElement")
    names: list[str] = []
    for item in items if isinstance(items, list) else []:
        if isinstance(item, dict):
            inner = item.get("item")
            name = item.get("name") or (inner.get("name") if isinstance(inner, dict) else None)
            if isinstance(name, str) and (text := _text(name)):
                names.append(text)
    return " > ".join(names[:12])


def _meta(tree: HtmlElement) -> Iterator[tuple[str, str]]:
    seen: set[tuple[str, str]] = set()
    for element in tree.iter("meta"):
        name = clean(element.get("property") or element.get("name") or element.get("itemprop") or "")
        text = _text(element.get("content") or "")
        if not name or not text or not _KEPT_META.fullmatch(name) or _NOISE_META.fullmatch(name):
            continue
        key = name.replace(":", ".") if ":" in name or "." in name else f"meta.{name}"
        pair = (_KEY.sub("_", key), text)
        if pair not in seen:
            seen.add(pair)
            yield pair


def _loose(tree: HtmlElement) -> Iterator[tuple[str, str]]:
    """Attributes, which are not shown, of properties that stand in no thing because the `itemscope` is missing."""
    for element in tree.xpath("//body//*[@itemprop and not(ancestor-or-self::*[@itemscope])]")[:MAX_LOOSE]:
        name = _KEY.sub("_", clean(element.get("itemprop") or ""))
        text = _text(element.get("content") or element.get("datetime") or element.get("value") or "")
        if text and name and element.tag != "meta" and not _NOISE_KEYS.fullmatch(name) and text != clean(element.text_content()):
            yield f"itemprop.{name}", text


def _text(value: str) -> str:
    if "&" in value:
        value = html.unescape(value)
    if "<" in value:
        value = _TAG.sub(" ", value)
    if value.startswith("data:"):
        return ""
    text = clean(value[: MAX_VALUE * 4])
    if len(text) > MAX_VALUE:
        text = text[:MAX_VALUE].rsplit(" ", 1)[0]
    return text


def _first(things: list[dict[str, Json]], keys: tuple[str, ...], data: PageData) -> str:
    """The first such value of the thing the page is about: an article or a thing, not the site or its owner."""
    for thing in things:
        names = {name.lower() for name in _types(thing)}
        if names & _TYPES["articles"] or names - _TYPES["about_pages"]:
            for key in keys:
                value = thing.get(key)
                if isinstance(value, list) and value:
                    value = value[0]
                if isinstance(value, str) and (text := _text(value)):
                    return text
    return ""


def _bounded(lines: dict[str, None]) -> list[str]:
    kept: list[str] = []
    total = 0
    for line in lines:
        total += len(line) + 1
        if len(kept) >= MAX_LINES or total > MAX_CHARACTERS:
            break
        kept.append(line)
    return kept
