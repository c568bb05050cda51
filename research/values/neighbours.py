"""Neighbours: what stands beside a value in a text and says how it is meant (by `neighbours.toml`)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final

from research.records import read_table
from research.values.doubts import Doubt
from research.values.scales import MONEY_WORDS, alternatives

_TABLE: Final = read_table("research.values", "neighbours.toml")
_APPROXIMATE: Final = frozenset(_TABLE["approximate"].split())
_BOUND: Final = frozenset(_TABLE["bound_before"].split())
_BEGINNING: Final = frozenset(_TABLE["beginning"].split())
_HARMLESS: Final = frozenset(_TABLE["harmless"].split())
_BOUND_PHRASES: Final = re.compile(rf"(?<!\w)(?:{alternatives(_TABLE['bound_phrases'])})\W*$", re.IGNORECASE)
_BOUND_AFTER: Final = re.compile(
    rf"\s*(?:\+(?!\s?[€$£¥\d])|[(]?(?:{alternatives(_TABLE['bound_after'])})\b(?!\s?[€$£¥\d]))", re.IGNORECASE
)
_CHANGE_BEFORE: Final = re.compile(
    rf"(?<!\w)({alternatives(_TABLE['change_before'])})\s(?:of\s|by\s|um\s|de\s)?\W*$", re.IGNORECASE
)
_CHANGE_AFTER: Final = re.compile(rf"\s?[(]?({alternatives(_TABLE['change_after'])})\b", re.IGNORECASE)
_HYPOTHETICAL: Final = re.compile(
    rf"(?:\A|[.;:(,]\s?)\W*({alternatives(_TABLE['hypothetical'])})(?![\w'’-])[^.;()]*\Z", re.IGNORECASE
)
_TO_COME: Final = re.compile(rf"(?<![\w'’])({alternatives(_TABLE['to_come'])})\s(?:[^\W\d_]+\s){{0,4}}[(€$£¥]?\Z", re.IGNORECASE)
_SCHEDULED: Final = frozenset(_TABLE["scheduled"])
_NOT_YET: Final = re.compile(rf"(?<![\w'’])(?:{alternatives(_TABLE['not_yet'])})(?![\w'’])", re.IGNORECASE)
_FORMER: Final = re.compile(
    rf"(?<![\w'’])(?:{alternatives(_TABLE['former'])})\s(?:[^\W\d_]+\s){{0,2}}\Z|"
    rf"(?:\A|[.;(]\s?)(?:{alternatives(_TABLE['former_until'])})\s[12]\d{{3}}\W[^.;()]*\Z",
    re.IGNORECASE,
)
_FORMER_BEHIND: Final = re.compile(rf"\s(?:{alternatives(_TABLE['former_behind'])})(?=\W*\Z|[).,;])", re.IGNORECASE)
_DENIED: Final = re.compile(
    r"(?<!\w)(?:(?:does|do|did|is|are|was|were|has|have|had|will|would|can|could)(?:\s(?:not|never)|n['’]t)|"
    r"never (?:had|has|have|reached|was))(?!\s(?:only|just|merely|least|more|less|fewer|exceed))"
    r"\s(?:[^\W\d_]+\s){0,3}[(€$£¥]?\Z",
    re.IGNORECASE,
)
_NO: Final = (
    r"(?<!\w)(?:not|never|no longer|neither|nor|cannot|\w+n['’]t)(?!\s(?:only|just|merely|least|more|less|for[ -]profit))\s"
)
_NAME_DENIED: Final = re.compile(rf"{_NO}(?:[\w'’-]+\s){{0,5}}\Z", re.IGNORECASE)
_NAMELESS: Final = re.compile(_NO, re.IGNORECASE)
_UNTRUE: Final = re.compile(
    r"(?<!\w)(?:untrue|false|incorrect|wrong|a myth|den(?:y|ies|ied)|rejects?|disputes?)(?:\s\w+){0,3}\sthat\s[^.;]*\Z|"
    r"(?:\A|[.;]\s)had\s[^,.;]*\sbeen\s[^,.;]*\Z|"
    r"(?<!\w)(?:would|could|might|(?:was|were) to)\s(?:not\s|never\s)?have\s(?:(?!\s(?:but|that|and)\s)[^,.;])*\Z",
    re.IGNORECASE,
)
_WHERE: Final = re.compile(r"\b(?:in|at|near|from|on|of the)\s\Z", re.IGNORECASE)
_FIRM: Final = r"(?:,?\s(?:plc|inc|ltd|llc|gmbh|ag|sa|co|corp)\b\.?)?(?:\s\([^()]*\))?"
_RELATIVE: Final = re.compile(
    rf"{_FIRM},?\s(?:which|who|whose)\s[^,;.()]*(?:,\s(?:is|was|are|were|has|had)\s[^,;.()]*)?", re.IGNORECASE
)
_OWNED: Final = re.compile(rf"{_FIRM},?\s(?:which|whose)\s", re.IGNORECASE)
_OPENED: Final = re.compile(rf"{_FIRM}\s?\([^()]*", re.IGNORECASE)
_PARTS: Final = re.compile(r"(?:(?!;|\s(?:while|whereas|but)\s).)+", re.DOTALL)
"""Parts of a sentence that may each be about a thing of their own."""
_STANDS_FOR: Final = re.compile(r"(?<!\w)(?:it|its|he|his|she|her|they|their)(?!\w)", re.IGNORECASE)
_WORD: Final = re.compile(r"[^\W\d_]{4}")
_COMPARED: Final = re.compile(
    rf"(?<!\w)(?i:{alternatives(_TABLE['compared_before'])})(?![\w'’-])[^.;]*\Z|"
    r"(?<!\w)than\s(?:the\s)?[A-Z][^.;\d]*\Z"
)
_COMPARED_AFTER: Final = re.compile(r"\s(?:[^\W\d_]{2,}er|more|less|fewer)\s(?:[^\W\d_]+\s)?than\s(?:the\s)?[A-Z]")
_ORDERING: Final = re.compile(rf"(?<!\w)(?:{alternatives(_TABLE['ordering'])})\s?\Z", re.IGNORECASE)
_ORDINAL: Final = re.compile(r"(?:st|nd|rd|th)(?!\w)|(?:er|ère|ème|ª|º)(?!\w)")
ORDINALS: Final = frozenset(_TABLE["ordinals"].split())
"""Words of fields whose numbers are places in an order."""
_CLAUSE: Final = 90
"""Characters before a number in which a word says that it is compared, or not so yet."""
_PERIODIC: Final[dict[str, str]] = {word: name for name, spelled in _TABLE["periodic"].items() for word in spelled.split()}
_PERIODS: Final = _PERIODIC | {word: name for name, spelled in _TABLE["periods"].items() for word in spelled.split()}
_PER: Final = re.compile(
    rf"(?:,?\s?[(]?({alternatives(_PERIODIC)})(?!\s[a-z]+\W\s?[€$£¥\d])|"
    rf"\s?[(]?(?:/|(?:per|an?|each|every)\s)\s?(?:calendar\s)?({alternatives(_PERIODS)}))(?!\w)",
    re.IGNORECASE,
)
_PERIODIC_BEFORE: Final = re.compile(
    rf"(?<!\w)({alternatives(_PERIODIC)})\s(?:at|[a-z]+:|(?:rates?|sums?|amounts?|instalments) of)\s\Z", re.IGNORECASE
)
_BETWEEN: Final = rf"(?:\s?[-–—]\s?|\s(?:{alternatives(_TABLE['between'])})\s)[€$£¥]?"
_RANGE_BEFORE: Final = re.compile(rf"\d\s?[%°\w€$£¥]{{0,6}}{_BETWEEN}$", re.IGNORECASE)
_RANGE: Final = re.compile(rf"{_RANGE_BEFORE.pattern[:-1]}[+−-]?\d", re.IGNORECASE)
_RANGE_AFTER: Final = re.compile(rf"{_BETWEEN}[+−-]?\d", re.IGNORECASE)
_LAST: Final = re.compile(r"([^\W\d_]+|[~≈><≥≤]=?)[.,]?\s*[(€$£]?\s*$")
_NEXT: Final = re.compile(r"[ \u00a0\u202f-]?([^\W\d_]+)")
_SMALLER_COINS: Final = re.compile(r"\s?\d{1,2}\s?(?:s|sh|/-)\.?(?:\s?\d{1,2}\s?d\.?)?(?!\w)|\s?\d{1,2}\s?d\.?(?!\w)")
"""`10s 6d` behind the pounds."""
_LEDGER: Final = re.compile(r"(?<!\w)(?:CR|DR|Cr|Dr)\.?\s?[€$£]?$")
_LEDGER_AFTER: Final = re.compile(r"\s?(?:CR|DR|Dr)(?!\w)")
"""What an account's credit and debit are marked with. Which of the two is less than nothing, accounts differ."""
_GLUED: Final = re.compile(r"\s?/\s?[^\W\d_]|\s?[×x*^/=²³⁴-⁹](?=\s?[\d(])|[²³⁴-⁹#]")
_GLUED_BEFORE: Final = re.compile(r"[×x*^/#№]\s?$")


