"""Answers: whether a text says yes or no, and whether it says a word or its opposite (by `answers.toml`)."""

from __future__ import annotations

import re
from typing import Final

from research.records import read_table
from research.values.doubts import NONE, Doubt
from research.values.scales import alternatives

_TABLE: Final = read_table("research.values", "answers.toml")
_YES: Final = re.compile(rf"\s*(?:{alternatives(_TABLE['yes'].split())})(?!\w)", re.IGNORECASE)
_NO: Final = re.compile(rf"\s*(?:{alternatives(_TABLE['no'].split())})(?![\w’'])(?!-\w|\.?\s?\d)", re.IGNORECASE)
_OR: Final = r"\s*(?:[/|・、]|(?:or|oder|ou|o|eller|of)\b)"
_BESIDE: Final = r"(?:\s*,|\s)"
_BOTH: Final = re.compile(
    rf"{_YES.pattern}{_OR}{_NO.pattern}|{_NO.pattern}{_OR}{_YES.pattern}|"
    rf"(?:{_YES.pattern}{_BESIDE}{_NO.pattern}|{_NO.pattern}{_BESIDE}{_YES.pattern})\W*\Z",
    re.IGNORECASE,
)
"""A form that nobody has filled in: `Yes / No`; not `Yes, no adapter needed`."""
_TICKED: Final = re.compile(r"[☐☑☒]|[✓✔✅].*[✗✘❌✕]|[✗✘❌✕].*[✓✔✅]", re.DOTALL)
"""A form with boxes, which stand before or behind their words: `☐ Yes ☑ No`."""
_UNKNOWN: Final = re.compile(rf"\s*(?:{alternatives(_TABLE['unknown'])})(?!\w)", re.IGNORECASE)
_NOBODY: Final = [*(word for word in _TABLE["unknown"] if len(word) > 2), *_TABLE["nobody"]]
_BLANK: Final = re.compile(rf"\W*(?:{alternatives(_NOBODY)})\W*", re.IGNORECASE)
_PERHAPS: Final = re.compile(rf"\s*(?:{alternatives(_TABLE['perhaps'])})(?!\w)", re.IGNORECASE)
_LIMITS: Final = frozenset(_TABLE["limits"].split())
_NEGATIONS: Final = frozenset(_TABLE["negations"].split())
_AFFIRMING: Final = rf"(?!\s+(?:{alternatives(_TABLE['affirming'])})\b)"
_NEGATED: Final = re.compile(
    rf"(?<![\w'’])(?:{alternatives(_NEGATIONS)}|\w+n['’]t){_AFFIRMING}(?:[\s-]+[\w'’]+){{0,3}}[\s-]*$", re.IGNORECASE
)
_DENIED: Final = re.compile(rf"\s*[:?=]\s*(?:{alternatives(_TABLE['no'].split())})(?!\w)", re.IGNORECASE)
_STRUCK: Final = re.compile(r"~~[^~]+~~")
_COMPARED: Final = re.compile(r"(?<!\w)(?:like|near|nearly|almost|semi|off|quasi|pseudo|as good as)[\s-]$", re.IGNORECASE)
_CLAUSE: Final = re.compile(r"[.,;:()|\n•·!?]|\b(?:but|and|or|sondern|mais|pero|sino|und|oder|et|ou|y)\b", re.IGNORECASE)


_NOT_NOW: Final = re.compile(rf"(?<![\w'’])(?:{alternatives(_TABLE['not_now'])})(?![\w'’])", re.IGNORECASE)
_YEAR: Final = r"(?:[^\W\d_]{3,9}\.?\s)?[12]\d{3}"
_UNTIL: Final = re.compile(rf"(?<!\w)(?:{alternatives(_TABLE['until'])})\s(?:\d{{1,2}}\.?\s)?{_YEAR}(?!\w)", re.IGNORECASE)
_OVER: Final = alternatives(_TABLE["over"])
_SAYS_OVER: Final = re.compile(rf"(?<![^\W_])(?:{_OVER})(?![^\W_])", re.IGNORECASE)
_IS_OVER: Final = re.compile(
    rf"\A\W*(?:{_OVER})(?![\w'’])|\(\s?(?:{_OVER}|{alternatives(_TABLE['over_behind'])})(?![\w'’])[^()]*\)\W*\Z|"
    rf"\({_YEAR}\s?[-–—]\s?{_YEAR}\)\W*\Z",
    re.IGNORECASE,
)


