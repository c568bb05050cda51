"""Identifiers: codes of a public form (an ISBN, a CAS number, an IBAN), as fields ask for them and as texts have them.

The check digits are those of the standards that python-stdnum implements; a DOI, an InChI and an InChIKey have none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from stdnum import bic, casrn, cusip, ean, iban, imo, isbn, isin, isni, issn, lei

from research.values.names import spaced


@dataclass(frozen=True, slots=True)
class Identifier:
    """A kind of identifier."""

    form: re.Pattern[str]
    is_valid: Callable[[str], bool]
    """Whether the check digit of what has the form is right; also true where the form has none."""

    def found_in(self, text: str) -> Iterator[tuple[re.Match[str], bool]]:
        """Each part of a text that has the form, and whether it is valid."""
        return ((match, self.is_valid(match[0].replace("–", "-"))) for match in self.form.finditer(text))


def _of(form: str, is_valid: Callable[[str], bool] = bool) -> Identifier:
    return Identifier(re.compile(rf"(?<![\w–-])(?:{form})(?![\w–-])"), is_valid)


_ISBN_13: Final = r"97[89](?:[ –-]?\d){10}"
_ISBN_10: Final = r"\d(?:[ –-]?\d){8}[ –-]?[\dXx]"
_BY_NAME: Final = {
    "isbn13": _of(_ISBN_13, isbn.is_valid),
    "isbn10": _of(_ISBN_10, isbn.is_valid),
    "isbn": _of(f"{_ISBN_13}|{_ISBN_10}", isbn.is_valid),
    "issn": _of(r"\d{4}[–-]\d{3}[\dXx]", issn.is_valid),
    "gtin": _of(r"\d{8}|\d{12,14}", ean.is_valid),
    **dict.fromkeys(("gtin13", "ean13"), _of(r"\d{13}", ean.is_valid)),
    "ean": _of(r"\d{8}|\d{13}", ean.is_valid),
    "upc": _of(r"\d{12}", ean.is_valid),
    "cas": _of(r"\d{2,7}[–-]\d\d[–-]\d", casrn.is_valid),
    "iban": _of(r"[A-Z]{2}\d\d(?: ?[A-Z\d]){11,30}", iban.is_valid),
    **dict.fromkeys(("bic", "swift", "swiftbic", "bicswift"), _of(r"[A-Z]{6}[A-Z\d]{2}(?:[A-Z\d]{3})?", bic.is_valid)),
    "lei": _of(r"[A-Z\d]{18}\d\d", lei.is_valid),
    "isin": _of(r"[A-Z]{2}[A-Z\d]{9}\d", isin.is_valid),
    "cusip": _of(r"[A-Z\d]{8}\d", cusip.is_valid),
    "imo": _of(r"\d{7}", imo.is_valid),
    "orcid": _of(r"(?:\d{4}-){3}\d{3}[\dX]", isni.is_valid),
    "doi": Identifier(re.compile(r"(?<!\w)10\.\d{4,9}/[^\s\"<>]*[^\s\"<>.,;:)\]]"), bool),
    "inchikey": _of(r"[A-Z]{14}-[A-Z]{10}-[A-Z]"),
    "inchi": Identifier(re.compile(r"InChI=1S?/[^\s\"<>]*[^\s\"<>.,;]"), bool),
}
_NAMED: Final = re.compile(rf"({'|'.join(sorted(_BY_NAME, reverse=True))})s?(?:registry)?(?:numbers?|no|nr|rn|codes?|ids?)?")


def identifier_of(name: str) -> Identifier | None:
    """The kind of identifier that a field's name ends with: `isbn_13`, `CAS registry number`, `paperback_isbn`."""
    parts = [re.sub(r"[\W_]+", "", part) for part in spaced(name).split()]
    named = (_NAMED.fullmatch("".join(parts[at:])) for at in range(len(parts)))
    return next((_BY_NAME[match[1]] for match in named if match), None)


def is_same_book(left: str, right: str) -> bool:
    """Whether two texts are ISBNs of one book, the one of ten digits and the other of thirteen, or both alike."""
    if not all(_BY_NAME["isbn"].form.fullmatch(text) and isbn.is_valid(text) for text in (left, right)):
        return False
    return isbn.compact(left, convert=True) == isbn.compact(right, convert=True)
