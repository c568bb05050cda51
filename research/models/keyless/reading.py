"""Reading: a page's passages taken apart once, however many questions are asked of it."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

from cachetools import LRUCache

from research.evidence.passages import sentences
from research.evidence.ranking import words
from research.models.keyless.facts import Fact, facts_of
from research.models.keyless.shapes import defined
from research.models.keyless.vocabulary import STOP
from research.ports.page import Hit, Passage
from research.sources.injection import instructions_in
from research.values.dates import writes_month_first
from research.values.numerals import decimal_mark_of

LARGE: Final = 100_000
"""Characters of a page. What is longer is read beside the event loop."""
_WRAPPED: Final = re.compile(r"(?<=[^\n]{60})(?<![.:;!?])\n(?=\S)")
"""The end of a line of wrapped text, where its sentence goes on."""
_LABELLED: Final = re.compile(r"(?:[^:：.()]|\([^()]*\)|(?<=\b[A-Z])\.|(?<=Dr|Mr|St)\.|(?<=Mrs)\.){1,80}[:：]\s|.*\n", re.DOTALL)
"""What begins with a word and a colon, and several lines: no claim of the page's own (`Rumour: …`, `Ann Lee: …`)."""
FIRST_SENTENCES: Final = 4
"""Sentences of a page that say what its subject is."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence and where it stands: `passages[place].text[start:end]`."""

    place: int
    start: int
    end: int
    text: str
    words: tuple[str, ...]
    """Stems, in order, repeats kept."""


class Reading:
    """What can be found in one page. Places are places in `passages`; ids of passages are the caller's matter, since they differ
    from task to task."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._texts = [(p.text, p.kind, p.heading) for p in passages]
        self.is_large: Final = passages[-1].end > LARGE if passages else False
        """Whether looking through it is no work for an event loop."""
        self.facts: tuple[Fact, ...] = facts_of(passages)

    def __len__(self) -> int:
        """How many passages it has."""
        return len(self._texts)

    @cached_property
    def titles(self) -> tuple[str, ...]:
        """What the page calls itself: its first headings of the first rank, and its own data."""
        headings = [text.lstrip("# ") for text, kind, _ in self._texts if kind == "heading" and text.startswith("# ")][:2]
        return tuple(dict.fromkeys([*headings, *(fact.values[0] for fact in self._names[:4])]))

    @cached_property
    def title_texts(self) -> tuple[tuple[str, int], ...]:
        """The texts by which the page calls itself, each with its place: headings, and titles in its data."""
        headings = [(t.lstrip("# ").strip(), p) for p, (t, kind, _) in enumerate(self._texts) if kind == "heading"][:12]
        return tuple(dict.fromkeys([*headings, *((fact.values[0], fact.places[0]) for fact in self._names[:6])]))

    @cached_property
    def thing_names(self) -> dict[str, str]:
        """The names of the things in the page's data."""
        return {fact.thing: fact.values[0] for fact in reversed(self._names)}

    @cached_property
    def _names(self) -> tuple[Fact, ...]:
        """The names in the page's data, of things that do not belong to others."""
        named = (fact for fact in self.facts if fact.origin == "data" and fact.depth == 0)
        return tuple(fact for fact in named if fact.key.rpartition(".")[2] in ("title", "name", "headline"))

    @cached_property
    def suspected(self) -> bool:
        """Whether the page looks as if it tries to instruct a model. It cannot instruct this one, but such a page may say
        anything."""
        return bool(instructions_in("\n\n".join(text for text, _, _ in self._texts)))

    @cached_property
    def month_first(self) -> bool:
        """Whether its days in figures have the month before the day."""
        return writes_month_first("\n".join(text for text, _, _ in self._texts))

    @cached_property
    def decimal_mark(self) -> str:
        """The mark before the decimals of its numbers; "" where they do not show it."""
        return decimal_mark_of("\n".join(text for text, kind, _ in self._texts if kind != "data"))

    def heading(self, place: int) -> str:
        return self._texts[place][2]

    @cached_property
    def title_words(self) -> frozenset[str]:
        """Words of its titles."""
        return frozenset(word for title in self.titles for word in words(title))

    @cached_property
    def heading_words(self) -> frozenset[frozenset[str]]:
        """The telling words of each heading below its title."""
        below = [text for text, kind, _ in self._texts if kind == "heading" and not text.startswith("# ")]
        return frozenset(frozenset(words(text)) - STOP for text in below)

    @cached_property
    def sentences(self) -> tuple[Sentence, ...]:
        found = []
        for place, (text, kind, _) in enumerate(self._texts):
            if kind not in ("paragraph", "list") and (kind != "facts" or _LABELLED.match(text)):
                continue
            unwrapped = _WRAPPED.sub(" ", text)  # as long as the text, so that places stay true
            for start, end in sentences(unwrapped):
                piece = unwrapped[start:end]
                if kind != "facts" or not _LABELLED.match(piece):
                    found.append(Sentence(place, start, end, piece, tuple(words(piece))))
        return tuple(found)

    @cached_property
    def subject_words(self) -> frozenset[str]:
        """Words by which the page may call its subject: those of its titles, and of what the first sentences say that it is."""
        said = [s.text[start:end] for s in self.sentences[:FIRST_SENTENCES] for start, end in defined(s.text)]
        return frozenset(word for text in (*self.titles, *said[:2]) for word in words(text)) - STOP

    @cached_property
    def sentences_with(self) -> dict[str, list[int]]:
        """Places in `sentences` of those that hold a word."""
        index: dict[str, list[int]] = {}
        for place, sentence in enumerate(self.sentences):
            for word in set(sentence.words):
                index.setdefault(word, []).append(place)
        return index

    @cached_property
    def prose_postings(self) -> tuple[dict[str, list[tuple[int, int]]], dict[int, int]]:
        """For ranking: where each word stands among the passages that are no heading and no page data, as `(place, times)`,
        headings above a passage included; and each such passage's length in words."""
        postings: dict[str, list[tuple[int, int]]] = {}
        lengths: dict[int, int] = {}
        for place, (text, kind, heading) in enumerate(self._texts):
            if kind not in ("heading", "data"):
                stems = words(f"{heading}\n{text}")
                lengths[place] = len(stems)
                for word, times in Counter(stems).items():
                    postings.setdefault(word, []).append((place, times))
        return postings, lengths

    @cached_property
    def sentences_of(self) -> dict[int, list[Sentence]]:
        """The sentences of each passage that has any."""
        found: dict[int, list[Sentence]] = {}
        for sentence in self.sentences:
            found.setdefault(sentence.place, []).append(sentence)
        return found

    def kind(self, place: int) -> str:
        return self._texts[place][1]

    def text(self, place: int) -> str:
        return self._texts[place][0]