def is_range(text: str) -> bool:
    """Whether a text states two ends: `10–20 kg`, `18 to 65`."""
    return _RANGE.search(text) is not None


def is_of_another(text: str, start: int, end: int) -> bool:
    """Whether the number at `text[start:end]` says how another thing is, or how far this one is from it: `20 m taller than Old
    Tower`, `twice as many as Pine Corp (600)`."""
    return _COMPARED.search(text, max(0, start - _CLAUSE), start) is not None or _COMPARED_AFTER.match(text, end) is not None


def is_per_other(text: str, start: int, end: int, words: frozenset[str]) -> bool:
    """Whether the amount at `text[start:end]` is for another length of time than a field of these words asks for, by `monthly` or
    by `per month`: `first_year_rent` asks for none."""
    spelled = _PERIODS if "per" in words else _PERIODIC
    asked = {spelled[word] for word in words if word in spelled}
    found = (_PER.match(text, end) or _PERIODIC_BEFORE.search(text, 0, start)) if asked else None
    return found is not None and _PERIODS[found[found.lastindex or 1].casefold()] not in asked


def periods_of(words: Iterable[str]) -> set[str]:
    """The lengths of time that words name: `monthly` and `mo` are both `month`."""
    return {_PERIODS[word] for word in words if word in _PERIODS}


