"""Units that a table states once, carried to the cells that they are of: whoever reads a cell alone, or an excerpt of its row,
must know its unit.

`Mass (kg)` over a column gives `12.5 kg` in it; a caption or a corner `in thousands of euros` gives `12,500 thousand euros` in
every cell that counts money; a column of units (`Property | Value | Unit`) gives each to its row's number. A cell that states a
unit of its own keeps it, and so does a row that counts something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from research.values.scales import SCALES, alternatives
from research.values.units import CURRENCIES, MONEY_WORDS, unit_named

MAX_PHRASE: Final = 60
"""Characters of what stands in brackets. What is longer is a remark."""

_PLAIN: Final = re.compile(r"[-+−–]?\s?(?:\d[\d.,'’ \u00a0\u202f]*|\(\d[\d.,'’ \u00a0\u202f]*\))")
_YEAR: Final = re.compile(r"(?:19|20)\d\d")
_BRACKETS: Final = re.compile(r"[(\[]([^()\[\]]{1,60})[)\]]|,\s*([^,()\[\]]{1,30})$")
_ONLY_IN_LABELS: Final = {
    "thousand": r"'?000'?s?|’000s?|miles|migliaia|tkr|t(?=€|eur\b)|k(?=€|eur\b|usd\b)",
    "million": r"mm|m|mkr|百万",
    "billion": r"十億",
}
"""Ways to write a scale that mean something else, or nothing, beside a number."""
_SCALE_WORDS: Final = {
    word: rf"(?:{alternatives(name for name, factor in SCALES.items() if factor == SCALES[word])})\.?|{others}"
    for word, others in _ONLY_IN_LABELS.items()
}
_MONEY: Final = rf"(?:{alternatives(MONEY_WORDS)})\.?"
_SCALED: Final = {
    scale: re.compile(
        rf"(?:(?:all )?(?:amounts?|figures?|values?|data|angaben|beträge|montants?|importes?) )?"
        rf"(?:(?:are |shown |stated |expressed )*(?:in|en) )?(?:(?P<before>{_MONEY})\s?,?\s?(?:in )?)?(?P<word>{words})"
        rf"(?:\s?(?:of |de |di |d['’]|von )?\s?(?P<after>{_MONEY}))?"
        r"(?:[,;]? (?:except|unless|ausgenommen|sauf)\b.*)?",
        re.I,
    )
    for scale, words in _SCALE_WORDS.items()
}
_SPANISH: Final = re.compile(r"\b(?:en|importes?) ", re.I)
"""What makes thousands of `miles`."""
_CODE: Final = re.compile(r"(?i:eur|usd)|GBP|CHF|JPY|CNY|SEK|NOK|DKK|PLN|CZK|HUF|CAD|AUD|NZD|INR|BRL|ZAR|RUB|KRW|HKD|SGD")
"""Currencies to which a scale of one letter is written without a space: `MSEK`."""
_IN: Final = re.compile(r"(?:in|en)\s+(?=\S)", re.I)
_LEAD: Final = re.compile(r"(?:\(|\[)?([^()\[\]]{3,80})(?:\)|\])?\.?$")
_COUNTS: Final = re.compile(
    r"per share|employees|staff|headcount|\bfte|number of|\bno\. of|ratio|%|per ?cent|\bmargin\b|\byears?\b|\busers?\b|"
    r"\bstores\b|shares? outstanding|mitarbeiter|beschäftigte|anzahl|effectifs?|nombre de|empleados|número de|"
    r"dipendenti|\brank\b|\brate\b",
    re.I,
)
_UNITS: Final = re.compile(r"units?(?: of measure(?:ment)?)?|uom|einheit|unités?|unidad(?:es)?|unità", re.I)
"""The head of a column of units."""
_UNIT: Final = re.compile(r"(?=\W*[^\W\d_]|[%$€£¥°])[^\d\s|]{1,12}(?: [^\d\s|]{1,8})?")
_NO_AMOUNT: Final = re.compile(r"(?:year|date|no\.?|nr\.?|#|rank|id|code|jahr|année|año|notes?|ref\.?)", re.I)


def with_units(rows: Sequence[Sequence[str]], heads: int, stated: str = "") -> list[list[str]]:
    """A table's rows with the units of its heads in its cells.

    Args:
        rows: of cells; the first `heads` of them, equally long, name the columns. A row of another length stays as it is.
        heads: how many rows are heads.
        stated: what is said of the whole table, as its caption.
    """
    body = [list(line) for line in rows]
    if not heads or len(rows) <= heads or len(rows[0]) < 2:
        return body
    columns = [" ".join(dict.fromkeys(line[at] for line in rows[:heads] if line[at])) for at in range(len(rows[0]))]
    units = [unit_of(column) for column in columns]
    labels_first = sum(bool(_PLAIN.fullmatch(line[0])) for line in rows[heads:]) * 2 < len(rows) - heads
    whole = scale_of(stated)
    if labels_first:
        whole, units[0] = whole or units[0] or scale_of(columns[0]), ""
    told_at = next((at for at, column in enumerate(columns) if at and _UNITS.fullmatch(column)), 0)
    for line in body[heads:]:
        if len(line) != len(columns):
            continue
        own = unit_of(line[0]) if labels_first else ""
        told = line[told_at] if told_at and _UNIT.fullmatch(line[told_at]) else ""
        for at in range(1 if labels_first else 0, len(line)):
            if not _PLAIN.fullmatch(line[at]):
                continue
            unit = units[at] or own or (told if at == told_at - 1 or at > told_at == 1 else "")
            if not unit and whole and not _COUNTS.search(f"{line[0]} {columns[at]}") and not _is_no_amount(columns[at], line[at]):
                unit = whole
            line[at] = with_unit(line[at], unit)
    return body


def with_unit(cell: str, unit: str) -> str:
    """A number with its unit behind it; a sign of a currency before it."""
    if not unit or not _PLAIN.fullmatch(cell):
        return cell
    return f"{unit}{cell}" if len(unit) == 1 and unit in "$€£¥₹₽" else f"{cell}%" if unit == "%" else f"{cell} {unit}"


def unit_of(head: str) -> str:
    """The unit that a head cell states in brackets or behind a comma, as it is to be written behind a number; "" if none."""
    if len(head) > 200:
        return ""
    for match in _BRACKETS.finditer(head):
        phrase = (match[1] or match[2]).strip()
        bare = _IN.sub("", phrase, count=1).strip() if phrase.casefold() != "in" else phrase
        if scale := _scaled(phrase):
            return scale
        if match[1] and (bare == "%" or unit_named(bare) or bare.casefold() in CURRENCIES):
            return bare
        if match[2] and len(bare) < 5 and bare.islower() and unit_named(bare):
            return bare
    return ""


def scale_of(stated: str) -> str:
    """The scale, with its currency, that a caption or a line above a table states for all of it: `thousand euros`; "" if none."""
    if not stated or len(stated) > 300:
        return ""
    if stated.isalpha() and _scaled(stated) in _SCALED:
        return ""  # `Billions` is a title as likely.
    lead = _LEAD.fullmatch(stated.strip())
    phrases = [*((match[1] or match[2]).strip() for match in _BRACKETS.finditer(stated)), *([lead[1].strip()] if lead else [])]
    spelled = (one for said in phrases for one in (said, *(f"in {part}" for part in re.split(r"\bin (?=\S)", said)[1:])))
    return next(filter(None, map(_scaled, spelled)), "")


def stated_in(lines: Iterable[str]) -> str:
    """The first of the lines above a table that states its scale; "" if none does."""
    return next(filter(scale_of, lines), "")


def _scaled(phrase: str) -> str:
    if len(phrase) > 2 * MAX_PHRASE:
        return ""
    for scale, pattern in _SCALED.items():
        match = pattern.fullmatch(phrase)
        if match is None:
            continue
        money = match["before"] or match["after"] or ""
        return "" if _is_another_word(match, money) else f"{scale} {money}".strip()
    return ""


def _is_another_word(match: re.Match[str], money: str) -> bool:
    """Whether what could be a scale is as likely something else: metres, miles, `rpm`, a Mrs, Mars."""
    word = match["word"].casefold()
    if not money:
        return word in ("m", "k", "mm") or (word == "miles" and not _SPANISH.search(match[0]))
    is_attached = match.start("word") == match.end("before") or match.end("word") == match.start("after")
    return is_attached and f"{money}{word}".isalpha() and len(word) < 3 and not _CODE.fullmatch(money)


def is_year(cell: str) -> bool:
    """It is a year and nothing else."""
    return bool(_YEAR.fullmatch(cell))


def _is_no_amount(column: str, cell: str) -> bool:
    return bool(_NO_AMOUNT.fullmatch(column) or (_YEAR.fullmatch(cell) and not _YEAR.search(column)))
