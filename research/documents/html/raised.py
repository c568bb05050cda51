"""Text that a page raises, lowers or strikes out: written so that it is not read as if it stood on the line.

`10<sup>24</sup>` is `10^24`, `m<sup>2</sup>` is `m²`, `$19<sup>99</sup>` is `$19.99`, `<del>€120</del>` is `~~€120~~`. A
footnote's mark is not part of what it stands behind, and is left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from lxml.html import HtmlElement

from research.documents.blocks import clean

MAX_MARK: Final = 12
"""Characters of a footnote's mark."""
MAX_SHORT: Final = 80
"""Characters of raised text, with white space. A longer one is a line of its own."""
MAX_PIECES: Final = 20
MAX_STRUCK: Final = 300
"""Characters of struck text that are kept. A whole section that was struck is no longer said."""

_STRUCK_TAGS: Final = frozenset({"del", "s", "strike"})
_STRUCK_STYLE: Final = re.compile(r"text-decoration[\w-]*\s*:[^;]*\bline-through", re.I)
_STRUCK_CLASS: Final = re.compile(
    r"(?:^|[\s_-])(?:line-?through|strike(?:d|-?through|-?out)?|struck(?:-?out)?|crossed(?:-?out)?)(?:$|[\s_-])", re.I
)
_NUMBER: Final = re.compile(r"[-+−–]?\d{1,4}")
_MARKS: Final = re.compile(r"[\[(]?(?:\d{1,3}|[a-z]|[*†‡§¶]+)[\])]?(?:\s?,\s?[\[(]?(?:\d{1,3}|[a-z])[\])]?)*\)?", re.I)
_NOTE: Final = re.compile(
    r"(?:^|[\s_-])(?:foot-?|end-?)?(?:notes?|note-?ref|fn|fn-?ref|reference|ref|cite|citation)(?:$|[\s_-])", re.I
)
_CENTS: Final = re.compile(r"(?P<cents>\d\d)(?P<sign>\s?(?:[$€£¥₹₽₺₪]|kr|zł|Kč)?)\*?", re.I)
_CENTS_CLASS: Final = re.compile(
    r"(?:^|[\s_-])(?:cents?|decimals?|fraction|price-?(?:fraction|cents|decimals))(?:$|[\s_-])", re.I
)
_SIGN: Final = r"(?:[$€£¥₹₽₺₪]|\b(?:EUR|USD|GBP|CHF|CAD|AUD|SEK|NOK|DKK|PLN|kr|zł|Kč)\b)"
_AMOUNT: Final = re.compile(rf"{_SIGN}\s?[\d.,'’\s]*\d$", re.I)
_SIGN_BEHIND: Final = re.compile(rf"\s?\*?\s?{_SIGN}", re.I)
_GROUPED_BY_POINT: Final = re.compile(r"\d\.\d{3}$")
_UNIT: Final = re.compile(r"(?<![^\W\d_])(?:[kcdmµ]?m|s|ft|in|yd|mi|h|K)$")
_SUM: Final = re.compile(r"\w[-+−]\w")
_DEGREES: Final = re.compile(r"\s?[CF]\b")
_DENOMINATOR: Final = re.compile(r"[/⁄](?:\d|$)")
"""Behind a raised numerator; it may be an element of its own."""
_TRADE_MARKS: Final = {"tm": "™", "sm": "℠", "r": "®", "(r)": "®", "mc": "™"}
_HIGH: Final = str.maketrans("0123456789-−–+", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁻⁻⁺")


_SMALL_TAGS: Final = frozenset({"span", "small", "sup", "sub", "b", "i", "em", "strong"})
FORMULAS: Final = frozenset({"msup", "msub", "mfrac"})


def is_struck(element: HtmlElement) -> bool:
    """It is drawn with a line through it."""
    if element.tag in _STRUCK_TAGS:
        return True
    attributes = element.attrib
    if not attributes:
        return False
    style, names = attributes.get("style"), attributes.get("class")
    return bool((style and _STRUCK_STYLE.search(style)) or (names and _STRUCK_CLASS.search(names)))


def struck(text: str) -> str:
    """Struck text between `~~`, as in Markdown; "" if there is none, or so much that it is a section."""
    text = clean(text.replace("~~", ""))
    return f"~~{text}~~" if text and len(text) <= MAX_STRUCK else ""


def is_moved(element: HtmlElement) -> bool:
    """It stands higher or lower than the line, or is smaller: a note, or the small part of a price."""
    return element.tag in ("sup", "sub", "small") or (element.tag in _SMALL_TAGS and _is_cents(element))


def formula(element: HtmlElement, parts: Sequence[str]) -> str:
    """A power, an index or a fraction of MathML on one line, from the texts of its parts."""
    between = {"msup": "^", "msub": "_", "mfrac": "/"}[element.tag]
    return between.join(part for part in parts if part)


def moved(element: HtmlElement, pieces: Sequence[str]) -> str | None:
    """How to write a raised or lowered element behind `pieces`; None if as any other text."""
    text, before = _short_text(element), _end(pieces)
    if not text:
        return None
    if element.tag == "sup" and _is_note(element, text):
        return ""
    if (decimals := _decimals(text, before)) is not None and (_is_cents(element) or _is_price(element, before)):
        return decimals
    if element.tag == "small" and before[-1:].isdigit() and text[0].isdigit():
        return f" {text}"  # two numbers, however close
    if element.tag == "sub":
        return f"_{text}" if before[-1:].isdigit() and text[0].isdigit() else None
    return raised(text, before, element.tail or "") if element.tag == "sup" else None


def raised(text: str, before: str, behind: str) -> str | None:
    """How to write raised text, from what stands around it on its line; None if as any other text."""
    if (_AMOUNT.search(before) or _SIGN_BEHIND.match(behind)) and (decimals := _decimals(text, before)) is not None:
        return decimals
    if text in ("0", "o", "O", "°") and before.rstrip()[-1:].isdigit() and _DEGREES.match(behind):
        return "°"
    if mark := _TRADE_MARKS.get(text.casefold()):
        return mark if before[-1:].isalpha() else None
    if _NUMBER.fullmatch(text):
        if text.isdigit() and _DENOMINATOR.match(behind):
            return f" {text}" if before[-1:].isdigit() else text
        return power(text, before)
    if before[-1:].isdigit() and len(text) == 1 and text in "bcfgijk":
        return f"^{text}"
    if not before:
        return f"{text} " if _MARKS.fullmatch(text) else None
    if _MARKS.fullmatch(text) and not text.isalpha():
        return ""
    if not before[-1:].isalnum() or not text[0].isalnum():
        return None
    return f"^{text}" if _SUM.fullmatch(text) else f" {text}" if len(text) > 3 else None


def _decimals(text: str, before: str) -> str | None:
    """The raised part of a price, and the currency behind it; None if it can be none."""
    if not before[-1:].isdigit() or (match := _CENTS.fullmatch(text)) is None:
        return None
    point = "," if _GROUPED_BY_POINT.search(before) else "."
    return f"{point}{match['cents']}{match['sign']}"


def power(text: str, before: str) -> str:
    """A raised number behind what stands before it: an exponent where there is something to raise, else a footnote's mark."""
    if _UNIT.search(before.rstrip()) and len(text.strip("-−–+")) == 1:
        return text.translate(_HIGH)
    last = before[-1:]
    if last.isdigit() or last in ("^", ")") or not text.isdigit():
        return f"^{text}"
    if not before:
        return f"{text} "
    word = re.search(r"[^\W\d_]*$", before)
    is_symbol = word is not None and 1 <= len(word.group()) <= 2
    return f"^{text}" if is_symbol or len(text) > 2 else ""


def _is_note(element: HtmlElement, text: str) -> bool:
    """It leads to a footnote: a link into the page, or it says so by class or role."""
    if len(text) > MAX_MARK:
        return False
    links = [*element.iter("a"), *(parent for parent in element.iterancestors("a"))]
    if any("#" in (link.get("href") or "") for link in links) and _MARKS.fullmatch(text):
        return True
    around = (element, *links)
    return any(each.get("role") == "doc-noteref" or bool(_NOTE.search(each.get("class") or "")) for each in around)


def _is_cents(element: HtmlElement) -> bool:
    names = element.attrib.get("class")
    return bool(names and _CENTS_CLASS.search(names) and _CENTS.fullmatch(_short_text(element)))


def _short_text(element: HtmlElement) -> str:
    """The text of an element; "" if that is too much to be a number, a mark or a sign."""
    pieces: list[str] = []
    for text in element.itertext():
        pieces.append(text)
        if len(pieces) > MAX_PIECES or sum(map(len, pieces)) > MAX_SHORT:
            return ""
    return clean("".join(pieces))


def _is_price(element: HtmlElement, before: str) -> bool:
    """A sign of a currency stands before the number or behind the raised digits."""
    if _AMOUNT.search(before):
        return True
    behind = element.tail or ""
    if not behind.strip() and (follower := element.getnext()) is not None and isinstance(follower.tag, str):
        behind += _short_text(follower)[:12]
    return bool(_SIGN_BEHIND.match(behind))


def _end(pieces: Sequence[str]) -> str:
    """The last characters of what was written, on one line."""
    end = ""
    for piece in reversed(pieces[-8:]):
        end = piece[-24:] + end
        if len(end) >= 24:
            break
    return end.rpartition("\n")[2].replace("\u00a0", " ")[-24:]
