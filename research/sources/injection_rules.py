"""The phrases of `injection_phrases.toml`, compiled."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from research.records import read_table

REACH: Final = 400
"""Characters: no phrase is longer."""

_NAMED: Final = re.compile(r"%(\w+)(?: (\d))?%")


@dataclass(frozen=True, slots=True)
class Rule:
    """One way of speaking to a model."""

    pattern: re.Pattern[str]
    needs: tuple[tuple[str, ...], ...]
    """Of each group one word, in lower case, is in every text that the pattern matches."""


@lru_cache(maxsize=1)
def injection_rules() -> tuple[Rule, ...]:
    """All rules, in the order of the file."""
    table = read_table("research.sources", "injection_phrases.toml")
    words = {name: _joined(text) for name, text in table["words"].items()}
    return tuple(_rule(entry, words) for entry in table["rules"])


def _rule(entry: Mapping[str, Any], words: Mapping[str, str]) -> Rule:
    patterns = []
    if "set_aside" in entry:
        patterns.append(_set_aside(**{name: _joined(text) for name, text in entry["set_aside"].items()}))
    if "pattern" in entry:
        pattern = _joined(entry["pattern"])
        patterns.append(_NAMED.sub(lambda name: _between(int(name[2])) if name[2] else words[name[1]], pattern))
    flags = re.NOFLAG if entry.get("exact") else re.IGNORECASE
    return Rule(re.compile("|".join(patterns), flags), tuple(map(tuple, entry["needs"])))


def _set_aside(verbs: str, before: str, nouns: str, after: str) -> str:
    """A verb, and near it a noun with an adjective before or after it."""
    far, near = _between(4), _between(1)
    return rf"\b(?:{verbs})(?:{far}(?:{before}){near}(?:{nouns})\b|{far}(?:{nouns}){near}(?:{after})\b)"


def _between(most: int) -> str:
    """The space between two words, with at most so many other words in it. A word may hold apostrophes and hyphens, and begins
    with neither: what can be read in two ways is tried in both, for each word anew."""
    return rf"(?:[^\w\n]{{1,3}}+\w{{1,24}}+(?:['’-]\w{{1,24}}+){{0,2}}){{0,{most}}}[^\w\n]{{1,3}}+"


def _joined(text: str) -> str:
    return "".join(text.splitlines())