def is_denied(text: str, start: int) -> bool:
    """Whether the number that begins at `start` is said not to be: `does not have 999 employees`."""
    return any(pattern.search(text, max(0, start - _CLAUSE), start) for pattern in (_DENIED, _UNTRUE))


def is_name_denied(text: str, start: int) -> bool:
    """Whether the name that begins at `start` is said not to be the one meant, or is no name but such words: `is not licensed
    under the GPL`, `was never based in York`, `denies that its CEO is Ann Lee`."""
    denied = any(pattern.search(text, max(0, start - _CLAUSE), start) for pattern in (_NAME_DENIED, _UNTRUE))
    return denied or _NAMELESS.match(text, start) is not None


def aside_of(text: str, names: Collection[tuple[int, int]], start: int, end: int, own: Collection[int] = ()) -> str:
    """The words between one of some names and `text[start:end]`, where they say that this is said of the name: a clause that
    begins with `which` or `whose`, an opening bracket with other words, or a part of the sentence that is about the name alone:
    `Oak 9 weighs 5 kg; Grove 9 is lighter`. "" where it is not.

    Args:
        own: where words of the name asked about stand; a clause that holds one speaks of that: `Ann Lee, who founded Grove Works
            in 1998`.
    """
    for begin, behind in names:
        if behind > start or _WHERE.search(text, 0, begin):
            continue
        if any(behind <= at < start and "," not in text[at:start] for at in own):
            continue
        if clause := _RELATIVE.fullmatch(text, behind, start):
            return clause[0]
        if opened := _OPENED.fullmatch(text, behind, start):
            within = opened[0].partition("(")[2] + " " + text[end:].partition(")")[0]
            return opened[0] if _WORD.search(within) else ""
    part = next((match for match in _PARTS.finditer(text) if match.start() <= start < match.end()), None)
    if part is None or not own or any(part.start() <= at < part.end() for at in own) or _STANDS_FOR.search(part[0]):
        return ""
    told = [
        at
        for at, behind in names
        if part.start() <= at and behind <= start and (at or " " in text[at:behind]) and not _WHERE.search(text, 0, at)
    ]
    return text[told[0] : start] if told else ""


