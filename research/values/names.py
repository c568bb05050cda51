"""Names: what tells one from others of nearly the same (by `names.toml`)."""

from __future__ import annotations

import re
from typing import Final

from research.records import read_table
from research.values.dates import dates

_TABLE: Final = read_table("research.values", "names.toml")
VARIANTS: Final = frozenset(_TABLE["variants"])
"""Words that make another thing of a name, in lower case."""
_VARIANT: Final = "|".join(_TABLE["variants"])
_MARK: Final = re.compile(
    rf"(?<![\w.'’&-])(?:[IVX]+|(?<!\d )[B-HJ-Z]|(?<=\d )[ERSXZ]|(?:(?<=\w )|(?=[JS]))(?i:{_VARIANT}))"
    rf"(?![\w'’&]|\.[^\W\d_]|(?<=[A-Z])\.)|(?<=[^\W_]-)(?:{_VARIANT})(?!\w)"
)
"""A Roman numeral, a letter that is no initial, a word such as `Jr`; with a hyphen only as a word: `libharp-dev`."""
_MEETING: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[_\-.]+")
"""Where the words of a field's name meet."""
_IN_BRACKETS: Final = re.compile(r"(?<!\s)\s*\((?:[12]\d{3}(?: [^\W\d_]+)?|[A-Z]{2,10}[ :.#][^()]{0,20}?\d[\d-]{3,20})\)")
"""`Up (2009 film)`, `Caffeine (CAS 58-08-2)`"""
_VERSION: Final = re.compile(r"(?<!\s)\s+v?\d{1,6}\.\d{1,6}\.\d{1,6}\S{0,20}\Z")
"""`fastparse 2.4.1`"""
_VERSUS: Final = re.compile(r"(?<=\S)\s(?:v|vs|versus)\b\.?(?=\s\S)", re.IGNORECASE)
"""Between the two parties of a case."""
_CITATION: Final = re.compile(
    r",?(?<!\s)\s+(?:\[[12]\d{3}\]|\([12]\d{3}\)|(?:[Cc]ase )?[Nn]os?\.?\s?\d|"
    r"\d{1,4} [A-Z][\w.]{0,10}(?: [\w.]{1,8}){0,3} \d{1,5}\b).*"
)
"""Behind them, where the case is published: `[1993] UKHL 19`, `, 384 U.S. 436 (1966)`."""
_PLACED: Final = re.compile(r"(?:\b(?:in|of)|\d) \Z")
_NAME: Final = re.compile(
    r"(?<![\w.'’&-])[^\W\d_a-zß-öø-ÿ][\w'’&-]*(?: (?:(?:of|the|de) ){0,2}[^\W\d_a-zß-öø-ÿ][\w'’&-]*| \d[\w-]*)*"
)


def _letters(form: str) -> str:
    return re.sub(r"[\W_]+", "", form).casefold()


def _spelled(form: str) -> str:
    """A pattern of a legal form with and without its dots, as it is written or in capitals."""
    spellings = dict.fromkeys((form, form.upper()))
    return "|".join(re.escape(one).replace(r"\.", r"\.?").replace(r"\ ", r"\s*") for one in spellings)


_FORMS: Final = {form: line[0] for line in _TABLE["legal_forms"] for form in line} | dict.fromkeys(_TABLE["general_forms"], "")
"""Each spelling of a legal form, and the form; "" for a word that tells none."""
_FORM_OF: Final = {_letters(spelled): form for spelled, form in _FORMS.items()}
_FORM: Final = re.compile(rf",?(?<!\s)\s+({'|'.join(map(_spelled, _FORMS))})\.?\s*\Z")
FORM_WORDS: Final = frozenset(_letters(form) for form in _FORMS if re.fullmatch(r"[^\W_]+\.?", form))
"""Legal forms of one word, in lower case."""


def spaced(name: str) -> str:
    """The name of a field in words, in lower case: `launch date` of `launchDate`, `launch_date` and `launch-date`."""
    return " ".join(_MEETING.sub(" ", name).split()).casefold()


def marks_of(name: str) -> frozenset[str]:
    """What makes another thing of a name that is the same without it: `vii`, `pro`, `jr`, in lower case."""
    return frozenset(mark[0].casefold() for mark in _MARK.finditer(name))


def legal_form(name: str) -> str:
    """The legal form that ends a firm's name, in one spelling (`S.A.` of `Acme SA`); "" if none tells firms apart."""
    found = _FORM.search(name)
    return _FORM_OF[_letters(found[1])] if found else ""


def without_legal_form(name: str) -> str:
    """A name without the legal form that ends it."""
    return _FORM.sub("", name)


def things_named(sentence: str) -> list[str]:
    """The names in a sentence, but for a word that begins it, and what only tells where, when or whose: `in York`."""
    return [
        name[0]
        for name in _NAME.finditer(sentence)
        if not dates(name[0])
        and not _PLACED.search(sentence, 0, name.start())
        and (" " in name[0] or sentence[: name.start()].strip("\"“‘'*_ "))
    ]


def bare(title: str) -> str:
    """A title without what tells works of one name apart: a year or an identifier in brackets, a version of three numbers, and
    where a case is published."""
    title = _VERSION.sub("", _IN_BRACKETS.sub("", title))
    return _CITATION.sub("", title) if _VERSUS.search(title) else title


def spellings_of(case: str) -> tuple[str, ...]:
    """A case's name with each of the words that stand between its parties; none where it is the name of no case."""
    return tuple(_VERSUS.sub(f" {word}", case) for word in ("v", "vs", "versus")) if _VERSUS.search(case) else ()


def parties(case: str) -> tuple[str, str] | None:
    """The two parties of a case's name, without where it is published; None where it is the name of no case."""
    between = _VERSUS.search(case)
    return (case[: between.start()], _CITATION.sub("", case[between.end() :])) if between else None
