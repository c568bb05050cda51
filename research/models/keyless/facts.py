"""Facts: the key-value structure of a page's passages: fact lines, page data, lists under headings, tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final, Literal

from research.evidence.passages import sentences
from research.evidence.ranking import words
from research.models.keyless.vocabulary import CONTAINERS, STOP, key_words, names_property, weight
from research.ports.page import Passage
from research.values.labels import PERIOD, PROPERTIES, key_of_the_page, without_measure

Origin = Literal["data", "facts", "under", "table", "list"]

_FACT: Final = re.compile(r"(?:[-*] |\d{1,3}[.)] )?([^\s:|#][^:\n]{0,79}?)\s*[:：]\s+(\S.*)")
_ITEM: Final = re.compile(r"(?:[-*•] |\d{1,3}[.)] )(.+)")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_JOINED: Final = re.compile(r"[_\-:/]+")
_BEHIND: Final = re.compile(r"\s+(?:of|in|at|on|for|by|per|to|from|with|after|before|and|or)(?:\s+|\Z)|\s*[(,;:/]", re.I)
_NEXT_FACT: Final = re.compile(r"(?<=\.)\s+(?=[A-Z]\w*(?:\s\w+){0,3}:\s)")
"""Before a fact behind a shortened word: `Builder: Oak & Co. Owner: Lee plc`."""
_EMPTY_TAILS: Final = frozenset(("name", "value", "text", "content", "@value", "label", "title", "contenturl", "address"))
_IGNORED_TAILS: Final = frozenset(("@type", "@id", "@context", "url", "item", "position", "identifier.@type"))
_FAR: Final = frozenset(
    words("review comment breadcrumb related itemlistelement similar recommended is_related_to is_similar_to suggested")
)
_TITLE: Final = frozenset(words("title"))
HEADING: Final = "the page's heading"
"""The key of the page's own heading."""
_UNITS_BESIDE: Final = ("priceCurrency", "currency", "unitText", "unitCode")
"""Of page data, what stands beside an amount and says in what it is counted."""
MAX_KEY_WORDS: Final = 8


@dataclass(frozen=True, slots=True)
class Fact:
    """`key: value` as a page says it. `values` holds one value, or the items of a list."""

    key: str
    """As people read it: `Launch date`, `offers.price`."""
    words: frozenset[str]
    """Stems of the key itself."""
    head: str
    """The stem of the key's head, the word that the others only narrow: `site` in `Launch site`, `mass` in `Mass at launch`."""
    context: frozenset[str]
    """Stems of what stands above the key: parts of a path, the heading of a section, a table's row."""
    values: tuple[str, ...]
    places: tuple[int, ...]
    """For each value, the place of its passage among the page's passages."""
    origin: Origin
    subjects: tuple[str, ...] = ()
    """What a row of a table may be about (its other cells), or the sentences before; none where it is the page itself."""
    thing: str = ""
    """The thing in the page data that the fact belongs to: `Recipe`, `Product#2`, `og`, `meta`."""
    label: str = ""
    """What else announces the values and may name their unit: a table's head cells, the heading above it. A line each."""
    depth: int = 0
    """How many things stand between the page's subject and the key (`author.name` is its author: 0)."""


@lru_cache(maxsize=16384)
def stems(text: str) -> frozenset[str]:
    """The words of a key, without those that say nothing."""
    found = key_words(_apart(text))
    telling = frozenset(word for word in found if word not in STOP)
    if telling and found[-1] in STOP and names_property(telling | {found[-1]}):
        return telling | {found[-1]}  # `Founded by` is not `Founded`.
    return telling or frozenset(found)


def _apart(text: str) -> str:
    """The words of a name for machines apart: `datePublished`; not of one that people have divided themselves: `PubChem CID`."""
    return _JOINED.sub(" ", text if " " in text else _CAMEL.sub(" ", text))


@lru_cache(maxsize=16384)
def letters(key: str) -> str:
    """The letters and digits of a key (of a path its last part) in lower case, which are the same however it is divided:
    `inchikey` of `InChI Key`, `wifi` of `Wi-Fi`."""
    return re.sub(r"[\W_]+", "", key if " " in key else key.rpartition(".")[2]).casefold()


