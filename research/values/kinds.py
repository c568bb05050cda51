"""Kinds: what a piece of text is by its form: a web address, an e-mail address, a telephone number, a person's name."""

from __future__ import annotations

import re
from typing import Final

_ADDRESS: Final = re.compile(r"https?://[^\s<>\"|()]+(?:\([^\s<>\"|()]*\)[^\s<>\"|()]*)*(?<![.,;:!?'’])", re.IGNORECASE)
_HOST: Final = re.compile(
    r"(?<![\w@./-])(?:www\.)?(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,24}(?::\d+)?(?:/[^\s<>\"|()]*)?(?![\w@])", re.I
)
_NO_HOST: Final = re.compile(
    r"\.(?:html?|php|jpe?g|png|gif|pdf|docx?|xlsx?|txt|csv|zip|js|css|py)$|^(?:e\.g|i\.e|a\.m|p\.m)$", re.I
)
_EMAIL: Final = re.compile(r"(?<![\w.+-])[\w.+-]+@(?:[\w-]+\.)+[^\W\d_]{2,24}(?![\w@])")
_PHONE: Final = re.compile(r"(?<![\w.])(?:\+|00)?\(?\d[\d\s().·/–-]{4,24}\d(?:\s?(?:ext|x)\.?\s?\d{1,5})?(?!\w)", re.IGNORECASE)
_NO_PHONE: Final = re.compile(
    r"(?:19|20)\d\d[-./]\d{1,3}(?:[-./]\d{1,2})?|\d{1,2}([-./])\d{1,2}\1(?:19|20)\d\d|(?:19|20)\d\d\s?[-–/]\s?(?:19|20)\d\d|\d{5}-\d{4}"
)
"""`2022-11-04`, what is counted in a year (`2020-117`), two years, and a postal code of the United States (`79699-9000`)."""
_ORGANISATION: Final = re.compile(
    r"\b(?:inc|llc|ltd|gmbh|corp|company|co|plc|news|staff|editors?|editorial|magazine|university|institute|team|admin(?:istrator)?|redaktion|"
    r"press|media|group|foundation|association|agency|department|reuters|afp)\b",
    re.IGNORECASE,
)
_PARTICLE: Final = re.compile(
    r"of|the|de|la|du|des|von|van|der|den|del|di|da|dos|e|y|ibn|al|bin|el|le|ter|zu|and|und|et|by", re.I
)


def address_in(text: str, *, full: bool = False) -> re.Match[str] | None:
    """The first web address in a text, with its scheme if there is such a one; else a host (`acme.example/en`) unless `full`."""
    found = _ADDRESS.search(text)
    if found or full:
        return found
    return next((host for host in _HOST.finditer(text) if not _NO_HOST.search(host[0])), None)


def email_in(text: str) -> re.Match[str] | None:
    """The first e-mail address in a text."""
    return _EMAIL.search(text)


def phone_in(text: str) -> re.Match[str] | None:
    """The first telephone number in a text: digits enough for one, in groups or not."""
    found = (m for m in _PHONE.finditer(text) if 6 <= sum(c.isdigit() for c in m[0]) <= 18)
    return next((m for m in found if not _NO_PHONE.fullmatch(m[0])), None)


def may_name_person(text: str) -> bool:
    """Whether a text may be one or a few persons' names: words without digits, no sentence, no address."""
    words = text.split()
    return (
        0 < len(words) <= 12
        and len(text) <= 120
        and any(c.isalpha() for c in text)
        and not re.search(r"https?:|\w@\w|[!?]|[.]\s+[a-z]|:\s", text)
        and sum(c.isdigit() for c in text) <= 2
    )


def names_person(text: str) -> bool:
    """Whether a text looks like persons' names and nothing else: each word begins with a capital (or has none), and no word is
    one of a firm's or an office's."""
    parts = re.findall(r"[^\W\d_][\w'’.-]*", text)
    return (
        may_name_person(text)
        and not _ORGANISATION.search(text)
        and not re.search(r"[\d@|]", text)
        and bool(parts)
        and all(not part[0].islower() or _PARTICLE.fullmatch(part) for part in parts)
    )