def is_of_its_name(aside: str) -> bool:
    """Whether an aside tells what its name has, and not what it is: `Oak plc, whose CEO is`, but `Ann Lee, who is the CEO`."""
    return _OWNED.match(aside) is not None


def is_former(text: str, start: int, end: int) -> bool:
    """Whether the number at `text[start:end]` is said to be so no more: `2 (formerly 4)`, `Until 2010 it seated 900`."""
    return _FORMER.search(text, max(0, start - _CLAUSE), start) is not None or _FORMER_BEHIND.match(text, end) is not None


def not_yet(key: str) -> str:
    """The word of a key that says that its value is none yet, or only told: `rumoured`; "" if none does."""
    found = _NOT_YET.search(key)
    return found[0].casefold() if found else ""


def is_ordering(text: str, start: int, end: int) -> bool:
    """Whether the number at `text[start:end]` is a place in an order, or leads somewhere: `3rd`, `No. 3`, `see note 4`."""
    return _ORDINAL.match(text, end) is not None or _ORDERING.search(text, max(0, start - 12), start) is not None


def is_harmless(word: str) -> bool:
    """Whether a word behind a value only closes or goes on with what was said."""
    return word in _HARMLESS


def neighbour_doubts(
    text: str, start: int, end: int, known: frozenset[str] = frozenset(), *, is_time: bool = False
) -> frozenset[Doubt]:
    """What the words and signs beside the value at `text[start:end]` leave open.

    Args:
        text: where it stands.
        start: its first character, its currency sign included.
        end: behind its last, its unit included.
        known: words, in lower case, that may stand behind it unread, since they say what is counted: `staff` behind `310`.
        is_time: it is a day or a year, which `since` and `from` leave as it is.
    """
    doubts: set[Doubt] = set()
    before = text[max(0, start - 24) : start]
    if last := _LAST.search(before):
        word = last[1].casefold()
        if word in _APPROXIMATE:
            doubts.add("approximate")
        elif word in _BOUND or (word in _BEGINNING and not is_time):
            doubts.add("bound")
    if _BOUND_PHRASES.search(before) or _BOUND_AFTER.match(text, end):
        doubts.add("bound")
    from_clause = max(0, start - _CLAUSE)
    hypothetical = _HYPOTHETICAL.search(text, from_clause, start) or _TO_COME.search(text, from_clause, start)
    if hypothetical and is_time and hypothetical[1].casefold() in _SCHEDULED:
        hypothetical = None
    if hypothetical and not known & {*hypothetical[1].casefold().split()}:
        doubts.add("hypothetical")
    change = _CHANGE_BEFORE.search(before) or _CHANGE_AFTER.match(text, end)
    if change and not is_time and not known & {*change[1].casefold().split()}:
        doubts.add("change")
    if _RANGE_BEFORE.search(before) or _RANGE_AFTER.match(text, end):
        doubts.add("range")
    if not is_time and (
        _LEDGER.search(before) or _LEDGER_AFTER.match(text, end) or (text[start] == "£" and _SMALLER_COINS.match(text, end))
    ):
        doubts.add("partial")
    following = _NEXT.match(text, end)
    if _GLUED.match(text, end) or _GLUED_BEFORE.search(before):
        doubts.add("unread_neighbour")
    elif following and "range" not in doubts and "bound" not in doubts:
        word = following[1].casefold()
        if word in MONEY_WORDS and word not in known:
            doubts.add("ambiguous_scale")  # `5 Cr`, with no currency: crores perhaps
        elif word not in _HARMLESS and word not in known:
            doubts.add("unread_neighbour")
    return frozenset(doubts)