@dataclass(frozen=True, slots=True)
class ReadPage:
    """A page that was read for a task."""

    hit: Hit
    passages: tuple[Passage, ...]
    reading: Reading
    about: float = 0.0
    """How surely it is about the entity."""

    @property
    def title(self) -> str:
        return self.hit.title or next(iter(self.reading.titles), "")


_PARTS: Final = tuple(name for name, part in vars(Reading).items() if isinstance(part, cached_property))


class Shelf:
    """The readings of the pages read last, by the hash of their text."""

    def __init__(self, size: int = 512) -> None:
        self._readings: MutableMapping[tuple[str, int], Reading] = LRUCache(size)

    async def reading(self, passages: Sequence[Passage]) -> Reading:
        """Take a page apart, or recall it. `passages` are all passages of one page, and at least one. A large page is taken apart
        beside the event loop."""
        key = (passages[0].page_hash, len(passages))
        if (found := self._readings.get(key)) is None:
            is_large = passages[-1].end > LARGE
            found = self._readings[key] = await asyncio.to_thread(_whole, passages) if is_large else Reading(passages)
        return found


def _whole(passages: Sequence[Passage]) -> Reading:
    """A page taken apart in every way that it is asked for."""
    reading = Reading(passages)
    for part in _PARTS:
        getattr(reading, part)  # computed once, and kept
    return reading


@lru_cache(maxsize=65536)
def stem(token: str) -> str:
    """The stem of one token; "" for one that has none."""
    found = words(token)
    return found[0] if found else ""


def tokens(text: str) -> list[tuple[str, int, int]]:
    """The words of a text as `(stem, start, end)`."""
    return [(stem(m[0]), m.start(), m.end()) for m in re.finditer(r"[^\W_]+", text)]
