"""Turns the passage ids that a model cites in its prose into the `[N]` of `sources_detailed`, and nothing else.

A model's prose may carry what a page made it say. So references it invents, numbers of its own, links and images that lead
anywhere but to a source, and markup are taken out: what is left of a reference always resolves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Final, NamedTuple

_ID: Final = r"(?:s\d+)?p\d+"
_BETWEEN: Final = r"(?:[\s,;&/–-]|\band\b|\bsee\b|\bpassages?\b|\bsources?\b|:)*"
_GROUP: Final = re.compile(rf"(?<![ \t])[ \t]*\[({_BETWEEN}{_ID}(?:{_BETWEEN}{_ID})*{_BETWEEN})\](?!\()", re.IGNORECASE)
_ONE: Final = re.compile(_ID, re.IGNORECASE)
_LINK: Final = re.compile(r"\]\(")
_TARGET: Final = re.compile(r"([^()\s<>]*)\)")
_IMAGE: Final = re.compile(r"(?<!!)!++\[")
_REFERENCE: Final = re.compile(r"(?<![ \t])[ \t]*\[\s*+\^?\d++(?:\s*+[,;–-]\s*+\d++)*+\s*+\](?!\()")
_LINK_TARGET: Final = re.compile(r"^[ \t]*+\[[^\]]{1,999}\]:[ \t]*+\S.*$", re.MULTILINE)
_DEEPEST: Final = 20
_OPEN, _CLOSE = "\ue000", "\ue001"
"""Stand for the brackets of a number that is ours, until everything that is not ours is out."""
_NO_MARKS: Final = {ord(_OPEN): None, ord(_CLOSE): None}
_MARKUP: Final = re.compile(r"<(?=[a-zA-Z/!?])")


class Resolved(NamedTuple):
    """Prose whose every `[N]` names a source."""

    text: str
    dropped: tuple[str, ...]
    """References that name nothing."""


def cited_ids(prose: str) -> tuple[str, ...]:
    """The passage ids that a prose cites, in order, each once."""
    found = (one.lower() for group in _GROUP.finditer(prose) for one in _ONE.findall(group[1]))
    return tuple(dict.fromkeys(found))


def renamed(prose: str, name: Callable[[str], str]) -> str:
    """The prose with every cited id under another name."""

    def group(found: re.Match[str]) -> str:
        return f" [{', '.join(name(one.lower()) for one in _ONE.findall(found[1]))}]"

    return _GROUP.sub(group, prose)


def resolved(prose: str, numbers: Mapping[str, int], urls: Collection[str] = ()) -> Resolved:
    """Prose for readers.

    Args:
        prose: markdown that cites passages by id: `[s1p3, s2p4]`.
        numbers: the source's number of each passage.
        urls: addresses that a link may lead to.
    """
    dropped: list[str] = []

    def own_number(found: re.Match[str]) -> str:
        dropped.append(found[0].strip())
        return ""

    def group(found: re.Match[str]) -> str:
        ids = [one.lower() for one in _ONE.findall(found[1])]
        dropped.extend(one for one in ids if one not in numbers)
        places = dict.fromkeys(numbers[one] for one in ids if one in numbers)
        return " " + "".join(f"{_OPEN}{place}{_CLOSE}" for place in places) if places else ""

    def link(found: re.Match[str]) -> str:
        led = _TARGET.match(found.string, found.end())
        return found[0] if led is not None and led[1] in urls else "] ("

    text = _LINK_TARGET.sub("", prose.translate(_NO_MARKS))
    text = _settled(own_number, _GROUP.sub(group, _IMAGE.sub("[", text)))
    text = _MARKUP.sub("&lt;", _LINK.sub(link, text))
    return Resolved(text.replace(_OPEN, "[").replace(_CLOSE, "]").strip(), tuple(dict.fromkeys(dropped)))


def _settled(own_number: Callable[[re.Match[str]], str], text: str) -> str:
    """The text without numbers of its own. Taking one out can leave another: `[1[2]]`. What is nested deeper than `_DEEPEST` is
    no prose, and keeps no square bracket."""
    for _ in range(_DEEPEST):
        if (changed := _REFERENCE.sub(own_number, text)) == text:
            return text
        text = changed
    return text.replace("[", "(").replace("]", ")")


def without_citations(prose: str) -> str:
    """The prose alone."""
    return _GROUP.sub("", prose).strip()
