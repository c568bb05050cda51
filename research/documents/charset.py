"""Bytes -> characters: which charset a text is written in, and how sure that is."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from typing import Final, NamedTuple

_BOMS: Final = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_DECLARED: Final = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([\w:.-]{2,30})""", re.I)
_SAMPLE: Final = 20_000
_MARGIN: Final = 1.1
"""How many times as likely as the next the likeliest charset must be. Below, it is as often wrong as right."""
_WEAK: Final = 0.1
"""chardet's confidence below which its statistics say little: that of a few letters beyond ASCII."""
_WEAK_MARGIN: Final = 4.0
_DEFAULT_MARGIN: Final = 1.3
"""How many times as likely as Windows-1252 another charset must be, if the statistics say little."""
_NOTHING: Final = 0.02
"""chardet's confidence below which it has recognized nothing."""
_FEW_LETTERS: Final = 4
"""Different letters beyond ASCII: of fewer chardet is sure without a reason."""
_FEW_DEFAULT_MARGIN: Final = 3.0
_WIDE: Final = ("utf-16", "utf-32")
_CANDIDATES: Final = (
    *("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "iso2022_jp_2", "iso2022_kr", "hz"),
    *("cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "cp874", "koi8-r", "koi8-u"),
    *("shift_jis_2004", "cp932", "euc_jis_2004", "gb18030", "big5hkscs", "euc_kr", "cp949"),
    *("iso8859-1", "iso8859-2", "iso8859-5", "iso8859-6", "iso8859-7", "iso8859-8", "iso8859-9", "iso8859-13", "iso8859-15"),
    *("cp437", "cp850", "cp852", "cp866", "mac-roman", "mac-cyrillic"),
)
"""In which texts are found today. Others are so rare that they are more often wrong than right."""
_OLD: Final = frozenset({"cp437", "cp850", "cp852", "cp866", "mac-roman", "mac-cyrillic"})
"""Of DOS and the first Macintosh: no rivals of those that are written today."""
_FOREIGN: Final = re.compile(rb"[\x80-\xff]")
_UTF8_LETTER: Final = re.compile(rb"[\xc3-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_CUT_LETTER: Final = re.compile(rb"[\xc2-\xf4][\x80-\xbf]{0,2}")
_MOSTLY: Final = 0.8
_CONTROL: Final = re.compile("[\x80-\x84\x86-\x9f]")
_OTHER_SCRIPT: Final = re.compile("[\u0370-\u03ff\u0400-\u04ff\u0590-\u05ff\u0600-\u06ff\u0e00-\u0e7f]")
_EASTERN: Final = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_EASTERN_INSIDE: Final = re.compile("[A-Za-z][\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af][A-Za-z]")
"""One Chinese, Japanese or Korean letter inside a Latin word: two bytes of `Umsätze` taken for one letter."""
_WORD: Final = re.compile(r"[^\W\d_]+")
_MIXED: Final = 0.3
"""The share of words of two scripts above which a charset is none that a text was written in."""


class Decoded(NamedTuple):
    """A text, and which charset it may be written in as well."""

    text: str
    charset: str
    doubt: str | None = None
    """Why the charset may be another one: a sentence for whoever owns the text. None: it is stated or certain."""


class Guess(NamedTuple):
    """What a text without a declaration seems to be written in."""

    charset: str
    rival: str | None
    """A charset that is nearly as likely, and under which the text would be another one."""


def decode(data: bytes, media_type: str | None = None) -> str:
    """The text of some bytes, as `decoded` finds it. Never fails."""
    return decoded(data, media_type).text


def decoded(data: bytes, media_type: str | None = None) -> Decoded:
    """The text of some bytes. A byte order mark wins; bytes that are valid UTF-8 are UTF-8, whatever is declared; then what is
    declared where it fits (by the server, then by the page); then a guess. Never fails."""
    for mark, name in _BOMS:
        if data.startswith(mark):
            return Decoded(data[len(mark) if name == "utf-8" else 0 :].decode(name, "replace"), name)
    declared = [name for name in (_named((media_type or "").encode()), _named(data[:4096])) if name]
    stateful = next((name for name in declared if name.startswith(("iso2022", "hz"))), None)
    if stateful:  # Escape sequences in plain ASCII: valid UTF-8, and not meant so.
        return Decoded(data.decode(stateful, "replace"), stateful)
    if found := unmarked_charset(data):
        return Decoded(data.decode(found, "replace"), found)
    try:
        return Decoded(data.decode("utf-8"), "utf-8")
    except UnicodeDecodeError as error:
        if _CUT_LETTER.fullmatch(data, error.start) and not data[: error.start].isascii():  # cut in its last letter
            return Decoded(data.decode("utf-8", "replace"), "utf-8")
    for name in declared:
        if name == "utf-8":
            return Decoded(data.decode(name, "replace"), name)
        try:
            return Decoded(data.decode(name), name)
        except (UnicodeDecodeError, LookupError):
            continue
    if is_mostly_utf8(data):
        return Decoded(data.decode("utf-8", "replace"), "utf-8", "is UTF-8 with bytes that are not: letters are missing in it")
    best = guess(data)
    doubt = None
    if best.rival is not None:
        doubt = (
            f"is not UTF-8 and does not say what it is; it was read as {best.charset}, but may be {best.rival}: save it as UTF-8"
        )
    return Decoded(data.decode(best.charset, "replace"), best.charset, doubt)


def guess(data: bytes) -> Guess:
    """What bytes that are not UTF-8 are written in, by a part of them around the first such byte.

    Where the statistics say little, as of a few letters, a charset of today is preferred, and among those Windows-1252, the web's
    own default; and a far less likely charset that would make another text of them is a rival all the same.
    """
    from chardet import detect_all  # its statistics take a moment to load, and few texts need them

    sample = _around_first_foreign(data)
    likely: dict[str, float] = {}
    for each in detect_all(sample, ignore_threshold=True, include_encodings=_CANDIDATES, max_bytes=_SAMPLE):
        name = _python_name(each["encoding"])
        if name is not None and name not in likely and _makes_words(sample, name):
            likely[name] = each["confidence"]
    if not likely:
        return Guess("cp1252", "another")
    few = len(set(_FOREIGN.findall(sample))) < _FEW_LETTERS
    weak = few or max(likely.values()) < _WEAK
    charset = _likeliest(sample, likely, (_FEW_DEFAULT_MARGIN if few else _DEFAULT_MARGIN) if weak else None)
    least = likely.get(charset, 0.0) / (_WEAK_MARGIN if weak else _MARGIN)
    text = sample.decode(charset, "replace")
    rivals = [
        name
        for name, confidence in likely.items()
        if confidence >= least and (name not in _OLD or charset in _OLD or confidence > likely.get(charset, 0.0) * _MARGIN)
        if sample.decode(name, "replace") != text
    ]
    if rivals:
        return Guess(charset, rivals[0])
    return Guess(charset, "another" if max(likely.values()) < _NOTHING else None)


def _likeliest(sample: bytes, likely: Mapping[str, float], default_margin: float | None) -> str:
    """The likeliest charset. With a margin, one of today's if there is one, and Windows-1252 unless it is less likely by that."""
    best = max(likely, key=lambda name: likely[name])
    if default_margin is not None:
        best = max(likely, key=lambda name: (name not in _OLD, likely[name]))
        if best not in _OLD and likely.get("cp1252", 0.0) * default_margin >= likely[best]:
            return "cp1252"
    return "cp1252" if sample.decode("cp1252", "replace") == sample.decode(best, "replace") else best


def _makes_words(sample: bytes, charset: str) -> bool:
    """Whether a sample makes text under a charset: without control characters, and without words half in another script."""
    text = sample.decode(charset, "replace")
    if _CONTROL.search(text):
        return False
    words = _WORD.findall(text)
    foreign = [word for word in words if _OTHER_SCRIPT.search(word)]
    mixed = sum(re.search("[A-Za-z]", word) is not None for word in foreign)
    eastern = [word for word in words if _EASTERN.search(word)]
    inside = sum(_EASTERN_INSIDE.search(word) is not None for word in eastern)
    return mixed <= _MIXED * len(foreign) and inside <= _MIXED * len(eastern)


def _around_first_foreign(data: bytes) -> bytes:
    """A part of a text that holds letters beyond ASCII, from the beginning of a line."""
    if len(data) <= _SAMPLE:
        return data
    first = re.search(rb"[\x80-\xff]", data)
    begin = 0 if first is None else max(0, data.rfind(b"\n", 0, first.start() + 1) + 1)
    if first is not None and first.start() < _SAMPLE // 2:
        begin = 0
    sample = data[begin : begin + _SAMPLE]
    return sample[: sample.rfind(b"\n") + 1] or sample


def is_mostly_utf8(data: bytes) -> bool:
    """Whether bytes that are no UTF-8 are nearly so: most of those beyond ASCII make letters. Another charset makes nonsense of
    all of them."""
    letters = sum(len(found) for found in _UTF8_LETTER.findall(data))
    return letters > 0 and letters >= _MOSTLY * len(_FOREIGN.findall(data))


def unmarked_charset(data: bytes) -> str | None:
    """The charset of bytes that are valid UTF-8 and not meant so: UTF-16 and UTF-32 without a mark, of which ASCII letters hold
    NULs, and ISO 2022 with its escape sequences."""
    head = data[:_SAMPLE]
    if b"\0" not in head and b"\x1b$" not in head and b"\x1b(" not in head:
        return None
    from chardet import detect

    name = _python_name(detect(head[: len(head) // 4 * 4], include_encodings=_CANDIDATES)["encoding"])
    return name if name is not None and name.startswith((*_WIDE, "iso2022")) else None


def _python_name(name: str | None) -> str | None:
    if name is None:
        return None
    try:
        return _as_browsers_do(codecs.lookup(name).name)
    except LookupError:
        return None


def _as_browsers_do(name: str) -> str:
    """Browsers read Latin-1 and ASCII as Windows-1252."""
    return "cp1252" if name in ("iso8859-1", "ascii") else name


def _named(text: bytes) -> str | None:
    match = _DECLARED.search(text)
    if match is None:
        return None
    try:
        codec = codecs.lookup(match.group(1).decode("ascii"))
    except LookupError:
        return None
    # Only text codecs may be used: `rot13` and `zlib` are codecs, too.
    return _as_browsers_do(codec.name) if codec._is_text_encoding else None