@lru_cache(maxsize=16384)
def head(text: str) -> str:
    """The stem of a phrase's head: its last telling word before what narrows it from behind; "" if no word tells anything."""
    spaced = _apart(text)
    for part in (_BEHIND.split(spaced, maxsplit=1)[0], spaced):
        telling = [word for word in key_words(part) if word not in STOP and weight(word) >= 1]
        if telling:
            return telling[-1]
    return ""


def facts_of(passages: Sequence[Passage]) -> tuple[Fact, ...]:
    """All facts of a page, in page order."""
    found: list[Fact] = []
    named = False
    paths: dict[str, tuple[list[str], list[int]]] = {}
    for place, passage in enumerate(passages):
        match passage.kind:
            case "heading":
                if not named and passage.text.startswith("# "):
                    named = True
                    found.append(Fact(HEADING, _TITLE, "", frozenset(), (passage.text[2:].strip(),), (place,), "facts"))
            case "data":
                _collect_data(passage, place, paths)
            case "table":
                found.extend(_table(passage, place))
            case "facts" | "list" | "paragraph":
                found.extend(_lines(passage, place))
    found.extend(_lists(passages))
    found.extend(_under(passages))
    for path, (values, places) in paths.items():
        beside = [paths.get(f"{path.rpartition('.')[0]}.{unit}") for unit in _UNITS_BESIDE]
        found.extend(_data(path, values, places, next((f"({other[0][0]})" for other in beside if other), "")))
    return tuple(found)


def _keyed(
    key: str, values: Iterable[str], places: Iterable[int], origin: Origin, above: str = "", **more: Any
) -> Iterator[Fact]:
    """The fact, if its key is one: some words, and not too many. `above` stands above the key."""
    if 0 < len(stemmed := stems(said := without_measure(key))) <= MAX_KEY_WORDS:
        yield Fact(key.strip(), stemmed, head(said), stems(above), tuple(values), tuple(places), origin, **more)


def _collect_data(passage: Passage, place: int, paths: dict[str, tuple[list[str], list[int]]]) -> None:
    for line in passage.text.split("\n"):
        path, mark, value = line.partition(": ")
        if not mark or " " in path:  # The rest of a value too long for one passage.
            if paths and line.strip():
                values, places = next(reversed(paths.values()))
                values[-1] = f"{values[-1]} {line.strip()}"
            continue
        if value.strip():
            parts = [part for part in path.split(".") if not part.isdigit()]
            values, places = paths.setdefault(".".join(parts), ([], []))
            values.append(value.strip())
            places.append(place)


def _data(path: str, values: Iterable[str], places: Iterable[int], label: str) -> Iterator[Fact]:
    """A fact from a machine's path. `Product.offers.price` -> key `price` below `offers`; `author.name` is the author."""
    parts = path.split(".")
    thing = ""
    if parts[-1].casefold() in _IGNORED_TAILS or parts[-1].startswith("@"):
        return
    if len(parts) > 1 and (parts[0][:1].isupper() or parts[0] in ("og", "meta", "twitter", "html")):
        thing, *parts = parts
    while len(parts) > 1 and parts[-1].casefold() in _EMPTY_TAILS:
        parts.pop()
    *above, key = map(stems, parts)
    depth = sum(not part <= CONTAINERS for part in above) + 2 * any(part & _FAR for part in above)
    context = frozenset(word for part in above for word in part)
    yield Fact(path, key, head(parts[-1]), context, tuple(values), tuple(places), "data", (), thing, label, depth)


