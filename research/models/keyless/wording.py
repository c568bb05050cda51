"""Wording: what a question in plain words asks for, and the classes of the words of a text (by `wording.toml`)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from research.evidence.ranking import words
from research.models.keyless.vocabulary import STOP
from research.records import read_table

_TABLE: Final = read_table("research.models.keyless", "wording.toml")
_CLASSES: Final = {
    **{word: name for name, spelled in _TABLE["classes"].items() for word in spelled.split()},
    **{word: word for word in ("of", "in", "on", "at", "from", "to", "by", "with", "for", "as")},
}
_NOUNS: Final = {word: name for name, spelled in _TABLE["nouns"].items() for word in words(spelled)}
_NUMERALS: Final = frozenset(_TABLE["numerals"].split())
_SORTS: Final = frozenset(_TABLE["sorts"].split())
_AMOUNTS: Final = frozenset(_TABLE["amounts"].split())
_MONTH: Final = re.compile(
    "(?:January|February|March|April|May|June|July|August|September|October|November|December|Sept?|Oct|Nov|Dec|Jan|Feb)$"
)
_YEAR: Final = re.compile(r"(?:1\d|20)\d\d$")
_ORDINAL: Final = re.compile(r"\d+(?:st|nd|rd|th|s)$")
"""`19th`, `1960s`."""
_ENDINGS: Final = (("ly", "ly"), ("ing", "ing"), ("ed", "ed"), ("ss", "word"), ("s", "plural"))
_TIME: Final = re.compile(r"\d\d?:\d\d$|\d\d?\.\d\d?\.\d{4}$")
"""`9:30`, `20.07.1969`."""
_MARK: Final = re.compile(r"\d\d?:\d\d\b|\d[\d.,]*\d(?:(?:st|nd|rd|th|s)\b)?|\w+(?:[.'’-]\w+)*|[^\w\s]")
CONTENT: Final = frozenset(
    ("number", "ordinal", "numeral", "year", "month", "time", "name", "word", "plural", *("ly", "ing", "ed"))
)
"""Classes of words that say something of their own."""
PREPOSITIONS: Final = frozenset(("of", "in", "on", "at", "from", "to", "by", "with", "for", "as", "prep"))
_VERBS: Final = ("be", "have", "do")
_NAMED: Final = re.compile(r"(?<!^)\b(?:[A-ZÀ-Þ][\w'’-]+|\d[\d.,]*)")
_ASKS: Final = {"who": "who", "whom": "who", "whose": "who", "which": "what"}


@dataclass(frozen=True, slots=True)
class Mark:
    """A word or a punctuation mark: `text[start:end]`."""

    text: str
    kind: str
    """Its class."""
    stems: tuple[str, ...]
    start: int
    end: int

    @property
    def tells(self) -> bool:
        return self.kind in CONTENT


def marks(text: str) -> list[Mark]:
    """The words and marks of a text."""
    return [Mark(m[0], *_read(m[0]), m.start(), m.end()) for m in _MARK.finditer(text)]


@lru_cache(maxsize=65536)
def _read(word: str) -> tuple[str, tuple[str, ...]]:
    """The class of a word and its stems."""
    if not word[0].isalnum():
        return "(" if word in "(“‘[" else ")" if word in ")”’]" else word, ()
    folded, stems = word.casefold(), tuple(words(word))
    if _TIME.match(word):
        return "time", stems
    if word[0].isdigit():
        return "year" if _YEAR.match(word) else "ordinal" if _ORDINAL.match(word) else "number", stems
    if word[0].isupper() and _MONTH.match(word):
        return "month", stems
    if folded in _CLASSES:
        return _CLASSES[folded], stems
    if _NUMERALS.issuperset(folded.split("-")):
        return "numeral", stems
    return "name" if word[0].isupper() else next((name for end, name in _ENDINGS if word.endswith(end)), "word"), stems


@dataclass(frozen=True, slots=True)
class Wording:
    """A question in plain words, taken apart."""

    kind: str
    """What it asks for: `who`, `when`, `how many`, `what place`, `what done` (what did … do?), `what is`, `what`; `none`
    without a question word."""
    form: str
    """The verb behind what is asked for (`be`, `have`, `do`), `subject` for a verb of its own, `last` where the question word
    stands late."""
    focus: frozenset[str]
    """Stems of the noun that is asked for: `river` in "which river …"."""
    lead: str
    """The preposition before the question word: `in` of "in which year"."""
    first: str
    last: str
    """The first and the last telling word behind what is asked for; "" if there is none."""
    telling: frozenset[str]
    """Stems of all words that tell something."""
    named: frozenset[str]
    """Stems of names and numbers: a passage that lacks them hardly answers."""
    is_yes_or_no: bool = False
    """It begins with a verb and has no question word: `Was it crewed?`"""


def wording_of(asked: str) -> Wording:
    """Read a question."""
    found = marks(asked)
    telling = frozenset(words(asked)) - STOP
    named = frozenset(w for match in _NAMED.finditer(asked) for w in words(match[0])) - STOP
    at = _question_word(found)
    if at is None:
        return Wording("none", "subject", frozenset(), "", *_ends(found), telling, named, bool(found) and found[0].kind in _VERBS)
    word = found[at].text.casefold()
    kind, behind = _ASKS.get(word, word), at + 1
    if kind == "how" and behind < len(found) and (amount := found[behind].text.casefold()) in {"many", *_AMOUNTS}:
        kind, behind = "how many" if amount == "many" else "how much", behind + 1
    phrase, end = _noun_phrase(found, behind)
    verb = found[end].kind if end < len(found) else ""
    closed = verb in (*_VERBS, "of")
    nouns = phrase[-2:] if closed else phrase[:2]
    if word in ("what", "which", "whose") and not phrase and verb in _VERBS:
        nouns = _noun_phrase(found, end + 1)[0][:1] if verb == "be" else []
        kind = "what is" if verb == "be" else "what done"
    if kind.startswith("what"):
        stems = [stem for mark in reversed(nouns) for stem in mark.stems]
        noun = next((_NOUNS[stem] for stem in stems if stem in _NOUNS), "")
        kind = f"what {noun or 'noun'}" if noun or phrase else kind
    late = at > len(found) / 2
    form = "last" if late else verb if verb in _VERBS else "subject"
    rest = found if late else found[end if closed else min(at + 1 + bool(phrase), end) :]
    lead = found[at - 1].text.casefold() if at and found[at - 1].kind in PREPOSITIONS else ""
    is_of_noun = kind.startswith("what") or word == "whose" or kind == "how many"
    focus = frozenset(stem for mark in nouns for stem in mark.stems) if is_of_noun else frozenset[str]()
    return Wording(kind, form, focus, lead, *_ends(rest), telling, named)


def _question_word(found: list[Mark]) -> int | None:
    """The place of the question word; a clause's own `when` before it is none."""
    places = [place for place, mark in enumerate(found) if mark.kind == "ask"]
    if len(places) > 1 and found[places[0]].text.casefold() in ("when", "where") and found[places[0] + 1].kind not in _VERBS:
        return places[1]
    return places[0] if places else None


def _noun_phrase(found: list[Mark], start: int) -> tuple[list[Mark], int]:
    """The words of a noun phrase without its articles, and where it ends; `types of cells` is about cells."""
    phrase: list[Mark] = []
    for place, mark in enumerate(found[start:], start):
        if mark.tells or mark.kind == "adv":
            phrase.append(mark)
        elif mark.kind == "of" and phrase and phrase[-1].text.casefold() in _SORTS:
            phrase.clear()
        elif mark.kind not in ("det", "poss") or phrase:
            return phrase, place
    return phrase, len(found)


def _ends(found: list[Mark]) -> tuple[str, str]:
    telling = [stem for mark in found for stem in mark.stems if stem not in STOP]
    return (telling[0], telling[-1]) if telling else ("", "")
