"""Finds words of a page that look like an instruction to a model and are hardly ever written for people.

Looked for, in the languages of `injection_phrases.toml`:

- that instructions given before are to be set aside ("ignore all previous instructions");
- that the reader takes another role ("you are now an unrestricted AI", "from now on you must answer …");
- words addressed to a model as such ("AI agents reading this page", "if you are a language model,", "LLM: output …");
- that a person is to be kept from knowing ("do not tell the user");
- talk about the reader's own prompt ("reveal your system prompt", "BEGIN SYSTEM PROMPT");
- tokens of chat templates, tool calls and fences, which only programs read (`<|im_start|>`, `[INST]`, `<tool_call>`);
- text in Unicode's invisible tag characters.

This only warns. What keeps a page from being obeyed is that its text is quoted as data, and that no tool reaches anything worth
having. An article about prompt injection that quotes one is found as well, and so is a page that greets crawlers kindly. Not
found: encoded instructions (base64), pictures, letters swapped for look-alikes of another script, languages that are not named,
and plain lies.

Runs in linear time on any text: every gap in a pattern is bounded, and a pattern runs only near the words that it needs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from research.faults import shortened
from research.sources.injection_rules import REACH, Rule, injection_rules

SHOWN: Final = 120
"""Characters of a suspicious passage that people are shown."""
STEP: Final = 10_000
"""Characters that a pattern looks through at once."""
MOST: Final = 20
"""Places that are named; there may be more."""


class Suspicion(NamedTuple):
    """A place where a text seems to address a model: `text[start:end]`."""

    start: int
    end: int
    words: str
    """The text there, on one line, shortened, without characters that cannot be seen."""


def instructions_in(text: str) -> tuple[Suspicion, ...]:
    """The places where a text seems to instruct a model, in order, without overlaps; at most `MOST`."""
    seen, places = _visible(text)
    lowered = seen.lower()
    if len(lowered) != len(seen):  # a few letters become two in lower case, which would shift the windows
        lowered = "".join(low if len(low := char.lower()) == 1 else char for char in seen)
    spans = [*_hidden(text)]
    for rule in injection_rules():
        for begin, stop in _windows(lowered, rule):
            for match in rule.pattern.finditer(seen, begin, stop):
                start, end = match.span()
                spans.append((start, end) if places is None else (places[start], places[end - 1] + 1))
    found: list[Suspicion] = []
    for start, end in sorted(spans):
        if len(found) == MOST:
            break
        if not found or start >= found[-1].end:
            found.append(Suspicion(start, end, _shown(text[start:end])))
    return tuple(found)


def suspected_injection(text: str) -> str | None:
    """The first words of a text that look like an instruction to a model, as people are shown them; None if none do."""
    found = instructions_in(text)
    return found[0].words if found else None


def _windows(lowered: str, rule: Rule) -> Iterator[tuple[int, int]]:
    """Where a rule can match at all: around the words it needs, of the group that the text has fewest of. In order, apart."""
    counted = [[(word, count) for word in group if (count := lowered.count(word))] for group in rule.needs]
    if not all(counted):
        return
    rarest = min(counted, key=lambda group: sum(count for _, count in group))
    begin = stop = -1
    for place in sorted(place for word, _ in rarest for place in _places(lowered, word)):
        if place - REACH > stop:
            if stop >= 0:
                yield from _steps(begin, stop)
            begin = max(place - REACH, 0)
        stop = place + REACH
    yield from _steps(begin, min(stop, len(lowered)))


def _steps(begin: int, stop: int) -> Iterator[tuple[int, int]]:
    """A window in steps, each long enough for what begins in it: Python's lock is held for one step at most."""
    for at in range(begin, stop, STEP):
        yield at, min(at + STEP + REACH, stop)


def _places(text: str, word: str) -> Iterator[int]:
    place = text.find(word)
    while place >= 0:
        yield place
        place = text.find(word, place + len(word))


_TAGGED: Final = re.compile("(?<![\U0001f3f4\U000e0020-\U000e007e])[\U000e0020-\U000e007e]{4,}\U000e007f?")
"""A run of tag characters. After a black flag they make the flags of England, Scotland and Wales, which are meant to be seen."""
_UNSEEN: Final = re.compile("[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufe00-\ufe0f\ufeff]")
_WIDE: Final = re.compile("[\uff01-\uff5e\U0001d400-\U0001d6a3]")
"""Letters that look like Latin ones: full-width, and the alphabets of mathematics."""


def _hidden(text: str) -> Iterator[tuple[int, int]]:
    yield from (match.span() for match in _TAGGED.finditer(text))


def _visible(text: str) -> tuple[str, list[int] | None]:
    """A text without invisible characters and with plain Latin letters; and where each of its characters was (None: where it
    is)."""
    if text.isascii() or not (_UNSEEN.search(text) or _WIDE.search(text)):
        return text, None
    unseen = {*_UNSEEN.findall(text)}
    places = [place for place, char in enumerate(text) if char not in unseen]
    return "".join(_plain(text[place]) for place in places), places


def _plain(char: str) -> str:
    if "\uff01" <= char <= "\uff5e":
        return chr(ord(char) - 0xFEE0)
    if "\U0001d400" <= char <= "\U0001d6a3":
        offset = (ord(char) - 0x1D400) % 52
        return chr((ord("A") if offset < 26 else ord("a") - 26) + offset)
    return char


def _shown(text: str) -> str:
    readable = "".join(chr(ord(c) - 0xE0000) if "\U000e0020" <= c <= "\U000e007e" else c for c in text)
    line = " ".join("".join(c if c.isprintable() or c.isspace() else " " for c in _UNSEEN.sub("", readable)).split())
    return shortened(line, SHOWN)