def _lines(passage: Passage, place: int) -> Iterator[Fact]:
    """`Key: value` lines. Of several sentences in one line, or of a paragraph of prose, those that are such."""
    lines = passage.text.split("\n")
    said = [*_said(passage.text, place)] if len(lines) == 1 or passage.kind == "paragraph" else []
    is_prose = passage.kind == "paragraph" and (len(lines) > 1 or len(passage.text) > 240)
    if is_prose or len(said) > 1 or any(fact.subjects for fact in said):
        yield from said
        return
    label = heading = passage.heading.rpartition(" > ")[2]
    is_first = True
    for match in filter(None, (_FACT.fullmatch(line.strip()) for line in lines)):
        for fact in _keyed(match[1], (match[2].strip(),), (place,), "facts", heading, label=label):
            yield fact
            if is_first and PERIOD.fullmatch(match[2]):  # `Key figures (in thousands): 2024` is the head of a table
                label = f"{fact.key}\n{heading}"
            is_first = False


def _said(text: str, place: int) -> Iterator[Fact]:
    """Sentences that are nothing but `Key: value.`; they speak of what the other sentences before them name."""
    before: list[str] = []
    for piece in (piece for start, end in sentences(text) for piece in _NEXT_FACT.split(text[start:end])) if ": " in text else ():
        match = _FACT.fullmatch(piece)
        if match and len(match[1].split()) <= 4 and len(piece) <= 120 and not re.search(r"\d", match[1]):
            yield from _keyed(match[1], (match[2].rstrip(". "),), (place,), "facts", subjects=tuple(before))
        else:
            before.append(piece)


def _lists(passages: Sequence[Passage]) -> Iterator[Fact]:
    """A list is what its heading says, or the short paragraph that leads to it. Lists of one section are one."""
    found: dict[tuple[str, str], list[tuple[str, int]]] = {}
    lead = ""
    for place, passage in enumerate(passages):
        if passage.kind == "list":
            items = (_ITEM.fullmatch(line.strip()) for line in passage.text.split("\n"))
            found.setdefault((passage.heading, lead), []).extend((item[1].strip(), place) for item in items if item)
        else:
            lead = passage.text.rstrip(" :：") if passage.kind == "paragraph" and len(passage.text) <= 60 else ""
    for (heading, led_by), listed in found.items():
        for title in dict.fromkeys(filter(None, [led_by, *reversed(heading.split(" > "))])):
            yield from _keyed(title, (value for value, _ in listed), (place for _, place in listed), "list")


def _under(passages: Sequence[Passage]) -> Iterator[Fact]:
    """A short paragraph right below a heading is what the heading says: `## Motion picture rating`, `Rated PG for …`."""
    for place, (above, below) in enumerate(pairwise(passages), start=1):
        if above.kind == "heading" and below.kind == "paragraph" and not above.text.startswith("# ") and len(below.text) <= 200:
            yield from _keyed(above.text.lstrip("# "), (below.text.split("\n")[0],), (place,), "under")


def _table(passage: Passage, place: int) -> Iterator[Fact]:
    """Each cell below a header is a fact about the rest of its row; each row of two cells also one about the page, and so each
    cell of a year. Where the columns are things, a cell is a fact about what its head cell names."""
    lines = [*filter(None, [passage.columns]), *passage.text.split("\n")]
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
    header, *body = rows
    heading = passage.heading.rpartition(" > ")[2]
    label = f"{header[0]}\n{heading}"
    is_alone = len(body) == 1 and not passage.columns and not any(re.match(r"[^\W\d_]", cell) for cell in body[0])
    for row in body:
        for at, (title, cell) in enumerate(zip(header, row, strict=False)):
            if title and cell:
                others = tuple(other for place_of, other in enumerate(row) if place_of != at and other)
                yield from _keyed(title, (cell,), (place,), "table", heading, subjects=others, label=label)
                if is_alone:  # a row of nothing but figures is about the page
                    yield from _keyed(title, (cell,), (place,), "facts", heading, label=label)
                elif key := key_of_the_page(header[0], title, row[0]) if at else "":
                    yield from _keyed(key, (cell,), (place,), "facts", heading, label=label)
                elif at and PROPERTIES.fullmatch(header[0]):
                    yield from _keyed(row[0], (cell,), (place,), "table", heading, subjects=(title,), label=label)
    for row in body if passage.columns else rows:
        if len(row) == 2 and all(row):
            yield from _keyed(row[0], row[1:], (place,), "facts", label="\n".join([*header, heading]))