def _phrases(name: str) -> re.Pattern[str]:
    spaced = (re.escape(phrase).replace(r"\ ", r"[\s_-]?") for phrase in sorted(_TABLE[name], key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:{'|'.join(spaced)})(?!\w)", re.IGNORECASE)


_IN_STOCK: Final = _phrases("in_stock")
_OUT_OF_STOCK: Final = _phrases("out_of_stock")
_SHORT: Final = 80
"""Characters of a text that may be an answer with a remark."""
_REMARK: Final = 4
"""Words behind a yes or a no that make no other answer of it."""


def yes_or_no(text: str) -> tuple[bool, frozenset[Doubt]] | None:
    """What a text that is a yes or a no says; None if it says neither, that nobody knows, or that it is so no more or not yet."""
    if len(text) > _SHORT or _UNKNOWN.match(text) or _BOTH.match(text) or _TICKED.search(text):
        return None
    match = _YES.match(text) or _NO.match(text)
    if match is None or re.match(rf"(?i)\s+(?:{alternatives(_TABLE['affirming'])})\b", text[match.end() :]):
        return None
    is_yes = _YES.match(text) is not None
    if _UNTIL.search(text, match.end()) or (is_yes and _NOT_NOW.search(text, match.end())):
        return None
    remark = re.findall(r"\w+", text[match.end() :].casefold())
    qualified = bool(_LIMITS & {*remark}) or len(remark) > _REMARK
    return is_yes, frozenset(("qualified",)) if qualified else NONE


def is_blank(text: str) -> bool:
    """Whether a text as a whole says that there is nothing to say: `unknown`, `none`, `vacant`."""
    return _BLANK.fullmatch(text) is not None


def is_unknown(text: str) -> bool:
    """Whether a text begins by saying that the answer is not known or not told: `n/a (2023: $5m)`."""
    return _UNKNOWN.match(text) is not None


def is_over(text: str) -> bool:
    """Whether a value says of itself that it holds no more: `Ann Lee (until 2019)`, `Ann Lee (1998–2010)`, `formerly Hamburg`."""
    ended = _UNTIL.search(text)
    return _IS_OVER.search(text) is not None or (ended is not None and not text[ended.end() :].strip(" .)"))


def says_over(label: str) -> bool:
    """Whether a field asks for what holds no more: `number of previous owners`."""
    return _SAYS_OVER.search(label) is not None


def is_given(text: str) -> bool:
    """Whether a text says anything at all: it is no dash, no `n/a`, no `optional`, and not struck out."""
    text = without_struck(text)
    if not re.search(r"\w", text) or _UNKNOWN.match(text) or _PERHAPS.match(text) or _NOT_NOW.search(text) or is_over(text):
        return False
    return _YES.match(text) is None or yes_or_no(text) is not None


def availability(text: str) -> tuple[bool, int, int] | None:
    """Whether a text says that a thing is to be had, and where it says so; None if it does not."""
    for pattern, answer in ((_OUT_OF_STOCK, False), (_IN_STOCK, True)):
        if match := pattern.search(text):
            return answer, match.start(), match.end()
    return None


def is_negated(text: str, start: int, end: int) -> bool:
    """Whether a negation stands before `text[start:end]` in its clause (`not active`, `no longer in use`), or a no behind it
    (`Active: no`)."""
    before = text[max(0, start - 60) : start]
    clauses = _CLAUSE.split(before)
    return _NEGATED.search(clauses[-1]) is not None or _DENIED.match(text, end) is not None


def is_struck(text: str, start: int, end: int) -> bool:
    """Whether `text[start:end]` is struck out: it is so no more, or never was."""
    return any(match.start() <= start and end <= match.end() for match in _STRUCK.finditer(text))


def without_struck(text: str) -> str:
    """A text without what is struck out in it."""
    return _STRUCK.sub(" ", text).strip() if "~~" in text else text


def is_compared(text: str, start: int) -> bool:
    """Whether the word that begins at `start` is only compared with: `like new`, `off-white`."""
    return _COMPARED.search(text, max(0, start - 12), start) is not None


def opposite(word: str, among: list[str]) -> str | None:
    """The one of some words that is the opposite of another by its form: `inactive` of `active`, and the other way round."""
    folded = word.casefold()
    for other in among:
        one, two = sorted((folded, other.casefold()), key=len)
        if one != two and any(re.fullmatch(rf"{prefix}[\s_-]?{re.escape(one)}", two) for prefix in _TABLE["opposites"]):
            return other
    return None
